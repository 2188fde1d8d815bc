// SPDX-License-Identifier: MIT
// PM2's methods that this version does not have: each says so to its callback.
'use strict'

module.exports = [
  'agentInfos', 'attach', 'autoinstall', 'backward', 'boilerplate', 'clearSetup', 'conf',
  'dashboard', 'deepUpdate', 'deleteModule', 'deploy', 'destroy', 'dockerMode', 'env',
  'forward', 'generateDockerfile', 'generateModuleSample', 'generateSample', 'get', 'inspect',
  'install', 'jlist', 'killAgent', 'launchAll', 'launchModules', 'link', 'linkManagement',
  'logrotate', 'minimumSetup', 'monit', 'monitorState', 'multiset', 'openDashboard', 'package',
  'printLogs', 'profile', 'publish', 'pullAndReload', 'pullAndRestart', 'pullCommitId',
  'remote', 'remoteV2', 'report', 'serve', 'set', 'slist', 'startup', 'streamLogs',
  'trigger', 'uninstall', 'uninstallStartup', 'unlink', 'unset', 'update'
]
