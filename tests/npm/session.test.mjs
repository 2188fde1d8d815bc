// SPDX-License-Identifier: MIT
// The same session with npm's client (session.cjs) against its own daemon and against ours: what the
// calls give and what the bus tells. $NPM_PM2 names the package's folder (tests/npm/install.sh).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { ROOT, run, until, world } from '../node/world.mjs'

const CLI = path.join(process.env.NPM_PM2, 'bin/pm2')
const SESSION = path.join(ROOT, 'tests/npm/session.cjs')
const { version } = JSON.parse(fs.readFileSync(path.join(process.env.NPM_PM2, 'package.json'), 'utf8'))
process.env.PM2_DISCRETE_MODE = '1'
process.env.PM2_DISABLE_VERSION_CHECK = '1'

async function session(w, pm2, mode) {
  assert.equal((await run([...pm2, 'ping'], w)).code, 0)
  try {
    const { code, out, err } = await run([process.execPath, SESSION, mode], w)
    assert.equal(code, 0, err + out)
  } finally { // the session ends with killDaemon
    if (fs.existsSync(path.join(w.home, 'rpc.sock'))) await run([...pm2, 'kill'], w)
  }
  await until(() => !fs.existsSync(path.join(w.home, 'pm2.pid')))
  return JSON.parse(fs.readFileSync(path.join(w.dir, 'session.json'), 'utf8').replaceAll(w.dir, '<dir>'))
}

// Rows of docs/COMPAT.md: what follows is different on purpose.
function result([name, args, values]) {
  const [error, value] = values
  if (name === 'reload') // the methods that reload answer with the old worker
    return [name, args, error, value.map((one) => one.name)]
  if (name === 'delete' && value) // with a list of what had a process
    return [name, args, error, value.filter((one) => one.name !== 'c').sort((a, b) => a.id - b.id)]
  return [name, args, values]
}

// JSON text that does not depend on the order of keys.
function canonical(value) {
  return JSON.stringify(value, (key, one) => (one && typeof one === 'object' && !Array.isArray(one)
    ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one))
}

// {kind of event and process: what was told, in order}. Between kinds PM2 keeps no order; the daemon
// of 5.4 tells `online` late.
function told(events) {
  const lists = {}
  for (const event of events) {
    if (event.topic === 'application:dependencies' || event.topic === 'log:PM2') continue
    if (event.event === 'exit' && event.status === 'stopping') continue // it comes twice
    if (event.event === 'online') event.status = 'online' // it says launching
    if (event.topic === 'process:exception') event.data = event.data.message // and context
    if (event.process?.versioning === null) delete event.process.versioning // 5.4: nothing known of git
    // What an app prints before it dies, and in which pieces, is Node's and the wrapper's.
    if (event.topic.startsWith('log:') && !event.data.startsWith('to ')) continue
    const kind = ['process:event', 'log:out', 'log:err'].includes(event.topic) ? event.topic
      : 'raw' in event ? 'raw' : 'typed'
    const of = event.id ?? event.process?.pm_id ?? 'daemon'
    ;(lists[`${kind} ${of}`] ??= []).push(event)
  }
  if (!version.startsWith('7.'))
    for (const list of Object.values(lists)) list.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1))
  return lists
}

for (const mode of ['fork', 'cluster']) {
  test(`results and events, ${mode} mode`, async (t) => {
    const [real, ours] = await Promise.all([
      session(world(t), [process.execPath, CLI], mode),
      session(world(t), [process.env.PM2_BIN], mode)])
    assert.deepEqual(ours.results.map(result), real.results.map(result))
    const [a, b] = [told(ours.events), told(real.events)]
    assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort())
    for (const kind of Object.keys(b)) assert.deepEqual(a[kind], b[kind], kind)
    const topics = new Set(ours.events.map((event) => event.topic))
    for (const topic of ['process:event', 'process:msg', 'process:exception', 'log:out', 'log:err', 'log:PM2',
      'custom:event', 'human:event', 'axm:reply', 'axm:trace', 'pm2:kill'])
      assert.ok(topics.has(topic), topic)
  })
}
