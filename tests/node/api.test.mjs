// SPDX-License-Identifier: MIT
// Each call of the API, by callback, by promise and to nobody.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { QUICK_START, isAlive, script, until, world } from './world.mjs'

const called = (fn) => new Promise((resolve) => fn((...args) => resolve(args)))

test('the quick start runs as it stands', async (t) => {
  const w = world(t)
  const result = await script('quick.js', QUICK_START, w)
  assert.equal(result.code, 0, result.err)
  assert.match(result.out, /^null \[/)
  const [app] = await w.api().list()
  assert.equal(app.pm2_env.restart_time, 1)
  assert.equal(app.pm2_env.status, 'online')
})

test('process objects carry what PM2 has in them', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  const [started] = await pm2.start({ script: 'api.js', name: 'a', args: ['x', 'y'], env: { K: 1 } })
  assert.equal(started.process.pid, started.pid)
  const [app] = await pm2.list()
  const env = app.pm2_env
  assert.deepEqual([app.name, app.pm_id, app.pid], ['a', 0, started.pid])
  assert.equal(typeof app.monit.memory, 'number')
  assert.equal(typeof app.monit.cpu, 'number')
  assert.equal(env.pm_cwd, w.dir)
  assert.equal(env.pm_exec_path, path.join(w.dir, 'api.js'))
  assert.equal(env.pm_out_log_path, path.join(w.home, 'logs/a-out.log'))
  assert.equal(env.pm_err_log_path, path.join(w.home, 'logs/a-error.log'))
  assert.equal(env.exec_interpreter, 'node')
  assert.deepEqual(env.args, ['x', 'y'])
  assert.equal(String(env.env.K), '1')
  for (const key of ['pm_uptime', 'unstable_restarts', 'restart_time', 'instances']) {
    assert.equal(typeof env[key], 'number', key)
  }
  assert.deepEqual((await pm2.describe('a')).map((one) => one.pm_id), [0])
  assert.deepEqual(await pm2.describe('unknown'), [])
})

test('orders answer by promise and by callback', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  const [stopError, stopped] = await called((cb) => pm2.stop('a', cb))
  assert.equal(stopError, null)
  assert.equal(stopped[0].status, 'stopped')
  assert.equal((await pm2.restart(0))[0].status, 'online')
  const [, signalled] = await called((cb) => pm2.sendSignalToProcessName('SIGCONT', 'a', cb))
  assert.equal(signalled[0].name, 'a')
  assert.equal((await pm2.sendSignalToProcessId('SIGCONT', 0))[0].pm_id, 0)
  assert.deepEqual(await pm2.reset('all'), { success: true })
  const [deleteError, deleted] = await called((cb) => pm2.delete('all', cb))
  assert.equal(deleteError, null)
  assert.equal(deleted[0].name, 'a')
  assert.deepEqual(await pm2.list(), [])
})

const SERVER = `
if (process.env.BROKEN) throw new Error('broken')
require('http').createServer((_, answer) => answer.end()).listen(0)`

test('a reload answers when it is true: others serve, and those before are gone', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  fs.writeFileSync(path.join(w.dir, 'serve.js'), SERVER)
  const app = { script: 'serve.js', name: 's', exec_mode: 'cluster', instances: 2 }
  const before = (await pm2.start(app)).map((one) => one.pid)
  const [error, after] = await called((cb) => pm2.reload('s', cb))
  assert.equal(error, null)
  const pids = after.map((one) => one.pid)
  assert.equal(pids.length, 2)
  for (const pid of before) assert.ok(!pids.includes(pid) && !isAlive(pid))
  for (const pid of pids) assert.ok(isAlive(pid))
  process.env.PM2N_RELOADED = 'yes'
  t.after(() => delete process.env.PM2N_RELOADED)
  const [one] = await pm2.gracefulReload('s', { updateEnv: true, parallel: 2 })
  assert.equal(one.pm2_env.PM2N_RELOADED, 'yes')
})

test('a reload that fails says so, and leaves what ran', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  fs.writeFileSync(path.join(w.dir, 'serve.js'), SERVER)
  const [{ pid }] = await pm2.start({ script: 'serve.js', name: 's', exec_mode: 'cluster' })
  const [error] = await called((cb) => pm2.reload('s', { env: { BROKEN: 'yes' } }, cb))
  assert.ok(error instanceof Error)
  assert.equal((await pm2.list())[0].pid, pid)
  assert.ok(isAlive(pid))
})

test('scale makes more and fewer', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  assert.deepEqual(await called((cb) => pm2.scale('a', 3, cb)), [null, { success: true }])
  assert.equal((await pm2.list()).length, 3)
  await pm2.scale('a', '+1')
  await pm2.scale('a', 2)
  assert.deepEqual((await pm2.list()).map((one) => one.pm_id), [2, 3])
})

test('questions answer by promise and by callback', async (t) => {
  const pm2 = world(t).api()
  const [, meta] = await called((cb) => pm2.connect(cb))
  assert.equal(meta.new_pm2_instance, true)
  assert.equal((await pm2.connect()).pm2_home, pm2.pm2_home)
  await pm2.start('api.js', { name: 'q' })
  const [{ pid }] = await pm2.list()
  assert.deepEqual(await pm2.getPID('q'), [pid])
  assert.deepEqual(await called((cb) => pm2.getProcessIdByName('q', cb)), [null, [0]])
  assert.deepEqual(await pm2.ping(), { msg: 'pong' })
  assert.equal(await pm2.getVersion(), '7.0.4')
  assert.deepEqual(await pm2.reloadLogs(), {})
  const out = path.join(pm2.pm2_home, 'logs/q-out.log')
  fs.appendFileSync(out, 'old\n')
  assert.equal((await pm2.flush('q'))[0].name, 'q')
  assert.doesNotMatch(fs.readFileSync(out, 'utf8'), /old/)
  assert.equal((await called((cb) => pm2.flush(cb)))[1].length, 1)
  assert.equal((await pm2.flush('nobody')).length, 1)
  const [, processes] = await called((cb) => pm2.Client.executeRemote('getMonitorData', {}, cb))
  assert.equal(processes.length, 1)
  assert.equal(await new Promise((resolve) => pm2.Client.pingDaemon(resolve)), true)
})

test('a known name is restarted, with what it is given now', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a', env: { K: 'one' } })
  const [again] = await pm2.start([{ script: 'api.js', name: 'a', env: { K: 'two' } }])
  assert.equal(again.restart_time, 1)
  const [app] = await pm2.list()
  assert.equal(app.pm2_env.env.K ?? app.pm2_env.K, 'two')
  process.env.PM2N_UPDATED = 'yes'
  t.after(() => delete process.env.PM2N_UPDATED)
  await pm2.restart('a')
  assert.equal((await pm2.list())[0].pm2_env.PM2N_UPDATED, undefined)
  await pm2.restart('a', { updateEnv: true })
  assert.equal((await pm2.list())[0].pm2_env.PM2N_UPDATED, 'yes')
})

test('the script of an app is a script, also when an app or an id is called so', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  fs.copyFileSync(path.join(w.dir, 'api.js'), path.join(w.dir, '0'))
  await pm2.start({ script: 'api.js', name: 'api' })
  await assert.rejects(pm2.start({ script: 'api', name: 'x' }), /Script not found/)
  await assert.rejects(pm2.start({ script: 'default', name: 'x' }), /Script not found/)
  await pm2.start({ script: '0', name: 'zero', interpreter: 'node' })
  const rows = (await pm2.list()).map((app) => [app.name, app.pm2_env.restart_time])
  assert.deepEqual(rows, [['api', 0], ['zero', 0]])
  assert.equal((await pm2.start('api'))[0].restart_time, 1, 'a word alone is a name first')
})

test('what the options of a start say about the apps', async (t) => {
  const pm2 = world(t).api()
  const named = async (...args) => (await pm2.start(...args)).map((one) => one.pm2_env.name)
  const app = { script: 'api.js', name: 'a', autostart: false }
  assert.deepEqual(await named({ pm2: [app] }, { name_prefix: 'p' }), ['p:a'])
  assert.deepEqual(await named(app, { force_name: 'forced' }), ['forced'])
  assert.deepEqual(await named({ ...app, append_env_to_name: true, env_x: {} }, { env: 'x' }), ['a-x'])
})

test('one app with a wrong attribute: none of them is started', async (t) => {
  const pm2 = world(t).api()
  const good = { script: 'api.js', name: 'good' }
  const answered = (apps) => called((cb) => pm2.start(apps, cb))
  const [error, nothing] = await answered([good, { ...good, name: 'bad', max_memory_restart: '12xx' }])
  assert.match(error.message, /max_memory_restart/)
  assert.equal(nothing, undefined)
  assert.deepEqual(await pm2.list(), [])
  const [errors, started] = await answered([{ ...good, autostart: false }, { name: 'none' }])
  assert.match(errors[0].message, /No script path/)
  assert.equal(started[0].pm2_env.name, 'good')
  const [absent] = await answered('nofile.json')
  assert.equal(absent.code, 'ENOENT')
  assert.deepEqual(await pm2.reset(99), { success: true })
  await assert.rejects(pm2.set('a:b', undefined), /a value must be text or a number/)
})

test('the bus tells the same as with PM2', async (t) => {
  const pm2 = world(t).api()
  const bus = await pm2.launchBus()
  const events = []
  bus.on('process:event', ({ event, manually, process: { status } }) => {
    events.push(`${event} ${manually ? 'order' : 'itself'} ${status}`)
  })
  const saw = async (...wanted) => {
    await until(() => events.length >= wanted.length)
    assert.deepEqual(events.splice(0), wanted)
  }
  const [online, exit] = ['online itself online', 'exit itself stopped']
  await pm2.start({ script: 'api.js', name: 'a' })
  await saw(online, 'start order online')
  await pm2.restart('a')
  await saw(exit, online, 'restart order online')
  await pm2.stop('a')
  await saw(exit, 'stop order stopped')
  await pm2.stop('a')
  await saw('stop order stopped')
  await pm2.start({ script: 'api.js', name: 'later', autostart: false })
  await saw('start order stopped')
  await pm2.start('a')
  await saw(online, 'restart order online')
  await pm2.delete('all')
  await pm2.start({ script: 'api.js', name: 'b' })
  await saw(exit, online, 'start order online') // nothing tells of a delete but the exit
})

test('errors reach the callback and the promise', async (t) => {
  const pm2 = world(t).api()
  const [missing, others] = await called((cb) =>
    pm2.start([{ script: 'gone.js' }, { script: 'api.js', name: 'ok' }], cb))
  assert.ok(Array.isArray(missing) && /Script not found/.test(missing[0].message), String(missing))
  assert.equal(others[0].name, 'ok')
  await assert.rejects(pm2.start({ script: 'gone.js' }), /Script not found/)
  await assert.rejects(pm2.start('eco.json'), /File eco.json not found/)
  await assert.rejects(pm2.start({ name: 'x' }), /script/i)
  await assert.rejects(pm2.start([null]), TypeError)
  await assert.rejects(pm2.stop('nobody'), /process or namespace not found/)
  await assert.rejects(pm2.stop({}), TypeError)
  await assert.rejects(pm2.restart(99), /unknown/)
  await assert.rejects(pm2.reset('nobody'), /Unknown process name/)
  await assert.rejects(pm2.sendSignalToProcessId('SIGUSR2', 99), /unknown/)
  await assert.rejects(pm2.scale('nobody', 2), /App not found/)
  await assert.rejects(pm2.scale('ok', 1), /Same process number/)
  await assert.rejects(pm2.reload('nobody'), /process or namespace not found/)
  const [unbuilt] = await called((cb) => pm2.serve('.', 2, cb))
  assert.match(unbuilt.message, /serve is not available yet/)
})

test('calls to nobody work and crash nothing', async (t) => {
  const w = world(t)
  const text = `
    const pm2 = require('pm2')
    pm2.connect()
    pm2.start({ script: 'api.js', name: 'quiet' })
    pm2.start({ script: 'gone.js' })
    pm2.stop('nobody')
    pm2.scale('quiet', 3)
    pm2.disconnect()
    pm2.disconnect()`
  const result = await script('quiet.js', text, w)
  assert.deepEqual([result.code, result.err, result.out], [0, '', ''])
  assert.equal((await w.api().list())[0].name, 'quiet')
})

test('ESM: the instance and its calls by name', async (t) => {
  const w = world(t)
  const text = `
    import pm2, { connect, start, list, custom, disconnect, delete as remove } from 'pm2'
    await connect()
    await start({ script: 'api.js', name: 'esm' })
    const names = (await list()).map((app) => app.name)
    await remove('esm')
    await disconnect()
    console.log(names.join(), custom === pm2.custom)`
  const result = await script('esm.mjs', text, w)
  assert.deepEqual([result.err, result.out], ['', 'esm true\n'])
})

test('loading starts nothing and shows the properties that tools read', async (t) => {
  const w = world(t)
  const text = `
    const pm2 = require('pm2')
    const { pm2_home, cwd, daemon_mode, _conf } = pm2
    console.log(JSON.stringify({ pm2_home, cwd, daemon_mode, rpc: _conf.DAEMON_RPC_PORT,
      same: pm2.Client.conf === _conf, programmatic: process.env.PM2_PROGRAMMATIC }))`
  const { out } = await script('load.js', text, w)
  assert.deepEqual(JSON.parse(out), {
    pm2_home: w.home, cwd: w.dir, daemon_mode: true, rpc: path.join(w.home, 'rpc.sock'), same: true,
    programmatic: 'true'
  })
  assert.equal(fs.existsSync(w.home), false)
})

test('two instances with two homes do not meet', async (t) => {
  const one = world(t).api()
  const two = world(t).api()
  const start = (pm2, name) => pm2.start({ script: 'api.js', name })
  await Promise.all([start(one, '1'), start(two, '2')])
  assert.deepEqual((await one.list()).map((app) => app.name), ['1'])
  assert.deepEqual((await two.list()).map((app) => app.name), ['2'])
  assert.throws(() => new one.custom({ pm2_home: '/tmp/x', independent: true }), /pm2_home/)
})

test('dump and resurrect', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  const file = path.join(w.home, 'dump.pm2')
  await assert.rejects(pm2.resurrect(), /dump\.pm2: No such file/)
  await assert.rejects(pm2.dump(), /Process list empty, cannot save empty list/)
  await pm2.start({ script: 'api.js', name: 'one' })
  assert.deepEqual(await called((cb) => pm2.dump(cb)), [null, { success: true }])
  const names = () => JSON.parse(fs.readFileSync(file)).map((entry) => entry.name)
  assert.deepEqual(names(), ['one'])
  await pm2.delete('all')
  const text = await pm2.resurrect()
  assert.ok(text.equals(fs.readFileSync(file)))
  assert.deepEqual((await pm2.list()).map((app) => [app.name, app.pm2_env.status]), [['one', 'online']])
  await pm2.delete('all')
  await pm2.dump(true)
  assert.deepEqual(names(), [])
  await pm2.clearDump()
  assert.deepEqual(await called((cb) => pm2.autodump(cb)), [null, undefined])
})

test('messages: bus, data and standard input', async (t) => {
  const w = world(t)
  fs.writeFileSync(path.join(w.dir, 'talk.js'), `
    process.on('message', (m) => process.send({ type: 'echo:data', data: m.data }))
    process.stdin.on('data', (d) => console.log('line ' + d))
    process.send({ type: 'echo:up', data: 1 })
    setInterval(() => {}, 1e6)`)
  const pm2 = w.api()
  const bus = await pm2.launchBus()
  assert.equal(bus.constructor.name, 'SubEmitterSocket')
  const seen = []
  bus.on('echo:*', (what, packet) => seen.push([what, packet.data]))
  bus.on('log:out', (packet) => seen.push(['log', packet.data.trim()]))
  bus.on('process:*', (what, packet) => seen.push([what, packet.event]))
  const saw = (...wanted) => until(() => seen.some((one) => one.join() === wanted.join()))
  await pm2.start({ script: 'talk.js', name: 'talk' })
  await saw('event', 'online')
  await saw('up', 1)
  await pm2.sendDataToProcessId(0, { topic: 't', data: 'hello', type: 'process:msg' })
  await saw('data', 'hello')
  await pm2.sendLineToStdin(0, 'words')
  await saw('log', 'line words')
  await pm2.disconnectBus()
  await assert.rejects(pm2.disconnectBus())
})
