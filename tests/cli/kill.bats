#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# How a process is ended: signal, time-out, and nothing of its tree survives.
load ../lib/harness

@test "stop sends SIGINT and waits for the end" {
  pm2 start polite.sh
  wait_until file_has "$(log_of polite-out)" ready
  run pm2 stop polite
  assert_ok
  file_has "$(log_of polite-out)" "heard INT"
  app_is polite pm2_env.status stopped
}

@test "what stays after SIGINT gets SIGKILL after --kill-timeout, not before" {
  pm2 start stubborn.sh --kill-timeout 700
  wait_until file_has "$(log_of stubborn-out)" ready
  local pid began took
  pid=$(app_pid stubborn)
  began=$(date +%s%N)
  run pm2 stop stubborn
  took=$((($(date +%s%N) - began) / 1000000))
  assert_ok
  pid_gone "$pid"
  file_has "$(log_of stubborn-out)" "heard INT"
  app_is stubborn pm2_env.status stopped
  [ "$took" -ge 700 ] || { echo "killed after $took ms"; return 1; }
}

@test "what was ended by SIGKILL as a whole can be started again, and stays" {
  pm2 start stubborn.sh --kill-timeout 200
  wait_until file_has "$(log_of stubborn-out)" ready
  pm2 stop stubborn
  : >"$(log_of stubborn-out)"
  pm2 start stubborn
  wait_until file_has "$(log_of stubborn-out)" ready
  app_is stubborn pm2_env.status online
  app_is stubborn pm2_env.restart_time 0
}

@test "the default --kill-timeout is 1600 ms" {
  pm2 start stubborn.sh
  wait_until file_has "$(log_of stubborn-out)" ready
  local began took
  began=$(date +%s%N)
  pm2 delete stubborn
  took=$((($(date +%s%N) - began) / 1000000))
  [ "$took" -ge 1600 ] || { echo "killed after $took ms"; return 1; }
}

@test "children of the app end with it" {
  pm2 start "sleep 1111 & sleep 1112 & wait" --name family
  wait_until pgrep -fx "sleep 1112" -s "$(app_pid family)"
  local pids
  pids=$(pgrep -s "$(app_pid family)")
  assert_equal "$(wc -l <<<"$pids")" 3
  run pm2 stop family
  assert_ok
  for pid in $pids; do
    pid_gone "$pid"
  done
}

@test "--no-treekill: only the root is signalled" {
  pm2 start "sleep 1113 & trap 'echo bye; exit 0' INT; wait" --name rootonly --no-treekill
  wait_until pgrep -fx "sleep 1113" -s "$(app_pid rootonly)"
  local child
  child=$(pgrep -fx "sleep 1113" -s "$(app_pid rootonly)")
  run pm2 stop rootonly
  assert_ok
  kill -0 "$child"
  kill "$child"
}

@test "a child that double-forked into its own session ends with delete" {
  ours_only "survives"
  pm2 start escape.py -- "$WORK/child.pid"
  wait_until test -s child.pid
  local child
  child=$(cat child.pid)
  kill -0 "$child"
  run pm2 delete escape
  assert_ok
  pid_gone "$child"
}

@test "and with stop" {
  ours_only "survives"
  pm2 start escape.py -- "$WORK/child.pid"
  wait_until test -s child.pid
  run pm2 stop escape
  assert_ok
  pid_gone "$(cat child.pid)"
}

@test "a stopped (SIGSTOP) process can be deleted" {
  pm2 start sleep --kill-timeout 300 -- 1000
  wait_status sleep online
  kill -STOP "$(app_pid sleep)"
  run pm2 delete sleep
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "PM2_KILL_SIGNAL of the daemon chooses the signal" {
  PM2_KILL_SIGNAL=SIGTERM pm2 ping
  pm2 start stubborn.sh --kill-timeout 300
  wait_until file_has "$(log_of stubborn-out)" ready
  pm2 stop stubborn
  file_has "$(log_of stubborn-out)" "heard TERM"
  refute file_has "$(log_of stubborn-out)" "heard INT"
}

@test "--shutdown-with-message: the app hears the word, not the signal" {
  cat >shut.js <<'JS'
process.on('SIGINT', () => console.log('SIGNAL'));
process.on('message', (m) => { console.log('WORD ' + m); process.exit(0); });
setInterval(() => {}, 1000);
console.log('shut ready');
JS
  pm2 start shut.js --shutdown-with-message
  wait_until file_has "$(log_of shut-out)" ready
  pm2 stop shut
  file_has "$(log_of shut-out)" "WORD shutdown"
  refute file_has "$(log_of shut-out)" SIGNAL
}

@test "an app that closes its standard streams can be stopped" {
  pm2 start "exec sleep 1114 <&- >&- 2>&-" --name mute
  wait_status mute online
  run pm2 stop mute
  assert_ok
  app_is mute pm2_env.status stopped
}

@test "pm2 kill ends every app and the daemon, and cleans up" {
  pm2 start sleep --name a -- 1000
  pm2 start stubborn.sh --kill-timeout 300
  local a
  a=$(app_pid a)
  run pm2 kill
  assert_ok
  assert_has "[PM2] [v] All Applications Stopped"
  assert_has "[PM2] [v] PM2 Daemon Stopped"
  pid_gone "$a"
  wait_until no_processes_left
  [ ! -e "$TEST_PM2_HOME/rpc.sock" ]
  [ ! -e "$TEST_PM2_HOME/pub.sock" ]
  [ ! -e "$TEST_PM2_HOME/pm2.pid" ]
}

@test "kill: a daemon that does not come up any more; its keeper ends the apps" {
  ours_only "has no keeper"
  mkdir "$WORK/bin"
  cp "$(dirname "$PM2")"/{pm2,pm2d,pm2-keeper} "$WORK/bin"
  PM2=$WORK/bin/pm2
  pm2 start sleep --name one -- 1000
  local app keeper
  app=$(app_pid one)
  keeper=$(daemon_pid)
  mv "$WORK/bin/pm2d" "$WORK/bin/real"
  printf '#!/bin/sh\nexit 1\n' >"$WORK/bin/pm2d"
  chmod +x "$WORK/bin/pm2d"
  kill -9 "$(pm2d_pid)"
  run pm2 kill
  assert_ok
  assert_has "its keeper (pid $keeper) ends the apps"
  assert_has "[v] PM2 Daemon Stopped"
  pid_gone "$app"
}

@test "kill: at the moment of the daemon's death the next one is waited for" {
  ours_only "its apps die with it"
  pm2 start sleep --name one -- 1000
  local app
  app=$(app_pid one)
  kill -9 "$(pm2d_pid)"
  run pm2 kill
  assert_ok
  pid_gone "$app"
}
