// SPDX-License-Identifier: MIT
// The package is one ready-made instance, as PM2's is; `custom` is its constructor.
// Loading opens no connection, starts no daemon and prints nothing.
'use strict'

const { API } = require('./lib/api')

// Apps started from here inherit it; PM2's own modules look at it.
process.env.PM2_PROGRAMMATIC = 'true'

module.exports = new API()
