// SPDX-License-Identifier: MIT
// The npm package pm2 against our daemon: reload, scale, actions, messages, the bus. $NPM_PM2 names
// the package's folder.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { ROOT, run, until, world } from '../node/world.mjs'

const CLI = path.join(process.env.NPM_PM2, 'bin/pm2')
process.env.PM2_DISCRETE_MODE = '1'
process.env.PM2_DISABLE_VERSION_CHECK = '1'

// A home in which our daemon runs with some apps, and programs that use npm's package.
async function npmWorld(t, ...apps) {
  const w = world(t)
  const pm2 = w.api()
  await pm2.connect()
  for (const app of apps) await pm2.start(app)
  await pm2.disconnect()
  w.cli = (...args) => run([process.execPath, CLI, ...args], w)
  w.use = async (text) => {
    fs.writeFileSync(path.join(w.dir, 'use.js'), `
      const pm2 = require(${JSON.stringify(process.env.NPM_PM2)})
      const call = (name, ...args) => new Promise((resolve, reject) =>
        pm2[name](...args, (error, value) => error ? reject(error) : resolve(value)))
      const tell = (value) => console.log('told ' + JSON.stringify(value))
      async function main() {\n${text}\n}
      main().then(() => pm2.disconnect(() => process.exit(0)),
        (error) => { console.error(error); process.exit(1) })`)
    const result = await run([process.execPath, 'use.js'], w)
    assert.equal(result.code, 0, result.err + result.out)
    return JSON.parse(/^told (.*)$/m.exec(result.out)[1])
  }
  return w
}

const actions = { script: path.join(ROOT, 'tests/apps/actions.js'), name: 'a' }

async function registered(w) {
  const pm2 = w.api()
  await until(async () => (await pm2.list())[0].pm2_env.axm_actions.some((one) => one.action_name === 'nothing'))
}

test('scale and reload', async (t) => {
  const w = await npmWorld(t, { script: 'api.js', name: 'c', exec_mode: 'cluster' })
  const told = await w.use(`
    await call('scale', 'c', 3)
    const before = (await call('list')).map((app) => app.pid)
    const reloaded = await call('reload', 'c')
    const after = (await call('list')).map((app) => app.pid)
    tell([before.length, reloaded.length, after.filter((pid) => before.includes(pid)).length])`)
  assert.deepEqual(told, [3, 3, 0])
})

test('trigger, by API and command line', async (t) => {
  const w = await npmWorld(t, actions)
  await registered(w)
  const [reply] = await w.use(`tell(await call('trigger', 'a', 'hello'))`)
  assert.deepEqual(reply.data.return, { got: 'hello' })
  assert.deepEqual(reply.process, { pm_id: 0, name: 'a', namespace: 'default' })
  const { code, out } = await w.cli('trigger', 'a', 'hello')
  assert.equal(code, 0)
  assert.match(out, /1 processes have received command hello/)
  assert.match(out, /\[a:0:default\]=\{"got":"hello"\}/)
})

test('data to an app, and what it answers on the bus', async (t) => {
  const w = await npmWorld(t)
  fs.writeFileSync(path.join(w.dir, 'echo.js'), `
    process.on('message', (p) => process.send({ type: 'process:msg', data: { got: p.data } }))
    setInterval(() => {}, 1e6)`)
  const told = await w.use(`
    await call('start', { script: 'echo.js', name: 'e' })
    const bus = await call('launchBus')
    const answered = new Promise((resolve) => bus.on('process:msg', resolve))
    const sent = await call('sendDataToProcessId',
      { id: 0, type: 'process:msg', data: { some: 'data' }, topic: 'some topic' })
    tell([sent.success, (await answered).data])`)
  assert.deepEqual(told, [true, { got: { some: 'data' } }])
})
