#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2d is killed with SIGKILL: the keeper starts it again, and no app notices.
load ../lib/harness

@test "apps keep their pid, id, counters and state" {
  ours_only "orphans them"
  pm2 start sleep --name up -- 1000
  pm2 start sleep --name down -- 1000
  pm2 restart up
  pm2 stop down
  local pid keeper
  pid=$(app_pid up)
  keeper=$(daemon_pid)
  pm2d_dies
  assert_equal "$(daemon_pid)" "$keeper"
  app_is up pid "$pid"
  app_is up pm_id 0
  app_is up pm2_env.status online
  app_is up pm2_env.restart_time 1
  app_is down pm2_env.status stopped
  assert_equal "$(app_count)" 2
}

@test "afterwards everything works on them" {
  ours_only "orphans them"
  pm2 start polite.sh
  wait_until file_has "$(log_of polite-out)" ready
  pm2d_dies
  run pm2 restart polite
  assert_ok
  run pm2 sendSignal SIGUSR2 polite
  assert_ok
  wait_until file_has "$(log_of polite-out)" "heard USR2"
  run pm2 stop polite
  assert_ok
  app_is polite pm2_env.status stopped
  run pm2 delete polite
  assert_ok
  pm2 start sleep -- 1000
  app_is sleep pm_id 0
}

@test "no line of output is lost" {
  ours_only "breaks the pipe"
  cat >count.sh <<'SH'
#!/bin/bash
for i in $(seq 3000); do echo "n $i"; [ $((i % 100)) -ne 0 ] || sleep 0.05; done
exec sleep 1000
SH
  pm2 start count.sh
  wait_until file_has "$(log_of count-out)" "n 100"
  pm2d_dies
  wait_until file_has "$(log_of count-out)" "n 3000"
  seq -f 'n %.0f' 3000 | cmp - "$(log_of count-out)"
}

@test "an app that ended meanwhile is restarted, once" {
  ours_only "orphans them"
  pm2 start sleep --name s -- 1000
  local pid before
  pid=$(app_pid s)
  before=$(pm2d_pid)
  kill -STOP "$before"
  kill -9 "$pid"
  kill -9 "$before"
  wait_until another_pm2d "$before"
  wait_app s pm2_env.restart_time 1
  wait_status s online
  [ "$(app_pid s)" != "$pid" ]
}

@test "three times in a row" {
  ours_only "orphans them"
  pm2 start sleep --name s -- 1000
  local pid
  pid=$(app_pid s)
  pm2d_dies
  pm2d_dies
  pm2d_dies
  app_is s pid "$pid"
}

@test "the message channel still works" {
  ours_only "closes it"
  pm2 start message.js --shutdown-with-message --kill-timeout 10000
  wait_until file_has "$(log_of message-out)" "channel true"
  pm2d_dies
  pm2 stop message >/dev/null 2>&1 3>&- &
  local stopping=$!
  wait_until file_has "$(log_of message-out)" 'MESSAGE "shutdown"'
  kill -9 "$(app_pid message)"
  wait_child $stopping
  app_is message pm2_env.status stopped
}
