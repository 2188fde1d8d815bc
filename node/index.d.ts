// SPDX-License-Identifier: MIT
// Types of the pm2 package. Every call takes a callback or, without one, returns a promise.
import { EventEmitter } from 'events'

export type Callback<T> = (err: Error | null, result: T) => void
/** Where several scripts could not be found, `err` is an array and `results` has the others. */
export type StartCallback = (err: Error | Error[] | null, results: StartedProcess[]) => void
export type Target = string | number
export type ProcessStatus =
  | 'online' | 'stopping' | 'stopped' | 'launching' | 'errored' | 'one-launch-status'
  | 'waiting restart'

export interface CustomOptions {
  cwd?: string
  pm2_home?: string
  /** A home of its own in the temporary folder; the daemon ends with this program. */
  independent?: boolean
  daemon_mode?: boolean
  public_key?: string
  secret_key?: string
  machine_name?: string
  /** How long a daemon may be silent before it is asked whether it lives; default 10000. */
  silence_ms?: number
}

export interface ConnectResult {
  daemon_mode: boolean
  new_pm2_instance: boolean
  rpc_socket_file: string
  pub_socket_file: string
  pm2_home: string
}

export interface Monit {
  memory: number
  cpu: number
}

export interface Pm2Env {
  name: string
  namespace: string
  pm_id: number
  status: ProcessStatus
  pm_cwd: string
  pm_exec_path: string
  pm_out_log_path: string
  pm_err_log_path: string
  pm_pid_path: string
  exec_interpreter: string
  exec_mode: 'fork_mode' | 'cluster_mode'
  instances: number
  pm_uptime: number
  created_at: number
  restart_time: number
  unstable_restarts: number
  autorestart: boolean
  watch: boolean | string[]
  env: Record<string, unknown>
  [key: string]: unknown
}

export interface ProcessDescription {
  name: string
  pm_id: number
  pid: number
  monit: Monit
  pm2_env: Pm2Env
}

/** What stop, restart and delete answer. */
export interface Proc extends ProcessDescription {
  namespace: string
  status: ProcessStatus
  restart_time: number
}

/** A new process has `process`; one that was known and restarted has what `Proc` has. */
export interface StartedProcess extends ProcessDescription {
  process?: { pid: number }
  status?: ProcessStatus
  namespace?: string
  restart_time?: number
}

/** The value of a variable, fetched at each start. Descriptors are for the command line only. */
export interface Secret {
  secret: { file: string } | { command: string[] | string } | { value: string }
}

export interface StartOptions {
  script?: string
  name?: string
  namespace?: string
  cwd?: string
  args?: string | string[]
  interpreter?: string
  interpreter_args?: string | string[]
  node_args?: string | string[]
  output?: string
  out_file?: string
  error?: string
  error_file?: string
  log_file?: string | boolean
  pid_file?: string
  merge_logs?: boolean
  disable_logs?: boolean
  /** Values may be references: Secret, or its texts ("secret:file:/run/secrets/db"). */
  env?: Record<string, unknown>
  filter_env?: boolean | string | string[]
  instances?: number | string
  exec_mode?: string
  force?: boolean
  autostart?: boolean
  autorestart?: boolean
  stop_exit_codes?: number | number[]
  min_uptime?: number | string
  max_restarts?: number
  restart_delay?: number
  exp_backoff_restart_delay?: number
  kill_timeout?: number
  listen_timeout?: number
  wait_ready?: boolean
  shutdown_with_message?: boolean
  treekill?: boolean
  increment_var?: string
  instance_var?: string
  uid?: number | string
  gid?: number | string
  [key: string]: unknown
}

export interface StartManyOptions {
  only?: string | string[]
  /** Picks the app's env_NAME. */
  env?: string
  cwd?: string
  namespace?: string
  uid?: number | string
  gid?: number | string
  instances?: number
  /** Names become `PREFIX:name`. Of apps in a program, not in a file. */
  name_prefix?: string
  /** What a new app is called, whatever its own name. Of an app in a program. */
  force_name?: string
  watch?: boolean
  ignore_watch?: string[]
}

export interface RestartOptions extends StartOptions {
  /** Give the processes the environment of the caller. */
  updateEnv?: boolean
}

export interface ReloadOptions extends RestartOptions {
  /** Go on with the next process when one does not come up. */
  force?: boolean
  /** How many are replaced at a time. */
  parallel?: number
}

export interface Packet {
  id?: number
  type?: string
  topic: string
  data: unknown
  [key: string]: unknown
}

export interface Bus {
  /** Each `*` in the event stands for any text, and comes before the payload. */
  on(event: string, listener: (...args: any[]) => void): this
  off(event: string): this
  /** Number of the last event; they grow by one. */
  readonly number: number
  close(done?: () => void): this
  sock: EventEmitter & { close(done?: () => void): void }
}

export interface ClientApi {
  conf: Record<string, any>
  daemon_mode: boolean
  pm2_home: string
  rpc_socket_file: string
  pub_socket_file: string
  start(cb: Callback<ConnectResult>): void
  start(): Promise<ConnectResult>
  close(cb?: Callback<void>): void | Promise<void>
  executeRemote(method: string, arg: unknown, cb: Callback<any>): void
  executeRemote(method: string, arg?: unknown): Promise<any>
  getAllProcess(cb: Callback<ProcessDescription[]>): void
  getAllProcess(): Promise<ProcessDescription[]>
  /** The answer is the first argument of the callback. */
  pingDaemon(cb: (alive: boolean) => void): void
  pingDaemon(): Promise<boolean>
  [method: string]: any
}

/** What an app answers to an action. */
export interface ActionReply {
  at: number
  data: { action_name: string; return?: any; [key: string]: unknown }
  process: { pm_id: number; name: string; namespace: string }
}

export interface Setting {
  success: true
  value?: any
}

export interface StartupOptions {
  user?: string
  /** The user's home folder. */
  hp?: string
  serviceName?: string
  waitIp?: boolean
}

export interface InstallOptions {
  /** Take a new version back that restarts too often, within so many milliseconds or 3000. */
  safe?: boolean | number
  /** The file is an archive of `pm2 package`. */
  tarball?: boolean
}

export interface API {
  readonly custom: new (opts?: CustomOptions) => API
  readonly Client: ClientApi
  readonly _conf: Record<string, any>
  pm2_home: string
  cwd: string
  daemon_mode: boolean
  public_key: string | null
  secret_key: string | null
  machine_name: string | null

  /** noDaemon: join the daemon that runs, or have an own one that ends with this program. */
  connect(cb: Callback<ConnectResult>): void
  connect(noDaemon: boolean, cb: Callback<ConnectResult>): void
  connect(noDaemon?: boolean): Promise<ConnectResult>
  disconnect(cb: Callback<void>): void
  disconnect(): Promise<void>
  close(cb: Callback<void>): void
  close(): Promise<void>
  killDaemon(cb: Callback<{ success: boolean }>): void
  killDaemon(): Promise<{ success: boolean }>
  kill(cb: Callback<{ success: boolean }>): void
  kill(): Promise<{ success: boolean }>

  start(app: StartOptions | StartOptions[], cb: StartCallback): void
  start(app: StartOptions | StartOptions[], opts: StartManyOptions, cb: StartCallback): void
  start(app: StartOptions | StartOptions[], opts?: StartManyOptions): Promise<StartedProcess[]>
  /** A script, or a process file; options may be in a file of their own. */
  start(script: string, cb: StartCallback): void
  start(script: string, opts: StartOptions | StartManyOptions | string, cb: StartCallback): void
  start(script: string, opts?: StartOptions | StartManyOptions | string): Promise<StartedProcess[]>
  stop(target: Target, cb: Callback<Proc[]>): void
  stop(target: Target): Promise<Proc[]>
  restart(target: Target | StartOptions | StartOptions[], cb: Callback<Proc[]>): void
  restart(target: Target | StartOptions | StartOptions[], opts: RestartOptions,
    cb: Callback<Proc[]>): void
  restart(target: Target | StartOptions | StartOptions[], opts?: RestartOptions): Promise<Proc[]>
  /** Answered when the successors serve and the processes before them are gone. */
  reload(target: Target, cb: Callback<Proc[]>): void
  reload(target: Target, opts: ReloadOptions, cb: Callback<Proc[]>): void
  reload(target: Target, opts?: ReloadOptions): Promise<Proc[]>
  gracefulReload(target: Target, cb: Callback<Proc[]>): void
  gracefulReload(target: Target, opts: ReloadOptions, cb: Callback<Proc[]>): void
  gracefulReload(target: Target, opts?: ReloadOptions): Promise<Proc[]>
  /** `number`: how many there shall be, or '+2' for two more. */
  scale(name: string, number: number | string, cb: Callback<{ success: true }>): void
  scale(name: string, number: number | string): Promise<{ success: true }>
  delete(target: Target, cb: Callback<Proc[]>): void
  delete(target: Target): Promise<Proc[]>

  list(cb: Callback<ProcessDescription[]>): void
  list(): Promise<ProcessDescription[]>
  describe(target: Target, cb: Callback<ProcessDescription[]>): void
  describe(target: Target): Promise<ProcessDescription[]>
  getPID(cb: Callback<number[]>): void
  getPID(name: Target, cb: Callback<number[]>): void
  getPID(name?: Target): Promise<number[]>
  getProcessIdByName(name: Target, cb: Callback<number[]>): void
  getProcessIdByName(name: Target): Promise<number[]>
  ping(cb: Callback<{ msg: string }>): void
  ping(): Promise<{ msg: string }>
  getVersion(cb: Callback<string>): void
  getVersion(): Promise<string>

  sendSignalToProcessName(signal: string | number, name: Target, cb: Callback<any[]>): void
  sendSignalToProcessName(signal: string | number, name: Target): Promise<any[]>
  sendSignalToProcessId(signal: string | number, id: Target, cb: Callback<any[]>): void
  sendSignalToProcessId(signal: string | number, id: Target): Promise<any[]>
  sendDataToProcessId(id: Target, packet: Packet, cb: Callback<any>): void
  sendDataToProcessId(id: Target, packet: Packet): Promise<any>
  sendDataToProcessId(packet: Packet, cb: Callback<any>): void
  sendDataToProcessId(packet: Packet): Promise<any>
  sendLineToStdin(id: Target, line: string, cb: Callback<any>): void
  sendLineToStdin(id: Target, line: string, separator: string, cb: Callback<any>): void
  sendLineToStdin(id: Target, line: string, separator?: string): Promise<any>
  msgProcess(request: object, cb: Callback<any>): void
  msgProcess(request: object): Promise<any>
  /** Have apps carry out an action that they have registered; answers when each has answered. */
  trigger(target: Target, action: string, cb: Callback<ActionReply[]>): void
  trigger(target: Target, action: string, params: unknown, cb: Callback<ActionReply[]>): void
  trigger(target: Target, action: string, params?: unknown): Promise<ActionReply[]>
  /** Standard input and output of this program for those of a process, until the input ends. */
  attach(id: Target, cb: Callback<void>): void
  attach(id: Target, separator: string, cb: Callback<void>): void
  attach(id: Target, separator?: string): Promise<void>
  env(id: Target, cb: Callback<Record<string, unknown>>): void
  env(id: Target): Promise<Record<string, unknown>>
  reset(target: Target, cb: Callback<{ success: boolean }>): void
  reset(target: Target): Promise<{ success: boolean }>
  flush(cb: Callback<ProcessDescription[]>): void
  flush(target: Target, cb: Callback<ProcessDescription[]>): void
  flush(target?: Target): Promise<ProcessDescription[]>
  /** An empty list is saved only with `force`. */
  dump(force: boolean, cb: Callback<{ success: true }>): void
  dump(cb: Callback<{ success: true }>): void
  dump(force?: boolean): Promise<{ success: true }>
  /** Answers with the text of the list that was restored. */
  resurrect(cb: Callback<Buffer>): void
  resurrect(): Promise<Buffer>
  clearDump(cb: Callback<void>): void
  clearDump(): Promise<void>
  /** Does nothing, as in PM2. */
  autodump(cb: Callback<void>): void
  autodump(): Promise<void>
  reloadLogs(cb: Callback<any>): void
  reloadLogs(): Promise<any>
  /** Have the init system start what was saved. Needs root; the Error of others says what to run. */
  startup(platform: string, opts: StartupOptions,
    cb: Callback<{ destination: string; template: string }>): void
  startup(platform: string, cb: Callback<{ destination: string; template: string }>): void
  startup(platform?: string, opts?: StartupOptions): Promise<{ destination: string; template: string }>
  uninstallStartup(platform: string, opts: StartupOptions,
    cb: Callback<{ commands: string[]; platform: string }>): void
  uninstallStartup(platform: string, cb: Callback<{ commands: string[]; platform: string }>): void
  uninstallStartup(platform?: string, opts?: StartupOptions):
    Promise<{ commands: string[]; platform: string }>
  /** Keep a setting ('app:key'); an app of this name starts again with it. */
  set(key: string, value: string | number | boolean, cb: Callback<{ success: true }>): void
  set(key: string, value: string | number | boolean): Promise<{ success: true }>
  /** 'key value key value' */
  multiset(text: string, cb: Callback<{ success: true }>): void
  multiset(text: string): Promise<{ success: true }>
  unset(key: string, cb: Callback<{ success: true }>): void
  unset(key: string): Promise<{ success: true }>
  get(key: string, cb: Callback<Setting>): void
  get(cb: Callback<Setting>): void
  get(key?: string): Promise<Setting>
  /** Without a value as get, with one as set. */
  conf(key: string, value: string, cb: Callback<Setting>): void
  conf(key: string, cb: Callback<Setting>): void
  conf(key?: string, value?: string): Promise<Setting>
  /** Name, folder, archive or URL; answers with the processes of the module. */
  install(module: string, cb: Callback<ProcessDescription[]>): void
  install(module: string, opts: InstallOptions, cb: Callback<ProcessDescription[]>): void
  install(module: string, opts?: InstallOptions): Promise<ProcessDescription[]>
  uninstall(name: string, cb: Callback<{ success: true }>): void
  uninstall(name: string): Promise<{ success: true }>
  /** Ends the processes of a module; its files stay. */
  deleteModule(name: string, cb: Callback<void>): void
  deleteModule(name: string): Promise<void>
  /** Starts the modules that are installed and do not run. */
  launchModules(cb: Callback<void>): void
  launchModules(): Promise<void>
  launchAll(instance: API, cb: Callback<void>): void
  launchAll(instance?: API): Promise<void>
  package(folder: string, cb: Callback<void>): void
  package(folder?: string): Promise<void>
  generateModuleSample(name: string, cb: Callback<void>): void
  generateModuleSample(name?: string): Promise<void>
  /** The programs on the disk take over; the apps run on. */
  update(cb: Callback<{ success: true }>): void
  update(): Promise<{ success: true }>
  monitorState(state: 'monitor' | 'unmonitor', target: Target, cb: Callback<void>): void
  monitorState(state: 'monitor' | 'unmonitor', target: Target): Promise<void>
  profile(type: 'cpu' | 'mem', ms: number, cb: Callback<{ file: string }>): void
  profile(type: 'cpu' | 'mem', ms?: number): Promise<{ file: string }>
  /** The action internal:inspect of an app. */
  inspect(target: Target, cb: Callback<ActionReply[]>): void
  inspect(target: Target): Promise<ActionReply[]>
  /** There is no agent of the monitoring service: an Error, as in PM2 when none runs. */
  agentInfos(cb: Callback<never>): void
  agentInfos(): Promise<never>
  killAgent(cb: Callback<never>): void
  killAgent(): Promise<never>
  /** Prints the list: as JSON, or with `debug` as JavaScript. */
  jlist(debug: boolean, cb: Callback<ProcessDescription[]>): void
  jlist(debug?: boolean): Promise<ProcessDescription[]>
  /** Prints what the daemon knows of this machine. */
  slist(tree: boolean, cb: Callback<object>): void
  slist(tree?: boolean): Promise<object>
  /** Prints the last lines of the logs. `exclusive`: only what went to standard output or error. */
  printLogs(id?: Target, lines?: number, raw?: boolean, timestamp?: string | false,
    exclusive?: 'out' | 'err' | false): Promise<void>
  /** And what comes, until this program or the daemon ends. */
  streamLogs(id?: Target, lines?: number, raw?: boolean, timestamp?: string | false,
    exclusive?: 'out' | 'err' | false, highlight?: string | false): Promise<void>
  /** Writes ecosystem.config.js; 'simple' for a short one. */
  generateSample(mode: string, cb: Callback<void>): void
  generateSample(mode?: string): Promise<void>
  /** Ends the daemon and its apps, and removes its home. Not one that is called .pm2. */
  destroy(cb: Callback<void>): void
  destroy(): Promise<void>
  /** A call by its name. */
  remote(method: string, opts: { name?: Target }, cb: Callback<any>): void
  remote(method: string, opts: { name?: Target }): Promise<any>
  remoteV2(method: string, opts: { args?: unknown[] }, cb: Callback<any>): void
  remoteV2(method: string, opts: { args?: unknown[] }): Promise<any>
  launchBus(cb: (err: Error | null, bus: Bus, socket: Bus['sock']) => void): void
  launchBus(): Promise<Bus>
  disconnectBus(cb: Callback<void>): void
  disconnectBus(): Promise<void>
}

// The module is an instance.
export const connect: API['connect']
export const disconnect: API['disconnect']
export const close: API['close']
export const killDaemon: API['killDaemon']
export const kill: API['kill']
export const launchBus: API['launchBus']
export const disconnectBus: API['disconnectBus']
export const start: API['start']
export const stop: API['stop']
export const restart: API['restart']
export const reload: API['reload']
export const gracefulReload: API['gracefulReload']
export const scale: API['scale']
export const startup: API['startup']
export const uninstallStartup: API['uninstallStartup']
export const trigger: API['trigger']
export const attach: API['attach']
export const env: API['env']
export const set: API['set']
export const multiset: API['multiset']
export const unset: API['unset']
export const get: API['get']
export const conf: API['conf']
export const install: API['install']
export const uninstall: API['uninstall']
export const deleteModule: API['deleteModule']
export const launchModules: API['launchModules']
export const launchAll: API['launchAll']
export const generateModuleSample: API['generateModuleSample']
export const update: API['update']
export const monitorState: API['monitorState']
export const profile: API['profile']
export const inspect: API['inspect']
export const agentInfos: API['agentInfos']
export const killAgent: API['killAgent']
export const jlist: API['jlist']
export const slist: API['slist']
export const printLogs: API['printLogs']
export const streamLogs: API['streamLogs']
export const generateSample: API['generateSample']
export const destroy: API['destroy']
export const remote: API['remote']
export const remoteV2: API['remoteV2']
export const list: API['list']
export const describe: API['describe']
export const getPID: API['getPID']
export const getProcessIdByName: API['getProcessIdByName']
export const ping: API['ping']
export const getVersion: API['getVersion']
export const sendSignalToProcessName: API['sendSignalToProcessName']
export const sendSignalToProcessId: API['sendSignalToProcessId']
export const sendDataToProcessId: API['sendDataToProcessId']
export const sendLineToStdin: API['sendLineToStdin']
export const msgProcess: API['msgProcess']
export const reset: API['reset']
export const flush: API['flush']
export const dump: API['dump']
export const resurrect: API['resurrect']
export const clearDump: API['clearDump']
export const autodump: API['autodump']
export const reloadLogs: API['reloadLogs']
export const custom: API['custom']
export const _conf: API['_conf']
export const pm2_home: API['pm2_home']
export const cwd: API['cwd']
export const daemon_mode: API['daemon_mode']
export const Client: API['Client']
// Reserved words.
declare const remove: API['delete']
declare const pack: API['package']
export { remove as delete, pack as package }
