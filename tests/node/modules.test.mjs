// SPDX-License-Identifier: MIT
// Modules, and calls that print or are about the daemon.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { spawnSync } from 'node:child_process'
import { isAlive, script, until, world } from './world.mjs'

const called = (fn) => new Promise((resolve) => fn((...args) => resolve(args)))
const hasNpm = spawnSync('npm', ['--version']).status === 0
const modules = async (pm2) =>
  (await pm2.list()).filter((one) => one.pm2_env.pmx_module).map((one) => one.name)

function makeModule(dir, name) {
  fs.mkdirSync(path.join(dir, name))
  fs.writeFileSync(path.join(dir, name, 'index.js'), 'setInterval(() => {}, 1e6)')
  fs.writeFileSync(path.join(dir, name, 'package.json'),
    JSON.stringify({ name, version: '1.0.0', main: 'index.js', config: { key: 'v' } }))
}

test('install, launch, delete, uninstall', { skip: !hasNpm && 'npm is not here' }, async (t) => {
  const w = world(t)
  const pm2 = w.api()
  makeModule(w.dir, 'mod')
  const [error, installed] = await called((cb) => pm2.install('./mod', cb))
  assert.equal(error, null)
  assert.deepEqual(installed.map((one) => [one.name, one.pm2_env.pmx_module]), [['mod', true]])
  assert.deepEqual((await pm2.get('mod:key')).value, 'v')
  await pm2.launchModules()
  assert.deepEqual(await modules(pm2), ['mod'])
  await pm2.deleteModule('mod')
  assert.deepEqual(await modules(pm2), [])
  assert.deepEqual(await called((cb) => pm2.launchAll(pm2, cb)), [null, undefined])
  assert.deepEqual(await modules(pm2), ['mod'])
  await pm2.killDaemon()
  await pm2.connect()
  assert.deepEqual(await modules(pm2), ['mod'], 'a daemon that is launched here has them, too')
  assert.deepEqual(await pm2.uninstall('mod'), { success: true })
  assert.deepEqual(await modules(pm2), [])
})

test('a module that cannot be had is told in the words of the program', async (t) => {
  const pm2 = world(t).api()
  await assert.rejects(pm2.install('--safe'), /a module must not be empty nor begin/)
  await assert.rejects(pm2.uninstall('nobody'), /^Error: Unknown module$/)
  const [error] = await called((cb) => pm2.deleteModule('nobody', cb))
  assert.equal(error, null)
})

test('what the calls print', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  fs.writeFileSync(path.join(w.dir, 'said.js'), 'console.log("said"); setInterval(() => {}, 1e6)')
  await pm2.start({ script: 'said.js', name: 's' })
  const log = path.join(w.home, 'logs/s-out.log')
  await until(() => fs.existsSync(log) && fs.readFileSync(log, 'utf8') === 'said\n')
  const list = await script('j.js', 'const p = require("pm2"); p.jlist().then(() => p.disconnect())', w)
  assert.equal(JSON.parse(list.out)[0].name, 's')
  const text = 'const p = require("pm2"); p.printLogs("s", 5, true).then(() => p.disconnect())'
  const logs = await script('l.js', text, w)
  assert.match(logs.out, /^said$/m)
  const stream = await script('st.js', `const p = require('pm2')
    p.streamLogs('s', 5, true)
    setTimeout(() => process.exit(), 700)`, w)
  assert.match(stream.out, /^said$/m)
  await assert.rejects(pm2.printLogs('s', 'many'), /lines: expected a number/)
})

test('a call by its name', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  assert.equal((await pm2.remote('restart', { name: 'a' }))[0].restart_time, 1)
  assert.equal((await pm2.remoteV2('restart', { args: ['a', {}] }))[0].restart_time, 2)
  assert.deepEqual(await called((cb) => pm2.remoteV2('getVersion', { args: [] }, cb)), [null, '7.0.4'])
  for (const name of ['constructor', 'toString', 'nothing', undefined]) {
    await assert.rejects(pm2.remote(name, {}), /is not a method/)
  }
})

test('update: apps run on, and the next call is answered', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  const [{ pid }] = await pm2.list()
  assert.deepEqual(await pm2.update(), { success: true })
  assert.equal((await pm2.list())[0].pid, pid)
})

test('marks, and calls that nothing answers', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  assert.deepEqual(await called((cb) => pm2.monitorState('monitor', 'a', cb)), [null, undefined])
  await assert.rejects(pm2.monitorState('watch', 'a'), /expected monitor or unmonitor/)
  await assert.rejects(pm2.profile('disk'), /expected cpu or mem/)
  await assert.rejects(pm2.agentInfos(), /Interactor is offline/)
  await assert.rejects(pm2.killAgent(), /Interactor not launched/)
})

test('destroy removes a home, but none that is called .pm2', async (t) => {
  const w = world(t)
  const home = path.join(w.dir, 'other')
  await assert.rejects(w.api().destroy(), /not a allowed/)
  const pm2 = w.api({ pm2_home: home })
  await assert.rejects(pm2.destroy(), /is no home of a daemon/)
  await pm2.start({ script: 'api.js', name: 'a' })
  const [{ pid }] = await pm2.list()
  await pm2.destroy()
  assert.equal(fs.existsSync(home), false)
  assert.equal(isAlive(pid), false)
})

test('messages that cannot be sent', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  fs.writeFileSync(path.join(w.dir, 'on.js'), "process.on('message', () => {}); setInterval(() => {}, 1e6)")
  await pm2.start({ script: 'on.js', name: 'm' })
  const send = (data, id = 0) => pm2.sendDataToProcessId(id, { topic: 't', data })
  const circular = {}
  circular.self = circular
  await assert.rejects(send(circular), TypeError)
  await assert.rejects(send({ big: 1n }), TypeError)
  await assert.rejects(send('x'.repeat(40e6)), /a message of \d+ bytes is too long/)
  await assert.rejects(send({}, 99), /99/)
  await assert.rejects(pm2.sendDataToProcessId(0, null), /missing/)
  assert.equal((await send({ fine: true })).success, true, 'the connection is as good as before')
  await pm2.stop('m')
  await assert.rejects(send({}), /Process with ID <0> offline/)
})
