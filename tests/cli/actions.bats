#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# stop, restart, delete: by id, by name, several, all; ids; what is said about the unknown.
load ../lib/harness

three() {
  pm2 start sleep --name a -- 1000
  pm2 start sleep --name b -- 1000
  pm2 start sleep --name c -- 1000
  wait_status c online
}

@test "stop by name: the process is gone, the entry stays" {
  three
  local pid
  pid=$(app_pid b)
  run pm2 stop b
  assert_ok
  assert_has "[PM2] Applying action stopProcessId on app [b](ids: [ 1 ])"
  assert_has "[PM2] [b](1) ✓"
  pid_gone "$pid"
  app_is b pm2_env.status stopped
  app_is b pid 0
  app_is a pm2_env.status online
  [ ! -e "$TEST_PM2_HOME/pids/b-1.pid" ]
}

@test "stop by id" {
  three
  run pm2 stop 2
  assert_ok
  assert_has "Applying action stopProcessId on app [2](ids: [ '2' ])"
  app_is c pm2_env.status stopped
}

@test "stopping what is stopped is fine" {
  three
  pm2 stop a
  run pm2 stop a
  assert_ok
  app_is a pm2_env.status stopped
}

@test "restart: a new pid, restart_time counts" {
  three
  local pid
  pid=$(app_pid a)
  run pm2 restart a
  assert_ok
  assert_has "Use --update-env to update environment variables"
  assert_has "Applying action restartProcessId on app [a](ids: [ 0 ])"
  wait_status a online
  [ "$(app_pid a)" != "$pid" ]
  pid_gone "$pid"
  app_is a pm2_env.restart_time 1
  app_is a pm_id 0
}

@test "restart of a stopped process starts it and does not count" {
  three
  pm2 stop a
  run pm2 restart a
  assert_ok
  wait_status a online
  app_is a pm2_env.restart_time 0
}

@test "restart with new arguments and a new name" {
  pm2 start show.js -- old
  wait_until file_lines "$(log_of show-out)" 1
  pm2 restart show -- new args
  wait_until file_lines "$(log_of show-out)" 2
  tail -1 "$(log_of show-out)" | grep -q '"args":\["new","args"\]'
  pm2 restart show --name other
  wait_status other online
}

@test "several targets in one command" {
  three
  run pm2 stop a c
  assert_ok
  app_is a pm2_env.status stopped
  app_is b pm2_env.status online
  app_is c pm2_env.status stopped
  run pm2 delete 0 b
  assert_ok
  assert_equal "$(app_count)" 1
}

@test "the first unknown target ends the command" {
  three
  run pm2 stop a nope c
  assert_fails
  assert_has "Process or Namespace nope not found"
  app_is a pm2_env.status stopped
  app_is c pm2_env.status online
}

@test "all" {
  three
  run pm2 stop all
  assert_ok
  assert_has "(ids: [ 0, 1, 2 ])"
  run pm2 restart all
  assert_ok
  wait_status a online
  wait_status c online
  run pm2 delete all
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "one name, several processes" {
  pm2 start sleep --name twin -- 1000
  pm2 start sleep --name twin -f -- 1000
  run pm2 restart twin
  assert_ok
  assert_has "(ids: [ 0, 1 ])"
  run pm2 delete twin
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "by script path" {
  pm2 start tick.js
  run pm2 stop ./tick.js
  assert_ok
  app_is tick pm2_env.status stopped
  run pm2 delete tick.js
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "a process named with a number wins over the id" {
  pm2 start sleep --name zero -- 1000
  pm2 start sleep --name 0 -- 1000
  pm2 stop 0
  app_is 1 pm2_env.status stopped
  app_is zero pm2_env.status online
}

@test "unknown names and ids: PM2's texts, exit 1" {
  three
  for action in stop restart delete; do
    pm2_split $action nope
    assert_equal "$status" 1
    assert_has "[PM2][ERROR] Process or Namespace nope not found" "$err"
  done
  pm2_split stop 99
  assert_equal "$status" 1
  assert_has "99 : id unknown" "$err"
  pm2_split restart 99
  assert_equal "$status" 1
  assert_has "God db process id unknown" "$err"
  pm2_split delete 99
  assert_equal "$status" 1
  assert_has "99 : id unknown" "$err"
  assert_equal "$(app_count)" 3
}

@test "all of an empty list: a warning on stderr, exit 1" {
  for action in stop restart delete; do
    pm2_split $action all
    assert_equal "$status" 1
    assert_has "[PM2][WARN] No process found" "$err"
  done
}

@test "a missing target: usage error, exit 1" {
  for action in stop restart delete; do
    run pm2 $action
    assert_fails
    assert_has "error: missing required argument"
  done
}

@test "ids count on, and begin at 0 again when the list is empty" {
  three
  pm2 delete b
  pm2 start sleep --name d -- 1000
  app_is d pm_id 3
  pm2 delete all
  pm2 start sleep --name e -- 1000
  app_is e pm_id 0
}

@test "del is delete" {
  three
  run pm2 del a
  assert_ok
  assert_equal "$(app_count)" 2
}

@test "many restarts at once end with one process" {
  ours_only "refuses or doubles some"
  pm2 start sleep --name r -- 1000
  local pid pids=()
  for _ in 1 2 3 4 5 6; do
    pm2 restart r >/dev/null 2>&1 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait_child "$pid"; done
  wait_status r online
  local running
  running=$(pgrep -fcx "$(command -v sleep) 1000" -s "$(app_pid r)" || :)
  assert_equal "$running" 1
}

@test "stop while a restart is under way: it ends stopped" {
  ours_only "starts it again"
  pm2 start stubborn.sh --kill-timeout 1500
  wait_until file_has "$(log_of stubborn-out)" ready
  pm2 restart stubborn >/dev/null 2>&1 3>&- &
  local restarting=$!
  wait_status stubborn stopping
  run pm2 stop stubborn
  assert_ok
  wait_child $restarting || :
  app_is stubborn pm2_env.status stopped
  app_is stubborn pid 0
}
