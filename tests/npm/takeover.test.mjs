// SPDX-License-Identifier: MIT
// pm2 takeover: a Node PM2 that runs is replaced, with all that it runs.
// $NPM_PM2 names the package's folder (tests/npm/install.sh prints it).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { run, until, world } from '../node/world.mjs'
import { listOf } from './amp.mjs'

const CLI = path.join(process.env.NPM_PM2, 'bin/pm2')
process.env.PM2_DISCRETE_MODE = '1'
process.env.PM2_DISABLE_VERSION_CHECK = '1'

async function twoPrograms(t, body) {
  const w = world(t)
  w.real = (...args) => run([process.execPath, CLI, ...args], w)
  w.ours = (...args) => run([process.env.PM2_BIN, ...args], w)
  fs.writeFileSync(path.join(w.dir, 'web.js'), 'setInterval(() => {}, 1e6)\n')
  try {
    await body(w)
  } finally {
    const left = await w.ours('kill')
    if (left.code !== 0) await w.real('kill')
  }
}

async function facts(w) {
  return (await listOf(w.home)).map((app) => [app.pm_id, app.name, app.pm2_env.status, app.pm2_env.exec_mode,
    app.pm2_env.namespace, app.pm2_env.args ?? [], app.pm2_env.env.VARIABLE]).sort()
}

const alive = (pid) => fs.existsSync(`/proc/${pid}`)

test('what runs and what is stopped is ours afterwards', (t) => twoPrograms(t, async (w) => {
  process.env.VARIABLE = 'of the shell'
  await w.real('start', 'api.js', '--name', 'plain', '--', 'a', 'b c')
  await w.real('start', 'web.js', '-i', '2', '--name', 'web', '--namespace', 'ns')
  await w.real('start', 'api.js', '--name', 'down')
  await w.real('stop', 'down')
  delete process.env.VARIABLE
  const before = await facts(w)
  const pids = (await listOf(w.home)).map((app) => app.pid)
  const refused = await w.ours('ls')
  assert.equal(refused.code, 1)
  assert.match(refused.err, /pm2 takeover/)
  const taken = await w.ours('takeover')
  assert.equal(taken.code, 0, taken.out + taken.err)
  assert.match(taken.out, /4 processes, saved in/)
  await until(async () => (await facts(w)).filter((app) => app[2] === 'online').length === 3)
  assert.deepEqual(await facts(w), before)
  assert.deepEqual(pids.filter((pid) => pid > 0 && alive(pid)), [])
  const again = await w.ours('takeover')
  assert.equal(again.code, 1)
  assert.match(again.err, /no Node PM2/)
}))

test('nothing to take over; an empty list keeps the saved one', (t) => twoPrograms(t, async (w) => {
  const nobody = await w.ours('takeover')
  assert.equal(nobody.code, 1)
  assert.match(nobody.err, /no daemon is running/)
  await w.real('start', 'api.js', '--name', 'kept')
  await w.real('save')
  await w.real('delete', 'all')
  const taken = await w.ours('takeover')
  assert.equal(taken.code, 0, taken.out + taken.err)
  await until(async () => (await facts(w)).some((app) => app[1] === 'kept' && app[2] === 'online'))
}))

test('the list cannot be saved: Node PM2 and its apps go on', (t) => twoPrograms(t, async (w) => {
  await w.real('start', 'api.js', '--name', 'plain')
  const [app] = await listOf(w.home)
  fs.mkdirSync(path.join(w.home, 'dump.pm2', 'in the way'), { recursive: true })
  const failed = await w.ours('takeover')
  assert.equal(failed.code, 1)
  assert.match(failed.err, /dump\.pm2/)
  assert.ok(alive(app.pid))
  assert.deepEqual((await facts(w)).map((each) => each[2]), ['online'])
}))
