// SPDX-License-Identifier: MIT
// client.js MODULE COUNT: nanoseconds from before require(MODULE) until list and disconnect are
// done. The start of node itself is no part of it: it is the same whatever is required. (Whoever
// times the process from outside counts it.)
'use strict'
const start = process.hrtime.bigint()
const pm2 = require(process.argv[2])
pm2.connect((err) => {
  if (err) throw err
  pm2.list((err, list) => {
    if (err) throw err
    if (list.length !== Number(process.argv[3])) throw new Error(`${list.length} processes`)
    pm2.disconnect()
    console.log(String(process.hrtime.bigint() - start))
    process.exit(0)
  })
})
