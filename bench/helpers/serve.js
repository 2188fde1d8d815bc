// SPDX-License-Identifier: MIT
// serve.js: a server that listens on $PORT once $BOOT_MS are over, puts a line with its pid into the
// file $READY then, and answers with its pid after $SLOW_MS.
'use strict'
const fs = require('fs')
const { PORT, READY, BOOT_MS = 0, SLOW_MS = 0 } = process.env
const reply = (answer) => answer.end(`${process.pid}\n`)
const server = require('http').createServer((request, answer) => {
  if (+SLOW_MS) setTimeout(reply, +SLOW_MS, answer)
  else reply(answer)
})
server.keepAliveTimeout = 60000 // kept connections end when somebody says so
const listen = () => server.listen(+PORT, () => fs.appendFileSync(READY, `${process.pid}\n`))
setTimeout(listen, +BOOT_MS)
