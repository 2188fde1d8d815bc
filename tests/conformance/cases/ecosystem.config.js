module.exports = {apps: [{name: 'by-default', script: 'app.sh'}]}
