// SPDX-License-Identifier: MIT
// Like the role "channel" of app.py, with Node's own idea of a channel.
'use strict'
const fs = require('fs')
const path = require('path')

const file = path.join(process.argv[2], process.env.name)
fs.appendFileSync(file + '.starts', process.pid + '\n')
process.on('message', message => {
  fs.appendFileSync(file + '.got', message.data.n + '\n')
  process.send({ type: 'echo', data: { n: message.data.n } })
})
process.on('disconnect', () => {
  fs.appendFileSync(file + '.got', 'closed\n')
  setInterval(() => {}, 1e6)
})
