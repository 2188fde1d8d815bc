// SPDX-License-Identifier: MIT
// Three apps that belong together:
//
//   pm2 check examples/ecosystem.config.js     look for errors, start nothing
//   pm2 start examples/ecosystem.config.js     start them, in the order of depends_on
//   pm2 plan examples/ecosystem.config.js      after editing: what would change
//   pm2 apply examples/ecosystem.config.js     change just that
const port = Number(process.env.PORT) || 3000

module.exports = {
  apps: [
    {
      name: 'web', // needs node
      cwd: __dirname,
      script: 'hello.js',
      env: { PORT: port },
      env_production: { NODE_ENV: 'production' }, // with --env production
      max_memory_restart: '200M',
      health: { http: `http://127.0.0.1:${port}/`, interval: '10s' }
    },
    {
      name: 'tick',
      cwd: __dirname,
      script: 'tick.sh',
      cron_restart: '0 4 * * *', // every night at four
      cron_timezone: 'Europe/Paris'
    },
    {
      name: 'worker', // needs python3
      cwd: __dirname,
      script: 'worker.py',
      args: ['.', '5'],
      depends_on: { web: `port:${port}`, tick: 'started' },
      kill_timeout: '5s',
      nice: 5
    }
  ]
}
