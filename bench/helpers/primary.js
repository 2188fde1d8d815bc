// SPDX-License-Identifier: MIT
// primary.js SCRIPT COUNT: Node's own cluster module, with nothing around it.
'use strict'
const cluster = require('cluster')
cluster.setupPrimary({ exec: process.argv[2] })
for (let i = 0; i < Number(process.argv[3]); i++) cluster.fork()
