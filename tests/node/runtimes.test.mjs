// SPDX-License-Identifier: MIT
// The package under each runtime that it is for: $PM2_RUNTIMES has a line "NAME PATH" for each
// (tests/node/runtimes.sh prints them). Without it, the one that runs the tests.
import assert from 'node:assert/strict'
import test from 'node:test'
import { QUICK_START, script, world } from './world.mjs'

const given = process.env.PM2_RUNTIMES?.trim() || `own ${process.execPath}`
const runtimes = given.split('\n').map((line) => line.split(/ (.*)/))

// Both module systems, callbacks, promises, the bus, an own daemon and a failure.
const SMOKE = `
  import pm2, { start, list, stop, killDaemon, custom } from 'pm2'
  import { createRequire } from 'node:module'
  const seen = { same: createRequire(import.meta.url)('pm2') === pm2 }
  const bus = await pm2.launchBus()
  const online = new Promise((resolve) => bus.on('process:event', (packet) => {
    if (packet.event === 'online') resolve(packet.process.name)
  }))
  await start({ script: 'api.js', name: 'smoke' })
  seen.online = await online
  seen.list = await new Promise((resolve) => list((err, apps) => resolve(apps.map((a) => a.name))))
  seen.stop = (await stop('smoke'))[0].status
  seen.error = await pm2.restart('nobody').catch((error) => error.message)
  seen.signal = (await pm2.sendSignalToProcessId('SIGCONT', 0).catch(() => ['stopped'])).length
  await pm2.disconnectBus()
  seen.kill = (await killDaemon()).success
  const own = new custom({ pm2_home: pm2.pm2_home, daemon_mode: false })
  seen.own = (await own.connect(true)).new_pm2_instance
  await own.disconnect()
  console.log(JSON.stringify(seen))`

for (const [name, program] of runtimes) {
  test(`${name}: the quick start`, async (t) => {
    const result = await script('quick.js', QUICK_START, { ...world(t), runtime: program })
    assert.equal(result.code, 0, result.err)
    assert.match(result.out, /^null \[/)
    assert.match(result.out, /online/)
  })

  test(`${name}: every kind of call once`, async (t) => {
    const result = await script('smoke.mjs', SMOKE, { ...world(t), runtime: program })
    assert.equal(result.err, '')
    assert.deepEqual(JSON.parse(result.out), {
      same: true,
      online: 'smoke',
      list: ['smoke'],
      stop: 'stopped',
      error: 'process or namespace not found',
      signal: 1,
      kill: true,
      own: true
    })
  })
}
