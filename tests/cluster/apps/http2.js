// HTTP/2, cleartext or (SECURE) over TLS.
'use strict'
const http2 = require('http2')
const { readFileSync } = require('fs')
const reply = (stream) => stream.respond() || stream.end(`${process.pid}\n`)
const server = process.env.SECURE
  ? http2.createSecureServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem') })
  : http2.createServer()
server.on('stream', reply).listen(+process.env.PORT)
