module.exports = {apps: [{name: 'a', script: 'app.sh', args() {}, kill_timeout: () => 5, watch: /x/}]}
