// SPDX-License-Identifier: MIT
// Start at boot: the native program writes what the init system needs, and makes it known. Without
// the rights for it the answer is an Error that has the command for root.
'use strict'

const { answer, lastFunction } = require('./answer')
const { runNative } = require('./native')
const targets = require('./targets')

async function run(api, command, platform, opts) {
  const argv = [command]
  if (typeof platform === 'string' && platform !== '') argv.push(platform)
  if (opts.user !== undefined) argv.push('-u', String(opts.user))
  if (opts.hp !== undefined) argv.push('--hp', String(opts.hp))
  if (opts.serviceName !== undefined) argv.push('--service-name', String(opts.serviceName))
  if (opts.waitIp) argv.push('--wait-ip')
  return runNative(argv, api)
}

async function install(api, platform, opts) {
  const out = await run(api, 'startup', platform, opts)
  const told = /^Platform (\S+)\nTemplate\n([^]*)\nTarget path\n(.*)$/m.exec(out)
  if (!told) throw new Error(`pm2 startup: ${out.trim()}`)
  return { destination: told[3], template: told[2] }
}

async function remove(api, platform, opts) {
  const out = await run(api, 'unstartup', platform, opts)
  const commands = [...out.matchAll(/\[-\] Executing: (.*)\.\.\.$/gm)].map((match) => match[1])
  const found = /Init System found: (\S+)/.exec(out)
  return { commands, platform: typeof platform === 'string' ? platform : found?.[1] }
}

const optionsOf = (...values) => values.find(targets.isObject) ?? {}

module.exports = {
  // startup([platform], [{user, hp, serviceName, waitIp}], [cb])
  startup(platform, opts, cb) {
    return answer(install(this, platform, optionsOf(platform, opts)), lastFunction(platform, opts, cb))
  },

  // uninstallStartup([platform], [opts], [cb])
  uninstallStartup(platform, opts, cb) {
    return answer(remove(this, platform, optionsOf(platform, opts)), lastFunction(platform, opts, cb))
  }
}
