#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sendSignal and send.
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

@test "send: a line on standard input" {
  pm2 start stdin.py
  wait_until file_has "$(log_of stdin-out)" reading
  run pm2 send 0 "hello there"
  assert_ok
  wait_until file_has "$(log_of stdin-out)" "GOT hello there"
}

@test "send to the unknown and to the stopped" {
  pm2 start stdin.py
  pm2 stop stdin
  run pm2 send 88 x
  assert_fails
  assert_has "Process with ID <88> unknown."
  run pm2 send 0 x
  assert_fails
  assert_has "Process with ID <0> offline."
}

@test "send to an app that closed its standard input" {
  ours_only "ends the daemon"
  pm2 start "exec <&-; echo closed; exec sleep 1000" --name deaf
  wait_until file_has "$(log_of deaf-out)" closed
  local before
  before=$(daemon_pid)
  pm2 send 0 x || :
  pm2 send 0 x || :
  assert_equal "$(daemon_pid)" "$before"
  app_is deaf pm2_env.status online
}
