export const apps = [{name: 'a', script: 'app.sh', env: {KIND: typeof import.meta.url}}]
