// SPDX-License-Identifier: MIT
// The agent in Node apps: its figures and actions, and that nothing else of an app changes by it.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import test from 'node:test'
import { spawn } from 'node:child_process'
import { isAlive, ROOT, run, until, world } from './world.mjs'

const SERVER = `require('http').createServer((q, r) => setTimeout(() => r.end('x'), 5))
  .listen(0, '127.0.0.1', function () { require('fs').writeFileSync(process.env.PORT_FILE, String(this.address().port)) })`
const ALWAYS = ['Heap Size', 'Heap Usage', 'Used Heap Size', 'Active requests', 'Active handles',
  'Event Loop Latency', 'Event Loop Latency p95']
const HTTP = ['HTTP Mean Latency', 'HTTP P95 Latency', 'HTTP']
const ACTIONS = ['km:heapdump', 'km:cpu:profiling:start', 'km:cpu:profiling:stop',
  'km:heap:sampling:start', 'km:heap:sampling:stop']

async function started(t, text, more = {}) {
  const w = world(t)
  const pm2 = w.api()
  const file = path.join(w.dir, 'app.js')
  fs.writeFileSync(file, text)
  await pm2.start({ script: file, name: 'x', env: { PORT_FILE: path.join(w.dir, 'port') }, ...more })
  const env = async () => (await pm2.list())[0].pm2_env
  return { w, pm2, env }
}

function get(port) {
  return new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', agent: false }, (r) => r.resume().on('end', resolve))
      .on('error', reject)
  })
}

for (const mode of ['fork', 'cluster']) {
  test(`figures in ${mode} mode`, async (t) => {
    const { w, env } = await started(t, SERVER, { exec_mode: mode })
    const figures = await until(async () => {
      const { axm_monitor: now } = await env()
      return Object.keys(now).length > 0 && now
    })
    assert.deepEqual(Object.keys(figures), ALWAYS)
    for (const name of ['Heap Size', 'Used Heap Size'])
      assert.match(figures[name].value, /^\d+\.\d\d$/)
    assert.deepEqual({ ...figures['Heap Size'], value: 0 },
      { historic: true, unit: 'MiB', type: 'internal/v8/heap/total', value: 0 })
    assert.ok(figures['Heap Usage'].value > 0 && figures['Heap Usage'].value <= 100)
    assert.deepEqual(Object.keys(figures['Active handles']), ['historic', 'type', 'value'])
    const port = fs.readFileSync(path.join(w.dir, 'port'), 'utf8')
    for (let i = 0; i < 20; i++) await get(port)
    const later = await until(async () => {
      const { axm_monitor: now } = await env()
      return now.HTTP && now.HTTP.value >= 20 && now
    })
    assert.deepEqual(Object.keys(later), [...ALWAYS, ...HTTP])
    assert.deepEqual(later.HTTP,
      { historic: true, unit: 'req/min', type: 'internal/http/builtin/reqs', value: 20 })
    assert.ok(later['HTTP Mean Latency'].value >= 4 && later['HTTP Mean Latency'].value < 1000)
    assert.ok(later['HTTP P95 Latency'].value >= later['HTTP Mean Latency'].value)
    const { axm_actions: offered, axm_options: options } = await env()
    assert.deepEqual(offered.map((one) => one.action_name), ACTIONS)
    assert.deepEqual([options.module_name, options.apm.type], ['x', 'node'])
  })
}

test('pmx: false and an end', async (t) => {
  const { env, pm2 } = await started(t, SERVER, { pmx: false })
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const off = await env()
  assert.deepEqual([off.axm_monitor, off.axm_actions, off.axm_options], [{}, [], {}])
  await pm2.delete('all')
  await pm2.start({ script: 'app.js', name: 'y', env: { PORT_FILE: '/dev/null' } })
  await until(async () => Object.keys((await env()).axm_monitor).length > 0)
  await pm2.stop('all')
  const { axm_monitor: figures, axm_actions: offered } = await env()
  assert.deepEqual([figures, offered], [{}, []])
})

test('profiles and a snapshot', async (t) => {
  const { w, pm2 } = await started(t, `process.on('message', (m) => console.log('heard', m))`)
  const bus = await pm2.launchBus()
  const profiles = []
  bus.on('profilings', (packet) => profiles.push(packet))
  const trigger = async (action, params) => {
    const { out, code } = await run([process.env.PM2_BIN, 'trigger', 'x', action,
      ...(params ? [params] : [])], w)
    assert.equal(code, 0, out)
    return JSON.parse(/=(\{.*\})/.exec(out)[1])
  }
  await until(async () => (await pm2.list())[0].pm2_env.axm_actions.length > 0)
  const { uuid, success } = await trigger('km:cpu:profiling:start')
  assert.ok(success && uuid)
  assert.deepEqual(await trigger('km:heap:sampling:start'),
    { err: 'A profiling is already running', success: false })
  assert.deepEqual(await trigger('km:cpu:profiling:stop'), { success: true, uuid })
  assert.deepEqual(await trigger('km:cpu:profiling:stop'),
    { err: 'No profiling are already running', success: false })
  await until(() => profiles.length === 1)
  const cpu = profiles[0].data
  assert.deepEqual([cpu.uuid, cpu.type, cpu.cpuprofile, cpu.success, cpu.initiated],
    [uuid, 'cpuprofile', true, true, 'manual'])
  assert.ok(JSON.parse(cpu.data).nodes.length > 0)
  await trigger('km:heap:sampling:start', '{"timeout":50}') // ends by itself
  await until(() => profiles.length === 2)
  assert.ok(JSON.parse(profiles[1].data.data).head)
  assert.deepEqual(await trigger('km:heapdump'), { success: true })
  await until(() => profiles.length === 3)
  const { data } = profiles[2]
  assert.equal(data.type, 'heapdump')
  assert.ok(JSON.parse(data.data).snapshot.node_count > 1000)
  assert.equal(fs.readFileSync(path.join(w.home, 'logs/x-out.log'), 'utf8'), '')
})

test('a snapshot that is too large for a message goes to a file of the user\'s', async (t) => {
  const { w, pm2, env } = await started(t,
    `global.kept = Array.from({ length: 15e3 }, (_, i) => (i + ' ').padEnd(1000, 'x')); setInterval(() => {}, 1e6)`)
  const bus = await pm2.launchBus()
  const told = []
  bus.on('profilings', (packet) => told.push(packet.data))
  await until(async () => (await env()).axm_actions.length > 0)
  await run([process.env.PM2_BIN, 'trigger', 'x', 'km:heapdump'], w)
  await until(() => told.length > 0, 60000)
  assert.deepEqual([told[0].success, told[0].data], [true, undefined])
  assert.equal(path.dirname(told[0].file), w.home)
  assert.equal(fs.statSync(told[0].file).mode & 0o777, 0o600)
  assert.match(fs.readFileSync(told[0].file, 'latin1').slice(0, 20), /^\{"snapshot"/)
})

test('a pm2d that follows another one knows the actions', async (t) => {
  const { pm2, env } = await started(t, SERVER)
  await until(async () => (await env()).axm_actions.length > 0)
  const { pid } = await pm2.Client.executeRemote('c.hello', {})
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid))
  const actions = await until(async () => {
    const [one] = await pm2.list().catch(() => [])
    return one && one.pm2_env.axm_actions.length > 0 && one.pm2_env.axm_actions
  })
  assert.deepEqual(actions.map((one) => one.action_name), ACTIONS)
})

test('an action that the app registers under the same name is the app\'s', async (t) => {
  const { w, env } = await started(t, `
    process.on('message', (m) => process.send({ type: 'axm:reply',
      data: { at: 1, action_name: 'km:heapdump', return: ['mine', m] } }))
    process.send({ type: 'axm:action', data: { action_name: 'km:heapdump', action_type: 'internal', arity: 1 } })`)
  await until(async () => (await env()).axm_actions.length === ACTIONS.length)
  const { out } = await run([process.env.PM2_BIN, 'trigger', 'x', 'km:heapdump'], w)
  assert.match(out, /\["mine","km:heapdump"\]/)
})

// ---- what an app is like with it and without ----

// Each prints what it sees as one line of JSON; what pm2 gives to all apps is left out by `without`.
const SEEN = `
  const events = ['message', 'disconnect', 'uncaughtException', 'unhandledRejection', 'exit', 'beforeExit',
    'warning', 'SIGINT', 'SIGTERM', 'newListener', 'rejectionHandled']
  const seen = {
    options: process.env.NODE_OPTIONS ?? null, execArgv: process.execArgv, argv: process.argv.length,
    listeners: events.map((one) => process.listenerCount(one)),
    handles: process._getActiveHandles().length, requests: process._getActiveRequests().length,
    resources: process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : [],
    globals: Object.getOwnPropertyNames(globalThis).length, symbols: Object.getOwnPropertySymbols(globalThis).length,
    timers: [setTimeout.name, setInterval.name], send: process.send.name, exit: process.exit.name,
    emit: process.emit.name, title: process.title }`
const SHOW = `; console.log(JSON.stringify(seen))`
const BOTH = ['fork', 'cluster']

const FORMS = {
  'CommonJS': {
    modes: BOTH,
    text: `${SEEN}; seen.main = require.main === module; seen.cache = Object.keys(require.cache).length
      seen.parent = module.parent ${SHOW}; process.disconnect()`,
  },
  'ES module': {
    modes: BOTH,
    file: 'app.mjs',
    text: `${SEEN}; await new Promise((r) => setTimeout(r, 20)) ${SHOW}; process.disconnect()`,
  },
  'nothing to do': { text: `console.log('done')` },
  'an exit code of its own': { text: `process.exitCode = 5` },
  'exit in the middle': { text: `setTimeout(() => process.exit(6), 1100)` },
  'an exception': {
    text: `process.on('exit', (code) => console.log('exit', code))
      setTimeout(() => { throw new Error('a') }, 10)`,
  },
  'a rejection that is taken care of': {
    text: `process.on('unhandledRejection', (e) => { console.log(e.message); process.exit(4) })
      Promise.reject(new Error('b'))`,
  },
  'an exception that is taken care of': {
    text: `process.on('uncaughtException', (e, from) => { console.log(e.message, from); process.exit(3) })
      throw new Error('c')`,
  },
  'a domain': {
    text: `const d = require('domain').create()
      d.on('error', (e) => { console.log('domain', e.message); process.exit(2) })
      d.run(() => setTimeout(() => { throw new Error('d') }, 10))`,
  },
  'a worker thread': {
    text: `const { Worker, isMainThread } = require('worker_threads')
      if (isMainThread) {
        new Worker(__filename).on('exit', (code) => { console.log('worker', code); process.exit() })
      } else {
        console.log(process.env.NODE_OPTIONS ?? null, process.execArgv.length)
        process.exitCode = 3
      }`,
  },
  'NODE_OPTIONS of its own': {
    env: { NODE_OPTIONS: '--require "os" --no-warnings' },
    text: `const { Worker, isMainThread } = require('worker_threads')
      console.log(process.env.NODE_OPTIONS)
      if (isMainThread) new Worker(__filename).on('exit', () => process.exit())`,
  },
  'a child': {
    text: `if (process.argv[2]) {
        console.log(process.env.NODE_OPTIONS ?? null, process.listenerCount('internalMessage'))
        process.disconnect()
      } else {
        require('child_process').fork(__filename, ['child'])
          .on('exit', (code) => { console.log('child', code); process.exit() })
      }`,
  },
  'async hooks': {
    text: `const hooks = require('async_hooks')
      const kinds = new Set()
      hooks.createHook({ init(id, kind) { kinds.add(kind) } }).enable()
      new hooks.AsyncLocalStorage().run(7, () => setTimeout(() => {
        console.log([...kinds].sort().join())
        process.exit()
      }, 30))`,
  },
  'globals of its own': {
    text: `globalThis.setInterval = globalThis.setTimeout = () => { throw new Error('mine') }
      process.memoryUsage = process._getActiveHandles = () => { throw new Error('mine') }
      process.on('exit', (code) => console.log('exit', code))
      const until = Date.now() + 1100
      ;(function turn() { Date.now() < until ? setImmediate(turn) : process.exit() })()`,
  },
  'standard input': {
    text: `process.stdin.resume().unref(); console.log(process.stdin.constructor.name)`,
  },
  'the test runner': { text: `require('node:test')('one', () => {})` },
  'a listener for a while': {
    text: `process.once('message', () => {})
      setTimeout(() => { process.removeAllListeners('message'); console.log('quiet') }, 20)`,
  },
}

// What it prints and how it ends, with the agent or without.
async function course(w, pm2, name, form, pmx, mode) {
  const { file = 'app.js', text, env = {} } = form
  const cwd = path.join(w.dir, name)
  fs.mkdirSync(cwd)
  fs.writeFileSync(path.join(cwd, file), text)
  await pm2.start({ script: file, name, cwd, exec_mode: mode, pmx, autorestart: false, merge_logs: true, env })
  const over = await until(async () => {
    const [{ pm2_env: one }] = await pm2.describe(name)
    return one.status === 'stopped' && one
  }, 20000)
  const hide = (all) => all.replaceAll(cwd, 'DIR').replace(/duration_ms.*/g, '')
  const of = (kind) => hide(fs.readFileSync(path.join(w.home, `logs/${name}-${kind}.log`), 'utf8'))
  return { code: over.exit_code, signal: over.exit_signal ?? null, out: of('out'), err: of('error') }
}

test('an app is the same with the agent', { concurrency: 4 }, async (t) => {
  const w = world(t)
  const pm2 = w.api()
  const all = Object.entries(FORMS).flatMap(([name, form]) =>
    (form.modes ?? ['fork']).map((mode) => [name, form, mode]))
  await Promise.all(all.map(([name, form, mode], i) => t.test(`${name}, ${mode}`, async () => {
    const [having, lacking] = await Promise.all([true, false].map((pmx) =>
      course(w, pm2, `${pmx ? 'on' : 'no'}${i}`, form, pmx, mode)))
    assert.deepEqual(having, lacking)
    assert.notDeepEqual([having.code, having.out + having.err], [0, ''])
  })))
})

test('one that is not read does not gather what it would say', async (t) => {
  const agent = path.join(ROOT, 'node/agent/agent.cjs')
  const w = world(t)
  fs.writeFileSync(path.join(w.dir, 'app.js'), `
    const { setInterval } = globalThis
    const { send } = process
    const count = { ticks: 0, sent: 0 }
    globalThis.setInterval = (tick) => setInterval(() => { // figures without a pause
      for (let i = 0; i < 50; i++) tick(count.ticks++)
      if (count.ticks >= 5000) process.exit(console.log(JSON.stringify(count)))
    }, 1) // the loop turns in between, so that what can be written is
    process.send = function () { count.sent++; return send.apply(process, arguments) }
    require(${JSON.stringify(agent)})
    setInterval(() => {}, 1e6)`)
  const child = spawn(process.execPath, ['app.js'], { cwd: w.dir, stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { ...process.env, NODE_CHANNEL_FD: '3' } })
  let out = ''
  child.stdout.on('data', (piece) => { out += piece })
  child.stdio[3].pause() // nobody reads
  await new Promise((resolve) => child.on('close', resolve))
  const { sent } = JSON.parse(out)
  assert.ok(sent > 1 && sent < 1000, out)
})

// The agent with a channel that leads nowhere, and whose ticks are made by hand.
const TIMED = `
  const sent = []
  let tick
  const { setInterval } = globalThis
  globalThis.setInterval = (f) => { tick = f; return setInterval(() => {}, 1e6) }
  Object.assign(process, { channel: {}, connected: true,
    send: (message, handle, options, done) => { sent.push(message); done() } })
  require(process.argv[2])
  const http = require('http')
  const agent = new http.Agent({ keepAlive: true })
  const listeners = []
  const answers = {
    '/': (r) => { listeners.push(r.listenerCount('finish')); r.end('x') },
    '/cut': (r) => { globalThis.cut = new WeakRef(r); r.write('x') },
  }
  const server = http.createServer((q, r) => answers[q.url](r))
  const many = async (count) => {
    for (let i = 0; i < count; i++)
      await new Promise((resolve) => http.get({ port: server.address().port, agent }, (r) => r.resume().on('end', resolve)))
  }
  const last = () => sent.filter((one) => one.type === 'axm:monitor').pop().data
  const cutOne = async () => {
    const cut = new Promise((resolve) => server.once('connection', (s) => s.once('close', resolve)))
    http.get({ port: server.address().port, path: '/cut', agent: false }, (r) => r.destroy()).on('error', () => {})
    await cut
  }
  server.listen(0, '127.0.0.1', async () => {
    await cutOne(); tick()
    const ofCut = last()['HTTP Mean Latency']
    for (let i = 0; globalThis.cut.deref() && i < 100; i++) { await new Promise(setImmediate); gc() }
    const isCutGone = !globalThis.cut.deref()
    await many(40); tick(); await many(1); tick()
    const { HTTP, 'HTTP Mean Latency': { value: mean } } = last()
    console.log(JSON.stringify({ ofCut: ofCut || null, isCutGone, count: HTTP.value, mean, listeners }))
    process.exit()
  })`

test('all requests are counted, the first ones timed, and those that are cut off do not stay', async (t) => {
  const w = world(t)
  fs.writeFileSync(path.join(w.dir, 'timed.js'), TIMED)
  const { out, err } = await run([process.execPath, '--expose-gc', 'timed.js', path.join(ROOT, 'node/agent/agent.cjs')], w)
  assert.equal(err, '')
  const { ofCut, isCutGone, count, mean, listeners } = JSON.parse(out)
  assert.equal(ofCut, null)
  assert.ok(isCutGone)
  assert.equal(count, 1 + 40 + 1)
  assert.ok(mean > 0)
  const own = listeners[39] // of Node itself
  assert.deepEqual(listeners, [...Array(32).fill(own + 1), ...Array(8).fill(own), own + 1])
})
