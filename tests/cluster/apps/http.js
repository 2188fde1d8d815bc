// http in a cluster; each answer carries the worker's pid.
'use strict'
const server = require('http').createServer((request, answer) => answer.end(`${process.pid}\n`))
server.listen(process.env.SOCKET || +process.env.PORT, () => console.log('at', server.address().port))
