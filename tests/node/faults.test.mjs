// SPDX-License-Identifier: MIT
// A daemon that ends, dies, hangs or is none; callbacks that throw; calls out of order.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import test from 'node:test'
import amp from '../../node/lib/amp.js'
import { isAlive, listen, run, script, until, world } from './world.mjs'

const keeperOf = (home) => Number(fs.readFileSync(path.join(home, 'pm2.pid'), 'utf8'))

test('killDaemon ends it; the next call has a new one', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  const [{ pid }] = await pm2.list()
  assert.deepEqual(await pm2.killDaemon(), { success: true })
  assert.equal(isAlive(pid), false)
  await assert.rejects(pm2.disconnect(), /RPC already being closed/)
  assert.deepEqual(await pm2.list(), [])
  await pm2.killDaemon()
  assert.deepEqual(await pm2.killDaemon(), { success: true }, 'none is running')
})

test('disconnect twice, and calls after it', async (t) => {
  const pm2 = world(t).api()
  await pm2.connect()
  await pm2.disconnect()
  await assert.rejects(pm2.disconnect(), /RPC already being closed/)
  assert.deepEqual(await pm2.list(), [])
})

test('each call under way ends once when the daemon is killed, and the next reconnects', async (t) => {
  const w = world(t)
  fs.writeFileSync(path.join(w.dir, 'slow.js'), `
    process.on('SIGINT', () => {})
    console.log('ready')
    setInterval(() => {}, 1e6)`)
  const pm2 = w.api()
  const [app] = await pm2.start({ script: 'slow.js', name: 'slow', kill_timeout: 60000 })
  const log = path.join(w.home, 'logs/slow-out.log')
  await until(() => fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes('ready'))
  const { pid } = await pm2.Client.executeRemote('c.hello')
  let calls = 0
  const error = await new Promise((resolve) => {
    pm2.stop('slow', (err) => { calls++; resolve(err) })
    pm2.ping().then(() => process.kill(pid, 'SIGKILL')) // answered after the stop has begun
  })
  assert.ok(error instanceof Error)
  const names = (await pm2.list()).map((one) => one.name)
  process.kill(app.pid, 'SIGKILL') // or the end of the test would wait for it
  assert.deepEqual(names, ['slow'])
  assert.equal(calls, 1)
})

test('an own daemon ends with its program', async (t) => {
  const w = world(t)
  const text = `
    const pm2 = require('pm2')
    pm2.connect(true, (err, meta) => {
      if (err) throw err
      pm2.start({ script: 'api.js', name: 'mine' }, (err, [app]) => {
        if (err) throw err
        const keeper = require('fs').readFileSync(process.env.PM2_HOME + '/pm2.pid', 'utf8')
        console.log(meta.new_pm2_instance, app.pid, keeper)
        pm2.disconnect()
      })
    })`
  const { out, err } = await script('own.js', text, w)
  assert.equal(err, '')
  const [fresh, app, keeper] = out.trim().split(' ')
  assert.equal(fresh, 'true')
  await until(() => !isAlive(app) && !isAlive(keeper))
})

test('without a daemon of its own: joins the one that runs', async (t) => {
  const w = world(t)
  const first = w.api()
  await first.connect()
  const second = w.api()
  assert.equal((await second.connect(true)).new_pm2_instance, false)
  await second.disconnect()
  assert.deepEqual(await first.list(), [])
})

test('a silent listener is given up after the time allowed', async (t) => {
  const w = world(t)
  t.after(await listen(path.join(w.home, 'rpc.sock'), () => {}))
  const pm2 = w.api({ silence_ms: 50 })
  await assert.rejects(pm2.connect(), /no answer on .*rpc\.sock within 100 ms/)
  await assert.rejects(pm2.list(), { code: 'ETIMEDOUT' })
})

test('a listener that speaks something else is named', async (t) => {
  const w = world(t)
  t.after(await listen(path.join(w.home, 'rpc.sock'), (socket) => socket.end('HTTP/1.1 400\r\n\r\n')))
  await assert.rejects(w.api().connect(), /is no pm2 daemon/)
})

// Answers each call with what `reply` gives for its body.
const speak = (reply) => (socket) => {
  const reader = new amp.Reader()
  socket.on('data', (piece) => {
    for (const [body, id] of reader.feed(piece)) socket.write(amp.encode([reply(body), id]))
  })
}

// Says that it listens, accepts nobody until it is told to.
const BUSY = `
const server = require('net').createServer((socket) => socket.on('data', () => socket.end()))
server.listen({ path: process.argv[2], backlog: 1 }, () => {
  require('fs').writeSync(1, 'up')
  require('fs').readSync(0, Buffer.alloc(1))
  process.stdin.on('end', () => process.exit()).resume()
})`

test('more clients than the queue of the listener holds: they wait', async (t) => {
  const w = world(t)
  const file = path.join(w.home, 'rpc.sock')
  fs.mkdirSync(w.home, { recursive: true })
  fs.writeFileSync(path.join(w.dir, 'busy.js'), BUSY)
  const busy = spawn(process.execPath, ['busy.js', file],
    { cwd: w.dir, stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => busy.kill())
  const [up] = await once(busy.stdout, 'data')
  assert.equal(String(up), 'up')
  const refused = []
  for (let i = 0; i < 5; i++) {
    const socket = net.connect({ path: file })
    socket.on('error', ({ code }) => refused.push(code))
    t.after(() => socket.destroy())
  }
  await until(() => refused.length > 0)
  assert.ok(refused.every((code) => code === 'EAGAIN'), String(refused))
  const opening = w.api().Client.openRpc()
  busy.stdin.write('.')
  await (await opening).close()
})

test('a Node PM2 daemon is named', async (t) => {
  const w = world(t)
  const reply = ({ method }) => ({ error: `method "${method}" does not exist` })
  t.after(await listen(path.join(w.home, 'rpc.sock'), speak(reply)))
  await assert.rejects(w.api().list(), /a Node PM2 daemon is running/)
})

test('a daemon of another version: a warning, once', async (t) => {
  const w = world(t)
  const reply = ({ method }) => ({ args: [method === 'c.hello' ? { pm2c: '9.9.9' } : []] })
  t.after(await listen(path.join(w.home, 'rpc.sock'), speak(reply)))
  const text = `
    const pm2 = require('pm2')
    pm2.list().then((list) => { console.log(list); return pm2.disconnect() })
      .then(() => pm2.list()).then(() => pm2.disconnect())`
  const { out, err } = await script('other.js', text, w)
  assert.equal(out, '[]\n')
  assert.equal(err.match(/the daemon is version 9\.9\.9/g)?.length, 1, err)
})

test('a daemon that stops answering is given up; it is found again when it goes on', async (t) => {
  const w = world(t)
  const pm2 = w.api({ silence_ms: 100 })
  const { pid } = await pm2.Client.executeRemote('c.hello')
  process.kill(pid, 'SIGSTOP')
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGCONT'))
  await assert.rejects(pm2.list(), /the daemon hangs/)
  process.kill(pid, 'SIGCONT')
  assert.deepEqual(await pm2.list(), [])
})

// As with PM2, who looks for the daemon in the folder does not find it any more. Who is connected
// keeps it, and can end it.
test('a home that vanishes: open connections go on, the next call has a new daemon', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  const [{ pid }] = await pm2.start({ script: 'api.js', name: 'old' })
  fs.rmSync(w.home, { recursive: true })
  assert.deepEqual((await pm2.list()).map((app) => app.name), ['old'])
  assert.equal((await pm2.restart('old'))[0].status, 'online')
  await pm2.start({ script: 'api.js', name: 'more' })
  const other = w.api()
  assert.deepEqual(await other.list(), [])
  assert.equal((await run([process.env.PM2_BIN, 'ls'], w)).code, 0)
  assert.deepEqual(await other.killDaemon(), { success: true })
  assert.deepEqual((await pm2.list()).map((app) => app.name), ['old', 'more'])
  assert.deepEqual(await pm2.killDaemon(), { success: true })
  assert.equal(isAlive(pid), false)
})

test('what a callback throws is an uncaught exception, and it is called once', async (t) => {
  const w = world(t)
  const text = `
    const pm2 = require('pm2')
    process.on('uncaughtException', (e) => { console.log('uncaught', e.message); pm2.disconnect() })
    pm2.list((err) => { console.log('called', err); throw new Error('mine') })`
  const { out } = await script('throws.js', text, w)
  assert.equal(out, 'called null\nuncaught mine\n')
})

test('no native program: the error says what to do', async (t) => {
  const w = world(t)
  const bin = process.env.PM2_BIN
  t.after(() => { process.env.PM2_BIN = bin })
  process.env.PM2_BIN = '/nowhere/pm2'
  await assert.rejects(w.api().connect(), /PM2_BIN/)
  process.env.PM2_BIN = bin
})

test('a socket without rights', { skip: process.getuid() === 0 && 'root may do all' }, async (t) => {
  const w = world(t)
  const pm2 = w.api()
  await pm2.connect()
  await pm2.disconnect()
  fs.chmodSync(path.join(w.home, 'rpc.sock'), 0)
  t.after(() => fs.chmodSync(path.join(w.home, 'rpc.sock'), 0o600))
  await assert.rejects(pm2.connect(), { code: 'EACCES' })
})

test('the package brings the command', async (t) => {
  const w = world(t)
  const shim = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
    '../../node/bin/pm2.js')
  assert.match((await run([process.execPath, shim, 'ping'], w)).out, /pong/)
  assert.equal((await run([process.execPath, shim, 'stop', 'nobody'], w)).code, 1)
  assert.ok(isAlive(keeperOf(w.home)))
})

// What each call is given; they are made while the daemon is killed.
const CALLS = {
  list: [], describe: ['a'], getPID: [], getProcessIdByName: ['a'], ping: [], getVersion: [], env: [0],
  start: [{ script: 'api.js', name: 'b' }], restart: ['a'], reload: ['a'], stop: ['a'], delete: ['c'],
  scale: ['a', 2], reset: ['all'], flush: ['a'], reloadLogs: [], dump: [], resurrect: [], clearDump: [],
  trigger: ['a', 'x'], msgProcess: [{ name: 'a', msg: 'x' }], sendLineToStdin: [0, 'x'],
  sendDataToProcessId: [0, { topic: 't', data: 1 }], sendSignalToProcessId: ['SIGCONT', 0],
  sendSignalToProcessName: ['SIGCONT', 'a'], monitorState: ['monitor', 'a'], deleteModule: ['x'],
  launchBus: []
}

test('the daemon is killed during each call: it is answered once, and the next one works', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  await pm2.start([{ script: 'api.js', name: 'a' }, { script: 'api.js', name: 'c' }])
  const answers = new Map(Object.keys(CALLS).map((name) => [name, []]))
  const half = Object.keys(CALLS).length / 2
  for (const names of [Object.keys(CALLS).slice(0, half), Object.keys(CALLS).slice(half)]) {
    const { pid } = await pm2.Client.executeRemote('c.hello')
    process.kill(pid, 'SIGSTOP') // the calls are in its queue when it dies
    for (const name of names) pm2[name](...CALLS[name], (...args) => answers.get(name).push(args))
    await new Promise((resolve) => setTimeout(resolve, 100))
    process.kill(pid, 'SIGKILL')
    await until(() => names.every((name) => answers.get(name).length > 0))
    assert.ok((await pm2.list()).length >= 2)
  }
  for (const [name, all] of answers) {
    assert.equal(all.length, 1, name)
    const [error] = all[0]
    assert.ok(error === null || error instanceof Error, `${name}: ${error}`)
  }
})
