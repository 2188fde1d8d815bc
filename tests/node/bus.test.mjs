// SPDX-License-Identifier: MIT
// The bus: the programs of PM2's manual, patterns, what each event has in it, and its return.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import test from 'node:test'
import { listen, PACKAGE, script, until, world } from './world.mjs'

const amp = createRequire(import.meta.url)(path.join(PACKAGE, 'lib/amp'))
const { SubEmitterSocket } = createRequire(import.meta.url)(path.join(PACKAGE, 'lib/bus'))

const ECHO = `process.on('message', (packet) => {
  process.send({ type: 'process:msg', data: { success: true, packet } })
})
setInterval(() => {}, 1e6)`

const SENDER = `
const pm2 = require('pm2')
pm2.connect(() => {
  pm2.sendDataToProcessId({
    id: 0, type: 'process:msg', data: { some: 'data', hello: true }, topic: 'some topic'
  }, (err, res) => { console.log(JSON.stringify([err, res])); pm2.disconnect() })
})`

const READER = `
const pm2 = require('pm2')
pm2.launchBus((err, bus) => {
  bus.on('process:msg', (packet) => {
    console.log(JSON.stringify(packet))
    pm2.disconnectBus(() => pm2.disconnect())
  })
  setImmediate(() => require('fs').writeFileSync('reading', ''))
})`

for (const mode of ['fork', 'cluster']) {
  test(`an app and a program talk, ${mode} mode`, async (t) => {
    const w = world(t)
    fs.writeFileSync(path.join(w.dir, 'echo.js'), ECHO)
    await w.api().start({ script: 'echo.js', name: 'e', exec_mode: mode })
    const reader = script('reader.js', READER, w)
    await until(() => fs.existsSync(path.join(w.dir, 'reading')))
    const sent = await script('sender.js', SENDER, w)
    const packet = {
      id: 0, type: 'process:msg', data: { some: 'data', hello: true }, topic: 'some topic'
    }
    assert.deepEqual(JSON.parse(sent.out), [null, { success: true, data: packet }])
    const read = await reader
    assert.deepEqual([read.code, read.err], [0, ''])
    const { data, process: from } = JSON.parse(read.out)
    assert.deepEqual(data, { success: true, packet })
    assert.deepEqual([from.pm_id, from.name], [0, 'e'])
  })
}

const TALK = `
const messages = [{ type: 'process:msg', data: { hi: 1 } }, 'str', 5, true, [1, 2], { a: 1 },
  { type: 'custom:evt', data: { x: 1 } }, { type: 123, data: { n: 1 } }, { type: 'no data' }, null]
for (const message of messages) process.send(message)
process.send({ type: 'custom:last', data: 1 })
setInterval(() => {}, 1e6)`

const WANTED = [
  ['process:msg', { data: { hi: 1 } }], ['process:msg', { raw: 'str' }], ['process:msg', { raw: 5 }],
  ['process:msg', { raw: true }], ['process:msg', { raw: [1, 2] }], ['process:msg', { raw: { a: 1 } }],
  ['custom:evt', { data: { x: 1 } }], ['123', { data: { n: 1 } }],
  ['process:msg', { raw: { type: 'no data' } }], ['process:msg', { raw: null }],
  ['custom:last', { data: 1 }]
]

for (const mode of ['fork', 'cluster']) {
  test(`what an app sends is told as PM2 tells it, ${mode} mode`, async (t) => {
    const w = world(t)
    const pm2 = w.api()
    fs.writeFileSync(path.join(w.dir, 'talk.js'), TALK)
    const bus = await pm2.launchBus()
    const seen = []
    const froms = []
    bus.on('*', (topic, { at, process: from, ...rest }) => {
      if (/^(process:event|log:|pm2:)/.test(topic)) return
      seen.push([topic, rest])
      froms.push(from)
      assert.equal(typeof at, 'number')
    })
    const lasts = []
    bus.on('custom:*', (what, packet) => lasts.push([what, packet.data]))
    await pm2.start({ script: 'talk.js', name: 't', exec_mode: mode })
    await until(() => seen.length >= WANTED.length)
    assert.deepEqual(seen, WANTED)
    for (const [i, from] of froms.entries()) {
      const rev = mode === 'cluster' && 'data' in seen[i][1] ? { rev: null } : {}
      assert.deepEqual(from, { pm_id: 0, name: 't', ...rev, namespace: 'default' })
    }
    assert.deepEqual(lasts, [['evt', { x: 1 }], ['last', 1]])
    bus.off('custom:*')
    await pm2.restart('t')
    await until(() => seen.length >= 2 * WANTED.length)
    assert.equal(lasts.length, 2)
  })
}

test('the daemon dies: the bus comes back, and tells that there is a gap', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  const bus = await pm2.launchBus()
  const seen = []
  bus.on('*', (topic, { event, missed }) => {
    if (!topic.startsWith('log:')) seen.push(event ?? `${topic} ${missed}`)
  })
  const { pid } = await pm2.Client.executeRemote('c.hello', {})
  process.kill(pid, 'SIGKILL')
  await until(() => seen.includes('pm2:gap undefined'))
  await pm2.restart('a')
  await until(() => seen.includes('restart'))
  assert.equal(seen.filter((one) => one.startsWith('pm2:gap')).length, 1)
})

test('the first connection ends before its numbers have come: that is a gap too', async (t) => {
  const file = path.join(world(t).home, 'pub.sock')
  const numbers = amp.encode(['pm2:numbers', { since: 7, last: 0 }])
  const sockets = []
  const close = await listen(file, (socket) => {
    sockets.push(socket)
    if (sockets.length === 1) socket.destroy()
    else socket.write(numbers)
  })
  const bus = new SubEmitterSocket(file)
  t.after(() => Promise.all([close(), new Promise((resolve) => bus.close(resolve))]))
  const gap = t.mock.fn()
  bus.on('pm2:gap', gap)
  await until(() => bus.since === 7)
  assert.deepEqual(gap.mock.calls.map(({ arguments: [{ missed }] }) => missed), [undefined])
  sockets[1].destroy()
  await until(() => sockets.length === 3 && bus.connections === 3)
  sockets[2].write(amp.encode(['last', 1]))
  const last = t.mock.fn()
  bus.on('last', last)
  await until(() => last.mock.callCount() === 1)
  assert.equal(gap.mock.callCount(), 1)
})

test('events have numbers; a bus that comes back tells how many it has missed', async (t) => {
  const pm2 = world(t).api()
  await pm2.start({ script: 'api.js', name: 'a' })
  const other = await pm2.Client.launchBus() // so that the daemon goes on counting
  const reader = t.mock.fn()
  const bus = new other.constructor(pm2.Client.pub_socket_file)
  bus.on('pm2:gap', reader)
  await until(() => bus.since)
  await pm2.restart('a')
  await until(() => bus.number >= 3)
  const before = bus.number
  await new Promise((resolve) => {
    bus.sock.once('connect', resolve)
    bus.sock.socket.destroy()
    pm2.restart('a')
  })
  await pm2.restart('a')
  await until(() => bus.number > before && bus.number === other.number)
  for (const { arguments: [gap] } of reader.mock.calls) assert.ok(gap.missed > 0)
  await new Promise((resolve) => bus.close(resolve))
})
