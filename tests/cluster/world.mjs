// SPDX-License-Identifier: MIT
// An app of the tables in a home of its own, and clients that go on asking it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { Late } from './clients.mjs'
import { ROOT, isAlive, run, until, world } from '../node/world.mjs'

const APPS = path.join(ROOT, 'tests/cluster/apps')
const MODULES = process.env.CLUSTER_MODULES
const PACE_MS = 4 // of each client: a light load

// $PM2_RUNTIMES has a line "NAME PATH" for each (tests/node/runtimes.sh prints them); without it, the
// one that runs the tests. $RUNTIME chooses one of them.
// isWhole: it goes through all of the table of servers. Nodes between the oldest and the newest do not.
export function runtimes() {
  const given = process.env.PM2_RUNTIMES?.trim() || `own ${process.execPath}`
  const all = given.split('\n').map((line) => {
    const [name, program] = line.split(/ (.*)/)
    const major = Number(name === 'own' ? process.versions.node.split('.')[0] : name.slice(4))
    return { name, program, major, isBun: name === 'bun' }
  })
  const majors = all.filter(({ isBun }) => !isBun).map(({ major }) => major)
  const isWhole = ({ isBun, major }) => isBun || process.env.WHOLE === '1' ||
    major === Math.min(...majors) || major === Math.max(...majors)
  return all.filter(({ name }) => !process.env.RUNTIME || process.env.RUNTIME === name)
    .map((one) => ({ ...one, isWhole: isWhole(one) }))
}

async function freePort() {
  const server = net.createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

// The files of all apps beside the program that runs them. A worker is known by the name of its
// interpreter, and that of Bun's package is bun.exe; another user (isOpen) may not go where it lies.
function furnish(dir, runtime, isOpen) {
  const program = path.join(dir, runtime.isBun ? 'bun' : 'node')
  fs.cpSync(APPS, dir, { recursive: true })
  if (isOpen) fs.copyFileSync(runtime.program, program, fs.constants.COPYFILE_FICLONE)
  else fs.symlinkSync(runtime.program, program)
  if (isOpen) fs.chmodSync(dir, 0o755)
  return program
}

export function certificate(dir) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=localhost'],
  { cwd: dir, stdio: 'ignore' })
}

// One app under pm2, in cluster mode.
export class App {
  // t: the test's context. conf: members of the process file besides those that each app has.
  static async start(t, runtime, { env = {}, at = 'port', ...conf }) {
    const app = new App()
    Object.assign(app, world(t))
    app.program = furnish(app.dir, runtime, conf.uid !== undefined)
    app.port = await freePort()
    app.path = at === 'path' ? path.join(app.dir, 'app.sock') : undefined
    app.at = at
    app.family = env.FAMILY
    app.log = path.join(app.home, 'logs/app-out.log')
    app.errors = path.join(app.home, 'logs/app-error.log')
    if (/^http[s2].js$/.test(conf.script)) certificate(app.dir)
    app.define('app', {
      ...conf,
      env: { PORT: at === 'any' ? 0 : app.port, SOCKET: app.path, NODE_PATH: MODULES, ...env }
    })
    await app.pm2('start', 'app.json')
    return app
  }

  // Writes a process file NAME.json. A busy machine has time to listen.
  define(name, conf) {
    const all = {
      name, interpreter: this.program, exec_mode: 'cluster', merge_logs: true, listen_timeout: 30000, ...conf
    }
    fs.writeFileSync(path.join(this.dir, `${name}.json`), JSON.stringify({ apps: [all] }))
  }

  // A command; what it prints. It has to succeed.
  async pm2(...words) {
    const result = await run([process.env.PM2_BIN, ...words], this)
    assert.equal(result.code, 0, `pm2 ${words.join(' ')}: ${result.err}${result.out}`)
    return result.out
  }

  // Pids of the processes that are online.
  async pids() {
    const list = JSON.parse(await this.pm2('jlist'))
    return list.filter((one) => one.pm2_env.status === 'online').map((one) => one.pid)
  }

  // Where it listens, for clients; null when that is not known yet.
  where() {
    if (this.at !== 'any') return this
    const ports = new Set(this.said().match(/(?<=^at )\d+$/gm))
    assert.ok(ports.size <= 1, 'the same port for all')
    return ports.size ? { port: Number([...ports][0]) } : null
  }

  // Until `count` processes are online, none of which is in `old`, and each of them answers; `any`:
  // one of them. Their pids.
  async answered(ask, count, { old = [], any = false } = {}) {
    const seen = new Set()
    let pids = []
    const isDone = async () => {
      pids = await this.pids()
      const where = this.where()
      if (!where || pids.length !== count || pids.some((pid) => old.includes(pid))) return false
      for (let i = 0; i < 2 * count; i++) seen.add(await ask(where).catch((error) => error.code))
      return pids.filter((pid) => seen.has(pid)).length >= (any ? 1 : count)
    }
    await until(isDone).catch(() => {
      throw new Error(`${count} workers should answer; online: ${pids}; answers: ${[...seen]}; before: ${old}\n` +
        this.said())
    })
    return pids
  }

  said() {
    const files = [this.log, this.errors].filter((file) => fs.existsSync(file))
    return files.map((file) => fs.readFileSync(file, 'utf8').slice(-1000)).join('')
  }

  // Deletes the app: nobody listens any more, and nothing of it runs.
  async end(ask) {
    const where = this.where()
    const pids = await this.pids()
    await this.pm2('delete', 'app')
    assert.deepEqual(pids.filter(isAlive), [])
    await assert.rejects(ask(where), { code: /^(ECONNREFUSED|ENOENT)$/ })
  }
}

// What clients meet while `action` runs: {answered, cut, refused, late, errors}. Each
// client asks one request after the other, and begins before the action.
export async function during(app, asks, action) {
  const counts = { answered: 0, cut: 0, refused: 0, late: 0, errors: new Set() }
  let stop = false
  async function client(ask) {
    while (!stop) {
      try {
        await ask(app.where())
        counts.answered++
      } catch (error) {
        const word = error instanceof Late ? 'late' : /REFUSED|ENOENT/.test(error.code) ? 'refused' : 'cut'
        counts[word]++
        counts.errors.add(error.code ?? error.message)
      }
      await new Promise((resolve) => setTimeout(resolve, PACE_MS))
    }
  }
  const running = asks.map(client)
  await until(() => counts.answered + counts.cut + counts.refused >= asks.length)
  try {
    await action()
  } finally {
    stop = true
    await Promise.all(running)
  }
  return counts
}
