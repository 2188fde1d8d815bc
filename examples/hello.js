// SPDX-License-Identifier: MIT
// A small web server on $PORT (default 3000) that also says something once a second.
const http = require('node:http');

const port = Number(process.env.PORT || 3000);
const started = Date.now();
let served = 0;

const server = http.createServer((request, response) => {
  served += 1;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`Hello from process ${process.env.pm_id || '?'} (pid ${process.pid})\n`);
});

server.on('error', (error) => {
  console.error(`cannot listen on port ${port}: ${error.code}`);
  process.exit(1);
});

server.listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${port}/`);
});

setInterval(() => {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`up ${seconds} s, ${served} requests served`);
}, 1000);

// pm2 stop sends SIGINT: finish what is under way, then go.
process.on('SIGINT', () => {
  console.log('stopping');
  server.close(() => process.exit(0));
  server.closeAllConnections?.();
});
