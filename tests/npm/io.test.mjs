// SPDX-License-Identifier: MIT
// Apps that use PM2's own library for metrics and actions, as it is published.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { execFileSync } from 'node:child_process'
import { ROOT, run, until, world } from '../node/world.mjs'

const APP = `
const io = require(process.env.IO)
io.metric({ name: 'Users', id: 'app/users' }).set(42)
io.counter({ name: 'Hits' }).inc()
io.action('db:clean', (reply) => reply({ cleaned: true }))
io.action('with:params', (params, reply) => reply({ params }))
setInterval(() => {}, 1e6)`

function library() {
  try {
    const script = path.join(ROOT, 'tests/npm/install.sh')
    return execFileSync(script, ['@pm2/io', '6.1.0'], { encoding: 'utf8' }).trim()
  } catch {
    return null
  }
}

const io = library()

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
