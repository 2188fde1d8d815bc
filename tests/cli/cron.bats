#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# cron_restart on real processes: patterns of six fields, which are due every second.
load ../lib/harness

EVERY_SECOND='*/1 * * * * *'

restarts_at_least() { # name count
  local n
  n=$(app "$1" pm2_env.restart_time)
  [ "${n:-0}" -ge "$2" ]
}

# pid of the pm2d, which is not the process that pm2.pid names.
pm2d_pid() {
  pgrep -P "$(daemon_pid)" -x pm2d
}

pm2d_is_not() { # pid
  local now
  now=$(pm2d_pid) && [ "$now" != "$1" ]
}

@test "an online app is restarted again and again" {
  run pm2 start sleep --cron "$EVERY_SECOND" -- 1000
  assert_ok
  assert_has "cron restart at $EVERY_SECOND"
  wait_until restarts_at_least sleep 2
}

@test "stop warns, and the schedule starts it again" {
  pm2 start sleep --cron "$EVERY_SECOND" -- 1000
  wait_status sleep online
  run pm2 stop sleep
  assert_ok
  assert_has "App sleep stopped but CRON RESTART is still UP $EVERY_SECOND"
  wait_status sleep online
}

@test "delete ends the schedule" {
  pm2 start sleep --name other -- 1000
  pm2 start sleep --name gone --cron "$EVERY_SECOND" -- 1000
  wait_until restarts_at_least gone 1
  pm2 delete gone
  assert_equal "$(app_count)" 1
  # Another app's schedule tells that time has passed.
  pm2 restart other --cron "$EVERY_SECOND"
  wait_until restarts_at_least other 3
  assert_equal "$(app_count)" 1
}

@test "restart -c 0 switches it off" {
  pm2 start sleep --name other --cron "$EVERY_SECOND" -- 1000
  pm2 start sleep --name quiet --cron "$EVERY_SECOND" -- 1000
  wait_until restarts_at_least quiet 1
  run pm2 restart quiet -c 0
  assert_ok
  assert_has "disabling cron restart"
  local before other
  before=$(app quiet pm2_env.restart_time)
  other=$(app other pm2_env.restart_time)
  wait_until restarts_at_least other $((other + 3))
  app_is quiet pm2_env.restart_time "$before"
  run pm2 stop quiet
  assert_ok
  assert_lacks "CRON RESTART"
}

@test "an app that ended for good is started when its time comes" {
  CODE=0 AFTER=0 pm2 start exit.sh --no-autorestart --cron "$EVERY_SECOND"
  runs() {
    [ "$(grep -c '^run ' "$(log_of exit-out)")" -ge 3 ]
  }
  wait_until runs
}

@test "a restart that takes longer than the schedule is not overtaken" {
  ours_only "PM2 says nothing"
  pm2 start stubborn.sh --kill-timeout 2500 --cron "$EVERY_SECOND"
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "scheduled restart skipped"
  wait_until restarts_at_least stubborn 1
}

@test "pm2d is killed: its successor goes on" {
  ours_only "PM2 has one process only"
  pm2 start sleep --cron "$EVERY_SECOND" -- 1000
  wait_until restarts_at_least sleep 1
  local old before
  old=$(pm2d_pid)
  kill -9 "$old"
  wait_until pm2d_is_not "$old"
  before=$(app sleep pm2_env.restart_time)
  wait_until restarts_at_least sleep $((before + 2))
}

@test "what is no pattern is refused with PM2's words, and nothing starts" {
  run pm2 start sleep --cron "0 0 * *" -- 1000
  assert_fails
  assert_has "Cron pattern error: CronPattern: invalid configuration format ('0 0 * *'), exacly five or six space separated parts required."
  assert_equal "$(app_count)" 0
}
