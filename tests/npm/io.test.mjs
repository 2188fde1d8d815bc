// SPDX-License-Identifier: MIT
// Apps that use PM2's own library for metrics and actions, as it is published, and a module of PM2's that
// lives by it. $NPM_PM2 names the folder of the real PM2, which they run under as well.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { execFileSync } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import { ROOT, run, until, world } from '../node/world.mjs'
import { listOf } from './amp.mjs'

const APP = `
const io = require(process.env.IO)
io.metric({ name: 'Users', id: 'app/users' }).set(42)
io.counter({ name: 'Hits' }).inc()
io.histogram({ name: 'Took', measurement: 'mean', unit: 'ms' }).update(3)
io.meter({ name: 'Rate', samples: 1 }).mark()
io.action('db:clean', (reply) => reply({ cleaned: true }))
io.action('with:params', (params, reply) => reply({ params }))
setInterval(() => {}, 1e6)`

function fetched(...what) {
  try {
    return execFileSync(path.join(ROOT, 'tests/npm/install.sh'), what, { encoding: 'utf8' }).trim()
  } catch {
    return null
  }
}

const io = fetched('@pm2/io', '6.1.0')
const monit = fetched('pm2-server-monit', '3.0.0')

for (const mode of ['fork', 'cluster']) {
  test(`metrics and actions, ${mode} mode`, { skip: !io && 'npm cannot fetch it' }, async (t) => {
    const w = world(t)
    const pm2 = w.api()
    fs.writeFileSync(path.join(w.dir, 'metrics.js'), APP)
    await pm2.start({ script: 'metrics.js', name: 'm', exec_mode: mode, env: { IO: io } })
    const env = await until(async () => {
      const [{ pm2_env: found }] = await pm2.list()
      return found.axm_monitor?.Hits?.value === 1 && found
    })
    assert.equal(env.axm_monitor.Users.value, 42)
    assert.equal(env.axm_monitor.Users.type, 'app/users')
    const names = env.axm_actions.map((one) => one.action_name)
    for (const name of ['km:heapdump', 'db:clean', 'with:params']) assert.ok(names.includes(name), name)
    const [clean] = await pm2.trigger('m', 'db:clean')
    assert.deepEqual(clean.data.return, { cleaned: true })
    const [params] = await pm2.trigger(0, 'with:params', 'some')
    assert.deepEqual(params.data.return, { params: 'some' })
    const { out } = await run([process.env.PM2_BIN, 'describe', 'm'], w)
    assert.match(out, /Actions available[^]*db:clean[^]*Code metrics value[^]*Users +│ 42 /)
  })
}

// What is known of metrics and actions besides the values. Under PM2 apps share the library that PM2 brings;
// under ours they have their own. Older ones say more (a type, `opts` without a value, options of modules) and
// nothing of a metric before it is another number than 0.
function shape({ name, pm2_env: env }) {
  const { apm, ...options } = env.axm_options
  return {
    metrics: Object.entries(env.axm_monitor).filter(([, one]) => name === 'm' || one.value !== 0).map(([key, one]) => [key, one.unit, one.historic]).sort(),
    actions: env.axm_actions.map(({ opts, ...one }) => (opts ? { ...one, opts } : one)),
    options: name === 'm' ? { ...options, apm: apm?.type } : {}
  }
}

test('the same as under PM2', { skip: !(io && monit && process.env.NPM_PM2) && 'npm cannot fetch it' }, async (t) => {
  const CLI = [process.execPath, path.join(process.env.NPM_PM2, 'bin/pm2')]
  const sides = [CLI, [process.env.PM2_BIN]].map((pm2) => ({ pm2, w: world(t) }))
  const apps = [
    { script: 'metrics.js', name: 'm', env: { IO: io } },
    { script: path.join(monit, 'src/index.js'), cwd: monit, name: 'pm2-server-monit' }
  ]
  const has = ({ metrics }, name) => metrics.some(([one]) => one === name)
  let real, ours
  try {
    await Promise.all(sides.map(async ({ pm2, w }) => {
      fs.writeFileSync(path.join(w.dir, 'metrics.js'), APP)
      fs.writeFileSync(path.join(w.dir, 'apps.json'), JSON.stringify({ apps }))
      const { code, out, err } = await run([...pm2, 'start', 'apps.json'], w)
      assert.equal(code, 0, out + err)
    }))
    // What the host has none of (zombies) may be said by one side and not yet by the other.
    const common = (a, b) => ({ ...a, metrics: a.metrics.filter(([name]) => has(b, name)) })
    const isTheSame = async () => {
      const [r, o] = await Promise.all(sides.map(async ({ w }) => (await listOf(w.home)).map(shape)))
      real = [r[0], common(r[1], o[1])]
      ours = [o[0], common(o[1], r[1])]
      return has(real[0], 'Rate') && has(real[1], 'Total Processes') && isDeepStrictEqual(ours, real)
    }
    await until(isTheSame, 60000).catch(() => assert.deepEqual(ours, real))
  } finally {
    await run([...CLI, 'kill'], sides[0].w)
  }
  assert.ok(has(ours[0], 'Took'))
})
