#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What happens when a process ends by itself.
load ../lib/harness

runs_at_least() { # log count
  [ "$(grep -c '^run ' "$1")" -ge "$2" ]
}

@test "a crash is followed by a restart" {
  pm2 start sleep -- 1000
  wait_status sleep online
  local pid
  pid=$(app_pid sleep)
  kill -9 "$pid"
  wait_app sleep pm2_env.restart_time 1
  wait_status sleep online
  [ "$(app_pid sleep)" != "$pid" ]
}

@test "an end with exit code 0 is followed by a restart too" {
  CODE=0 AFTER=0.2 pm2 start exit.sh
  wait_until runs_at_least "$(log_of exit-out)" 2
}

@test "--no-autorestart: it stays stopped" {
  run pm2 start exit.sh --no-autorestart
  assert_ok
  wait_status exit stopped
  app_is exit pm2_env.restart_time 0
  app_is exit pid 0
  app_is exit pm2_env.exit_code 1
  assert_equal "$(grep -c '^run ' "$(log_of exit-out)")" 1
}

@test "16 quick crashes: errored, with 15 restarts" {
  pm2 start exit.sh
  wait_status exit errored 30
  app_is exit pm2_env.restart_time 15
  app_is exit pid 0
  app_is exit pm2_env.unstable_restarts 0
  assert_equal "$(grep -c '^run ' "$(log_of exit-out)")" 16
}

@test "errored can be started again" {
  pm2 start exit.sh --max-restarts 1
  wait_status exit errored
  run pm2 restart exit
  assert_ok
  wait_until runs_at_least "$(log_of exit-out)" 2
  wait_status exit errored
  run pm2 delete exit
  assert_ok
}

@test "--max-restarts 3" {
  pm2 start exit.sh --max-restarts 3
  wait_status exit errored
  app_is exit pm2_env.restart_time 2
  assert_equal "$(grep -c '^run ' "$(log_of exit-out)")" 3
}

@test "--restart-delay: waiting restart in between" {
  pm2 start exit.sh --restart-delay 60000
  wait_status exit "waiting restart"
  assert_equal "$(grep -c '^run ' "$(log_of exit-out)")" 1
}

@test "--restart-delay: the delay is kept" {
  pm2 start exit.sh --restart-delay 400 --max-restarts 4
  wait_until runs_at_least "$(log_of exit-out)" 1
  local began
  began=$(date +%s%N)
  wait_until runs_at_least "$(log_of exit-out)" 4
  [ $((($(date +%s%N) - began) / 1000000)) -ge 800 ]
}

@test "restart while waiting: starts at once" {
  ours_only "fails: the dead pid still exists"
  pm2 start exit.sh --restart-delay 60000
  wait_status exit "waiting restart"
  run pm2 restart exit
  assert_ok
  wait_until runs_at_least "$(log_of exit-out)" 2
}

@test "stop while waiting: no restart comes" {
  pm2 start exit.sh --restart-delay 300
  wait_status exit "waiting restart"
  run pm2 stop exit
  assert_ok
  app_is exit pm2_env.status stopped
  local runs
  runs=$(grep -c '^run ' "$(log_of exit-out)")
  # A second app with the same delay, begun now, shows that the time has passed.
  pm2 start exit.sh --name later --restart-delay 300
  wait_until runs_at_least "$(log_of later-out)" 2
  assert_equal "$(grep -c '^run ' "$(log_of exit-out)")" "$runs"
}

@test "--no-autorestart with --restart-delay: stopped, not waiting" {
  ours_only "waiting restart for ever"
  pm2 start exit.sh --no-autorestart --restart-delay 1000
  wait_status exit stopped
}

@test "--exp-backoff-restart-delay: delays grow" {
  pm2 start exit.sh --exp-backoff-restart-delay 100
  wait_app exit pm2_env.restart_time 4
  local delay
  delay=$(app exit pm2_env.prev_restart_delay)
  [ "$delay" -ge 225 ] || { echo "prev_restart_delay $delay"; return 1; }
}

@test "--stop-exit-codes: that code ends it, others do not" {
  CODE=7 pm2 start exit.sh --name seven --stop-exit-codes 7
  CODE=8 pm2 start exit.sh --name eight --stop-exit-codes 7
  wait_status seven stopped
  app_is seven pm2_env.restart_time 0
  app_is seven pm2_env.exit_code 7
  wait_status eight errored 30
}

@test "--stop-exit-codes 0 does not match a death by signal" {
  ours_only "counts a signal as code 0"
  pm2 start sleep --stop-exit-codes 0 -- 1000
  wait_status sleep online
  kill -9 "$(app_pid sleep)"
  wait_app sleep pm2_env.restart_time 1
}

@test "reset: counters back to 0" {
  pm2 start sleep -- 1000
  pm2 restart sleep
  pm2 restart 0
  app_is sleep pm2_env.restart_time 2
  run pm2 reset sleep
  assert_ok
  assert_has "[PM2] Resetting meta for process id 0"
  app_is sleep pm2_env.restart_time 0
  app_is sleep pm2_env.unstable_restarts 0
}

@test "reset all, and reset of the unknown" {
  pm2 start sleep --name a -- 1000
  pm2 start sleep --name b -- 1000
  pm2 restart all
  run pm2 reset all
  assert_ok
  app_is a pm2_env.restart_time 0
  app_is b pm2_env.restart_time 0
  run pm2 reset nope
  assert_fails
  assert_has "Unknown process name"
}
