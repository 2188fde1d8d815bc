// SPDX-License-Identifier: MIT
// Conversations of npm's client with its own daemon, recorded byte by byte, and the client's bytes
// said to ours: the same answers. $NPM_PM2 names the package's folder (tests/npm/install.sh).
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { run, until, world } from '../node/world.mjs'
import { connection, frames, relay, value } from './amp.mjs'

const CLI = path.join(process.env.NPM_PM2, 'bin/pm2')
process.env.PM2_DISCRETE_MODE = '1'
process.env.PM2_DISABLE_VERSION_CHECK = '1'

// What the client is made to say. Each call is over before the next, so that the order is known.
const SESSION = `
const pm2 = require(process.env.NPM_PM2)
const call = (name, ...args) => new Promise((resolve) => pm2[name](...args, resolve))
const raw = (method, arg) => new Promise((resolve) => pm2.Client.executeRemote(method, arg, resolve))
async function main() {
  await call('connect')
  await call('ping')
  await call('getVersion')
  await raw('getMonitorData', {})
  await call('start', { script: 'api.js', name: 'f', args: ['a b', '"'] })
  await call('list')
  await call('restart', 'f')
  await call('sendSignalToProcessId', 'SIGCONT', 0)
  await call('sendSignalToProcessName', 'SIGCONT', 'nobody')
  await call('sendDataToProcessId', { id: 0, type: 'process:msg', data: { of: 'us', n: [1, null] }, topic: 't' })
  await call('sendDataToProcessId', { id: 9, type: 'process:msg', data: {}, topic: 't' })
  await call('sendLineToStdin', 0, 'a line')
  await call('msgProcess', { id: 0, msg: 'nothing' })
  await call('msgProcess', { name: 'nobody', msg: 'nothing' })
  await call('reset', 'f')
  await call('reloadLogs')
  for (const method of ['startProcessId', 'stopProcessId', 'deleteProcessId', 'resetMetaProcessId',
    'monitor', 'duplicateProcessId']) await raw(method, 77)
  for (const method of ['restartProcessId', 'reloadProcessId', 'softReloadProcessId'])
    for (const arg of [{ id: 77 }, {}]) await raw(method, arg)
  await raw('monitor', 0)
  await call('stop', 'f')
  await raw('sendLineToStdin', { pm_id: 0, line: 'x' })
  await raw('startProcessId', 0)
  await raw('startProcessId', 0)
  await call('delete', 'f')
  await call('ping') // what the client does not wait for is answered by then
  pm2.disconnect(() => process.exit(0))
}
main()`

// A daemon in the world's home; the client's own unless `pm2` is ours.
async function withDaemon(w, pm2, body) {
  const command = async (...args) => {
    const result = await run([...pm2, ...args], w)
    assert.equal(result.code, 0, result.err + result.out)
  }
  await command('ping')
  try {
    return await body()
  } finally {
    await command('kill')
    fs.rmSync(w.home, { recursive: true, force: true })
  }
}

// What was said in one session: [{method, bytes, request, reply}], bytes and reply as they came.
async function record(w) {
  const proxy = path.join(w.dir, 'relay.sock')
  fs.writeFileSync(path.join(w.dir, 'session.js'), SESSION)
  return withDaemon(w, [process.execPath, CLI], async () => {
    const r = await relay(proxy, path.join(w.home, 'rpc.sock'))
    process.env.PM2_DAEMON_RPC_PORT = proxy
    const { code, err } = await run([process.execPath, 'session.js'], w)
    delete process.env.PM2_DAEMON_RPC_PORT
    r.close()
    assert.equal(code, 0, err)
    const talk = r.said.map((one) => ({
      calls: frames(Buffer.concat(one.client)).found,
      replies: frames(Buffer.concat(one.daemon)).found,
    })).find(({ calls }) => calls.length > 0)
    return talk.calls.map(({ bytes, args }) => {
      const reply = talk.replies.find((one) => one.args.at(-1).equals(args.at(-1)))
      return { bytes, request: value(args[0]), id: args.at(-1), reply }
    })
  })
}

// Of Node's objects that stand for children PM2's clients use the pid.
const CHILD = ['pid', 'process', 'pm2_env', 'name', 'pm_id']
// What differs from run to run in what it holds, and what only PM2's wrapper or its ways put there.
const LOOSE = new Set(['axm_actions', 'axm_monitor', 'axm_options', '_tree_pids', 'prev_restart_delay',
  'versioning', 'watch'])

// Paths at which `ours` lacks what `real` has, or has another type.
function lacking(real, ours, at = '') {
  if (typeof real !== typeof ours || Array.isArray(real) !== Array.isArray(ours)) return [at]
  if (real === null || typeof real !== 'object' || ours === null) return []
  if (Array.isArray(real) && real.length !== ours.length) return [`${at}.length`]
  const keys = Object.keys(real).filter((key) => !LOOSE.has(key))
  const used = 'pm2_env' in real ? keys.filter((key) => CHILD.includes(key)) : keys
  return used.flatMap((key) => (at.endsWith('.process') && key !== 'pid' ? []
    : lacking(real[key], ours[key], `${at}.${key}`)))
}

test('recorded conversations, said to our daemon', async (t) => {
  const w = world(t)
  const first = await record(w)
  const second = await record(w)
  assert.deepEqual(first.map((one) => one.request.method), second.map((one) => one.request.method))
  assert.ok(first.length > 40, `${first.length} calls`)

  await withDaemon(w, [process.env.PM2_BIN], async () => {
    const c = await connection(path.join(w.home, 'rpc.sock'))
    let exact = 0
    for (const [i, { bytes, request, id, reply }] of first.entries()) {
      const told = `${i}: ${request.method} ${JSON.stringify(request.args).slice(0, 100)}`
      c.write(bytes)
      const ours = await c.frame()
      assert.ok(ours.args.at(-1).equals(id), `${told}: the id comes back`)
      if (second[i].reply.args[0].equals(reply.args[0]) && !('stack' in value(reply.args[0]))) {
        assert.equal(ours.bytes.toString(), reply.bytes.toString(), told)
        exact++
        continue
      }
      const [real, our] = [value(reply.args[0]), value(ours.args[0])]
      assert.equal(our.error, real.error, told)
      assert.deepEqual(lacking(real, our), [], told)
    }
    assert.ok(exact >= 10, `${exact} answers were compared byte by byte`)
    c.close()
  })

  // Requests that change nothing, in all the ways in which bytes can arrive.
  const harmless = first.filter(({ reply }, i) => second[i].reply.args[0].equals(reply.args[0]))
    .filter(({ request }) => ['ping', 'getVersion', 'msgProcess', 'sendSignalToProcessName'].includes(request.method)
      && !(request.args[0].id >= 0))
  assert.ok(harmless.length >= 4)
  const all = Buffer.concat(harmless.map((one) => one.bytes))
  await withDaemon(w, [process.env.PM2_BIN], async () => {
    const file = path.join(w.home, 'rpc.sock')
    const bystander = await connection(file)
    // Until the daemon has answered somebody else it has read what was written before.
    const seen = async () => {
      bystander.write(harmless[0].bytes)
      await bystander.frame()
    }
    const bodies = async (c, list) => {
      for (const { id, reply } of list) {
        const got = await c.frame()
        assert.ok(got.args.at(-1).equals(id))
        assert.equal(value(got.args[0]).error, value(reply.args[0]).error)
        if (!value(reply.args[0]).error) assert.deepEqual(value(got.args[0]), value(reply.args[0]))
      }
    }

    await t.test('all in one piece', async () => {
      const c = await connection(file)
      c.write(Buffer.concat([all, all]))
      await bodies(c, [...harmless, ...harmless])
      c.close()
    })

    await t.test('cut in two at every byte', async () => {
      for (let cut = 1; cut < all.length; cut++) {
        const c = await connection(file)
        c.write(all.subarray(0, cut))
        await seen()
        c.write(all.subarray(cut))
        await bodies(c, harmless)
        c.close()
      }
    })

    await t.test('byte by byte, two clients in turn', async () => {
      const two = [await connection(file), await connection(file)]
      for (const byte of all) {
        for (const c of two) c.write(Buffer.of(byte))
        await seen()
      }
      for (const c of two) {
        await bodies(c, harmless)
        c.close()
      }
    })
    bystander.close()
  })
})

test('the bus: frames, and the last event byte by byte', async (t) => {
  const w = world(t)
  const listen = (pm2) => async () => {
    const bus = await connection(path.join(w.home, 'pub.sock'))
    const events = []
    const done = (async () => {
      for (;;) events.push(await bus.frame())
    })().catch(() => {})
    await until(async () => (await run([...pm2, 'start', 'api.js', '-f'], w)) && events.length > 0)
    return { events, done }
  }
  const last = async (pm2) => {
    let heard
    await withDaemon(w, pm2, async () => { heard = await listen(pm2)() })
    await heard.done
    for (const { bytes, args } of heard.events) {
      assert.equal(bytes[0], 0x12)
      assert.equal(args[0].subarray(0, 2).toString(), 's:')
      assert.equal(args[1].subarray(0, 2).toString(), 'j:')
      JSON.parse(args[1].subarray(2))
    }
    return heard.events.find(({ args }) => args[0].toString() === 's:pm2:kill').bytes.toString()
  }
  assert.equal(await last([process.env.PM2_BIN]), await last([process.execPath, CLI]))
})
