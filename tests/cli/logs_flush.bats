#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 flush and pm2 reloadLogs.
load ../lib/harness

# Writes a line to both outputs, and stays.
start_two() {
  pm2 start "echo one; echo two >&2; exec sleep 1000" --name a
  pm2 start "echo one; echo two >&2; exec sleep 1000" --name b --namespace other -l "$WORK/b.log"
  for f in a-out a-error b-out b-error; do
    wait_until test -s "$(log_of $f)"
  done
  wait_until file_lines "$WORK/b.log" 2
}

@test "flush: everything, and the daemon's own log" {
  start_two
  run pm2 flush
  assert_ok
  assert_equal "$output" "[PM2] Flushing $TEST_PM2_HOME/pm2.log
[PM2] Flushing:
[PM2] $(log_of a-out)
[PM2] $(log_of a-error)
[PM2] Flushing:
[PM2] $(log_of b-out)
[PM2] $(log_of b-error)
[PM2] $WORK/b.log
[PM2] Logs flushed"
  for f in a-out a-error b-out b-error; do
    [ ! -s "$(log_of $f)" ]
  done
  [ ! -s "$WORK/b.log" ]
  refute file_has "$TEST_PM2_HOME/pm2.log" "started"
}

@test "flush NAME, flush ID: only that one" {
  start_two
  run pm2 flush a
  assert_ok
  assert_lacks pm2.log
  [ ! -s "$(log_of a-out)" ]
  [ -s "$(log_of b-out)" ]
  run pm2 flush 1
  assert_ok
  [ ! -s "$(log_of b-out)" ]
}

@test "flush takes namespaces, patterns, and several targets" {
  ours_only "names and ids only, the first of them"
  start_two
  run pm2 flush other
  assert_ok
  [ ! -s "$WORK/b.log" ]
  [ -s "$(log_of a-out)" ]
  run pm2 flush nobody /^a/
  assert_ok
  assert_has "Process or Namespace nobody not found"
  [ ! -s "$(log_of a-out)" ]
}

@test "flush of an unknown id" {
  start_two
  run pm2 flush 99
  assert_ok
  assert_has "Logs flushed"
  wait_status a online
  [ -s "$(log_of a-out)" ]
}

@test "what is written after a flush begins at the begin" {
  pm2 start tick.js
  wait_until file_has "$(log_of tick-out)" "out 3"
  pm2 flush tick
  wait_until test -s "$(log_of tick-out)"
  refute grep -qP '\x00' "$(log_of tick-out)"
  refute grep -qx "out 1" "$(log_of tick-out)"
}

@test "reloadLogs: renamed files are left" {
  pm2 start tick.js
  wait_until file_has "$(log_of tick-out)" "out 1"
  mv "$(log_of tick-out)" "$WORK/old.log"
  run pm2 reloadLogs
  assert_ok
  assert_equal "$output" "Reloading all logs...
All logs reloaded"
  wait_until test -s "$(log_of tick-out)"
}
