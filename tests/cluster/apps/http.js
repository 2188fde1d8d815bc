// http in a cluster; each answer carries the worker's pid, after SLOW_MS.
'use strict'
const { PORT, SOCKET, SLOW_MS } = process.env
const reply = (answer) => answer.end(`${process.pid}\n`)
const server = require('http').createServer((request, answer) => {
  if (SLOW_MS) setTimeout(reply, +SLOW_MS, answer)
  else reply(answer)
})
server.listen(SOCKET || +PORT, () => console.log('at', server.address().port))
