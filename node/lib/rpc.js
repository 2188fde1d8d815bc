// SPDX-License-Identifier: MIT
// One connection to rpc.sock: calls go out, each is settled exactly once, also when the daemon
// dies, hangs, or is something else altogether.
'use strict'

const net = require('net')
const amp = require('./amp')

// An orderly stop can take as long as the app's kill_timeout, so a call as such has no deadline.
// But a daemon that has been silent for this long is asked for a sign of life, and given up when it
// gives none for as long again.
const SILENCE_MS = 10000

class Rpc {
  // Resolves to a connected Rpc; rejects with the error of connect(2).
  static open(path, { silenceMs = SILENCE_MS } = {}) {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ path })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Rpc(socket, path, silenceMs))
      })
    })
  }

  constructor(socket, path, silenceMs) {
    this.socket = socket
    this.path = path
    this.silenceMs = silenceMs
    this.pending = new Map() // id -> {resolve, reject}
    this.counter = 0
    this.reader = new amp.Reader()
    this.timer = null
    this.failure = null // why no more calls are possible
    this.onIdle = () => {} // the last call under way has ended
    this.onClose = () => {}
    socket.on('data', (piece) => this.onData(piece))
    socket.on('error', (error) => this.fail(new Error(`connection to ${path}: ${error.message}`)))
    socket.on('close', () => this.fail(new Error('the daemon closed the connection')))
  }

  call(method, ...args) {
    return this.request({ type: 'call', method, args })
  }

  // PM2's methods and their parameters.
  methods() {
    return this.request({ type: 'methods' })
  }

  request(body) {
    if (this.failure) return Promise.reject(this.failure)
    const id = `${process.pid}:${++this.counter}`
    return new Promise((resolve, reject) => {
      const frame = amp.encode([body, id]) // throws on circular values: that rejects
      this.pending.set(id, { resolve, reject })
      this.socket.write(frame)
      if (!this.timer) this.watch(false)
    })
  }

  // Let the calls under way end, then close. Resolves when the socket is gone.
  async end() {
    if (this.pending.size > 0) await new Promise((resolve) => { this.onIdle = resolve })
    await this.close()
  }

  close() {
    this.fail(new Error('the connection is closed'))
    if (this.socket.closed) return Promise.resolve()
    return new Promise((resolve) => this.socket.once('close', resolve))
  }

  unref() {
    this.socket.unref()
  }

  onData(piece) {
    if (this.timer) this.watch(false)
    try {
      for (const message of this.reader.feed(piece)) this.onReply(message)
    } catch (error) {
      this.fail(new Error(`what listens on ${this.path} is no pm2 daemon: ${error.message}`))
    }
  }

  onReply(message) {
    const [body, id] = message
    if (message.length !== 2 || body === null || typeof body !== 'object') {
      throw new Error('unexpected answer')
    }
    const call = this.pending.get(id)
    if (!call) return // the answer to a sign of life
    this.pending.delete(id)
    if ('error' in body) call.reject(new Error(textOf(body.error)))
    else call.resolve(body.methods ?? body.args?.[0])
    if (this.pending.size === 0) {
      this.unwatch()
      this.onIdle()
    }
  }

  // Wait for the next sign of life of the daemon. `asked`: it has been asked for one.
  watch(asked) {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (asked) {
        const text = `no answer on ${this.path} within ${2 * this.silenceMs} ms: ` +
          'the daemon hangs, or something else listens there'
        this.fail(Object.assign(new Error(text), { code: 'ETIMEDOUT' }))
        return
      }
      this.socket.write(amp.encode([{ type: 'call', method: 'ping', args: [{}] }, 'alive']))
      this.watch(true)
    }, this.silenceMs)
  }

  unwatch() {
    clearTimeout(this.timer)
    this.timer = null
  }

  fail(error) {
    if (this.failure) return
    this.failure = error
    this.unwatch()
    this.socket.destroy()
    for (const call of this.pending.values()) call.reject(error)
    this.pending.clear()
    this.onIdle()
    this.onClose()
  }
}

function textOf(error) {
  return typeof error === 'string' ? error : error?.message ?? JSON.stringify(error)
}

module.exports = { Rpc, SILENCE_MS }
