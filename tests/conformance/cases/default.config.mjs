export default {apps: [{name: 'a', script: 'app.sh'}]}
