// SPDX-License-Identifier: MIT
// Loaded by pm2d into Node apps (NODE_OPTIONS=--require). Tells of the exception that ends an app,
// and lets an app that is being replaced part from its clients without a request lost. That it does
// only when pm2d asks for it:
//
//   pm2d -> NODE_PM2_DRAIN      please finish what you have begun
//   app  -> NODE_PM2_DRAINING   this agent is there and has begun
//   app  -> NODE_PM2_DRAINED    no connection is open any more
//
// Node hands messages whose cmd begins with NODE_ to nobody but the internalMessage event, so that
// the app sees nothing of this. docs/ARCHITECTURE.md, "Reload".
'use strict';

const LOOK_MS = 20;
const STACK_CHARS = 65536;
const QUIET_MS = 200; // a kept connection on which nothing is said for so long is closed

// What the app and its children see is what they would see without us.
const options = process.env.NODE_OPTIONS;
const rest = options && options.replace(/^--require "(?:[^"\\]|\\.)*" ?/, '');
if (rest) process.env.NODE_OPTIONS = rest;
else delete process.env.NODE_OPTIONS;

if (process.env.disable_source_map_support !== 'true' && process.setSourceMapsEnabled)
  process.setSourceMapsEnabled(true);

if (process.channel && require('worker_threads').isMainThread) {
  process.on('internalMessage', (message) => {
    if (message.cmd === 'NODE_PM2_DRAIN') drain();
  });
  process.on('uncaughtExceptionMonitor', report);
}

let draining = false;
let net;
const servers = new Map(); // server -> {bytes, since}: when it was last heard of

function tell(cmd) {
  if (process.connected) process.send({ cmd }, undefined, undefined, () => {});
}

// What ends the app, as PM2 tells it; rejections come here, too. The event only watches: the app
// ends as it would have. One that takes care of its exceptions, or has a library report them, does
// without us.
function report(error) {
  if (!process.connected || process.listenerCount('uncaughtException') > 0) return;
  try {
    const { message = String(error), stack = '', name = 'Error' } = Object(error);
    const data = {
      message: String(message).slice(0, STACK_CHARS),
      stack: String(stack).slice(0, STACK_CHARS),
      name: String(name),
    };
    process.send({ type: 'process:exception', data }, undefined, undefined, () => {});
  } catch {} // an object that cannot be looked at is no reason to end otherwise
}

// Answers from now on tell the client to come back by a new connection.
function partAfter(response) {
  if (!response.headersSent) response.shouldKeepAlive = false;
}

// Only those that accept by themselves: where pm2d hands the connections over, it has stopped. An
// app that closes its server later, at the signal, shall find it as it left it.
function stopAccepting(server) {
  net.Server.prototype.close.call(server);
  server.close = function close(done) {
    if (done) {
      if (server._connections > 0) server.once('close', () => done());
      else process.nextTick(done);
    }
    return server;
  };
}

function leaveSessions(server) {
  for (const symbol of Object.getOwnPropertySymbols(server)) {
    if (symbol.description === 'sessions' && server[symbol] instanceof Set)
      for (const session of server[symbol]) session.close(); // what has begun is finished
  }
}

function meet(server) {
  servers.set(server, { bytes: -1, since: Date.now() });
  if (typeof server.updateSettings !== 'function') return;
  server.on('stream', (stream) => stream.session && stream.session.close());
  leaveSessions(server);
}

function openSockets() {
  return process._getActiveHandles().filter(
    (h) => h instanceof net.Socket && h.server instanceof net.Server && !h.destroyed);
}

function look() {
  const now = Date.now();
  const open = openSockets();
  const bytes = new Map();
  for (const socket of open) {
    if (!servers.has(socket.server)) meet(socket.server);
    bytes.set(socket.server, (bytes.get(socket.server) || 0) + socket.bytesRead + socket.bytesWritten);
    if (socket._httpMessage) partAfter(socket._httpMessage);
  }
  for (const [server, sum] of bytes) {
    const state = servers.get(server);
    if (sum !== state.bytes) {
      state.bytes = sum;
      state.since = now;
    } else if (now - state.since >= QUIET_MS && server.closeIdleConnections) {
      server.closeIdleConnections();
      state.since = now;
    }
  }
  return open.length;
}

function drain() {
  if (draining) return;
  draining = true;
  net = require('net');
  tell('NODE_PM2_DRAINING');
  require('diagnostics_channel')
    .channel('http.server.request.start')
    .subscribe(({ response }) => partAfter(response));
  for (const handle of process._getActiveHandles())
    if (handle instanceof net.Server) stopAccepting(handle);
  const timer = setInterval(() => {
    if (look() > 0) return;
    clearInterval(timer);
    tell('NODE_PM2_DRAINED');
  }, LOOK_MS);
  if (look() === 0) {
    clearInterval(timer);
    tell('NODE_PM2_DRAINED');
  }
}
