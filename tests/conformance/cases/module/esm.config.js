export const apps = [{name: 'a', script: 'app.sh', cwd: 'module'}]
