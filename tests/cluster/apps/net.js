// Plain TCP. TALK says who begins: the client with a line (line); the server (first); or the server
// answers only after the client has ended its half of the connection (half).
'use strict'
const net = require('net')
const say = (c) => c.end(`${process.pid}\n`)
const talks = {
  line: (c) => c.once('data', () => say(c)),
  first: say,
  half: (c) => c.on('data', () => {}).on('end', () => say(c))
}
net.createServer({ allowHalfOpen: process.env.TALK === 'half' }, (c) => {
  c.on('error', () => {})
  talks[process.env.TALK](c)
}).listen(+process.env.PORT)
