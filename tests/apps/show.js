// SPDX-License-Identifier: MIT
// Prints what it was given as one JSON line, then stays.
console.log('SHOW ' + JSON.stringify({
  args: process.argv.slice(2),
  cwd: process.cwd(),
  execArgv: process.execArgv,
  env: process.env,
  channel: typeof process.send,
}));
setInterval(() => {}, 1000);
