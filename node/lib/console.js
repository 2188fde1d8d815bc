// SPDX-License-Identifier: MIT
// Calls that write to the standard output of this program, as PM2's do, and their like.
'use strict'

const fs = require('fs')
const path = require('path')
const { inspect } = require('util')
const { answer, lastFunction } = require('./answer')
const { findNative, nativeEnv, runNative } = require('./native')
const targets = require('./targets')

const LINES = 20 // of each file, when nobody says

function logArguments(id, lines, raw, timestamp, exclusive) {
  const count = lines === undefined || lines === null ? LINES : Math.abs(Number(lines))
  if (!Number.isInteger(count)) throw new TypeError(`lines: expected a number, got ${inspect(lines)}`)
  const argv = ['logs', targets.argumentOf(id ?? 'all', 'a name or id'), '--lines', String(count)]
  if (raw) argv.push('--raw')
  if (timestamp) argv.push('--timestamp', targets.argumentOf(timestamp, 'a format'))
  if (exclusive === 'out' || exclusive === 'err') argv.push(`--${exclusive}`)
  return argv
}

// `pm2 logs` in the place of this program's output; it ends with it.
function follow(api, argv) {
  const { spawn } = require('child_process')
  return new Promise((resolve, reject) => {
    const options = { env: nativeEnv(api.pm2_home), cwd: api.cwd, stdio: ['ignore', 'inherit', 'pipe'] }
    const child = spawn(findNative(), argv, options)
    const end = () => child.kill()
    let text = ''
    child.stderr.on('data', (piece) => { text = (text + piece).slice(-1024) })
    child.stderr.pipe(process.stderr, { end: false })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('exit', end)
      if (code === 0 || signal) resolve()
      else reject(new Error(text.trim() || `pm2 logs: exit code ${code}`))
    })
    process.on('exit', end)
  })
}

function print(text) {
  process.stdout.write(text)
}

// PM2 refuses a home that is called .pm2. One without a daemon's log is perhaps no home at all.
async function destroy(api) {
  const home = api.pm2_home
  if (path.basename(home).includes('.pm2')) throw new Error('Destroy is not a allowed method on .pm2')
  if (!fs.existsSync(path.join(home, 'pm2.log'))) throw new Error(`${home} is no home of a daemon`)
  await api.killDaemon()
  await fs.promises.rm(home, { recursive: true, force: true })
}

// A call by its name, for those who have it from elsewhere.
function callOf(api, name) {
  const proto = Object.getPrototypeOf(api)
  const isCall = typeof name === 'string' && Object.hasOwn(proto, name) && name !== 'constructor'
  if (!isCall || typeof proto[name] !== 'function') throw new Error(`${name} is not a method`)
  return proto[name]
}

module.exports = {
  // jlist([debug], [cb]): prints the list as JSON, or as JavaScript
  jlist(debug, cb) {
    const work = this.list().then((list) => {
      print(debug === true ? inspect(list, false, null, false) : JSON.stringify(list))
      return list
    })
    return answer(work, lastFunction(debug, cb))
  },

  // slist([tree], [cb]): prints what the daemon knows of this machine
  slist(tree, cb) {
    const work = this.Client.call('getSystemData', {}).then((data) => {
      print(inspect(data, false, null, false))
      return data
    })
    return answer(work, lastFunction(tree, cb))
  },

  // printLogs([id], [lines], [raw], [timestamp], [exclusive], [cb]): the last lines
  printLogs(...args) {
    const values = args.filter((value) => typeof value !== 'function')
    const work = async () => follow(this, [...logArguments(...values), '--nostream'])
    return answer(work(), lastFunction(...args))
  },

  // streamLogs([id], [lines], [raw], [timestamp], [exclusive], [highlight], [cb]): and what comes
  streamLogs(...args) {
    const values = args.filter((value) => typeof value !== 'function')
    return answer((async () => follow(this, logArguments(...values)))(), lastFunction(...args))
  },

  // generateSample([mode], [cb]): 'simple' is a short one
  generateSample(mode, cb) {
    const argv = mode === 'simple' ? ['ecosystem', 'simple'] : ['ecosystem']
    const work = runNative(argv, this)
    return answer(work.then(() => undefined), lastFunction(mode, cb))
  },

  // destroy([cb]): the daemon, its apps and its home
  destroy(cb) {
    return answer(destroy(this), cb)
  },

  // remote(method, {name}, [cb])
  remote(method, opts, cb) {
    return answer((async () => callOf(this, method).call(this, opts?.name))(), cb)
  },

  // remoteV2(method, {args}, [cb])
  remoteV2(method, opts, cb) {
    return answer((async () => callOf(this, method).apply(this, opts?.args ?? []))(), cb)
  }
}
