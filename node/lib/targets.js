// SPDX-License-Identifier: MIT
// What callers write, turned into what the daemon is asked. Checking and defaults are its business.
'use strict'

const path = require('path')

const SCRIPT_KEYS = ['script', 'exec', 'cmd', 'command']
const FILE_MARK = /\.json|\.ya?ml|\.config\.[cm]?js/

// Keys of an app that are for others than the daemon.
const FOREIGN_KEY = /^(env_.+|deploy|apps|updateEnv|parallel|scriptArgs|only)$/

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)

function isProcessFile(text) {
  return text === '-' || FILE_MARK.test(text)
}

// The apps in an array, in {apps: [...]}, in {pm2: [...]} or in one object.
function appsOf(given) {
  const apps = Array.isArray(given) ? given : given.apps ?? given.pm2 ?? [given]
  return Array.isArray(apps) ? apps : [apps]
}

// An app with what the options of the call say about all of them.
function withOptions(app, opts) {
  if (!isObject(app) || !scriptOf(app)) return app
  const { name_prefix: prefix, env } = opts
  let name = nameOf(app)
  if (app.append_env_to_name && typeof env === 'string') name += `-${env}`
  if (prefix && !name.includes(prefix)) name = `${prefix}:${name}`
  const more = name === nameOf(app) ? {} : { name }
  if (!app.watch && opts.watch === true) more.watch = true
  if (!app.ignore_watch && opts.ignore_watch) more.ignore_watch = opts.ignore_watch
  return { ...app, ...more }
}

function scriptOf(app) {
  const key = SCRIPT_KEYS.find((name) => app[name])
  return key && app[key]
}

// As the daemon names an app that has no name: the file without folder and extension.
function nameOf(app) {
  if (app.name) return String(app.name)
  return path.parse(String(scriptOf(app))).name
}

// Attributes for the daemon. `envName` picks one of the app's env_NAME objects.
function attributesOf(app, envName) {
  const chosen = envName ? app[`env_${envName}`] : undefined
  const attributes = {}
  for (const [key, value] of Object.entries(app)) {
    if (value === undefined || SCRIPT_KEYS.includes(key) || FOREIGN_KEY.test(key)) continue
    attributes[key] = value
  }
  if (app.scriptArgs !== undefined) attributes.args = app.scriptArgs
  if (isObject(chosen)) attributes.env = { ...attributes.env, ...chosen }
  if (isObject(attributes.env)) attributes.env = textValues(attributes.env)
  return attributes
}

// A variable is text; an object is passed on as JSON, as PM2 does.
function textValues(env) {
  const text = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
  return Object.fromEntries(Object.entries(env)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [name, text(value)]))
}

// An argument of the native program: nothing that it would take for an option.
function argumentOf(value, what) {
  if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
    throw new TypeError(`${what} must be text or a number, got ${JSON.stringify(value) ?? 'nothing'}`)
  }
  const word = String(value)
  if (word === '' || word.startsWith('-')) {
    throw new Error(`${what} must not be empty nor begin with "-", got ${JSON.stringify(word)}`)
  }
  return word
}

function wordOf(target) {
  if (typeof target === 'number' || (typeof target === 'string' && target !== '')) {
    return String(target)
  }
  throw new TypeError(`expected a name, an id or all, got ${JSON.stringify(target) ?? 'nothing'}`)
}

// Whether PM2's calls that know no namespaces mean a process.
function meaning(target) {
  const word = wordOf(target)
  return (proc) => word === 'all' || proc.name === word || String(proc.pm_id) === word
}

module.exports = {
  appsOf, argumentOf, attributesOf, isObject, isProcessFile, meaning, nameOf, scriptOf, withOptions, wordOf
}
