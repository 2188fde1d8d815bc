// SPDX-License-Identifier: MIT
// A session with npm's client: session.cjs MODE, in a home whose daemon runs. $NPM_PM2 names the
// package. Writes {results, events} to session.json: what each call gave, and what the bus told meanwhile.
// No path, pid or time is in it, so that two of them can be compared.
const fs = require('node:fs')
const path = require('node:path')
const pm2 = require(process.env.NPM_PM2)

const mode = process.argv[2]
const events = []
const results = []

fs.writeFileSync('talk.js', `
const send = (message) => process.send(message)
const all = () => {
  console.log('to out')
  console.error('to err')
  for (const raw of ['text', 5, true, false, 0, '', [1, '2'], { a: 1 }, { type: 'only' },
    { data: 'only' }, { type: 'zero', data: 0 }]) send(raw)
  const typed = { 'process:msg': { success: true }, 'custom:event': 'text', 'human:event': { __name: 'n' },
    'axm:reply': { at: 1, action_name: 'x', return: { ok: 1 } },
    'axm:scoped_action:stream': { data: 'd', uuid: 'u', action_name: 'x' },
    'axm:scoped_action:end': { uuid: 'u', action_name: 'x' },
    'axm:scoped_action:error': { data: 'd', uuid: 'u', action_name: 'x' },
    'axm:trace': { t: 1 }, 'axm:transaction': { t: 1 }, 'axm:unknown': { q: 1 }, 'unicod\\u00e9': '\\u2603',
    'axm:monitor': { M: { value: 1, type: 'x' } }, 'axm:action': { action_name: 'act', arity: 1 },
    'axm:option:configuration': { some: 1 }, 'axm:option:setPID': { pid: 1 }, last: [null, { b: 1 }] }
  for (const [type, data] of Object.entries(typed)) send({ type, data, extra: 1 })
}
process.on('message', (message) => {
  if (message === 'shutdown') process.exit(0)
  if (message.msg === 'act' || message === 'act') send({ type: 'axm:reply', data: { action_name: 'act', return: 1 } })
  if (message.topic === 'all') all()
  if (message.topic === 'exit') process.exit(3)
  if (message.topic === 'throw') throw new TypeError('boom')
})
require('node:http').createServer(() => {}).listen(0, '127.0.0.1', () => send({ type: 'up', data: { up: 1 } }))
`)
fs.writeFileSync('crash.js', 'process.exit(7)\n')
fs.writeFileSync('eco.config.js', `
module.exports = { apps: [{ name: 'two', script: 'api.js', namespace: 'n' }] }
`)

// The part of a result that is the same in each run.
function settled(value) {
  if (value instanceof Error) return `Error: ${value.message.replaceAll(process.cwd(), '<dir>')}`
  if (Array.isArray(value)) return value.map(settled)
  if (typeof value === 'number') return value < 1000 ? value : 'number'
  if (value === null || typeof value !== 'object') return value
  const env = value.pm2_env
  if (!env) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, settled(one)]))
  return { name: env.name, id: env.pm_id, status: env.status, restarts: env.restart_time }
}

function note(topic, payload) {
  const { process: of, ...rest } = payload
  const { at, ...told } = rest
  if (typeof at !== 'number' && topic !== 'pm2:kill') throw new Error(`${topic} without a time`)
  if (topic === 'process:event') {
    const { event, manually } = rest
    events.push({ topic, event, manually, id: of.pm_id, name: of.name, status: of.status,
      restarts: of.restart_time, keys: Object.keys(payload).sort(), has_env: 'env' in of })
  } else {
    events.push({ topic, ...told, process: of })
  }
}

async function until(condition) {
  const deadline = Date.now() + 20000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never: ${condition} ${JSON.stringify(events.slice(-10))}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const count = (accept) => events.filter(accept).length

// Calls, notes what came of it, waits for `more` events that `accept` takes.
async function step(name, args, accept = () => true, more = 0) {
  const before = count(accept)
  const given = await new Promise((resolve) => pm2[name](...args, (...values) => resolve(values)))
  if (name !== 'launchBus') results.push([name, args, settled(given)])
  await until(() => count(accept) >= before + more)
}

const up = (event) => event.topic === 'up'
const is = (name) => (event) => event.event === name
const talk = (topic) => [{ id: 0, topic, type: 'process:msg', data: {} }]

async function main() {
  await step('connect', [])
  const bus = await new Promise((resolve) => pm2.launchBus((error, one) => resolve(one)))
  bus.on('*', note)
  await until(() => bus.sock?.socks?.length !== 0)
  await step('start', [{ script: 'talk.js', name: 't', exec_mode: mode }], up, 1)
  await step('start', [{ script: 'nowhere.js' }])
  await step('start', [{}])
  await step('describe', ['t'])
  await step('describe', ['nobody'])
  await step('getProcessIdByName', ['t'])
  await step('sendDataToProcessId', talk('all'), (event) => event.topic === 'last', 1)
  await until(() => count(({ topic }) => topic === 'log:err' || topic === 'log:out') >= 2)
  await step('msgProcess', [{ id: 0, msg: 'act' }], (event) => event.topic === 'axm:reply', 1)
  await step('sendDataToProcessId', [{ id: 9, topic: 'x', type: 'y', data: {} }])
  await step('sendDataToProcessId', [{ id: 0, data: {} }])
  await step('restart', ['t'], up, 1)
  await step('restart', [0, { updateEnv: true }], up, 1)
  await step('restart', ['nobody'])
  await step('reload', ['t'], up, 1)
  await step('reset', ['t'])
  await step('sendDataToProcessId', talk('exit'), up, 1)
  await step('sendDataToProcessId', talk('throw'), (event) => event.topic === 'process:exception', 1)
  await until(() => count(up) >= 6)
  await step('sendSignalToProcessId', ['SIGKILL', 0], up, 1)
  await step('sendSignalToProcessId', ['SIGKILL', 9])
  await step('sendSignalToProcessName', ['SIGFOO', 't'])
  await step('stop', ['t'], is('stop'), 1)
  await step('stop', ['t'], is('stop'), 1)
  await step('stop', ['nobody'])
  await step('restart', ['t'], up, 1)
  await step('scale', ['t', 2], up, 1)
  await step('scale', ['t', 1])
  await step('scale', ['nobody', 2])
  await step('list', [])
  await step('start', [{ script: 'crash.js', name: 'c', max_restarts: 2, min_uptime: 60000, exec_mode: mode }],
    is('restart overlimit'), 1)
  await until(() => count((event) => is('exit')(event) && event.status === 'errored') === 1)
  await step('start', ['eco.config.js'])
  await step('getProcessIdByName', ['two'])
  await step('reloadLogs', [])
  await step('set', ['some:key', 'value'])
  await step('get', ['some:key'])
  await step('unset', ['some:key'])
  await step('dump', [])
  await step('delete', ['all'])
  await step('delete', ['nobody'])
  await step('dump', [])
  await step('list', [])
  await step('ping', [])
  await step('killDaemon', [], (event) => event.topic === 'pm2:kill', 1)
  fs.writeFileSync('session.json', JSON.stringify({ results, events }))
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
