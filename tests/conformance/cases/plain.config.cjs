module.exports = {apps: [{name: 'a', script: 'app.sh', env: {KIND: typeof require}}]}
