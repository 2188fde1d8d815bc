// SPDX-License-Identifier: MIT
// Process files, actions, settings, logs: calls that need more than an order.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { ROOT, envOf, isAlive, script, until, world } from './world.mjs'

const called = (fn) => new Promise((resolve) => fn((...args) => resolve(args)))
const rows = (procs) => procs.map((proc) => [proc.name, proc.pm2_env.status])
const write = (w, file, text) => fs.writeFileSync(path.join(w.dir, file), text)
const APPS = [{ script: 'idle.sh', name: 'one' }, { script: 'idle.sh', name: 'two', instances: 2 }]
const FILES = {
  'eco.json': JSON.stringify({ apps: APPS }),
  'eco.yml': 'apps:\n- {script: idle.sh, name: one}\n- {script: idle.sh, name: two, instances: 2}\n',
  'eco.config.js': `module.exports = { apps: ${JSON.stringify(APPS)} }`,
  'eco.config.cjs': `module.exports = async () => (${JSON.stringify(APPS)})`,
  'eco.config.mjs': `export const apps = ${JSON.stringify(APPS)}`
}

for (const [file, text] of Object.entries(FILES)) {
  test(`process file ${file}: start, restart, reload, stop, delete`, async (t) => {
    const w = world(t)
    const pm2 = w.api()
    write(w, 'idle.sh', 'exec sleep 1000000\n') // a fraction of what Node costs to start
    write(w, file, text)
    const all = [['one', 'online'], ['two', 'online'], ['two', 'online']]
    assert.deepEqual(rows(await pm2.start(file)), all)
    const [error, again] = await called((cb) => pm2.restart(file, cb))
    assert.equal(error, null)
    assert.deepEqual(again.map((one) => one.restart_time), [1, 1, 1])
    assert.deepEqual((await pm2.reload(file)).map((one) => one.restart_time), [2, 2, 2])
    const stopped = await pm2.stop(file)
    assert.deepEqual(rows(stopped), all.map(([name]) => [name, 'stopped']))
    assert.equal((await pm2.start(file, { only: 'one' })).length, 1)
    assert.equal((await pm2.delete(file)).length, 3)
    assert.deepEqual(await pm2.list(), [])
  })
}

test('a JavaScript file is read as it is now', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  for (const file of ['a.config.js', 'b.config.mjs']) {
    const text = (name) => (file.endsWith('.mjs') ? 'export default ' : 'module.exports = ') +
      `{ apps: [{ script: 'api.js', name: '${name}', env_prod: { STAGE: 'prod' } }] }`
    write(w, file, text('before'))
    await pm2.start(file)
    write(w, file, text('after'))
    const [app] = await pm2.start(file, { env: 'prod' })
    assert.deepEqual([app.name, app.pm2_env.STAGE], ['after', 'prod'])
    await pm2.delete('all')
  }
})

test('process files that are wrong say where', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  await assert.rejects(pm2.start('gone.json'), /File gone\.json not found/)
  await assert.rejects(pm2.start('gone.config.js'), /File gone\.config\.js not found/)
  write(w, 'bad.json', '{ "apps": [')
  await assert.rejects(pm2.start('bad.json'), /bad\.json malformated/)
  write(w, 'bad.config.js', 'module.exports = (')
  await assert.rejects(pm2.start('bad.config.js'), /bad\.config\.js malformated: /)
  write(w, 'odd.json', '{ "apps": [{\n "script": "api.js",\n "max_restarts": "x" }] }')
  await assert.rejects(pm2.start('odd.json'), /max_restarts.*odd\.json:3/s)
  write(w, 'half.json', '[{ "script": "gone.js", "name": "g" }, { "script": "api.js", "name": "a" }]')
  const [errors, started] = await called((cb) => pm2.start('half.json', cb))
  assert.match(errors[0].message, /Script not found/)
  assert.deepEqual(rows(started), [['a', 'online']])
})

test('options of a script in a file', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  write(w, 'options.json', JSON.stringify({ name: 'filed', args: ['x'] }))
  const [app] = await pm2.start('api.js', 'options.json')
  assert.deepEqual([app.name, app.pm2_env.args], ['filed', ['x']])
  write(w, 'many.json', FILES['eco.json'])
  await assert.rejects(pm2.start('api.js', 'many.json'), /found 2 apps/)
  await assert.rejects(pm2.start('api.js', 'words'), /words is not a file with options/)
})

async function withActions(t) {
  const w = world(t)
  const pm2 = w.api()
  const app = path.join(ROOT, 'tests/apps/actions.js')
  await pm2.start({ script: app, name: 'a', instances: 2, exec_mode: 'fork' })
  await until(async () => (await pm2.list()).every((one) =>
    one.pm2_env.axm_actions.some((action) => action.action_name === 'nothing')))
  return { w, pm2 }
}

test('trigger answers with what each app returns', async (t) => {
  const { pm2 } = await withActions(t)
  const [error, replies] = await called((cb) => pm2.trigger('a', 'hello', cb))
  assert.equal(error, null)
  assert.deepEqual(replies.map(({ process: from, data }) => [from.pm_id, data.return.got]),
    [[0, 'hello'], [1, 'hello']])
  assert.deepEqual(Object.keys(replies[0]).sort(), ['at', 'data', 'process'])
  const [reply] = await pm2.trigger(0, 'hello', { deep: [1] })
  assert.deepEqual(reply.data.return.got, { msg: 'hello', opts: { deep: [1] }, id: 0 })
  await assert.rejects(pm2.trigger('a', 'dance'), /Action doesn't exist dance for a/)
  assert.equal(typeof replies[0].at, 'number')
  await assert.rejects(pm2.trigger('nobody', 'hello'), /Unknown process/)
  const waiting = pm2.trigger('a', 'silent')
  await pm2.stop(1)
  const twice = Promise.all([pm2.trigger(0, 'hello'), pm2.trigger(0, 'hello')])
  assert.equal((await twice).length, 2, 'a call that is not answered keeps no other one waiting')
  await pm2.stop(0)
  await assert.rejects(waiting, /has ended before it answered/)
})

test('calls of actions that are not answered are bounded', async (t) => {
  const { pm2 } = await withActions(t)
  const calls = Array.from({ length: 256 }, () => pm2.trigger(0, 'silent'))
  await assert.rejects(pm2.trigger(0, 'hello'), /a has too many calls of actions under way/)
  assert.equal((await pm2.trigger(1, 'hello')).length, 1)
  await pm2.stop(0)
  const ends = await Promise.allSettled(calls)
  assert.ok(ends.every((end) => end.status === 'rejected'))
})

test('an action that is not answered in time is an error', async (t) => {
  const { pm2 } = await withActions(t)
  const ask = (action, ms) =>
    pm2.Client.executeRemote('c.trigger', { target: 'a', action, timeout_ms: ms })
  const { replies } = await ask('silent', 50)
  assert.deepEqual(replies.map((one) => one.error), Array(2).fill('no answer within 50 ms'))
  const { replies: others } = await ask('hello', 20000)
  assert.deepEqual(others.map((one) => one.error), [undefined, undefined])
})

test('the daemon dies in the middle: one error, and the next call connects again', async (t) => {
  const { pm2 } = await withActions(t)
  const ends = []
  pm2.trigger('a', 'silent', (...args) => ends.push(args))
  pm2.reload('a', (...args) => ends.push(args))
  const { pid } = await pm2.Client.executeRemote('c.hello', {})
  process.kill(pid, 'SIGKILL')
  await until(() => ends.length === 2)
  for (const [error] of ends) assert.ok(error instanceof Error)
  assert.equal((await pm2.list()).length, 2)
  await until(() => !isAlive(pid))
  assert.equal(ends.length, 2)
})

test('settings: set, get, multiset, unset', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  assert.deepEqual(await called((cb) => pm2.set('mod:key', 'v', cb)), [null, { success: true }])
  assert.deepEqual(await pm2.get('mod:key'), { success: true, value: 'v' })
  await pm2.multiset('top 1 mod:other "two words"')
  assert.deepEqual((await called((cb) => pm2.get(cb)))[1].value,
    { mod: { key: 'v', other: 'two words' }, top: '1' })
  await pm2.unset('mod:key')
  await assert.rejects(pm2.get('mod:key'), /the setting mod:key is not there/)
  await pm2.conf('top', 2)
  assert.equal((await pm2.conf('top')).value, '2')
  await assert.rejects(pm2.set('', 'x'), /must not be empty/)
  await assert.rejects(pm2.set('mod:key', '-x'), /nor begin with "-"/)
  await assert.rejects(pm2.set('mod:', 'x'), /is not a key/)
  fs.writeFileSync(path.join(w.home, 'module_conf.json'), '{')
  await assert.rejects(pm2.get('mod'), /module_conf\.json cannot be used/)
  await assert.rejects(pm2.set('mod:key', 'v'), /module_conf\.json cannot be used/)
})

test('a setting reaches the app that is called so', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'mod' })
  await pm2.set('mod:key', 'v')
  assert.equal((await pm2.list())[0].pm2_env.restart_time, 1)
})

test('env and flush', async (t) => {
  const w = world(t)
  const pm2 = w.api()
  write(w, 'said.js', 'console.log("said"); setInterval(() => {}, 1e6)')
  await pm2.start({ script: 'said.js', name: 's', env: { COLOR: 'blue' } })
  assert.equal((await pm2.env(0)).COLOR, 'blue')
  await assert.rejects(pm2.env(99), /99/)
  const log = path.join(w.home, 'logs/s-out.log')
  const size = () => fs.statSync(log).size
  await until(() => size() > 0)
  assert.deepEqual(rows((await called((cb) => pm2.flush('s', cb)))[1]), [['s', 'online']])
  assert.equal(size(), 0)
  assert.equal((await called((cb) => pm2.flush(cb)))[0], null)
})

test('attach: lines go in and output comes out', async (t) => {
  const w = world(t)
  write(w, 'echo.js', 'process.stdin.on("data", (d) => console.log("GOT " + d))')
  await w.api().start({ script: 'echo.js', name: 'e' })
  write(w, 'attached.js', `
    const pm2 = require('pm2')
    pm2.attach(0, (error) => {
      console.log('ended', error ?? 'well')
      pm2.disconnect()
    })`)
  await script('nothing.js', '', w) // the package is where a program finds it
  const child = spawn(process.execPath, ['attached.js'], { cwd: w.dir, env: envOf(w.home) })
  t.after(() => child.kill())
  let out = ''
  child.stdout.on('data', (piece) => { out += piece })
  child.stdin.write('hello\n')
  await until(() => out.includes('GOT hello'))
  child.stdin.end()
  await until(() => out.includes('ended well'))
  await until(() => child.exitCode === 0)
  await assert.rejects(w.api().attach(99), /unknown/)
})

test('util.promisify', async (t) => {
  const pm2 = world(t).api()
  const promised = (name) => promisify(pm2[name]).bind(pm2)
  assert.equal((await promised('connect')()).new_pm2_instance, true)
  await promised('start')({ script: 'api.js', name: 'p' })
  assert.deepEqual(rows(await promised('list')()), [['p', 'online']])
  assert.deepEqual(await promised('scale')('p', 2), { success: true })
  assert.equal((await promised('reload')('p')).length, 2)
  assert.deepEqual(await promised('flush')().then((procs) => procs.length), 2)
  await assert.rejects(promised('stop')('nobody'), /not found/)
})
