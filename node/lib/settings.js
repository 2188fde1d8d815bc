// SPDX-License-Identifier: MIT
// Settings (module_conf.json). They are changed by the native program, which holds the lock of the
// file, and starts the app again that a setting belongs to.
'use strict'

const fs = require('fs')
const { answer } = require('./answer')
const { runNative } = require('./native')

const lastFunction = (...values) => values.find((value) => typeof value === 'function')

// Words that the native program would take for options.
function wordOf(value, what) {
  const word = String(value)
  if (word === '' || word.startsWith('-')) {
    throw new Error(`${what} must not be empty nor begin with "-", got ${JSON.stringify(word)}`)
  }
  return word
}

async function change(api, ...argv) {
  await runNative(argv, { home: api.pm2_home, cwd: api.cwd })
  return { success: true }
}

// "mod:key", "mod.key"; quotes around a part keep its dots.
function partsOf(key) {
  const parts = String(key).match(/"[^"]*"|'[^']*'|[^:.]+/g) ?? []
  return parts.map((part) => part.replace(/^(["'])(.*)\1$/s, '$2'))
}

async function read(api, key) {
  const file = api._conf.PM2_MODULE_CONF_FILE
  const text = await fs.promises.readFile(file, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '{}'
    throw error
  })
  let value
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error(`${file} cannot be used: ${error.message}; mend it or move it away`)
  }
  for (const part of key === undefined ? [] : partsOf(key)) {
    const known = value !== null && typeof value === 'object' && Object.hasOwn(value, part)
    if (!known) throw new Error(`the setting ${key} is not there`)
    value = value[part]
  }
  return { success: true, value }
}

module.exports = {
  // set(key, value, [cb])
  set(key, value, cb) {
    const work = async () => change(this, 'set', wordOf(key, 'a key'), wordOf(value, 'a value'))
    return answer(work(), cb)
  },

  // multiset('key value key value', [cb])
  multiset(text, cb) {
    return answer((async () => change(this, 'multiset', wordOf(text, 'the text')))(), cb)
  },

  // unset(key, [cb]): 'all' forgets all settings
  unset(key, cb) {
    return answer((async () => change(this, 'unset', wordOf(key, 'a key')))(), cb)
  },

  // get([key], [cb])
  get(key, cb) {
    const wanted = typeof key === 'function' ? undefined : key
    return answer(read(this, wanted), lastFunction(key, cb))
  },

  // conf([key], [value], [cb]): get, or set when there is a value
  conf(key, value, cb) {
    const done = lastFunction(key, value, cb)
    if (value === undefined || typeof value === 'function') {
      return this.get(typeof key === 'function' ? undefined : key, done)
    }
    return this.set(key, value, done)
  }
}
