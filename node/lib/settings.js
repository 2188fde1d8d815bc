// SPDX-License-Identifier: MIT
// Settings (module_conf.json). They are changed by the native program, which holds the lock of the
// file, and starts the app again that a setting belongs to.
'use strict'

const fs = require('fs')
const { answer, lastFunction } = require('./answer')
const { runNative } = require('./native')
const { argumentOf } = require('./targets')

async function change(api, ...argv) {
  await runNative(argv, api)
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
  for (const part of key === undefined || key === 'all' ? [] : partsOf(key)) {
    const known = value !== null && typeof value === 'object' && Object.hasOwn(value, part)
    if (!known) throw new Error(`the setting ${key} is not there`)
    value = value[part]
  }
  return { success: true, value }
}

module.exports = {
  // set(key, value, [cb])
  set(key, value, cb) {
    const work = async () => change(this, 'set', argumentOf(key, 'a key'), argumentOf(value, 'a value'))
    return answer(work(), cb)
  },

  // multiset('key value key value', [cb])
  multiset(text, cb) {
    return answer((async () => change(this, 'multiset', argumentOf(text, 'the text')))(), cb)
  },

  // unset(key, [cb]): 'all' forgets all settings
  unset(key, cb) {
    return answer((async () => change(this, 'unset', argumentOf(key, 'a key')))(), cb)
  },

  // get([key], [cb]): all of them without a key, or with 'all'
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
