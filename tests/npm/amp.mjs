// SPDX-License-Identifier: MIT
// AMP frames, and a relay between a client and a daemon that notes what both say.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { once } from 'node:events'

// The whole frames at the beginning of `bytes`: [{bytes, args}], and what is left.
export function frames(bytes) {
  const found = []
  let start = 0
  for (;;) {
    const args = []
    let at = start + 1
    const count = bytes.length > start ? bytes[start] & 0x0f : NaN
    while (args.length < count && at + 4 <= bytes.length) {
      const end = at + 4 + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      args.push(bytes.subarray(at + 4, end))
      at = end
    }
    if (args.length !== count) return { found, rest: bytes.subarray(start) }
    found.push({ bytes: bytes.subarray(start, at), args })
    start = at
  }
}

// "s:text" or "j:json" as a value.
export function value(arg) {
  const text = arg.toString()
  return text.startsWith('j:') ? JSON.parse(text.slice(2)) : text.slice(2)
}

// Listens on `from` for clients of `to`. `said` gets {client, daemon} for each connection: all the
// bytes of either.
export async function relay(from, to) {
  const said = []
  const server = net.createServer((client) => {
    const one = { client: [], daemon: [] }
    said.push(one)
    const daemon = net.connect(to)
    const pipe = (source, sink, list) => {
      source.on('data', (piece) => {
        list.push(piece)
        sink.write(piece)
      })
      source.on('error', () => sink.destroy())
      source.on('close', () => sink.end())
    }
    pipe(client, daemon, one.client)
    pipe(daemon, client, one.daemon)
  })
  server.listen(from)
  await once(server, 'listening')
  const close = () => {
    server.close()
    fs.rmSync(from, { force: true })
  }
  return { close, said }
}

// One connection to rpc.sock: bytes out, frames in.
export async function connection(file) {
  const socket = net.connect(file)
  await once(socket, 'connect')
  let rest = Buffer.alloc(0)
  const waiting = []
  const come = []
  socket.on('error', () => {})
  socket.on('close', () => waiting.splice(0).forEach(({ reject }) => reject(new Error('closed'))))
  socket.on('data', (piece) => {
    const { found, rest: left } = frames(Buffer.concat([rest, piece]))
    rest = left
    come.push(...found)
    while (waiting.length > 0 && come.length > 0) waiting.shift().resolve(come.shift())
  })
  const frame = () => (come.length > 0 ? Promise.resolve(come.shift())
    : new Promise((resolve, reject) => waiting.push({ resolve, reject })))
  return { write: (bytes) => socket.write(bytes), frame, close: () => socket.destroy() }
}

function frame(...texts) {
  const args = texts.flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  })
  return Buffer.concat([Buffer.of(0x10 | texts.length), ...args])
}

// The list of the daemon of a home, whosever it is, without the price of a command: what `pm2 jlist` prints.
export async function listOf(home) {
  const c = await connection(path.join(home, 'rpc.sock'))
  try {
    c.write(frame(`j:${JSON.stringify({ type: 'call', method: 'getMonitorData', args: [{}] })}`, 's:0'))
    const reply = value((await c.frame()).args[0])
    assert.equal(reply.error, undefined)
    return reply.args[0]
  } finally {
    c.close()
  }
}
