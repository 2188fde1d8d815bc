// SPDX-License-Identifier: MIT
// startup and uninstallStartup, with a folder of our own as /etc and a systemctl that only says how
// it was called.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { spawnSync } from 'node:child_process'
import { world } from './world.mjs'

const canMount = spawnSync('unshare', ['-m', 'true']).status === 0
const called = (fn) => new Promise((resolve) => fn((...args) => resolve(args)))

function program(file, text) {
  fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
}

function fakeSystem(t) {
  const w = world(t)
  const etc = path.join(w.dir, 'etc')
  const bin = path.join(w.dir, 'bin')
  fs.mkdirSync(path.join(etc, 'systemd/system'), { recursive: true })
  fs.mkdirSync(bin)
  for (const file of ['passwd', 'group']) fs.copyFileSync(`/etc/${file}`, path.join(etc, file))
  program(path.join(bin, 'systemctl'), 'echo fake systemctl "$@"')
  const before = { PM2_BIN: process.env.PM2_BIN, PATH: process.env.PATH }
  program(path.join(bin, 'as-root'),
    `exec unshare -m sh -c 'mount --bind "${etc}" /etc && exec "$0" "$@"' "${before.PM2_BIN}" "$@"`)
  Object.assign(process.env, {
    PM2_BIN: path.join(bin, 'as-root'), PATH: `${bin}:${process.env.PATH}`
  })
  t.after(() => Object.assign(process.env, before))
  return { pm2: w.api(), etc, w }
}

test('startup writes, uninstallStartup removes', { skip: !canMount }, async (t) => {
  const { pm2, etc, w } = fakeSystem(t)
  const options = { user: 'root', serviceName: 'mine' }
  const [error, made] = await called((cb) => pm2.startup('systemd', options, cb))
  assert.equal(error, null)
  assert.equal(made.destination, '/etc/systemd/system/mine.service')
  const unit = path.join(etc, 'systemd/system/mine.service')
  assert.equal(fs.readFileSync(unit, 'utf8').trim(), made.template.trim())
  assert.match(made.template, new RegExp(`PM2_HOME=${w.home}`))
  const removed = await pm2.uninstallStartup('systemd', options)
  assert.equal(removed.platform, 'systemd')
  assert.ok(removed.commands.includes('systemctl disable mine'), String(removed.commands))
  assert.equal(fs.existsSync(unit), false)
})

test('an unknown platform is named', async (t) => {
  const pm2 = world(t).api()
  await assert.rejects(pm2.startup('beos'), /Unknown platform \/ init system name: beos/)
  const [error] = await called((cb) => pm2.uninstallStartup('beos', cb))
  assert.match(error.message, /beos/)
})

test('the words for root', async (t) => {
  const w = world(t)
  program(path.join(w.dir, 'refuses'), `echo '[PM2] To setup the Startup Script, copy/paste:'
echo 'sudo env PATH=x pm2 startup'
exit 1`)
  const before = process.env.PM2_BIN
  process.env.PM2_BIN = path.join(w.dir, 'refuses')
  t.after(() => { process.env.PM2_BIN = before })
  await assert.rejects(w.api().startup(), /^Error: To setup the Startup Script.*\nsudo env PATH=x/)
})
