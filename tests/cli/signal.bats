#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sendSignal.
load ../lib/harness

@test "sendSignal by name and by id" {
  pm2 start polite.sh
  wait_until file_has "$(log_of polite-out)" ready
  run pm2 sendSignal SIGUSR2 polite
  assert_ok
  assert_has "[PM2] Sending signal to process name polite"
  assert_has "successfully sent signal SIGUSR2 to process name polite"
  wait_until file_has "$(log_of polite-out)" "heard USR2"
  run pm2 sendSignal SIGUSR2 0
  assert_ok
  assert_has "successfully sent signal SIGUSR2 to process id 0"
  app_is polite pm2_env.status online
}

@test "sendSignal to the unknown" {
  pm2 ping
  run pm2 sendSignal SIGUSR2 nope
  assert_fails
  assert_has "Unknown process name"
  run pm2 sendSignal SIGUSR2 88
  assert_fails
  assert_has "88 id unknown"
}

@test "an unknown signal" {
  pm2 start sleep -- 1000
  run pm2 sendSignal SIGFOO 0
  assert_fails
  assert_has "Error when sending signal (signal unknown)"
  app_is sleep pm2_env.status online
}

@test "never a signal to a stopped process: pid 0 would be everybody" {
  ours_only "kills the daemon"
  pm2 start sleep --name down -- 1000
  pm2 start sleep --name up -- 1000
  pm2 stop down
  local before
  before=$(daemon_pid)
  run pm2 sendSignal SIGKILL 0
  assert_fails
  assert_equal "$(daemon_pid)" "$before"
  app_is up pm2_env.status online
  app_is down pm2_env.status stopped
}
