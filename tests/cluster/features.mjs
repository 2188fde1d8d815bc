// SPDX-License-Identifier: MIT
// The table of what a worker has to see of itself. `conf` is what the process file says of app
// see.js, which answers with {pid, argv, execArgv, env, uid, gid, stack}; `look` gets the answers of all its
// workers in the order of their pm_ids.
import assert from 'node:assert/strict'

const each = (answers, get) => answers.map(get)

export const FEATURES = [
  {
    name: 'NODE_APP_INSTANCE counts from 0',
    look: (answers) => assert.deepEqual(each(answers, ({ env }) => env.NODE_APP_INSTANCE), ['0', '1', '2'])
  },
  {
    name: 'instance_var has another name',
    conf: { instance_var: 'NUMBER' },
    look: (answers) => {
      assert.deepEqual(each(answers, ({ env }) => env.NUMBER), ['0', '1', '2'])
      assert.deepEqual(each(answers, ({ env }) => env.NODE_APP_INSTANCE), [undefined, undefined, undefined])
    }
  },
  {
    name: 'increment_var',
    conf: { increment_var: 'SLOT', env: { SLOT: 7 } },
    look: (answers) => assert.deepEqual(each(answers, ({ env }) => env.SLOT), ['7', '8', '9'])
  },
  {
    name: 'node_args and args are those of the app',
    conf: { node_args: ['--no-warnings', '--max-old-space-size=64'], args: ['one', 'two words'] },
    node: true,
    look: (answers) => {
      for (const { execArgv, argv } of answers) {
        assert.deepEqual(execArgv, ['--no-warnings', '--max-old-space-size=64'])
        assert.deepEqual(argv, ['one', 'two words'])
      }
    }
  },
  {
    name: 'nothing of the channel is in the environment',
    look: (answers) => {
      for (const { env } of answers) {
        const names = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID']
        assert.deepEqual(names.filter((name) => name in env), [])
      }
    }
  },
  {
    name: 'stack traces are those of the sources',
    node: true,
    look: (answers) => {
      for (const { stack } of answers) assert.match(stack, /thrower\.ts:4:/)
    }
  },
  {
    name: 'disable_source_map_support',
    conf: { disable_source_map_support: true },
    node: true,
    look: (answers) => {
      for (const { stack } of answers) assert.match(stack, /thrower\.js:5:/)
    }
  },
  {
    name: 'uid and gid',
    conf: { uid: 65534, gid: 65534 },
    root: true,
    look: (answers) => assert.deepEqual(each(answers, ({ uid, gid }) => [uid, gid]), Array(3).fill([65534, 65534]))
  }
]
