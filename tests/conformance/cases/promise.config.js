module.exports = Promise.resolve({apps: [{name: 'a', script: 'app.sh'}]})
