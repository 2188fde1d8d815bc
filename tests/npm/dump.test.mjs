// SPDX-License-Identifier: MIT
// dump.pm2 both ways: the real PM2's list is resurrected by ours, and ours by the real PM2.
// $NPM_PM2 names the package's folder (tests/npm/install.sh prints it).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { run, until, world } from '../node/world.mjs'

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
    await run([process.execPath, CLI, 'kill'], w) // whosever daemon it is
  }
}

// What has to be the same whoever resurrects.
async function facts(list) {
  const all = JSON.parse((await list('jlist')).trim().split('\n').pop())
  const of = (app) => {
    const e = app.pm2_env
    return {
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
  await program('start', 'api.js', '--name', 'plain', '--', 'a', 'b c')
  await program('start', 'web.js', '-i', '2', '--name', 'web')
  await program('start', 'api.js', '--name', 'down', '--namespace', 'ns', '--max-memory-restart', '300M')
  await program('stop', 'down')
  delete process.env.VARIABLE
  const before = await facts(program)
  await program('save')
  await program('kill')
  assert.ok(fs.existsSync(path.join(w.home, 'dump.pm2')))
  return before
}

test('a list of PM2, resurrected by ours', (t) => twoPrograms(t, async (w) => {
  const before = await fill(w.real, w)
  await w.ours('resurrect')
  await until(async () => (await facts(w.ours)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w.ours), before)
}))

test('a list of ours, resurrected by PM2', (t) => twoPrograms(t, async (w) => {
  const before = await fill(w.ours, w)
  await w.real('resurrect')
  await until(async () => (await facts(w.real)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w.real), before)
  await w.real('save', '--force')
  await w.real('kill')
  await w.ours('resurrect')
  await until(async () => (await facts(w.ours)).filter((app) => app.status === 'online').length === 3)
  assert.deepEqual(await facts(w.ours), before)
}))
