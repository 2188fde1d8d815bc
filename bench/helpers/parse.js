// SPDX-License-Identifier: MIT
// parse.js PACKAGE FILE: nanoseconds in which PM2 reads, parses and verifies FILE, by the functions
// of its npm package that `pm2 start FILE` calls. The start of node and the loading of modules are
// no part of it: the first call, of an app of its own, loads what is loaded late.
'use strict'
const fs = require('fs')
const path = require('path')
const Common = require(path.join(process.argv[2], 'lib', 'Common.js'))

function verified (text, name) {
  const confs = Common.verifyConfs(Common.parseConfig(text, name).apps)
  if (!Array.isArray(confs)) throw new Error(`${name}: ${confs}`)
  return confs.length
}

verified('{"apps": [{"name": "one", "script": "/bin/sleep"}]}', 'one.json')
const file = process.argv[3]
const start = process.hrtime.bigint()
verified(fs.readFileSync(file), file)
console.log(String(process.hrtime.bigint() - start))
