// SPDX-License-Identifier: MIT
// process:exception: apps that load nothing tell what ends them, and end as they would have.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { until, world } from './world.mjs'

const APPS = {
  'throws.js': `setTimeout(() => { throw new TypeError('kaboom') }, 50)`,
  'rejects.js': `setTimeout(() => Promise.reject(new Error('kaboom')), 50)`,
  'lines.js': ['// 1', '// 2', '// 3', '// 4', '// 5', '// 6', 'function thrower() {',
    "\tthrow Object.assign(new Error('kaboom'), { code: 'E_ODD', more: [1], self() {}, big: 1n })",
    '}', 'setTimeout(thrower, 50)', '// 11', ''].join('\n'),
  'esm.mjs': `await new Promise((done) => setTimeout(done, 50)); throw new Error('kaboom')`,
  'text.js': `setTimeout(() => { throw 'kaboom' }, 50)`,
  'odd.js': `setTimeout(() => { throw null }, 50)`,
  'proxy.js': `setTimeout(() => { throw new Proxy({}, { get() { throw new Error('no') } }) }, 50)`,
  'cares.js': `process.on('uncaughtException', () => process.exit(7))
    setTimeout(() => { throw new Error('kaboom') }, 50)`,
  'code.js': `process.on('exit', () => { process.exitCode = 9 })
    setTimeout(() => { throw new Error('kaboom') }, 50)`,
  'shows.js': `console.log(JSON.stringify([process.env.NODE_OPTIONS ?? null, require.main === module,
    process.execArgv, process.argv.length, process.listenerCount('uncaughtException')]))
    setInterval(() => {}, 1e6)`
}

async function ended(t, file, mode, more = {}) {
  const w = world(t)
  const pm2 = w.api()
  fs.writeFileSync(path.join(w.dir, file), APPS[file])
  const bus = await pm2.launchBus()
  const told = []
  let ends = 0
  bus.on('process:exception', (packet) => told.push(packet))
  bus.on('process:event', ({ event }) => { ends += event === 'exit' })
  await pm2.start({ script: file, name: 'x', exec_mode: mode, autorestart: false, ...more })
  await until(() => ends > 0)
  const [{ pm2_env: env }] = await pm2.list()
  return { told, code: env.exit_code, w }
}

for (const mode of ['fork', 'cluster']) {
  for (const [file, name] of [['throws.js', 'TypeError'], ['rejects.js', 'Error'], ['esm.mjs', 'Error']]) {
    test(`${file} in ${mode} mode`, async (t) => {
      const { told, code, w } = await ended(t, file, mode)
      assert.equal(code, 1)
      assert.equal(told.length, 1)
      const [{ at, data, process: from }] = told
      assert.equal(typeof at, 'number')
      assert.deepEqual([data.message, data.name, from.pm_id, from.name], ['kaboom', name, 0, 'x'])
      assert.match(data.stack, new RegExp(`kaboom[^]*${file}:1`))
      assert.equal(data.callsite, `${fs.realpathSync(path.join(w.dir, file))}:1`)
      assert.equal(data.context, APPS[file])
      const log = path.join(w.home, 'logs/x-error.log')
      await until(() => fs.readFileSync(log, 'utf8').includes('kaboom'))
    })
  }
}

test('what is no Error', async (t) => {
  const { told, code } = await ended(t, 'text.js', 'fork')
  assert.deepEqual([code, told.map(({ data }) => data)], [1, [{ message: 'Non-error value: "kaboom"',
    stack: 'Error: Non-error value: "kaboom"', name: 'Error' }]])
  const odd = await ended(t, 'odd.js', 'fork')
  assert.deepEqual([odd.code, odd.told.map(({ data }) => data.message)], [1, ['Non-error value: null']])
  const proxy = await ended(t, 'proxy.js', 'fork')
  assert.deepEqual(proxy.told.map(({ data }) => data.message), ['Non-error value that has no JSON'])
})

test('an app that takes care of it', async (t) => {
  const { told, code } = await ended(t, 'cares.js', 'fork')
  assert.deepEqual([code, told.map(({ data }) => data.message)], [7, ['kaboom']])
})

test('the lines around, and the properties of a worker\'s exception', async (t) => {
  const fork = await ended(t, 'lines.js', 'fork')
  const cluster = await ended(t, 'lines.js', 'cluster')
  for (const [{ told, w }, more] of [[fork, {}], [cluster, { code: 'E_ODD', more: [1] }]]) {
    const [{ data }] = told
    const { message, name, stack, callsite, context, ...own } = data
    assert.equal(callsite, `${fs.realpathSync(path.join(w.dir, 'lines.js'))}:8`)
    assert.equal(context, ['// 3', '// 4', '// 5', '// 6', 'function thrower() {',
      ">>throw Object.assign(new Error('kaboom'), { code: 'E_ODD', more: [1], self() {}, big: 1n })",
      '}', 'setTimeout(thrower, 50)', '// 11', ''].join('\n'))
    assert.deepEqual(own, more)
  }
})

test('exit codes stay', async (t) => {
  const { told, code } = await ended(t, 'code.js', 'fork')
  assert.deepEqual([code, told.length], [9, 1])
})

test('with pmx: false nothing is loaded', async (t) => {
  const { told, code } = await ended(t, 'throws.js', 'fork', { pmx: false })
  assert.deepEqual([code, told], [1, []])
})

test('an app sees nothing of it', async (t) => {
  const w = world(t)
  fs.writeFileSync(path.join(w.dir, 'shows.js'), APPS['shows.js'])
  await w.api().start({ script: 'shows.js', name: 'x' })
  const log = path.join(w.home, 'logs/x-out.log')
  await until(() => fs.existsSync(log) && fs.readFileSync(log, 'utf8').endsWith('\n'))
  assert.deepEqual(JSON.parse(fs.readFileSync(log, 'utf8')),
    [process.env.NODE_OPTIONS ?? null, true, [], 2, 0])
})
