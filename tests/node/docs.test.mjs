// SPDX-License-Identifier: MIT
// What the package exports, what its types say and what docs/API.md tells must be the same names;
// its version must be that of the project.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import unbuilt from '../../node/lib/unbuilt.js'
import { PACKAGE, ROOT, pm2 } from './world.mjs'

const read = (...names) => fs.readFileSync(path.join(...names), 'utf8')
const names = (text, re) => [...new Set([...text.matchAll(re)].map((match) => match[1]))].sort()

// Steps of the calls: methods of the class, not of the API.
const INNER = ['constructor', 'run', 'startAny', 'isWanted', 'startApps', 'startApp', 'startTarget',
  'restartAny', 'reloadAny', 'optionsOf', 'startFile', 'endFile', 'end',
  'act', 'resetAll', 'flushAll']
const ALIASES = ['close', 'kill'] // of disconnect and killDaemon, for programs that have them

const types = read(PACKAGE, 'index.d.ts')
const docs = read(ROOT, 'docs/API.md')
const calls = Object.getOwnPropertyNames(Object.getPrototypeOf(pm2))
  .filter((name) => !INNER.includes(name) && !unbuilt.includes(name)).sort()

function interfaceOf(name) {
  const start = types.indexOf(`export interface ${name} {`)
  return types.slice(start, types.indexOf('\n}', start))
}

test('the types declare every call, and no other', () => {
  assert.deepEqual(names(interfaceOf('API'), /^ {2}(\w+)\(/gm), calls)
})

test('the module declares what the instance has', () => {
  const declared = names(types, /^export const (\w+):/gm).concat('delete', 'package').sort()
  const members = names(interfaceOf('API'), /^ {2}(?:readonly )?(\w+)[(:]/gm)
  assert.deepEqual(declared.filter((name) => !members.includes(name)), [])
  assert.deepEqual(declared.filter((name) => !(name in pm2)), [])
  assert.deepEqual(calls.filter((name) => !declared.includes(name)), [])
})

test('docs/API.md tells of every call, and of no other', () => {
  const rows = docs.split('\n').filter((line) => /^\| \w+\(/.test(line))
  const told = names(rows.map((row) => row.split('|')[1]).join('\n'), /(?:^|[ ,])(\w+)\(/gm)
  assert.deepEqual(told, calls.filter((name) => !ALIASES.includes(name)))
})

test('the ESM entry has every call by name', async () => {
  const entry = await import('../../node/index.mjs')
  const missing = [...calls, ...unbuilt].filter((name) => typeof entry[name] !== 'function')
  assert.deepEqual(missing, [])
  const foreign = Object.keys(entry).filter((name) => name !== 'default' && !(name in pm2))
  assert.deepEqual(foreign, [])
})

test('the package has the version of the project', () => {
  const [version] = names(read(ROOT, 'CMakeLists.txt'), /project\(pm2c VERSION ([\d.]+)/g)
  assert.equal(JSON.parse(read(PACKAGE, 'package.json')).pm2c, version)
  const library = read(ROOT, 'src/client/libpm2.cmake')
  const [shared] = names(library, /OUTPUT_NAME pm2 VERSION (\S+)/g)
  assert.ok([version, '${PROJECT_VERSION}'].includes(shared), `libpm2.cmake: ${shared}`)
})
