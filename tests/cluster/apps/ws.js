// A WebSocket server by hand: the upgrade, then each short text frame is answered with the pid.
'use strict'
const { createHash } = require('crypto')
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const frame = (opcode, text) => Buffer.from([0x80 | opcode, text.length, ...Buffer.from(text)])

function serve(socket) {
  let seen = Buffer.alloc(0)
  socket.on('error', () => {}).on('data', (piece) => {
    seen = Buffer.concat([seen, piece])
    while (seen.length >= 6 && seen.length >= 6 + (seen[1] & 0x7f)) {
      const opcode = seen[0] & 0xf
      seen = seen.subarray(6 + (seen[1] & 0x7f))
      if (opcode === 8) socket.end(frame(8, ''))
      else socket.write(frame(1, String(process.pid)))
    }
  })
}

require('http').createServer((request, answer) => answer.end('no\n'))
  .on('upgrade', (request, socket) => {
    const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${key.digest('base64')}\r\n\r\n`)
    serve(socket)
  })
  .listen(+process.env.PORT)
