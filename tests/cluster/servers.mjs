// SPDX-License-Identifier: MIT
// The table of servers that have to work in cluster mode. A row says which app of apps/ runs and
// who asks it:
//
//   name, script   what it is called, and the file
//   ask            a client (clients.mjs): asks once, gives the pid that answered
//   client         makes a client that keeps something from one time to the next; else it is ask
//   env, conf      variables of the app; other members of its process file
//   at             where it listens: a port (default), a "path", or "any" port that the app prints
//   any            true: the kernel chooses the worker, so not every one may get its turn
//   from           the first Node that has it
//   bun            Bun has it as well: "kept" as Node, or each worker with a socket of its "own", which
//                  nobody can keep for it
//   each           it runs under each Node, not under the oldest and the newest only
//   module         npm package that it needs (packages.sh)
import * as clients from './clients.mjs'

export const SERVERS = [
  { name: 'http', script: 'http.js', ask: clients.askHttp, bun: 'own', each: true },
  { name: 'http, kept alive', script: 'http.js', ask: clients.askHttp, client: clients.keepAlive, bun: 'own' },
  { name: 'http, slow', script: 'http.js', env: { SLOW_MS: 100 }, ask: clients.askHttp, client: clients.keepAlive },
  { name: 'http, least connections', script: 'http.js', conf: { balance: 'least-connections' }, ask: clients.askHttp },
  { name: 'http, sticky', script: 'http.js', conf: { balance: 'sticky' }, ask: clients.askHttp, any: true },
  { name: 'http, shared', script: 'http.js', conf: { balance: 'shared' }, ask: clients.askHttp, any: true },
  { name: 'http, reuseport', script: 'http.js', conf: { balance: 'reuseport' }, ask: clients.askHttp },
  { name: 'https', script: 'https.js', ask: clients.askHttps, bun: 'own', each: true },
  { name: 'http2, cleartext', script: 'http2.js', ask: clients.askH2c, bun: 'own' },
  { name: 'http2 over TLS', script: 'http2.js', env: { SECURE: 1 }, ask: clients.askH2, bun: 'own' },
  { name: 'WebSocket', script: 'ws.js', ask: clients.askWs, bun: 'own' },
  { name: 'net', script: 'net.js', env: { TALK: 'line' }, ask: clients.askLine, bun: 'kept', each: true },
  { name: 'net, the server begins', script: 'net.js', env: { TALK: 'first' }, ask: clients.askFirst, bun: 'kept' },
  { name: 'net, half open', script: 'net.js', env: { TALK: 'half' }, ask: clients.askHalf, bun: 'kept' },
  { name: 'udp4', script: 'udp.js', env: { FAMILY: 'udp4' }, ask: clients.askUdp, any: true, bun: 'kept', each: true },
  { name: 'udp6', script: 'udp.js', env: { FAMILY: 'udp6' }, ask: clients.askUdp, any: true, bun: 'kept' },
  { name: 'UNIX socket', script: 'http.js', at: 'path', ask: clients.askHttp, each: true },
  { name: 'port 0', script: 'http.js', at: 'any', ask: clients.askHttp },
  { name: 'ES module', script: 'http.mjs', ask: clients.askHttp, bun: 'own', each: true },
  { name: 'TypeScript', script: 'http.ts', ask: clients.askHttp, from: 22, bun: 'own', each: true },
  { name: 'express', script: 'express.js', ask: clients.askHttp, module: 'express', bun: 'own', each: true },
  { name: 'fastify', script: 'fastify.js', ask: clients.askHttp, module: 'fastify', from: 20, bun: 'own' }
]
