// SPDX-License-Identifier: MIT
// dump.pm2 both ways: the real PM2's list is resurrected by ours, and ours by the real PM2.
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

// body(w): w.real and w.ours run a program, which has to succeed.
async function twoPrograms(t, body) {
  const w = world(t)
  const program = (argv) => async (...args) => {
    const result = await run([...argv, ...args], w)
    assert.equal(result.code, 0, `${argv.at(-1)} ${args.join(' ')}: ${result.out}${result.err}`)
    return result.out
  }
  w.real = program([process.execPath, CLI])
  w.ours = program([process.env.PM2_BIN])
  fs.writeFileSync(path.join(w.dir, 'web.js'), 'setInterval(() => {}, 1e6)\n')
  try {
    await body(w)
  } finally {
    const left = await run([process.env.PM2_BIN, 'kill'], w)
    if (left.code !== 0) await run([process.execPath, CLI, 'kill'], w) // PM2's own
  }
}

// What has to be the same whoever resurrects.
async function facts(w) {
  const all = await listOf(w.home)
  const of = (app) => {
    const e = app.pm2_env
    return {
      id: app.pm_id,
      name: app.name,
      status: e.status,
      mode: e.exec_mode,
      instance: e.NODE_APP_INSTANCE,
      script: e.pm_exec_path,
      cwd: e.pm_cwd,
      args: e.args ?? [],
      namespace: e.namespace,
      memory: e.max_memory_restart,
      variable: e.env.VARIABLE,
    }
  }
  return all.sort((a, b) => a.pm_id - b.pm_id).map(of)
}

async function fill(program, w) {
  process.env.VARIABLE = 'of the shell'
  fs.writeFileSync(path.join(w.dir, 'all.json'), JSON.stringify({ apps: [
    { script: 'api.js', name: 'plain', args: ['a', 'b c'] },
    { script: 'web.js', name: 'web', instances: 2, exec_mode: 'cluster' },
    { script: 'api.js', name: 'down', namespace: 'ns', max_memory_restart: '300M' }] }))
  await program('start', 'all.json')
  await program('stop', 'down')
  delete process.env.VARIABLE
  const before = await facts(w)
  await program('save')
  await program('kill')
  assert.ok(fs.existsSync(path.join(w.home, 'dump.pm2')))
  return before
}

test('a list of PM2, resurrected by ours', (t) => twoPrograms(t, async (w) => {
  const before = await fill(w.real, w)
  await w.ours('resurrect')
  await until(async () => (await facts(w)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w), before)
}))

test('a list of ours, resurrected by PM2', (t) => twoPrograms(t, async (w) => {
  const before = await fill(w.ours, w)
  await w.real('resurrect')
  await until(async () => (await facts(w)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w), before)
  await w.real('save', '--force')
  await w.real('kill')
  await w.ours('resurrect')
  await until(async () => (await facts(w)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w), before)
}))
