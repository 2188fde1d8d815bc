// What a worker sees of itself, as JSON over http.
'use strict'
const { env, pid, argv, execArgv } = process
require('http').createServer((request, answer) => {
  const uid = process.getuid()
  const gid = process.getgid()
  const { stack } = require('./thrower.js')()
  answer.end(JSON.stringify({ pid, argv: argv.slice(2), execArgv, env, uid, gid, stack }))
}).listen(+process.env.PORT)
