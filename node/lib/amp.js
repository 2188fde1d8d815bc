// SPDX-License-Identifier: MIT
// The frames of both sockets (docs/PROTOCOL.md). No I/O: bytes go in, messages come out.
'use strict'

const VERSION = 1
const MAX_ARGS = 15
const MAX_BYTES = 32 * 1024 * 1024 // as the daemon's: a frame beyond it is no frame
const EMPTY = Buffer.alloc(0)

// One frame. Texts and JSON values can be mixed; buffers go as they are. Throws when it would be too
// long for the daemon, which closes the connection then, and on what JSON cannot hold.
function encode(args) {
  const parts = [Buffer.from([(VERSION << 4) | args.length])]
  let total = 0
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg)
      ? arg
      : Buffer.from(typeof arg === 'string' ? `s:${arg}` : `j:${JSON.stringify(arg)}`)
    total += bytes.length
    if (total > MAX_BYTES) {
      throw new Error(`a message of ${total} bytes is too long: ${MAX_BYTES} are allowed`)
    }
    const size = Buffer.alloc(4)
    size.writeUInt32BE(bytes.length)
    parts.push(size, bytes)
  }
  return Buffer.concat(parts)
}

// Throws when an argument that says to be JSON is none.
function decodeArg(bytes) {
  const mark = bytes.toString('latin1', 0, 2)
  if (mark === 's:') return bytes.toString('utf8', 2)
  if (mark === 'j:') return JSON.parse(bytes.toString('utf8', 2))
  return bytes
}

// Collects pieces of a stream and cuts them into frames. Pieces are joined only when they can hold
// a whole frame, so that a long frame in many pieces costs no more than its length.
class Reader {
  constructor() {
    this.pieces = []
    this.bytes = 0
    this.need = 1
  }

  // Returns the messages that are complete now, each an array of arguments. Throws on what can not
  // be a frame; the reader is of no use then.
  feed(piece) {
    this.pieces.push(piece)
    this.bytes += piece.length
    if (this.bytes < this.need) return []
    let data = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces)
    const messages = []
    for (;;) {
      const end = this.frameEnd(data)
      if (end < 0) break
      messages.push(splitFrame(data, end))
      data = data.subarray(end)
    }
    this.pieces = data.length ? [data] : []
    this.bytes = data.length
    return messages
  }

  // Where the first frame of `data` ends, or -1 with `need` set to a length worth another look.
  frameEnd(data) {
    this.need = 1
    if (data.length === 0) return -1
    const count = data[0] & MAX_ARGS
    if (data[0] >> 4 !== VERSION || count === 0) throw new Error('not the protocol of PM2')
    let at = 1
    for (let i = 0; i < count; i++) {
      this.need = at + 4
      if (data.length < this.need) return -1
      this.need += data.readUInt32BE(at)
      if (this.need > MAX_BYTES + 64) throw new Error('a message is too long')
      if (data.length < this.need) return -1
      at = this.need
    }
    return at
  }
}

function splitFrame(data, end) {
  const args = []
  for (let at = 1; at < end;) {
    const size = data.readUInt32BE(at)
    args.push(size ? decodeArg(data.subarray(at + 4, at + 4 + size)) : EMPTY)
    at += 4 + size
  }
  return args
}

module.exports = { encode, Reader }
