// SPDX-License-Identifier: MIT
// Calls about the daemon itself, and marks of processes.
'use strict'

const path = require('path')
const { answer, lastFunction } = require('./answer')
const { runNative } = require('./native')
const targets = require('./targets')

const PROFILES = {
  cpu: { method: 'profileCPU', extension: 'cpuprofile' },
  mem: { method: 'profileMEM', extension: 'heapprofile' }
}
const PROFILE_MS = 10000
const MARKS = ['monitor', 'unmonitor']

// The connection is cut off by it, as by the death of the daemon; the next call makes a new one.
async function update(api) {
  await runNative(['update'], api)
  return { success: true }
}

async function mark(api, method, target) {
  if (!MARKS.includes(method)) throw new Error(`${method}: expected monitor or unmonitor`)
  const isMeant = targets.meaning(target)
  await api.run(async (rpc) => {
    const procs = (await rpc.call('getMonitorData', {})).filter(isMeant)
    for (const proc of procs) await rpc.call(method, proc.pm_id)
  })
}

function profile(api, type, ms) {
  const kind = Object.hasOwn(PROFILES, type) ? PROFILES[type] : null
  if (!kind) throw new Error(`profile: expected cpu or mem, got ${type}`)
  const when = new Date().toISOString().slice(0, 19)
  const file = path.join(api.cwd, `${when}.${kind.extension}`)
  return api.Client.call(kind.method, { pwd: file, timeout: Number(ms) || PROFILE_MS })
}

// There is none in this version; PM2 gives the same where none runs.
const noAgent = (text) => Promise.reject(new Error(text))

module.exports = {
  // update([cb]): the programs on the disk take over; the apps run on
  update(cb) {
    return answer(update(this), cb)
  },

  // monitorState('monitor' or 'unmonitor', target, [cb])
  monitorState(state, target, cb) {
    return answer(mark(this, state, target), cb)
  },

  // profile('cpu' or 'mem', [ms], [cb]): of the daemon
  profile(type, ms, cb) {
    return answer((async () => profile(this, type, ms))(), lastFunction(ms, cb))
  },

  // inspect(target, [cb]): have an app open its debugger
  inspect(target, cb) {
    return this.trigger(target, 'internal:inspect', cb)
  },

  agentInfos(cb) {
    return answer(noAgent('Interactor is offline'), cb)
  },

  killAgent(cb) {
    return answer(noAgent('Interactor not launched'), cb)
  }
}
