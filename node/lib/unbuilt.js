// SPDX-License-Identifier: MIT
// PM2's methods that this version does not have: each says so to its callback.
'use strict'

module.exports = [
  'autoinstall', 'backward', 'boilerplate', 'clearSetup', 'dashboard', 'deepUpdate', 'deploy',
  'dockerMode', 'forward', 'generateDockerfile', 'link', 'linkManagement', 'logrotate',
  'minimumSetup', 'monit', 'openDashboard', 'publish', 'pullAndReload', 'pullAndRestart',
  'pullCommitId', 'report', 'serve', 'unlink'
]
