// SPDX-License-Identifier: MIT
// Events of the daemon (pub.sock). Keeps its connection: when the daemon goes, it tries again, and
// tells by `pm2:gap` that events are missing: how many, if the numbers of events tell.
'use strict'

const net = require('net')
const { EventEmitter } = require('events')
const amp = require('./amp')

const RETRY_MS = 100
const RETRY_MAX_MS = 5000

// Asks for the numbers of events (docs/PROTOCOL.md). Nothing comes of it where there are none.
const NUMBERS = 'numbers'

// The connection under a bus. Emits connect, "reconnect attempt", close and error.
class BusSocket extends EventEmitter {
  constructor(path, onMessage) {
    super()
    this.path = path
    this.onMessage = onMessage
    this.retryMs = RETRY_MS
    this.closed = false
    this.open()
  }

  open() {
    const reader = new amp.Reader()
    this.socket = net.connect({ path: this.path })
    this.socket.on('connect', () => {
      this.retryMs = RETRY_MS
      this.socket.write(amp.encode([NUMBERS]))
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
    this.number = 0 // of the last event
    this.since = null // which counting that is of
    this.connections = 0
    this.sock = new BusSocket(path, (message) => this.onMessage(message))
    this.sock.on('connect', () => { this.connections++ })
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

  // Frames of the daemon: topic, payload and, when it has one, the number.
  onMessage([topic, payload, number]) {
    if (topic === 'pm2:numbers') return this.onNumbers(payload)
    if (number !== undefined) this.number = number
    if (typeof topic === 'string') this.tell(topic, payload)
  }

  // The daemon's word about its numbers, at the beginning and after each new connection.
  onNumbers({ since, last }) {
    const { number, since: before } = this
    Object.assign(this, { number: last, since })
    const isFirst = before === null && this.connections === 1
    if (isFirst || (before === since && last <= number)) return
    this.tell('pm2:gap', { ...(before === since && { missed: last - number }), at: Date.now() })
  }

  tell(topic, payload) {
    for (const { re, fn } of this.listeners) {
      const match = re.exec(topic)
      if (match) fn.apply(this, [...match.slice(1), payload])
    }
  }
}

module.exports = { SubEmitterSocket }
