// SPDX-License-Identifier: MIT
// Calls that reach into apps: signals, data, lines, actions.
'use strict'

const { answer, Failure, lastFunction } = require('./answer')
const targets = require('./targets')

const isText = (value) => typeof value === 'string'

// As PM2 gives what an app answers: the event of the bus.
function replyOf({ id, name, namespace, at, data }) {
  return { at, data, process: { pm_id: id, name, namespace } }
}

async function runAction(api, target, action, params) {
  const request = { target: targets.wordOf(target), action: String(action), params, cwd: api.cwd }
  const { replies } = await api.Client.call('c.trigger', request).catch(({ message }) => {
    throw new Error(/^Process or Namespace .* not found$/s.test(message) ? 'Unknown process' : message)
  })
  const answered = replies.filter((reply) => !reply.error).map(replyOf)
  const failed = replies.find((reply) => reply.error)
  if (!failed) return answered
  throw new Failure(new Error(`[${failed.name}:${failed.id}] ${failed.error}`), answered)
}

// Prints what the process writes, and sends it each line that is typed, until the input ends.
async function talk(api, id, separator) {
  const [app] = await api.describe(id)
  if (!app) throw new Error(`Process with ID <${id}> unknown.`)
  const { SubEmitterSocket } = require('./bus')
  const { createInterface } = require('readline')
  const bus = new SubEmitterSocket(api.Client.pub_socket_file)
  bus.on('log:*', (type, { process: { pm_id: from }, data }) => {
    if (from === app.pm_id) process.stdout.write(data)
  })
  const lines = createInterface({ input: process.stdin })
  try {
    await new Promise((resolve, reject) => {
      let sent = Promise.resolve()
      lines.on('line', (line) => {
        sent = sent.then(() => api.sendLineToStdin(app.pm_id, line, separator))
        sent.catch((error) => {
          reject(error)
          lines.close()
        })
      })
      lines.on('close', () => sent.then(resolve, reject))
    })
  } finally {
    await new Promise((resolve) => bus.close(resolve))
  }
}

module.exports = {
  sendSignalToProcessName(signal, name, cb) {
    const request = { signal, process_name: String(name) }
    return answer(this.Client.call('sendSignalToProcessName', request), cb)
  },

  sendSignalToProcessId(signal, id, cb) {
    const request = { signal, process_id: id }
    return answer(this.Client.call('sendSignalToProcessId', request), cb)
  },

  // sendDataToProcessId(id, packet, [cb]) or (packet, [cb])
  sendDataToProcessId(id, packet, cb) {
    const full = targets.isObject(id) ? id : { ...packet, id }
    return answer(this.Client.call('sendDataToProcessId', full), lastFunction(packet, cb))
  },

  // sendLineToStdin(id, line, [separator], [cb])
  sendLineToStdin(id, line, separator, cb) {
    const end = isText(separator) ? separator : '\n'
    const request = { pm_id: id, line: `${line}${end}` }
    return answer(this.Client.call('sendLineToStdin', request), lastFunction(separator, cb))
  },

  msgProcess(request, cb) {
    return answer(this.Client.call('msgProcess', request), cb)
  },

  // trigger(target, action, [params], [cb])
  trigger(target, action, params, cb) {
    const value = typeof params === 'function' ? undefined : params
    return answer(runAction(this, target, action, value), lastFunction(params, cb))
  },

  // attach(id, [separator], [cb])
  attach(id, separator, cb) {
    const end = isText(separator) ? separator : undefined
    return answer(talk(this, id, end), lastFunction(separator, cb))
  }
}
