// SPDX-License-Identifier: MIT
// A web server that gets its socket from pm2, or from systemd; started by hand it opens one itself.
// In fork mode: workers of Node's cluster share their sockets without this.
//
//     pm2 start hello.js --listen 8080
//     node hello.js
'use strict'
const http = require('http')

// The variables are inherited by whatever we start; the sockets are meant for one process only.
const isGiven = process.env.LISTEN_PID === String(process.pid)

const server = http.createServer((request, response) => {
  response.end(`hello from\n${process.pid}\n`)
})
server.listen(isGiven ? { fd: 3 } : 8080, () => {
  if (process.send) process.send('ready')
})

// The requests under way are answered; who waits in the socket's queue is answered by our successor.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    server.close(() => process.exit())
    server.closeIdleConnections()
  })
}
