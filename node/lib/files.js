// SPDX-License-Identifier: MIT
// Process files: read here, carried out by the daemon in one call. JavaScript is evaluated in this
// program, as PM2 does it; for JSON and YAML the native program has the reader.
'use strict'

const fs = require('fs')
const path = require('path')
const { pathToFileURL } = require('url')
const { types } = require('util')
const { runNative } = require('./native')

const JAVASCRIPT = /\.config\.[cm]?js/
const OVERLAY = ['namespace', 'watch', 'uid', 'gid', 'cwd']

const isModuleError = (error, file) =>
  ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code) &&
  String(error.message).includes(path.basename(file))

// The file as it is now: what was loaded before may be old.
function load(file) {
  const fresh = () => import(`${pathToFileURL(file).href}?${fs.statSync(file).mtimeMs}`)
  if (path.extname(file) === '.mjs') return fresh()
  delete require.cache[fs.realpathSync(file)]
  try {
    return require(file)
  } catch (error) {
    if (isModuleError(error, file)) return fresh()
    throw error
  }
}

// Of an ES module the named exports count when apps are among them.
function exportOf(module) {
  const isNamespace = types.isModuleNamespaceObject(module)
  if (!isNamespace && !module?.__esModule) return module
  const { default: main, ...named } = module
  return module.apps || module.pm2 || main === undefined ? named : main
}

const isPending = (value) => typeof value === 'function' || typeof value?.then === 'function'

// A promise is awaited, a function called and its result awaited.
async function settle(value) {
  let result = value
  for (let i = 0; i < 4 && isPending(result); i++) {
    result = await (typeof result === 'function' ? result() : result)
  }
  return result
}

const absent = (target) => Object.assign(new Error(`File ${target} not found`), { code: 'ENOENT' })

async function evaluate(file, target) {
  let value
  try {
    value = await settle(exportOf(await load(file)))
    const key = ['apps', 'pm2'].find((name) => !Array.isArray(value) && value?.[name])
    const list = key ? await settle(value[key]) : value
    const apps = Array.isArray(list) ? list : [list]
    return { apps, apps_at: key ?? '', file, deploy: value?.deploy }
  } catch (error) {
    throw new Error(`File ${target} malformated: ${error.message}`, { cause: error })
  }
}

// {apps, apps_at, file, lines?, deploy?}: what is written there, unchecked.
async function readFile(api, target) {
  const file = path.resolve(api.cwd, target)
  if (target !== '-' && !fs.existsSync(file)) throw absent(target)
  if (JAVASCRIPT.test(target)) return evaluate(file, target)
  const argv = ['check', '--print', target]
  return JSON.parse(await runNative(argv, api))
}

function namesOf(only) {
  if (!only) return []
  return Array.isArray(only) ? only : String(only).split(/[,\s]+/).filter(Boolean)
}

function requestOf(api, action, read, opts) {
  const { apps, deploy, ...rest } = read
  const envName = typeof opts.env === 'string' ? opts.env : undefined
  const stage = envName && deploy?.[envName]?.env
  return {
    action,
    ...rest,
    apps: opts.instances === undefined ? apps : apps.map((app) => ({ ...app, instances: opts.instances })),
    env_name: envName,
    deploy_env: stage || undefined,
    only: namesOf(opts.only),
    overlay: Object.fromEntries(OVERLAY.filter((key) => opts[key] !== undefined)
      .map((key) => [key, opts[key]])),
    parallel: opts.parallel,
    force: opts.force,
    cwd: api.cwd,
    env: { ...process.env }
  }
}

function noteText(target, { path: place, text, line }) {
  if (!place) return text
  return line ? `${text} (${place}, ${target}:${line})` : `${text} (${place})`
}

// Have the daemon carry out `action` on what was read. Resolves to its answer, with `errors` of the
// file as one Error.
async function order(api, rpc, action, read, opts, target) {
  const result = await rpc.call('c.file', requestOf(api, action, read, opts))
  if (result.errors?.length > 0) {
    throw new Error(result.errors.map((note) => noteText(target, note)).join('\n'))
  }
  return result
}

module.exports = { order, readFile }
