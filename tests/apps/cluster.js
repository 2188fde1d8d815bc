// A worker of a cluster in several forms, chosen by KIND; it answers with its pid. PORT and HOST
// say where; what happens is printed.
'use strict';
const kind = process.env.KIND || 'http';
const port = +process.env.PORT || 0;
const where = process.env.SOCKET ? { path: process.env.SOCKET } : { port, host: process.env.HOST };
const say = (...words) => console.log(words.join(' '));

function up(server) {
  const address = server.address();
  say('listening', address && address.port !== undefined ? address.port : address);
}

function start(server, options = where) {
  server.on('error', (e) => say('error', e.code));
  server.listen(options, () => up(server));
  return server;
}

function web() {
  const http = require('http');
  return http.createServer((request, answer) => {
    if (request.url === '/slow') setTimeout(() => answer.end(`${process.pid}\n`), 300);
    else if (request.url === '/again') again(answer);
    else if (request.url === '/die') process.exit(1);
    else answer.end(`${process.pid}\n`);
  });
}

// Closes the server and listens in the same place again.
function again(answer) {
  answer.setHeader('connection', 'close');
  answer.end('again\n');
  server.close();
  server = start(web());
}

let server;
const kinds = {
  http() { server = start(web()); },
  tls() {
    const { readFileSync } = require('fs');
    const files = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
    start(require('tls').createServer(files, (c) => c.on('error', () => {}).end(`${process.pid}\n`)));
  },
  net() { start(require('net').createServer((c) => c.end(`${process.pid}\n`))); },
  twice() { start(web()).on('listening', () => start(web())); },
  two() { start(web()); start(web(), { port: +process.env.PORT2 }); },
  many() {
    for (let i = 0; i < 1100; i++)
      web().on('error', (e) => say('error', e.code)).listen(0, '127.0.0.1', () => say('listening'));
  },
  closes() {
    const first = start(web());
    first.on('listening', () => { first.close(); setTimeout(() => start(web()), 100); });
  },
  exclusive() { start(web(), { port, exclusive: true }); },
  never() { say('here'); setInterval(() => {}, 1000); },
  fd() { start(web(), { fd: 0 }); },
  udp() {
    const socket = require('dgram').createSocket('udp4');
    socket.on('message', (m, from) => socket.send(`${process.pid}\n`, from.port, from.address));
    socket.on('listening', () => up(socket));
    socket.on('error', (e) => say('error', e.code));
    socket.bind(port, '127.0.0.1');
  },
  garbage() {
    server = start(web());
    for (const query of [{ port: 'x' }, { port: 70000 }, { act: 5 }, { seq: -1 }, { seq: 'x' }, {}])
      process._send?.({ cmd: 'NODE_CLUSTER', act: 'queryServer', seq: 1000, ...query });
    process.send({ cmd: 'NODE_CLUSTER', act: 'close', key: 7 });
    process.send({ cmd: 'NODE_CLUSTER', ack: 99999, accepted: true });
  },
  flood() {
    server = start(web());
    const text = 'x'.repeat(10000);
    for (let i = 0; i < 2000; i++) process.send({ type: 'flood', text });
    say('flooded');
  },
  leave() { start(web()).on('listening', () => require('cluster').worker.disconnect()); },
};
kinds[kind]();
