const path = require('path')
module.exports = {
  apps: [{
    name: 'a', script: 'app.sh',
    env: {BASE: path.basename(__filename), FOLDER: path.basename(__dirname), CALLER: process.env.FROM_SHELL},
    undefined_one: undefined, kill_timeout: 10 * 100,
  }],
}
