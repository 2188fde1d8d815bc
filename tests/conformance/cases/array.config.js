module.exports = [{name: 'a', script: 'app.sh'}]
