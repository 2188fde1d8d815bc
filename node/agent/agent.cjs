// SPDX-License-Identifier: MIT
// Loaded by pm2d into Node apps (NODE_OPTIONS=--require). Tells what PM2 tells of such apps: figures
// once a second, the exception that ends them; profiles them when a user asks for it, and lets one
// that is being replaced part from its clients without a request lost.
//
//   pm2d -> NODE_PM2_HELLO      who is there? (a pm2d that follows another one)
//   app  -> NODE_PM2_HELLO      this agent: {options, actions}, as of axm:option:configuration, axm:action
//   pm2d -> NODE_PM2_ACTION     please carry out {request}; the answer is an axm:reply
//   pm2d -> NODE_PM2_DRAIN      please finish what you have begun
//   app  -> NODE_PM2_DRAINING   this agent is there and has begun
//   app  -> NODE_PM2_DRAINED    no connection is open any more
//
// Node hands messages whose cmd begins with NODE_ to nobody but the internalMessage event, so that
// the app sees nothing of this, and its channel does not keep it alive. docs/ARCHITECTURE.md, "Reload".
//
// What is here must not be noticed by an app: no listener that changes what Node does, no timer
// that keeps it alive, nothing on its objects, no module loaded that it may not need.
'use strict';

const TICK_MS = 990; // as PM2
const LOOK_MS = 20;
const STACK_CHARS = 65536;
const CONTEXT_LINES = 5; // before and behind the line of an exception
const SOURCE_BYTES = 4 << 20; // a larger source file is not read for them
const QUIET_MS = 200; // a kept connection on which nothing is said for so long is closed
const LATENCIES = 128; // of the event loop that are kept: about two minutes
const MINUTE = 60; // ticks
const TIMED_REQUESTS = 32; // of one tick; the others are only counted
const KEPT_REQUESTS = 1024;
const MESSAGE_CHARS = 12 << 20; // below LIMIT_CHANNEL_LINE_BYTES; what is larger goes to a file

const IO = Symbol.for('@pm2/io');
const HIST = { historic: true };
// What an app puts into their place later is not meant for us.
const { setInterval, clearInterval, setTimeout, clearTimeout, setImmediate } = globalThis;
const { send: sendToParent, memoryUsage, hrtime } = process;
// Threads have no channel. The module is asked only without one: it would be loaded for nothing else.
const isMain = Boolean(process.channel) || require('worker_threads').isMainThread;

delete require.cache[__filename];
// Threads get a copy of what has been cleaned here.
if (isMain) cleanEnvironment();
if (process.env.disable_source_map_support !== 'true' && process.setSourceMapsEnabled)
  process.setSourceMapsEnabled(true);

// What the app and its children see is what they would see without us.
function cleanEnvironment() {
  const options = process.env.NODE_OPTIONS;
  const rest = options && options.replace(/^--require "(?:[^"\\]|\\.)*" ?/, '');
  if (rest) process.env.NODE_OPTIONS = rest;
  else delete process.env.NODE_OPTIONS;
}

function begin() {
  process.on('internalMessage', (message) => {
    if (message.cmd === 'NODE_PM2_DRAIN') drain();
    else if (message.cmd === 'NODE_PM2_ACTION') act(message.request);
    else if (message.cmd === 'NODE_PM2_HELLO') hello();
  });
  process.on('uncaughtExceptionMonitor', report);
  hello();
  countRequests();
  startTicking();
}

// On a clock that nobody sets; `performance` would bring a dozen modules.
function nowMs() {
  const [seconds, ns] = hrtime.call(process);
  return seconds * 1e3 + ns / 1e6;
}

function tell(message, done = () => {}) {
  if (process.connected) sendToParent.call(process, message, undefined, undefined, done);
  else done();
}

function hello() {
  tell({
    cmd: 'NODE_PM2_HELLO',
    options: {
      error: true,
      heapdump: true,
      'feature.profiler.heapsnapshot': false, // the name is historic: km:heapdump is there
      'feature.profiler.heapsampling': true,
      'feature.profiler.cpu_js': true,
      latency: true,
      catchExceptions: true,
      profiling: true,
      metrics: { v8: true, network: false, eventLoop: true, runtime: true, http: true },
      standalone: false,
      tracing: { enabled: false, outbound: false },
      module_conf: {},
      apm: { type: 'node', version: '8.0.0' }, // of PM2 7.0.4
      module_name: process.env.name,
    },
    actions: Object.keys(actions).map((name) => ({
      action_name: name,
      action_type: 'internal',
      arity: actions[name].length,
    })),
  });
}

// ---- figures ----

const latencies = new Float64Array(LATENCIES);
let latencyCount = 0;
let tickedAt = 0;
let isTelling = false; // the last figures have not left yet: pm2d does not read

function startTicking() {
  tickedAt = nowMs();
  const timer = setInterval(() => {
    try {
      if (process.connected) return tick();
    } catch {} // what the app has made of process and its globals is its own affair
    return clearInterval(timer);
  }, TICK_MS);
  timer.unref();
}

function tick() {
  const now = nowMs();
  latencies[latencyCount++ % LATENCIES] = Math.max(0, now - tickedAt - TICK_MS);
  tickedAt = now;
  startModule();
  const figures = isTelling ? null : withoutThoseOfApp(measure());
  for (const kind of kinds) nextTickOf(kind);
  if (!figures) return;
  isTelling = true;
  tell({ type: 'axm:monitor', data: figures }, () => { isTelling = false; });
}

// Of npm's module @pm2/io: under PM2 that of the process has begun before the app, and many leave it at that.
function startModule() {
  const io = globalThis[IO];
  if (!io || io.initialConfig !== undefined || typeof io.init !== 'function') return;
  try {
    io.init();
  } catch {}
}

// The library in the app tells of the same; under PM2 it would be one with PM2's own.
function withoutThoseOfApp(figures) {
  const io = globalThis[IO];
  const own = io && io.metricService && io.metricService.metrics;
  if (own instanceof Map) for (const name of own.keys()) delete figures[name];
  return figures;
}

function measure() {
  const { heapTotal, heapUsed } = memoryUsage();
  const sorted = latencies.slice(0, Math.min(latencyCount, LATENCIES)).sort();
  const figures = {
    'Heap Size': { ...HIST, unit: 'MiB', type: 'internal/v8/heap/total', value: mib(heapTotal) },
    'Heap Usage': { ...HIST, unit: '%', type: 'internal/v8/heap/usage', value: round((heapUsed / heapTotal) * 100) },
    'Used Heap Size': { ...HIST, unit: 'MiB', type: 'internal/v8/heap/used', value: mib(heapUsed) },
    'Active requests': { ...HIST, type: 'internal/libuv/requests', value: lengthOf(process._getActiveRequests) },
    'Active handles': { ...HIST, type: 'internal/libuv/handles', value: lengthOf(process._getActiveHandles) },
    'Event Loop Latency': { ...HIST, unit: 'ms', type: 'internal/libuv/latency/p50', value: percentile(sorted, 0.5).toFixed(2) },
    'Event Loop Latency p95': { ...HIST, unit: 'ms', type: 'internal/libuv/latency/p95', value: percentile(sorted, 0.95).toFixed(2) },
  };
  for (const kind of kinds) addRequests(figures, kind);
  return figures;
}

function lengthOf(list) {
  return typeof list === 'function' ? list.call(process).length : 0;
}

function mib(bytes) {
  return (bytes / 1048576).toFixed(2);
}

function round(value) {
  return Math.round(value * 100) / 100;
}

// Between the two values that are nearest to the wanted place.
function percentile(sorted, share) {
  const place = Math.min(Math.max(share * (sorted.length + 1) - 1, 0), sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

// ---- HTTP ----

// Every request is counted, and that has to cost nearly nothing: the channel of their begin is the only
// one that is listened to. The first ones of each tick are timed, by a listener of their own.
const http = requestsOf('HTTP', 'http');
const https = requestsOf('HTTPS', 'https');
const kinds = [http, https];
let begins; // the channel of Node: it would be collected if nobody had it

function requestsOf(name, type) {
  return {
    name,
    type: `internal/${type}/builtin`,
    count: 0, // in this tick
    isUsed: false, // in an earlier one
    perTick: new Float64Array(MINUTE), // the ticks before
    tick: 0,
    times: null, // of the last ones, once there are any
    timesCount: 0,
  };
}

function countRequests() {
  try {
    begins = require('diagnostics_channel').channel('http.server.request.start');
    begins.subscribe(onRequest);
  } catch {} // Node 14 may lack it
}

function onRequest({ socket, response }) {
  const kind = socket && socket.encrypted ? https : http;
  if (++kind.count <= TIMED_REQUESTS) time(kind, response);
}

// To the end of the answer; none is noted of one that is cut off.
function time(kind, response) {
  const at = nowMs();
  try {
    response.once('finish', () => note(kind, nowMs() - at));
  } catch {} // what the app has made of its answers is its own affair
}

function note(kind, ms) {
  kind.times = kind.times || new Float64Array(KEPT_REQUESTS);
  kind.times[kind.timesCount++ % KEPT_REQUESTS] = ms;
}

function nextTickOf(kind) {
  kind.isUsed = kind.isUsed || kind.count > 0;
  kind.perTick[kind.tick] = kind.count;
  kind.tick = (kind.tick + 1) % MINUTE;
  kind.perTick[kind.tick] = 0;
  kind.count = 0;
}

function addRequests(figures, kind) {
  const { name, type, times, timesCount, perTick, count } = kind;
  if (timesCount > 0) {
    const sorted = times.slice(0, Math.min(timesCount, KEPT_REQUESTS)).sort();
    figures[`${name} Mean Latency`] = { ...HIST, unit: 'ms', type: `${type}/latency/p50`, value: round(percentile(sorted, 0.5)) };
    figures[`${name} P95 Latency`] = { ...HIST, unit: 'ms', type: `${type}/latency/p95`, value: round(percentile(sorted, 0.95)) };
  }
  if (kind.isUsed || count > 0)
    figures[name] = { ...HIST, unit: 'req/min', type: `${type}/reqs`, value: perTick.reduce((a, b) => a + b, count) };
}

// ---- exceptions ----

// What ends the app, as PM2 tells it; rejections come here, too. The event only watches: the app
// ends, or goes on, as it would have.
function report(error) {
  if (!process.connected || isReportedByApp()) return;
  try {
    const data = describe(error);
    if (process.env.exec_mode === 'cluster_mode') addOwn(data, error);
    tell({ type: 'process:exception', data });
  } catch {} // an object that cannot be looked at is no reason to end otherwise
}

// @pm2/io tells by itself, but not of workers.
function isReportedByApp() {
  const config = globalThis[IO] && globalThis[IO].initialConfig;
  return config && config.catchExceptions !== false && process.env.exec_mode !== 'cluster_mode';
}

function cut(text) {
  return String(text).slice(0, STACK_CHARS);
}

function describe(error) {
  if (error instanceof Error) {
    const { message, stack, name } = error;
    return { message: cut(message), stack: cut(stack), name: cut(name), ...whereabouts(cut(stack)) };
  }
  let text;
  try {
    text = `Non-error value: ${JSON.stringify(error)}`;
  } catch {
    text = 'Non-error value that has no JSON';
  }
  const message = text.length > 1000 ? `${text.slice(0, 1000)}...` : text;
  return { message, stack: `Error: ${message}`, name: 'Error' };
}

// A worker's exception is told by PM2 with all its properties.
function addOwn(data, error) {
  if (!(error instanceof Error)) return;
  for (const key of Object.getOwnPropertyNames(error)) {
    if (key in data) continue;
    try {
      const text = JSON.stringify(error[key]);
      if (text && text.length <= STACK_CHARS) data[key] = error[key];
    } catch {}
  }
}

// Of the first place in the stack that is in a file of the app: {context, callsite}, or nothing.
function whereabouts(stack) {
  for (const line of stack.split('\n')) {
    const found = /^(?:\s+at .*?)?\(?(?:file:\/\/)?(\/.*?):(\d+)(?::\d+)?\)?$/.exec(line);
    if (!found || found[1].includes('/node_modules/')) continue;
    const [, file, number] = found;
    const context = contextOf(file, Number(number));
    return context === null ? {} : { context, callsite: `${file}:${number}` };
  }
  return {};
}

function contextOf(file, number) {
  try {
    const fs = require('fs');
    if (fs.statSync(file).size > SOURCE_BYTES) return null;
    const lines = fs.readFileSync(file, 'utf8').split(/\r?\n/);
    const at = number - 1;
    const from = Math.max(0, at - CONTEXT_LINES);
    return lines.slice(from, at + 1 + CONTEXT_LINES).map((text, i) => {
      const spaced = text.replace(/\t/g, '  ');
      return from + i === at ? spaced.replace('  ', '>>') : spaced;
    }).join('\n');
  } catch {
    return null;
  }
}

// ---- actions ----

const PROFILES = {
  cpu: { domain: 'Profiler', start: 'start', stop: 'stop', type: 'cpuprofile' },
  heap: { domain: 'HeapProfiler', start: 'startSampling', stop: 'stopSampling', type: 'heapprofile' },
};
const SAMPLE_BYTES = 16384;
let profile = null; // the one that runs: {kind, session, uuid, at, initiated, timer}

// The number of parameters is shown to users: (opts, reply) or (reply).
const actions = {
  __proto__: null,
  'km:heapdump'(opts, reply) {
    takeSnapshot(opts, reply);
  },
  'km:cpu:profiling:start'(opts, reply) {
    startProfile(PROFILES.cpu, {}, opts, reply);
  },
  'km:cpu:profiling:stop'(reply) {
    stopProfile(PROFILES.cpu, reply);
  },
  'km:heap:sampling:start'(opts, reply) {
    const { samplingInterval = SAMPLE_BYTES } = opts;
    startProfile(PROFILES.heap, { samplingInterval: Number(samplingInterval) || SAMPLE_BYTES }, opts, reply);
  },
  'km:heap:sampling:stop'(reply) {
    stopProfile(PROFILES.heap, reply);
  },
};

// request: the name of an action, or {msg, opts}. The command line gives opts as text.
function act(request) {
  const name = typeof request === 'object' ? request.msg : request;
  const action = actions[name];
  if (!action) return;
  const reply = (value) => tell({
    type: 'axm:reply',
    data: { at: Date.now(), action_name: name, return: value },
  });
  try {
    if (action.length === 2) action(optionsOf(request.opts), reply);
    else action(reply);
  } catch (error) {
    reply({ err: cut(error.message), success: false });
  }
}

function optionsOf(opts) {
  if (typeof opts === 'string') {
    try {
      opts = JSON.parse(opts);
    } catch {}
  }
  return typeof opts === 'object' && opts !== null ? opts : {};
}

function initiatedBy(opts) {
  return typeof opts.initiated === 'string' ? opts.initiated : 'manual';
}

function newSession() {
  const { Session } = require('inspector');
  const session = new Session();
  session.connect();
  return session;
}

// Commands to a session of the own thread are answered before post() returns.
function ask(session, method, params) {
  let answer;
  session.post(method, params, (error, result) => {
    if (error) throw new Error(error.message);
    answer = result;
  });
  return answer;
}

function startProfile(kind, params, opts, reply) {
  if (profile) return reply({ err: 'A profiling is already running', success: false });
  const session = newSession();
  try {
    ask(session, `${kind.domain}.enable`);
    ask(session, `${kind.domain}.${kind.start}`, params);
  } catch (error) {
    session.disconnect();
    throw error;
  }
  const uuid = Math.random().toString(36).slice(2);
  profile = { kind, session, uuid, at: Date.now(), initiated: initiatedBy(opts) };
  const timeoutMs = parseInt(opts.timeout, 10);
  if (timeoutMs > 0) {
    profile.timer = setTimeout(() => stopProfile(kind, () => {}), timeoutMs);
    profile.timer.unref();
  }
  return reply({ success: true, uuid });
}

function stopProfile(kind, reply) {
  if (!profile || profile.kind !== kind)
    return reply({ err: 'No profiling are already running', success: false });
  const { session, uuid, at, initiated, timer } = profile;
  profile = null;
  clearTimeout(timer);
  reply({ success: true, uuid });
  const { profile: result } = ask(session, `${kind.domain}.${kind.stop}`);
  session.disconnect();
  return deliver(JSON.stringify(result), kind.type, {
    uuid,
    duration: Date.now() - at,
    at,
    success: true,
    initiated,
    type: kind.type,
    [kind.type]: true,
  });
}

// The app stands still while it is taken, so that the answer goes first.
function takeSnapshot(opts, reply) {
  const session = newSession();
  reply({ success: true });
  setImmediate(() => {
    const at = Date.now();
    const about = { at, initiated: initiatedBy(opts), type: 'heapdump' };
    const chunks = [];
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => chunks.push(params.chunk));
    try {
      ask(session, 'HeapProfiler.takeHeapSnapshot', { reportProgress: false });
      deliver(chunks, 'heapsnapshot', { ...about, duration: Date.now() - at });
    } catch (error) {
      tell({ type: 'profilings', data: { ...about, success: false, err: cut(error.message) } });
    }
    session.disconnect();
  });
}

// As PM2 in an event `profilings`; what is too large for the channel in a file that the event names.
function deliver(pieces, extension, about) {
  const list = [].concat(pieces);
  const size = list.reduce((sum, piece) => sum + piece.length, 0);
  const where = size <= MESSAGE_CHARS ? { data: list.join('') } : saved(list, extension);
  tell({ type: 'profilings', data: { ...about, ...where } });
}

function saved(list, extension) {
  const { PM2_HOME, name, pm_id: id } = process.env;
  const fs = require('fs');
  const path = require('path');
  const base = `${String(name).replace(/[^\w.-]/g, '_')}-${id}-${Date.now()}.${extension}`;
  for (const folder of [PM2_HOME, require('os').tmpdir()]) {
    try {
      const file = path.join(folder, base);
      const fd = fs.openSync(file, 'wx', 0o600); // what an app has in its memory is nobody else's
      try {
        for (const piece of list) fs.writeSync(fd, piece);
      } finally {
        fs.closeSync(fd);
      }
      return { file, success: true };
    } catch {}
  }
  return { success: false, err: 'it is too large for a message, and no file could be written' };
}

// ---- parting from clients ----

let draining = false;
let net;
const servers = new Map(); // server -> {bytes, since}: when it was last heard of

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
  tell({ cmd: 'NODE_PM2_DRAINING' });
  require('diagnostics_channel')
    .channel('http.server.request.start')
    .subscribe(({ response }) => partAfter(response));
  for (const handle of process._getActiveHandles())
    if (handle instanceof net.Server) stopAccepting(handle);
  const timer = setInterval(() => {
    if (look() > 0) return;
    clearInterval(timer);
    tell({ cmd: 'NODE_PM2_DRAINED' });
  }, LOOK_MS);
  if (look() === 0) {
    clearInterval(timer);
    tell({ cmd: 'NODE_PM2_DRAINED' });
  }
}

if (isMain && process.channel) begin();
