// SPDX-License-Identifier: MIT
// Events of the daemon (pub.sock). Keeps its connection: when the daemon goes, it tries again, and
// tells by `pm2:gap` that there may have been events meanwhile.
'use strict'

const net = require('net')
const { EventEmitter } = require('events')
const amp = require('./amp')

const RETRY_MS = 100
const RETRY_MAX_MS = 5000

// The connection under a bus. Emits connect, "reconnect attempt", close and error.
class BusSocket extends EventEmitter {
  constructor(path, onMessage) {
    super()
    this.path = path
    this.onMessage = onMessage
    this.retryMs = RETRY_MS
    this.closed = false
    this.wasOpen = false
    this.open()
  }

  open() {
    const reader = new amp.Reader()
    this.socket = net.connect({ path: this.path })
    this.socket.on('connect', () => {
      this.retryMs = RETRY_MS
      if (this.wasOpen) this.onMessage(['pm2:gap', { at: Date.now() }])
      this.wasOpen = true
      this.emit('connect')
    })
    this.socket.on('data', (piece) => {
      let messages
      try {
        messages = reader.feed(piece)
      } catch (error) {
        this.socket.destroy(error)
        return
      }
      for (const message of messages) this.onMessage(message)
    })
    this.socket.on('error', (error) => {
      if (this.listenerCount('error') > 0) this.emit('error', error)
    })
    this.socket.on('close', () => this.onSocketClose())
  }

  onSocketClose() {
    if (this.closed) {
      this.emit('close')
      return
    }
    this.timer = setTimeout(() => {
      this.emit('reconnect attempt')
      this.open()
    }, this.retryMs)
    this.retryMs = Math.min(this.retryMs * 1.5, RETRY_MAX_MS)
  }

  close(done) {
    if (done) this.once('close', done)
    const waiting = this.socket.closed
    this.closed = true
    clearTimeout(this.timer)
    if (waiting) process.nextTick(() => this.emit('close'))
    else this.socket.destroy()
  }
}

// What pm2.launchBus gives. The name is one that tools look at. `on` takes patterns: each `*`
// stands for any text, and what it stood for comes before the payload.
class SubEmitterSocket {
  constructor(path) {
    this.listeners = [] // {event, re, fn}
    this.sock = new BusSocket(path, (message) => this.onMessage(message))
  }

  on(event, fn) {
    const literal = event.split('*').map((text) => text.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    this.listeners.push({ event, re: new RegExp(`^${literal.join('(.*?)')}$`, 's'), fn })
    return this
  }

  off(event) {
    this.listeners = this.listeners.filter((one) => one.event !== event)
    return this
  }

  close(done) {
    this.sock.close(done)
    return this
  }

  onMessage([topic, ...args]) {
    if (typeof topic !== 'string') return
    for (const { re, fn } of this.listeners) {
      const match = re.exec(topic)
      if (match) fn.apply(this, [...match.slice(1), ...args])
    }
  }
}

module.exports = { SubEmitterSocket }
