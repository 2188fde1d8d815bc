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

// The apps in an array, in {apps: [...]} or in one object.
function appsOf(given) {
  const apps = Array.isArray(given) ? given : given.apps ?? [given]
  return Array.isArray(apps) ? apps : [apps]
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

function wordOf(target) {
  if (typeof target === 'number' || (typeof target === 'string' && target !== '')) {
    return String(target)
  }
  throw new TypeError(`expected a name, an id or all, got ${JSON.stringify(target) ?? 'nothing'}`)
}

module.exports = {
  appsOf, attributesOf, isObject, isProcessFile, nameOf, scriptOf, wordOf
}
