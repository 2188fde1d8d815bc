// SPDX-License-Identifier: MIT
// PM2's methods that this version does not have: each says so to its callback.
'use strict'

module.exports = [
  'agentInfos', 'autoinstall', 'backward', 'boilerplate', 'clearSetup',
  'dashboard', 'deepUpdate', 'deleteModule', 'deploy', 'destroy', 'dockerMode',
  'forward', 'generateDockerfile', 'generateModuleSample', 'generateSample', 'inspect',
  'install', 'jlist', 'killAgent', 'launchAll', 'launchModules', 'link', 'linkManagement',
  'logrotate', 'minimumSetup', 'monit', 'monitorState', 'openDashboard', 'package',
  'printLogs', 'profile', 'publish', 'pullAndReload', 'pullAndRestart', 'pullCommitId',
  'remote', 'remoteV2', 'report', 'serve', 'slist', 'streamLogs',
  'uninstall', 'unlink', 'update'
]
