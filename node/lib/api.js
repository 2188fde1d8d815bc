// SPDX-License-Identifier: MIT
// The programmatic interface: PM2's methods, each with its callback or as a promise.
'use strict'

const os = require('os')
const path = require('path')
const { answer, Failure, lastFunction } = require('./answer')
const { Client } = require('./client')
const { defaultHome } = require('./conf')
const targets = require('./targets')
const unbuilt = require('./unbuilt')

// Each file is loaded with the first call that needs it: most programs use few of them.
const loadFiles = () => require('./files')
const LATER = [
  [() => require('./messages'), ['attach', 'msgProcess', 'sendDataToProcessId', 'sendLineToStdin',
    'sendSignalToProcessId', 'sendSignalToProcessName', 'trigger']],
  [() => require('./settings'), ['conf', 'get', 'multiset', 'set', 'unset']],
  [() => require('./startup'), ['startup', 'uninstallStartup']],
  [() => require('./modules'), ['deleteModule', 'generateModuleSample', 'install', 'launchAll',
    'launchModules', 'package', 'uninstall']],
  [() => require('./orders'), ['agentInfos', 'inspect', 'killAgent', 'monitorState', 'profile',
    'update']],
  [() => require('./console'), ['destroy', 'generateSample', 'jlist', 'printLogs', 'remote',
    'remoteV2', 'slist', 'streamLogs']]
]

// What PM2's actions answer, with all that a list has beside.
function actionResult(proc) {
  const env = proc.pm2_env
  return {
    name: proc.name,
    namespace: env.namespace,
    pm_id: proc.pm_id,
    status: env.status,
    restart_time: env.restart_time,
    pid: proc.pid,
    monit: proc.monit,
    pm2_env: env
  }
}

// What PM2 answers for a new process: its child object, as far as it means something outside.
function startResult(proc) {
  return {
    ...proc,
    process: { pid: proc.pid },
    connected: true,
    killed: false,
    exitCode: null,
    signalCode: null
  }
}

// PM2's API says less here than its command line, whose words the daemon has.
function apiText(error) {
  for (const [words, text] of API_TEXTS) if (words.test(error)) return text
  return error
}

const API_TEXTS = [
  [/^Process or Namespace .* not found$/s, 'process or namespace not found'],
  [/^Application .* not found$/s, 'App not found'],
  [/^No process found$/, 'process name not found'],
  [/^Nothing to do$/, 'Same process number'],
  [/^Script already launched, .*$/, 'Script already launched']
]

function inApiWords({ message }) {
  throw new Error(apiText(message))
}

const allOf = (rpc) => rpc.call('getMonitorData', {})

async function procsOf(rpc, ids) {
  const wanted = ids.map(Number)
  const procs = wanted.length === 1
    ? await rpc.call('c.describe', { target: String(wanted[0]) })
    : await allOf(rpc)
  return procs.filter((proc) => wanted.includes(proc.pm_id))
}

// What was deleted, as PM2 tells it.
function deleted(before, ids) {
  return before.filter((proc) => ids.includes(proc.pm_id)).map((proc) => {
    const env = { ...proc.pm2_env, status: 'stopped' }
    return actionResult({ ...proc, pid: 0, monit: { memory: 0, cpu: 0 }, pm2_env: env })
  })
}

const isText = (value) => typeof value === 'string'

// Scripts that are not there are told together, as PM2 does; anything else is one error.
const isOfScript = ({ message }) => /^(Script not found|No script path)/.test(message)

function failureOf(errors, results) {
  const other = errors.find((error) => !isOfScript(error))
  return other && results.length === 0 ? other : new Failure(other ?? errors, results)
}

// Nothing is started when the attributes of one of them are wrong.
async function checkApps(api, rpc, apps) {
  for (const app of apps.filter((one) => targets.isObject(one) && targets.scriptOf(one))) {
    const script = String(targets.scriptOf(app))
    const flags = { scripts: true, check: true }
    await api.startTarget(rpc, script, targets.attributesOf(app), flags).catch((error) => {
      if (!isOfScript(error)) throw error
    })
  }
}

// The environments of a process file are in that file only.
function refuseStage({ env }) {
  if (!isText(env)) return
  throw new Error('Using --env [env] without passing the ecosystem.config.js does not work')
}

function homeOf({ pm2_home: home, independent }) {
  if (home && independent) {
    throw new Error('You cannot set a pm2_home and independent instance in same time')
  }
  if (independent) {
    const { randomBytes } = require('crypto') // slow to load, and hardly ever needed
    return path.join(os.tmpdir(), randomBytes(8).toString('hex'))
  }
  return home ? path.resolve(home) : defaultHome()
}

class API {
  // Beside PM2's options: silence_ms, how long a daemon may be silent before it is asked whether it
  // lives, and again as long before it is given up.
  constructor(opts = {}) {
    this.daemon_mode = opts.independent ? false : opts.daemon_mode ?? true
    this.pm2_home = homeOf(opts)
    this.public_key = opts.public_key ?? process.env.PM2_PUBLIC_KEY ?? null
    this.secret_key = opts.secret_key ?? process.env.PM2_SECRET_KEY ?? null
    this.machine_name = opts.machine_name ?? process.env.PM2_MACHINE_NAME ?? null
    this.cwd = path.resolve(opts.cwd ?? process.cwd())
    this.Client = new Client({ ...this, silenceMs: opts.silence_ms })
    this._conf = this.Client.conf
    this.pm2_configuration = {}
    this.gl_interact_infos = null
    this.gl_is_km_linked = false
    this.gl_retry = 0
    this.custom = API
  }

  // ---- connection ------------------------------------------------------------------------------

  connect(noDaemon, cb = noDaemon) {
    if (typeof noDaemon === 'boolean') this.daemon_mode = this.Client.daemon_mode = !noDaemon
    return this.Client.start(cb)
  }

  disconnect(cb) {
    return this.Client.close(cb)
  }

  close(cb) {
    return this.Client.close(cb)
  }

  killDaemon(cb) {
    return this.Client.killDaemon(cb)
  }

  kill(cb) {
    return this.Client.killDaemon(cb)
  }

  launchBus(cb) {
    return this.Client.launchBus(cb)
  }

  disconnectBus(cb) {
    return this.Client.disconnectBus(cb)
  }

  // All calls of one piece of work go over one connection, which disconnect leaves open until the
  // work is done.
  run(work, cb) {
    return answer(this.Client.use(work), cb)
  }

  // ---- starting --------------------------------------------------------------------------------

  // start(script | file | app | apps, [opts | file with them], [cb])
  start(what, opts, cb) {
    const work = async (rpc) => this.startAny(rpc, what, await this.optionsOf(opts))
    return this.run(work, lastFunction(opts, cb))
  }

  // Attributes may be in a file of their own.
  async optionsOf(opts) {
    if (!isText(opts) || opts === '') return targets.isObject(opts) ? opts : {}
    if (!targets.isProcessFile(opts)) throw new Error(`${opts} is not a file with options`)
    const { apps } = await loadFiles().readFile(this, opts)
    if (apps.length === 1 && targets.isObject(apps[0])) return apps[0]
    throw new Error(`${opts}: expected the options of one app, found ${apps.length} apps`)
  }

  async startAny(rpc, what, opts) {
    if (what !== null && typeof what === 'object') return this.startApps(rpc, what, opts)
    const script = targets.wordOf(what)
    if (targets.isProcessFile(script)) return this.startFile(rpc, 'start', script, opts)
    return this.startTarget(rpc, script, targets.attributesOf(opts), {
      update_env: opts.updateEnv === true
    })
  }

  // Apps of a file that are there are restarted, or reloaded; the others are new.
  async startFile(rpc, action, target, opts) {
    const read = await loadFiles().readFile(this, target)
    const { apps } = await loadFiles().order(this, rpc, action, read, opts, target)
    const steps = new Map(apps.flatMap(({ ids, step }) => ids.map((id) => [id, step])))
    const procs = await procsOf(rpc, [...steps.keys()])
    const results = procs.map((proc) =>
      (steps.get(proc.pm_id) === 'start' ? startResult : actionResult)(proc))
    const errors = apps.filter(({ error }) => error).map(({ error }) => new Error(error))
    if (errors.length === 0) return results
    throw failureOf(errors, results)
  }

  async endFile(rpc, action, target, opts) {
    const before = await allOf(rpc)
    const read = await loadFiles().readFile(this, target)
    const { done, error } = await loadFiles().order(this, rpc, action, read, opts, target)
    if (error) throw new Error(apiText(error))
    const ids = done.map((one) => one.id)
    return action === 'delete' ? deleted(before, ids) : (await procsOf(rpc, ids)).map(actionResult)
  }

  // Apps whose name is known are restarted with what they are given now; the others are new.
  async startApps(rpc, given, opts) {
    const apps = targets.appsOf(given).filter((app) => this.isWanted(app, opts.only))
      .map((app) => targets.withOptions(app, opts))
    if (apps.length > 1) await checkApps(this, rpc, apps)
    const known = new Set((await rpc.call('c.list', {})).map((row) => row.name))
    const results = []
    const errors = []
    for (const app of apps) {
      try {
        results.push(...await this.startApp(rpc, app, opts, known))
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length === 0) return results
    throw failureOf(errors, results)
  }

  isWanted(app, only) {
    if (!only) return true
    const names = Array.isArray(only) ? only : String(only).split(/[,\s]+/)
    return targets.isObject(app) && names.includes(targets.nameOf(app))
  }

  startApp(rpc, app, opts, known) {
    if (!targets.isObject(app)) throw new TypeError('an app must be an object')
    if (!targets.scriptOf(app)) throw new Error('No script path - aborting')
    const attributes = targets.attributesOf(app, isText(opts.env) ? opts.env : undefined)
    for (const key of ['cwd', 'namespace', 'uid', 'gid', 'instances']) {
      if (opts[key] !== undefined) attributes[key] = opts[key]
    }
    const name = targets.nameOf(app)
    if (known.has(name) && !app.force) return this.act(rpc, 'restart', name, attributes, true)
    if (opts.force_name) attributes.name = opts.force_name
    const script = String(targets.scriptOf(app))
    return this.startTarget(rpc, script, attributes, { update_env: true, scripts: true })
  }

  // flags: update_env; scripts, the target is a script and not perhaps the name of an app.
  async startTarget(rpc, target, options, flags) {
    const { results, error } = await rpc.call('c.start', {
      targets: [target],
      options,
      args: [],
      cwd: this.cwd,
      env: { ...process.env },
      ...flags
    })
    const failure = error ?? results.find((result) => result.error)?.error
    if (failure) throw new Error(apiText(failure))
    if (flags.check) return []
    const [{ ids, action }] = results
    const procs = await procsOf(rpc, ids)
    return procs.map(action === 'started' ? startResult : actionResult)
  }

  // ---- orders ----------------------------------------------------------------------------------

  stop(target, cb) {
    return this.run((rpc) => this.end(rpc, 'stop', target), cb)
  }

  // delete(target, [via], [cb])
  delete(target, via, cb) {
    return this.run((rpc) => this.end(rpc, 'delete', target), lastFunction(via, cb))
  }

  // restart(target | app | apps, [opts], [cb])
  restart(target, opts, cb) {
    const options = targets.isObject(opts) ? opts : {}
    return this.run((rpc) => this.restartAny(rpc, target, options), lastFunction(opts, cb))
  }

  async restartAny(rpc, target, opts) {
    if (target !== null && typeof target === 'object') return this.startApps(rpc, target, opts)
    const word = targets.wordOf(target)
    if (targets.isProcessFile(word)) return this.startFile(rpc, 'start', word, opts)
    refuseStage(opts)
    return this.act(rpc, 'restart', word, targets.attributesOf(opts), opts.updateEnv === true)
  }

  // reload(target, [opts], [cb]): answered when the successors serve and those before are gone.
  reload(target, opts, cb) {
    const options = targets.isObject(opts) ? opts : {}
    return this.run((rpc) => this.reloadAny(rpc, target, options), lastFunction(opts, cb))
  }

  async reloadAny(rpc, target, opts) {
    const { parallel, updateEnv } = opts
    const word = targets.wordOf(target)
    if (targets.isProcessFile(word)) return this.startFile(rpc, 'reload', word, opts)
    refuseStage(opts)
    return this.act(rpc, 'reload', word, targets.attributesOf(opts), updateEnv === true, { parallel })
  }

  gracefulReload(target, opts, cb) {
    return this.reload(target, opts, cb)
  }

  // scale(name, number, [cb]): 3 is how many there shall be, '+2' how many more.
  scale(name, number, cb) {
    const request = { name: String(name), number: String(number) }
    return this.run(async (rpc) => {
      const { error } = await rpc.call('c.scale', request).catch(inApiWords)
      if (error) throw new Error(error)
      return { success: true }
    }, cb)
  }

  // stop or delete
  async end(rpc, action, target) {
    const word = targets.wordOf(target)
    if (targets.isProcessFile(word)) return this.endFile(rpc, action, word, {})
    return this.act(rpc, action, word, {}, false)
  }

  async act(rpc, action, target, options, updateEnv, more) {
    const before = action === 'delete' ? await allOf(rpc) : []
    const request = { action, target, cwd: this.cwd, options, ...more }
    if (updateEnv) request.env = { ...process.env }
    const { done, error } = await rpc.call('c.act', request).catch(inApiWords)
    const ids = done.map((one) => one.id)
    if (error) throw new Error(apiText(error))
    if (action !== 'delete') return (await procsOf(rpc, ids)).map(actionResult)
    return deleted(before, ids)
  }

  // ---- questions -------------------------------------------------------------------------------

  // list([opts], [cb])
  list(opts, cb) {
    return answer(this.Client.all(), lastFunction(opts, cb))
  }

  describe(target, cb) {
    const question = async (rpc) => rpc.call('c.describe', { target: targets.wordOf(target) })
    return this.run(question, cb)
  }

  // getPID([name], [cb])
  getPID(name, cb) {
    const wanted = typeof name === 'function' ? undefined : name
    const isMeant = (proc) => wanted === undefined || proc.name === String(wanted) ||
      String(proc.pm_id) === String(wanted)
    const pids = this.Client.all().then((procs) => procs.filter(isMeant).map((proc) => proc.pid))
    return answer(pids, lastFunction(name, cb))
  }

  getProcessIdByName(name, cb) {
    return answer(this.Client.ids((proc) => proc.name === String(name)), cb)
  }

  ping(cb) {
    return answer(this.Client.call('ping', {}), cb)
  }

  getVersion(cb) {
    return answer(this.Client.call('getVersion', {}), cb)
  }

  reset(target, cb) {
    return this.run((rpc) => this.resetAll(rpc, target), cb)
  }

  async resetAll(rpc, target) {
    const word = targets.wordOf(target)
    const ids = (await allOf(rpc)).filter(targets.meaning(target)).map((proc) => proc.pm_id)
    const isNumber = !Number.isNaN(Number(word)) // an id that is nobody's is no error, as in PM2
    if (ids.length === 0 && word !== 'all' && !isNumber) throw new Error('Unknown process name')
    for (const id of ids) await rpc.call('resetMetaProcessId', id)
    return { success: true }
  }

  // env(id, [cb]): the variables of a process
  env(id, cb) {
    return answer(this.Client.call('c.env', { id }), cb)
  }

  // ---- the saved list --------------------------------------------------------------------------

  // dump([force], [cb])
  dump(force, cb) {
    const request = { force: force === true || Boolean(process.env.FORCE) }
    const saved = this.Client.call('c.save', request).then(({ skipped }) => {
      if (skipped) throw new Error('Process list empty, cannot save empty list')
      return { success: true }
    })
    return answer(saved, lastFunction(force, cb))
  }

  clearDump(cb) {
    return answer(this.Client.call('c.cleardump', {}).then(() => undefined), cb)
  }

  // PM2 answers with the text of the list.
  resurrect(cb) {
    const restored = this.Client.call('c.resurrect', {}).then((result) => {
      const { file, backup, found, file_failed: failed, errors } = result
      if (!found) throw new Error(failed.error)
      if (errors.length > 0) throw new Failure(new Error(`${errors[0].name}: ${errors[0].error}`), result)
      return require('fs').promises.readFile(failed ? backup : file)
    })
    return answer(restored, cb)
  }

  // Does nothing in PM2 either.
  autodump(cb) {
    return answer(Promise.resolve(), cb)
  }

  // flush([target], [cb]): without a target all log files, and the daemon's own.
  flush(target, cb) {
    const word = typeof target === 'function' ? undefined : target
    return this.run((rpc) => this.flushAll(rpc, word), lastFunction(target, cb))
  }

  async flushAll(rpc, target) {
    const request = target === undefined || target === null ? {} : { target: String(target) }
    await rpc.call('c.flush', request).catch((error) => {
      if (!/ not found$/.test(error.message)) throw error // PM2 flushes nothing, and is content
    })
    return allOf(rpc)
  }

  reloadLogs(cb) {
    return answer(this.Client.call('reloadLogs', {}), cb)
  }
}

for (const [load, names] of LATER) {
  for (const name of names) {
    API.prototype[name] = function later(...args) {
      return load()[name].apply(this, args)
    }
  }
}

for (const name of unbuilt) {
  API.prototype[name] = function notAvailable(...args) {
    return answer(Promise.reject(new Error(`${name} is not available yet`)), lastFunction(...args))
  }
}

module.exports = { API }
