// SPDX-License-Identifier: MIT
// `pm2.Client`: the way to one daemon. Connects, and launches it, when the first call needs it.
// Tools of others use it too, so its methods have PM2's names and parameters.
'use strict'

const fs = require('fs')
const { answer, Values } = require('./answer')
const { confOf } = require('./conf')
const { Rpc } = require('./rpc')
const { pm2c: PM2C_VERSION } = require('../package.json')

const HELLO_TRIES = 5 // a daemon that is just ending closes the connection
const HELLO_WAIT_MS = 50
const REACH_TRIES = 40
const REACH_WAIT_MS = 50
const BUSY_MS = 10000
const BUSY_POLL_MS = 10
const GONE_MS = 10000
const GONE_POLL_MS = 5

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// Loaded when needed: most programs find a daemon, and have no bus.
const launch = (home) => require('./native').launchDaemon(home)

const isAbsent = (error) => error.code === 'ENOENT' || error.code === 'ECONNREFUSED'

// A zombie has ended; who has to reap it may never do so.
function isRunning(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat[stat.lastIndexOf(')') + 2] !== 'Z'
  } catch {
    return false
  }
}

class Client {
  constructor({ pm2_home, daemon_mode, public_key, secret_key, machine_name, silenceMs }) {
    this.conf = confOf(pm2_home)
    this.daemon_mode = daemon_mode
    this.pm2_home = pm2_home
    this.public_key = public_key
    this.secret_key = secret_key
    this.machine_name = machine_name
    this.rpc_socket_file = this.conf.DAEMON_RPC_PORT
    this.pub_socket_file = this.conf.DAEMON_PUB_PORT
    hide(this, { silenceMs, session: null, owner: null, bus: null, warned: false })
  }

  // ---- connection ------------------------------------------------------------------------------

  // A session is one connection and the work that goes on over it. disconnect takes it away at
  // once, lets that work end and closes it; a call that comes later makes a new one.
  async use(work) {
    const session = (this.session ??= this.newSession())
    const job = session.ready.then((rpc) => work(rpc))
    session.jobs.add(job)
    try {
      return await job
    } finally {
      session.jobs.delete(job)
    }
  }

  newSession() {
    const session = { jobs: new Set(), launched: false, hello: null }
    const forget = () => {
      if (this.session === session) this.session = null
    }
    session.ready = this.greet(session)
    session.ready.then((rpc) => {
      rpc.onClose = forget
      if (rpc.failure) forget()
    }, forget)
    return session
  }

  async greet(session) {
    for (let tries = 1; ; tries++) {
      const rpc = await this.reach(session)
      try {
        session.hello = await rpc.call('c.hello', {})
        this.compareVersions(session.hello)
        return rpc
      } catch (error) {
        const closed = /closed the connection|ECONNRESET|EPIPE/.test(error.message)
        rpc.close()
        if (/does not exist/.test(error.message)) throw this.otherDaemon()
        if (!closed || tries === HELLO_TRIES) throw error
        await sleep(HELLO_WAIT_MS)
      }
    }
  }

  // As the command line does: told once, and tried all the same.
  compareVersions({ pm2c: theirs }) {
    if (theirs === PM2C_VERSION || this.warned) return
    this.warned = true
    process.emitWarning(`the daemon is version ${theirs} and this package ${PM2C_VERSION}`, 'pm2')
  }

  otherDaemon() {
    return new Error(`a Node PM2 daemon is running in ${this.pm2_home}: ` +
      'stop it with its own `pm2 kill` first')
  }

  async reach(session) {
    for (let tries = 1; ; tries++) {
      try {
        const rpc = await this.openRpc()
        if (session.launched && !this.daemon_mode) await this.own()
        return rpc
      } catch (error) {
        if (!isAbsent(error) || tries === REACH_TRIES) throw this.unreachable(error)
      }
      await this.launchFor(session)
    }
  }

  // A keeper without its daemon is about to start the next one: that is worth waiting for.
  async launchFor(session) {
    try {
      await launch(this.pm2_home)
      session.launched = true
    } catch (error) {
      if (!/another daemon is running/.test(error.message)) throw error
      await sleep(REACH_WAIT_MS)
    }
  }

  // Waits while more clients come than the queue of the listener holds.
  async openRpc() {
    for (const deadline = Date.now() + BUSY_MS; ;) {
      try {
        return await Rpc.open(this.rpc_socket_file, { silenceMs: this.silenceMs })
      } catch (error) {
        if (error.code !== 'EAGAIN' || Date.now() > deadline) throw error
        await sleep(BUSY_POLL_MS)
      }
    }
  }

  unreachable(error) {
    if (!error.syscall) return error
    const reason = error.code === 'EACCES' ? 'permission denied' : error.code
    const text = `cannot connect to ${this.rpc_socket_file}: ${reason}`
    return Object.assign(new Error(text), { code: error.code })
  }

  // The daemon shall end with this program: it watches a connection that only the end of the
  // program closes, and that does not keep the program alive.
  async own() {
    this.owner = await this.openRpc()
    await this.owner.call('c.own', {})
    this.owner.unref()
  }

  start(cb) {
    return answer(this.connect(), cb)
  }

  async connect() {
    const session = (this.session ??= this.newSession())
    await session.ready
    return {
      daemon_mode: this.daemon_mode,
      new_pm2_instance: session.launched,
      rpc_socket_file: this.rpc_socket_file,
      pub_socket_file: this.pub_socket_file,
      pm2_home: this.pm2_home
    }
  }

  launchDaemon(opts, cb = typeof opts === 'function' ? opts : undefined) {
    return answer(launch(this.pm2_home), cb)
  }

  launchRPC(cb) {
    return answer(this.connect(), cb)
  }

  // Unlike the others, the callback gets the answer as its first argument, as PM2's does.
  pingDaemon(cb) {
    const alive = this.openRpc().then((rpc) => rpc.close()).then(() => true, () => false)
    return answer(alive, typeof cb === 'function' ? (error, value) => cb(value) : undefined)
  }

  disconnectRPC(cb) {
    return answer(this.leave(), cb)
  }

  close(cb) {
    return answer(this.leave().finally(() => this.leaveBus()), cb)
  }

  async leave() {
    const session = this.session
    if (!session) throw new Error('RPC already being closed')
    this.session = null
    const rpc = await session.ready.catch(() => null)
    while (session.jobs.size > 0) await Promise.allSettled(session.jobs)
    await rpc?.end()
  }

  // Ends the apps and the daemon; resolves when it is gone, so that the next call gets a new one.
  killDaemon(cb) {
    return answer(this.kill(), cb)
  }

  async kill() {
    if (!this.session) {
      try {
        await (await this.openRpc()).close()
      } catch (error) {
        if (isAbsent(error)) return { success: true }
        throw this.unreachable(error)
      }
    }
    const session = (this.session ??= this.newSession())
    const rpc = await session.ready
    await rpc.call('c.kill', {})
    if (this.session === session) this.session = null
    this.leaveBus()
    await this.gone(session.hello)
    await rpc.close()
    return { success: true }
  }

  async gone({ pid, keeper }) {
    const deadline = Date.now() + GONE_MS
    while (isRunning(pid) || isRunning(keeper)) {
      if (Date.now() > deadline) {
        throw new Error(`the daemon in ${this.pm2_home} is still there after ${GONE_MS} ms`)
      }
      await sleep(GONE_POLL_MS)
    }
  }

  // ---- events ----------------------------------------------------------------------------------

  launchBus(cb) {
    return answer(this.openBus(), cb)
  }

  async openBus() {
    await this.connect()
    this.leaveBus()
    const { SubEmitterSocket } = require('./bus')
    const bus = new SubEmitterSocket(this.pub_socket_file)
    this.bus = bus
    await new Promise((resolve, reject) => {
      bus.sock.once('connect', resolve)
      bus.sock.once('close', () => reject(new Error('the bus was closed before it was open')))
    })
    return Values.of(bus, bus.sock)
  }

  disconnectBus(cb) {
    const left = this.leaveBus() ?? Promise.reject(new Error('the bus is not open'))
    return answer(left, cb)
  }

  leaveBus() {
    const bus = this.bus
    if (!bus) return null
    this.bus = null
    return new Promise((resolve) => bus.close(() => resolve()))
  }

  // ---- calls -----------------------------------------------------------------------------------

  call(method, ...args) {
    return this.use((rpc) => rpc.call(method, ...args))
  }

  executeRemote(method, arg, cb) {
    if (typeof arg === 'function') return answer(this.call(method, {}), arg)
    return answer(this.call(method, arg === undefined ? {} : arg), cb)
  }

  getExposedMethods(cb) {
    return answer(this.use((rpc) => rpc.methods()), cb)
  }

  notifyGod(actionName, id, cb) {
    const event = { id, action_name: actionName, manually: true }
    return answer(this.call('notifyByProcessId', event), cb)
  }

  all() {
    return this.call('getMonitorData', {})
  }

  async ids(isMeant) {
    return (await this.all()).filter(isMeant).map((proc) => proc.pm_id)
  }

  getAllProcess(cb) {
    return answer(this.all(), cb)
  }

  getAllProcessId(cb) {
    return answer(this.ids(() => true), cb)
  }

  getAllProcessIdWithoutModules(excluded, cb = excluded) {
    const names = Array.isArray(excluded) ? excluded : []
    const isMeant = ({ name, pm2_env: env }) => !env.pmx_module && !names.includes(name)
    return answer(this.ids(isMeant), cb)
  }

  // The callback gets the processes as a third argument.
  getProcessIdByName(name, force, cb = force) {
    return answer(this.idsAndDetails((proc) => isNamed(proc, name)), cb)
  }

  getProcessIdsByNamespace(namespace, force, cb = force) {
    const isMeant = ({ pm2_env: env }) => env.namespace === String(namespace)
    return answer(this.idsAndDetails(isMeant), cb)
  }

  async idsAndDetails(isMeant) {
    const procs = (await this.all()).filter(isMeant)
    const details = Object.fromEntries(procs.map((proc) => [proc.pm_id, proc.pm2_env]))
    return Values.of(procs.map((proc) => proc.pm_id), details)
  }

  getProcessByName(name, cb) {
    return answer(this.all().then((procs) => procs.filter((proc) => isNamed(proc, name))), cb)
  }

  getProcessByNameOrId(target, cb) {
    const isMeant = (proc) => isNamed(proc, target) || String(proc.pm_id) === String(target)
    return answer(this.all().then((procs) => procs.filter(isMeant)), cb)
  }

  startWatch(method, id, cb) {
    return answer(this.call('startWatch', method, id), cb)
  }

  stopWatch(method, id, cb) {
    return answer(this.call('stopWatch', method, id), cb)
  }

  toggleWatch(method, id, cb) {
    return answer(this.call('toggleWatch', method, id), cb)
  }
}

function isNamed({ name, pm2_env: env }, wanted) {
  return name === String(wanted) || env.pm_exec_path === String(wanted)
}

// State of ours: not for those who print or copy the object.
function hide(object, fields) {
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(object, name, { value, writable: true, enumerable: false })
  }
}

module.exports = { Client }
