#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// `pm2` of an npm installation: runs the native program in its place.
'use strict'

const { spawn } = require('child_process')
const { findNative } = require('../lib/native')

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']
const IGNORED = ['SIGINT', 'SIGQUIT'] // the terminal sends these to both

function main() {
  const child = spawn(findNative(), process.argv.slice(2), { stdio: 'inherit' })
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
  for (const signal of IGNORED) process.on(signal, () => {})
  child.on('error', fail)
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(error) {
  console.error(`[PM2][ERROR] ${error.message}`)
  process.exit(1)
}

try {
  main()
} catch (error) {
  fail(error)
}
