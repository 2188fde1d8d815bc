// SPDX-License-Identifier: MIT
// A private home, a working folder and an instance of the package for each test; what it started
// is ended when it is over.
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const PACKAGE = path.join(ROOT, 'node')
process.env.PM2_BIN ??= path.join(ROOT, 'build/dev/bin/pm2')

export const pm2 = createRequire(import.meta.url)(PACKAGE)

// The first lines of PM2's own manual, as users copy them.
export const QUICK_START = `
const pm2 = require('pm2')
pm2.connect(function(err) {
  if (err) { console.error(err); process.exit(2) }
  pm2.start({ script: 'api.js', name: 'api' }, function(err, apps) {
    if (err) { console.error(err); return pm2.disconnect() }
    pm2.list((err, list) => {
      console.log(err, list)
      pm2.restart('api', (err, proc) => { pm2.disconnect() })
    })
  })
})
`

// The environment of programs that shall use this home, without what the package and the test
// runner have put into ours: npm's pm2 would be silent, and a test would take itself for a part of
// this one.
export function envOf(home) {
  const env = { ...process.env, HOME: path.dirname(home), PM2_HOME: home }
  delete env.PM2_PROGRAMMATIC
  for (const name of Object.keys(env)) if (name.startsWith('NODE_TEST')) delete env[name]
  return env
}

// t: the test's context. Gives {dir, home, api(opts)}.
export function world(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pm2n-'))
  const home = path.join(dir, '.pm2')
  const apis = []
  fs.writeFileSync(path.join(dir, 'api.js'), 'setInterval(() => {}, 1e6)\n')
  t.after(async () => {
    for (const one of apis) await one.disconnect().catch(() => {})
    if (fs.existsSync(path.join(home, 'pm2.pid'))) {
      await run([process.env.PM2_BIN, 'kill'], { dir, home })
    }
    fs.rmSync(dir, { recursive: true, force: true })
  })
  const api = (opts = {}) => {
    const one = new pm2.custom({ pm2_home: home, cwd: dir, ...opts })
    apis.push(one)
    return one
  }
  return { dir, home, api }
}

// Runs a program to its end: {code, signal, out, err}.
export function run(argv, { dir, home }) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), { cwd: dir, env: envOf(home) })
    const result = { out: '', err: '' }
    child.stdout.on('data', (piece) => { result.out += piece })
    child.stderr.on('data', (piece) => { result.err += piece })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...result, code, signal }))
  })
}

// A program that uses the package, in CommonJS or (file.mjs) ESM; under `runtime` when given.
export function script(name, text, { dir, home, runtime = process.execPath }) {
  const modules = path.join(dir, 'node_modules')
  fs.mkdirSync(modules, { recursive: true })
  if (!fs.existsSync(path.join(modules, 'pm2'))) fs.symlinkSync(PACKAGE, path.join(modules, 'pm2'))
  fs.writeFileSync(path.join(dir, name), text)
  return run([runtime, name], { dir, home })
}

// Polls until the condition gives something; fails at a deadline.
export async function until(condition, limitMs = 15000) {
  const deadline = Date.now() + limitMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function isAlive(pid) {
  try {
    return !/\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

// Something that is no pm2 daemon listens on the socket.
export async function listen(file, onConnection) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const sockets = new Set()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise((resolve) => server.listen(file, resolve))
  return () => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  }
}
