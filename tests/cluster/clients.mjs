// SPDX-License-Identifier: MIT
// Clients of the servers in apps/: each asks once, over a connection of its own unless it says
// otherwise, and gives the pid that answered. Errors are those of Node, or Late.
import { createHash, randomBytes } from 'node:crypto'
import dgram from 'node:dgram'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'

const LATE_MS = 10000
const AGAIN_MS = 300

export class Late extends Error {}

// The promise that `start(resolve, reject)` makes, with a limit; `close` whatever came of it.
function asked(start, close, limitMs = LATE_MS) {
  let timer
  const answer = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Late(`no answer within ${limitMs} ms`)), limitMs)
    start(resolve, reject)
  })
  return answer.finally(() => {
    clearTimeout(timer)
    close()
  })
}

// A pid, or the error that the peer closed before it said one.
function pidOf(text) {
  if (!/^\d+\n$/.test(text)) throw cut(`answered ${JSON.stringify(text)}`)
  return Number(text)
}

const cut = (text) => Object.assign(new Error(text), { code: 'ECUT' })

// Everything that a readable stream gives.
function whole(stream, resolve, reject) {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (piece) => { text += piece }).on('end', () => resolve(text)).on('error', reject)
}

// ---- http ----

async function get(library, options) {
  let request
  const text = await asked((resolve, reject) => {
    request = library.get({ host: '127.0.0.1', agent: false, ...options }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`))
      else whole(answer, resolve, reject)
    })
    request.on('error', reject)
  }, () => options.agent || request.destroy())
  return text
}

export const askHttp = async ({ port, path }) =>
  pidOf(await get(http, path ? { socketPath: path } : { port }))

export const seeHttp = async ({ port }) => JSON.parse(await get(http, { port }))

export const askHttps = async ({ port }) =>
  pidOf(await get(https, { port, rejectUnauthorized: false }))

// One connection for all requests, as long as the server keeps it.
export function keepAlive() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  return async ({ port }) => pidOf(await get(http, { port, agent }))
}

function askHttp2(address) {
  const session = http2.connect(address, { rejectUnauthorized: false })
  return asked((resolve, reject) => {
    session.on('error', reject) // says more than the one of the stream, which comes first
    const stream = session.request({ ':path': '/' })
    whole(stream, resolve, (error) => setImmediate(reject, error))
  }, () => session.destroy()).then(pidOf)
}

export const askH2c = ({ port }) => askHttp2(`http://127.0.0.1:${port}`)
export const askH2 = ({ port }) => askHttp2(`https://127.0.0.1:${port}`)

// ---- TCP ----

// `first` is what the client says, `ends` whether it then ends its half.
function askTcp({ port }, first, ends) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  return asked((resolve, reject) => {
    socket.on('error', reject)
    whole(socket, resolve, reject)
    if (first) socket.write(first)
    if (ends) socket.end()
  }, () => socket.destroy()).then(pidOf)
}

export const askLine = (where) => askTcp(where, 'who\n', false)
export const askFirst = (where) => askTcp(where, null, false)
export const askHalf = (where) => askTcp(where, 'who\n', true)

// ---- TLS sessions ----

// Connects with `session` and asks: {pid, session, reused}. The session of TLS 1.3 comes after the
// handshake, together with the answer or before it.
export async function askTls({ port }, version, session) {
  let kept = session
  const socket = tls.connect({
    port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: version, minVersion: version, session
  })
  socket.on('session', (fresh) => { kept = fresh })
  const text = await asked((resolve, reject) => {
    socket.on('error', reject)
    whole(socket, resolve, reject)
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  }, () => {})
  const reused = socket.isSessionReused()
  socket.destroy()
  return { pid: pidOf(text.split('\r\n\r\n')[1]), session: kept, reused }
}

// ---- UDP ----

// A datagram may get lost with the worker that had read it: then it is asked again.
export function askUdp({ port, family }) {
  const socket = dgram.createSocket(family)
  const host = family === 'udp6' ? '::1' : '127.0.0.1'
  let again
  return asked((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (text) => resolve(String(text)))
    socket.connect(port, host, () => {
      socket.send('who')
      again = setInterval(() => socket.send('who'), AGAIN_MS)
    })
  }, () => {
    clearInterval(again)
    socket.close()
  }).then(pidOf)
}

// ---- WebSocket ----

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

// A text frame of a client is masked.
function frame(opcode, text) {
  const mask = randomBytes(4)
  const data = Buffer.from(text).map((byte, i) => byte ^ mask[i % 4])
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | data.length]), mask, data])
}

// Upgrades, asks twice on the connection and closes it properly.
export function askWs({ port }) {
  const key = randomBytes(16).toString('base64')
  const accept = createHash('sha1').update(key + GUID).digest('base64')
  const request = http.request({
    port, host: '127.0.0.1', agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13'
    }
  })
  let socket
  return asked((resolve, reject) => {
    request.on('error', reject).on('response', (answer) => reject(new Error(`status ${answer.statusCode}`)))
    request.on('upgrade', (answer, upgraded) => {
      socket = upgraded
      if (answer.headers['sec-websocket-accept'] !== accept) reject(new Error('another key'))
      converse(socket, resolve, reject)
    })
    request.end()
  }, () => (socket ?? request).destroy()).then(pidOf)
}

function converse(socket, resolve, reject) {
  const answers = []
  let seen = Buffer.alloc(0)
  socket.on('error', reject).on('end', () => reject(cut('closed'))).on('data', (piece) => {
    seen = Buffer.concat([seen, piece])
    while (seen.length >= 2 && seen.length >= 2 + seen[1]) {
      const [opcode, text] = [seen[0] & 0xf, seen.toString('utf8', 2, 2 + seen[1])]
      seen = seen.subarray(2 + seen[1])
      if (opcode === 8) return resolve(`${answers[1]}\n`)
      answers.push(text)
      socket.write(answers.length === 1 ? frame(1, 'again') : frame(8, ''))
    }
  })
  socket.write(frame(1, 'who'))
}
