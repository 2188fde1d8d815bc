// SPDX-License-Identifier: MIT
// Is ready when the file in $GO exists.
const { existsSync } = require('node:fs');
const timer = setInterval(() => {
  if (!existsSync(process.env.GO)) return;
  clearInterval(timer);
  process.send('ready');
  setInterval(() => {}, 1000);
}, 20);
console.log('waiting');
