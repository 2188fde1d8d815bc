// SPDX-License-Identifier: MIT
// Modules. Getting, packing and removing their files is the native program's work; what it says
// when it refuses is the error.
'use strict'

const { answer, lastFunction } = require('./answer')
const { runNative } = require('./native')
const targets = require('./targets')

async function modulesOf(api) {
  return (await api.list()).filter((proc) => proc.pm2_env.pmx_module)
}

// A process of a module is called as the module is, or MODULE:APP.
const isOf = (proc, name) => proc.name === name || proc.name.startsWith(`${name}:`)

async function install(api, word, opts) {
  const before = new Set((await modulesOf(api)).map((proc) => `${proc.pm_id} ${proc.pid}`))
  const argv = ['install', targets.argumentOf(word, 'a module')]
  if (opts.safe) argv.push('--safe')
  if (opts.safe && opts.safe !== true) argv.push(String(opts.safe))
  if (opts.tarball) argv.push('--tarball')
  await runNative(argv, api)
  return (await modulesOf(api)).filter((proc) => !before.has(`${proc.pm_id} ${proc.pid}`))
}

async function end(api, name) {
  for (const proc of await modulesOf(api)) {
    if (isOf(proc, String(name))) await api.delete(proc.pm_id)
  }
}

module.exports = {
  // install(name | folder | archive | URL, [{safe, tarball}], [cb]): the processes of the module
  install(word, opts, cb) {
    const options = targets.isObject(opts) ? opts : {}
    return answer(install(this, word, options), lastFunction(opts, cb))
  },

  // uninstall(name | 'all', [cb])
  uninstall(name, cb) {
    const work = async () => runNative(['uninstall', targets.argumentOf(name, 'a module')], this)
    return answer(work().then(() => ({ success: true })), cb)
  },

  // deleteModule(name, [cb]): its processes go, its files stay
  deleteModule(name, cb) {
    return answer(end(this, name), cb)
  },

  // launchModules([cb]): those that are installed and do not run
  launchModules(cb) {
    return answer(runNative(['module:launch'], this).then(() => undefined), cb)
  },

  // launchAll([instance], [cb])
  launchAll(instance, cb) {
    const api = targets.isObject(instance) ? instance : this
    return api.launchModules(lastFunction(instance, cb))
  },

  // package([folder], [cb])
  package(folder, cb) {
    const argv = ['package']
    if (typeof folder === 'string') argv.push(targets.argumentOf(folder, 'a folder'))
    return answer(runNative(argv, this).then(() => undefined), lastFunction(folder, cb))
  },

  // generateModuleSample([name], [cb])
  generateModuleSample(name, cb) {
    const argv = ['module:generate']
    if (typeof name === 'string') argv.push(targets.argumentOf(name, 'a name'))
    return answer(runNative(argv, this).then(() => undefined), lastFunction(name, cb))
  }
}
