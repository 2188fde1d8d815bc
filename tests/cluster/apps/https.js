// https and plain TLS with a certificate of the test's.
'use strict'
const { readFileSync } = require('fs')
const files = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }
require('https')
  .createServer(files, (request, answer) => answer.end(`${process.pid}\n`))
  .listen(+process.env.PORT)
