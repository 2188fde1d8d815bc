// SPDX-License-Identifier: MIT
// The native programs: where they are, and how one of them starts a daemon.
'use strict'

const fs = require('fs')
const path = require('path')
const { spawn } = require('child_process')

const ROOT = path.join(__dirname, '..')
const BESIDE = ['native/pm2', '../build/release/bin/pm2', '../build/dev/bin/pm2']
const ERROR_TEXT_BYTES = 4096

// Variables by which the native program would find another home than the one that was asked for.
const PATH_VARIABLE = /^(OVER_HOME|PM2_HOME|PM2_.*(_PATH|_FILE|_PORT|_LOCKFILE))$/

// A `pm2` in PATH is often a script of npm's, this package's own included: only a program counts.
function isProgram(file) {
  let fd
  try {
    fd = fs.openSync(file, 'r')
    const magic = Buffer.alloc(4)
    return fs.readSync(fd, magic, 0, 4, 0) === 4 && magic.toString('latin1') === '\x7fELF'
  } catch {
    return false
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function findNative(env = process.env) {
  if (env.PM2_BIN) {
    if (fs.existsSync(env.PM2_BIN)) return env.PM2_BIN
    throw new Error(`PM2_BIN names a file that is not there: ${env.PM2_BIN}`)
  }
  const folders = (env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute)
  const places = [
    ...folders.map((folder) => path.join(folder, 'pm2')),
    ...BESIDE.map((file) => path.join(ROOT, file))
  ]
  const found = places.find(isProgram)
  if (found) return found
  throw new Error(
    'the native pm2 program is neither in PATH nor beside this package: install it, or set PM2_BIN'
  )
}

// Make sure that a daemon runs in `home`. `moved`: the home is not the one of the environment, so
// that the variables which move single files do not count.
function launchDaemon(home, moved) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PM2_DISCRETE_MODE: '1', NO_COLOR: '1' }
    for (const name of Object.keys(env)) {
      if (name === 'OVER_HOME' || (moved && PATH_VARIABLE.test(name))) delete env[name]
    }
    env.PM2_HOME = home
    const child = spawn(findNative(), ['ping'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (piece) => {
      if (text.length < ERROR_TEXT_BYTES) text += piece
    })
    child.on('error', (error) => reject(new Error(`cannot run pm2: ${error.message}`)))
    child.on('exit', (code) => {
      if (code !== 0) return // what it says is complete at "close"
      child.stderr.destroy()
      resolve()
    })
    child.on('close', (code, signal) => reject(new Error(launchError(text, signal ?? code))))
  })
}

function launchError(text, code) {
  const said = text.replace(/\[PM2\]\[ERROR\] ?/g, '').trim()
  return said || `pm2 could not start a daemon (${code})`
}

module.exports = { findNative, launchDaemon }
