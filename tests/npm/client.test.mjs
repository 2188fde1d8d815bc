// SPDX-License-Identifier: MIT
// The npm package pm2, as it is published, against our daemon in fork mode: its command line and
// its API. $NPM_PM2 names the package's folder (tests/npm/install.sh prints it).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { run, until, world } from '../node/world.mjs'
import { listOf } from './amp.mjs'

const CLI = path.join(process.env.NPM_PM2, 'bin/pm2')
process.env.PM2_DISCRETE_MODE = '1'
process.env.PM2_DISABLE_VERSION_CHECK = '1'

// A home in which our daemon runs: npm's client would start its own otherwise.
async function npmWorld(t) {
  const w = world(t)
  assert.equal((await run([process.env.PM2_BIN, 'ping'], w)).code, 0)
  const pidFile = path.join(w.home, 'pm2.pid')
  const keeper = fs.readFileSync(pidFile, 'utf8')
  w.npm = async (...args) => {
    const result = await run([process.execPath, CLI, ...args], w)
    assert.equal(result.code, 0, `pm2 ${args.join(' ')}: ${result.out}${result.err}`)
    return result.out
  }
  w.apps = () => listOf(w.home)
  w.isOurs = () => fs.readFileSync(pidFile, 'utf8') === keeper
  return w
}

test('start, restart, stop, delete', async (t) => {
  const w = await npmWorld(t)
  await w.npm('start', 'api.js', '--name', 'one', '--', 'a', 'b')
  let [app] = await w.apps()
  assert.deepEqual([app.name, app.pm_id, app.pm2_env.status], ['one', 0, 'online'])
  assert.deepEqual(app.pm2_env.args, ['a', 'b'])
  assert.equal(app.pm2_env.exec_mode, 'fork_mode')
  const { pid } = app
  await w.npm('restart', 'one')
  ;[app] = await w.apps()
  assert.equal(app.pm2_env.restart_time, 1)
  assert.notEqual(app.pid, pid)
  assert.deepEqual(app.pm2_env.args, ['a', 'b'])
  await w.npm('stop', '0')
  assert.equal((await w.apps())[0].pm2_env.status, 'stopped')
  await w.npm('start', 'one')
  assert.equal((await w.apps())[0].pm2_env.status, 'online')
  await w.npm('delete', 'all')
  assert.deepEqual(await w.apps(), [])
  assert.ok(w.isOurs())
})

test('ls, jlist, describe, env, ping, an unknown name', async (t) => {
  const w = await npmWorld(t)
  await w.npm('start', 'api.js', '--name', 'shown')
  const [app] = JSON.parse((await w.npm('jlist')).trim().split('\n').pop())
  assert.deepEqual([app.name, app.pm_id, app.pm2_env.status], ['shown', 0, 'online'])
  assert.match(await w.npm('ls'), /shown[^\n]*online/)
  const described = await w.npm('describe', 'shown')
  assert.match(described, /script path[^\n]*api\.js/)
  assert.match(described, /status[^\n]*online/)
  assert.match(await w.npm('env', '0'), /PM2_HOME: /)
  assert.match(await w.npm('ping'), /pong/)
  const result = await run([process.execPath, CLI, 'stop', 'nobody'], w)
  assert.equal(result.code, 1)
  assert.match(result.out + result.err, /nobody not found/)
  assert.ok(w.isOurs())
})

test('logs without a stream, reset, sendSignal', async (t) => {
  const w = await npmWorld(t)
  fs.writeFileSync(path.join(w.dir, 'talk.js'), `
    process.on('SIGUSR2', () => console.log('signalled'))
    console.log('hello from the app')
    setInterval(() => {}, 1e6)`)
  await w.npm('start', 'talk.js')
  const log = path.join(w.home, 'logs/talk-out.log')
  const logText = () => (fs.existsSync(log) ? fs.readFileSync(log, 'utf8') : '')
  const logged = (text) => until(() => logText().includes(text))
  await logged('hello')
  assert.match(await w.npm('logs', 'talk', '--nostream'), /hello from the app/)
  await w.npm('sendSignal', 'SIGUSR2', 'talk')
  await logged('signalled')
  await w.npm('restart', 'talk')
  assert.equal((await w.apps())[0].pm2_env.restart_time, 1)
  await w.npm('reset', 'talk')
  assert.equal((await w.apps())[0].pm2_env.restart_time, 0)
})

test('kill ends apps, daemon and keeper', async (t) => {
  const w = await npmWorld(t)
  await w.npm('start', 'api.js')
  const [{ pid }] = await w.apps()
  await w.npm('kill')
  await until(() => !fs.existsSync(path.join(w.home, 'pm2.pid')))
  await until(() => !fs.existsSync(`/proc/${pid}`))
})

test('require: the calls of its API', async (t) => {
  const w = await npmWorld(t)
  fs.writeFileSync(path.join(w.dir, 'use.js'), `
    const { promisify } = require('util')
    const pm2 = require(${JSON.stringify(process.env.NPM_PM2)})
    const call = (name, ...args) => promisify(pm2[name]).apply(pm2, args)
    async function main() {
      const seen = {}
      seen.connect = (await call('connect')).new_pm2_instance
      await call('start', { script: 'api.js', name: 'x', args: ['1'] })
      seen.list = (await call('list')).map((app) => [app.name, app.pm2_env.status])
      seen.restart = (await call('restart', 'x'))[0].restart_time
      seen.describe = (await call('describe', 'x'))[0].pm2_env.restart_time
      seen.signal = (await call('sendSignalToProcessName', 'SIGCONT', 'x')).length
      seen.signalId = (await call('sendSignalToProcessId', 'SIGCONT', 0)).length
      seen.reset = await call('reset', 'x')
      seen.ping = await call('ping')
      seen.stop = (await call('stop', 'x'))[0].status
      seen.remove = (await call('delete', 'x'))[0].name
      seen.left = (await call('list')).length
      console.log(JSON.stringify(seen))
      pm2.disconnect()
    }
    main().catch((error) => { console.error(error); process.exit(1) })`)
  const result = await run([process.execPath, 'use.js'], w)
  assert.equal(result.code, 0, result.err + result.out)
  assert.deepEqual(JSON.parse(result.out.trim().split('\n').pop()), {
    connect: false,
    list: [['x', 'online']],
    restart: 1,
    describe: 1,
    signal: 1,
    signalId: 1,
    reset: { success: true },
    ping: { msg: 'pong' },
    stop: 'stopped',
    remove: 'x',
    left: 0
  })
  assert.ok(w.isOurs())
})
