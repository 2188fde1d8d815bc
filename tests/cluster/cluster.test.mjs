// SPDX-License-Identifier: MIT
// Each server of the table goes the same course under each runtime: it starts, all workers answer,
// it is scaled, restarted, reloaded, killed and deleted, while clients go on asking. And each worker sees what
// the table of features says.
//
//   node tests/cluster/cluster.test.mjs    under the Node that runs it
//   PM2_RUNTIMES="$(tests/node/runtimes.sh)" RUNTIME=node24    under one of these
//   CLUSTER_MODULES="$(tests/cluster/packages.sh)"             also the npm packages
//   ROUNDS=20                                                  each step of the course so often
//   WHOLE=1                                                    all servers also under the Nodes in between
import assert from 'node:assert/strict'
import test from 'node:test'
import { askHttps, askTls, seeHttp } from './clients.mjs'
import { FEATURES } from './features.mjs'
import { SERVERS } from './servers.mjs'
import { until } from '../node/world.mjs'
import { App, during, runtimes } from './world.mjs'

const CLIENTS = 4
const ROUNDS = Number(process.env.ROUNDS ?? 1)

// Why a row does not run; false when it does.
function lacks(row, runtime) {
  if (runtime.isBun && !row.bun) return 'not in Bun'
  if (!runtime.isBun && row.from > runtime.major) return `from Node ${row.from} on`
  if (row.module && !process.env.CLUSTER_MODULES) return 'npm packages are not there'
  return false
}

// What is done under load: `ended` workers have to end for it, with what they are answering.
const STEPS = [
  {
    what: 'scale up',
    ended: 0,
    async action(app, answered) {
      await app.pm2('scale', 'app', '3')
      await answered(3)
    }
  },
  {
    what: 'scale down',
    ended: 1,
    async action(app, answered) {
      await app.pm2('scale', 'app', '2')
      await answered(2)
    }
  },
  {
    what: 'restart',
    ended: 2,
    async action(app, answered) {
      const before = await app.pids()
      await app.pm2('restart', 'app')
      await answered(2, before)
    }
  },
  {
    what: 'reload',
    ended: 0,
    async action(app, answered) {
      const before = await app.pids()
      await app.pm2('reload', 'app')
      await answered(2, before)
    }
  },
  {
    what: 'kill -9',
    ended: 1,
    async action(app, answered) {
      const [victim] = await app.pids()
      process.kill(victim, 'SIGKILL')
      await answered(2, [victim])
    }
  }
]

// Nobody is refused or waits for ever; each worker that has to end costs at most what it was answering.
function check(counts, ended, what) {
  const { answered, cut, refused, late, errors } = counts
  const text = `${what}: answered ${answered}, cut ${cut}, refused ${refused}, late ${late} ${[...errors]}`
  assert.deepEqual({ refused, late }, { refused: 0, late: 0 }, text)
  assert.ok(answered > 0 && cut <= ended * CLIENTS, text)
}

async function course(t, row, runtime) {
  const app = await App.start(t, runtime, {
    script: row.script, instances: 2, env: row.env, at: row.at, ...row.conf
  })
  // Bun may listen by itself, with a socket for each worker: what waits there goes with the worker.
  const isKept = !(runtime.isBun && row.bun === 'own')
  const answered = (count, old = []) => app.answered(row.ask, count, { old, any: row.any || !isKept })
  await answered(2)
  for (let i = 0; i < ROUNDS; i++) {
    for (const { what, ended, action } of STEPS) {
      const asks = Array.from({ length: CLIENTS }, row.client ?? (() => row.ask))
      const counts = await during(app, asks, () => action(app, answered))
      if (isKept) check(counts, ended, what)
    }
  }
  await app.end(row.ask)
}

async function feature(t, row, runtime) {
  const app = await App.start(t, runtime, { script: 'see.js', instances: 3, ...row.conf })
  const pids = await app.answered(async (where) => (await seeHttp(where)).pid, 3)
  const answers = new Map()
  await until(async () => {
    const answer = await seeHttp(app)
    return answers.set(answer.pid, answer).size === 3
  })
  row.look(pids.map((pid) => answers.get(pid)), app)
}

// What a worker gave out, the other ones take: the keys of the tickets are the cluster's.
async function sessions(t, version, runtime) {
  const app = await App.start(t, runtime, { script: 'https.js', instances: 3 })
  await app.answered(askHttps, 3)
  const seen = new Map()
  const first = await askTls(app, version)
  assert.equal(first.reused, false)
  for (let i = 0; i < 12; i++) {
    const { pid, reused } = await askTls(app, version, first.session)
    seen.set(pid, reused)
  }
  assert.deepEqual([...seen.values()], [true, true, true])
}

for (const runtime of runtimes()) {
  for (const row of SERVERS.filter((one) => runtime.isWhole || one.each)) {
    test(`${runtime.name}: ${row.name}`, { skip: lacks(row, runtime) }, (t) => course(t, row, runtime))
  }

  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`${runtime.name}: sessions of ${version} go on with another worker`, { skip: runtime.isBun && 'not in Bun' },
      (t) => sessions(t, version, runtime))
  }

  for (const row of FEATURES) {
    const skip = row.root && process.getuid() !== 0 ? 'needs root' : row.node && runtime.isBun ? 'of Node only' : false
    test(`${runtime.name}: ${row.name}`, { skip }, (t) => feature(t, row, runtime))
  }
}
