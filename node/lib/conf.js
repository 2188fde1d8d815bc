// SPDX-License-Identifier: MIT
// Where things lie in PM2_HOME, and the constants that tools read as `pm2._conf`. The files are
// those of the native program: a daemon started by either is found by the other.
'use strict'

const os = require('os')
const path = require('path')

const FILES = {
  DAEMON_RPC_PORT: 'rpc.sock',
  DAEMON_PUB_PORT: 'pub.sock',
  PM2_PID_FILE_PATH: 'pm2.pid',
  PM2_LOG_FILE_PATH: 'pm2.log',
  DUMP_FILE_PATH: 'dump.pm2',
  DUMP_BACKUP_FILE_PATH: 'dump.pm2.bak',
  DEFAULT_LOG_PATH: 'logs',
  DEFAULT_PID_PATH: 'pids',
  DEFAULT_MODULE_PATH: 'modules',
  PM2_MODULE_CONF_FILE: 'module_conf.json',
  PM2_RELOAD_LOCKFILE: 'reload.lock'
}

const CONSTANTS = {
  SUCCESS_EXIT: 0,
  ERROR_EXIT: 1,
  ONLINE_STATUS: 'online',
  STOPPED_STATUS: 'stopped',
  STOPPING_STATUS: 'stopping',
  WAITING_RESTART: 'waiting restart',
  LAUNCHING_STATUS: 'launching',
  ERRORED_STATUS: 'errored',
  ONE_LAUNCH_STATUS: 'one-launch-status',
  CLUSTER_MODE_ID: 'cluster_mode',
  FORK_MODE_ID: 'fork_mode',
  APP_CONF_DEFAULT_FILE: 'ecosystem.config.js',
  DEFAULT_MODULE_JSON: 'package.json',
  MODULE_CONF_PREFIX: 'module-db-v2',
  IS_BUN: typeof globalThis.Bun !== 'undefined',
  IS_WINDOWS: false,
  KILL_TIMEOUT: 1600,
  KILL_RETRY_TIME: 100,
  KILL_SIGNAL: 'SIGINT',
  GRACEFUL_TIMEOUT: 8000,
  GRACEFUL_LISTEN_TIMEOUT: 3000,
  WORKER_INTERVAL: 30000,
  CONCURRENT_ACTIONS: 2,
  PM2_PROGRAMMATIC: 'true'
}

function defaultHome(env = process.env) {
  const home = env.OVER_HOME || env.PM2_HOME
  return home ? path.resolve(home) : path.resolve(env.HOME || os.homedir() || '/etc', '.pm2')
}

function fromVariable(key, env) {
  const value = env[key.startsWith('PM2_') ? key : `PM2_${key}`]
  return value && path.resolve(value.replace(/^unix:(\/\/)?/i, ''))
}

// The variables that move single files belong to the home of the environment, not to another one.
function confOf(home, env = process.env) {
  const own = home === defaultHome(env)
  const conf = { ...CONSTANTS, PM2_HOME: home, PM2_ROOT_PATH: home }
  for (const [key, file] of Object.entries(FILES)) {
    conf[key] = (own && fromVariable(key, env)) || path.join(home, file)
  }
  return conf
}

module.exports = { confOf, defaultHome }
