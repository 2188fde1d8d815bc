// SPDX-License-Identifier: MIT
// The native programs: where they are, and how one of them starts a daemon. child_process is loaded
// when one is run: it is large, and most programs run none.
'use strict'

const fs = require('fs')
const path = require('path')
const { defaultHome } = require('./conf')

const ROOT = path.join(__dirname, '..')
const BESIDE = ['native/pm2', '../build/release/bin/pm2', '../build/dev/bin/pm2']
const ERROR_TEXT_BYTES = 4096
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024 // a process file, with its lines

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

// The environment of a native program for `home`. When that is not the one of our environment, the
// variables which move single files do not count.
function nativeEnv(home) {
  const moved = home !== defaultHome()
  const env = { ...process.env, PM2_DISCRETE_MODE: '1', NO_COLOR: '1' }
  for (const name of Object.keys(env)) {
    if (name === 'OVER_HOME' || (moved && PATH_VARIABLE.test(name))) delete env[name]
  }
  env.PM2_HOME = home
  return env
}

// Run a command of the native program in the home and folder of an API. Resolves to what it prints; rejects with its words.
function runNative(argv, { pm2_home: home, cwd }) {
  return new Promise((resolve, reject) => {
    const options = { env: nativeEnv(home), cwd, maxBuffer: OUTPUT_MAX_BYTES }
    const { execFile } = require('child_process')
    const child = execFile(findNative(), argv, options, (error, out, text) => {
      if (!error) resolve(out)
      else reject(new Error(said(text) || said(out) || `pm2 ${argv[0]}: ${error.message}`))
    })
    child.stdin.end()
  })
}

// Make sure that a daemon runs in `home`.
function launchDaemon(home) {
  return new Promise((resolve, reject) => {
    const options = { env: nativeEnv(home), stdio: ['ignore', 'ignore', 'pipe'] }
    const { spawn } = require('child_process')
    const child = spawn(findNative(), ['ping'], options)
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

const said = (text) => text.replace(/\[PM2\](\[\w+\])* ?/g, '').trim()

function launchError(text, code) {
  return said(text) || `pm2 could not start a daemon (${code})`
}

module.exports = { findNative, launchDaemon, nativeEnv, runNative }
