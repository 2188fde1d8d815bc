#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# wait_ready for programs in any language: READY=1 to NOTIFY_SOCKET.
load ../lib/harness

# start_waiting NAME [OPTION...]: begin to start notify.py, which waits for the file "go"; the
# command itself waits as well.
start_waiting() {
  local name=$1
  shift
  # shellcheck disable=SC2034 # for those who wait for it
  GO=$WORK/go pm2 start notify.py --interpreter "$PYTHON" --name "$name" --wait-ready --listen-timeout 60000 "$@" \
    >"$WORK/start.$name" 2>&1 &
  starter=$!
  wait_until file_has "$(log_of "$name-out")" socket
  wait_status "$name" launching
}

is_ready_after_go() {
  touch "$WORK/go"
  wait_status "$1" online
  wait_child "$starter"
  assert_has "Done." "$(<"$WORK/start.$1")"
}

@test "READY=1 ends the wait" {
  ours_only "knows the Node message only"
  start_waiting app
  assert_equal "$(stat -c %a "$TEST_PM2_HOME/notify.sock")" 600
  is_ready_after_go app
}

@test "a child of the app may say it" {
  ours_only "knows the Node message only"
  HOW=child start_waiting app
  is_ready_after_go app
}

@test "a child in a session of its own may say it" {
  ours_only "knows the Node message only"
  HOW=session start_waiting app
  is_ready_after_go app
}

@test "systemd-notify in a shell script" {
  ours_only "knows the Node message only"
  need_program systemd-notify
  printf '%s\n' '#!/bin/sh' 'systemd-notify --ready --status="at work"' 'exec sleep 1000' >app.sh
  pm2 start app.sh --wait-ready --listen-timeout 60000
  app_is app pm2_env.status online
  wait_app app pm2_env.notify_status "at work"
}

@test "the one who says it decides for whom" {
  ours_only "knows the Node message only"
  HOW=silent start_waiting first
  start_waiting second
  is_ready_after_go second
  app_is first pm2_env.status launching
  pm2 delete first # or the command that starts it would go on waiting
}

@test "STATUS is shown, without control characters, until the next start" {
  ours_only "knows the Node message only"
  SAY=$'STATUS=5 of \t9\nREADY=1' start_waiting app
  is_ready_after_go app
  app_is app pm2_env.notify_status "5 of  9"
  run pm2 describe app
  assert_has "5 of  9"
  rm go
  HOW=silent pm2 restart app --update-env &
  wait_status app launching
  app_is app pm2_env.notify_status ""
  kill $!
  wait
}

@test "what else can be said changes nothing" {
  ours_only "knows the Node message only"
  SAY=$'STOPPING=1\nRELOADING=1\nWATCHDOG=1\nREADY=0\nSTATUS=here' start_waiting app
  touch go
  wait_app app pm2_env.notify_status here
  app_is app pm2_env.status launching
}

@test "messages that are too long or empty are ignored" {
  ours_only "knows the Node message only"
  SAY=READY=1$'\n'$(printf 'x%.0s' {1..5000}) SAID=$WORK/long start_waiting long
  SAY='' start_waiting empty
  touch go
  wait_until test -e "$WORK/long"
  SAY=STATUS=last start_waiting last
  wait_app last pm2_env.notify_status last # it came after them
  app_is long pm2_env.status launching
  app_is empty pm2_env.status launching
}

@test "said while no pm2d is there: it waits for the next one" {
  ours_only "knows the Node message only"
  local pid
  SAID=$WORK/said start_waiting app
  kill -STOP "$(daemon_pid)" # the keeper: it shall not start another one yet
  pid=$(pm2d_pid)
  kill -9 "$pid"
  wait_until pid_gone "$pid"
  touch go
  wait_until test -e said
  kill -CONT "$(daemon_pid)"
  wait_status app online
  wait
}

@test "said while no pm2d is there, by a child that has ended" {
  ours_only "knows the Node message only"
  local pid
  HOW=ended SAID=$WORK/said start_waiting app
  kill -STOP "$(daemon_pid)"
  pid=$(pm2d_pid)
  kill -9 "$pid"
  wait_until pid_gone "$pid"
  touch go
  wait_until test -e said.ended
  kill -CONT "$(daemon_pid)"
  wait_status app online
  wait
}

@test "after the death of pm2d an app that waits goes on waiting" {
  ours_only "knows the Node message only"
  start_waiting app
  pm2d_dies
  app_is app pm2_env.status launching
  touch go
  wait_status app online
  wait
}

@test "after the death of the keeper and then of pm2d" {
  ours_only "knows the Node message only"
  start_waiting app
  local keeper
  keeper=$(daemon_pid)
  kill -9 "$keeper"
  wait_until -t 15 file_has "$TEST_PM2_HOME/pm2.log" "has taken over"
  pm2d_dies
  app_is app pm2_env.status launching
  touch go
  wait_status app online
  wait
}

@test "without wait_ready there is no socket, and the user's variable stays" {
  ours_only "knows the Node message only"
  pm2 start notify.py --name none
  wait_until file_has "$(log_of none-out)" "socket none"
  NOTIFY_SOCKET=/of/the/user HOW=silent pm2 start notify.py --name own
  wait_until file_has "$(log_of own-out)" "socket /of/the/user"
  [ ! -e "$TEST_PM2_HOME/notify.sock" ]
}

@test "with wait_ready ours replaces the user's variable; it is not passed on" {
  ours_only "knows the Node message only"
  NOTIFY_SOCKET=/of/the/user start_waiting app
  file_has "$(log_of app-out)" "socket $TEST_PM2_HOME/notify.sock"
  is_ready_after_go app
  NOTIFY_SOCKET=$TEST_PM2_HOME/notify.sock pm2 start notify.py --name other
  wait_until file_has "$(log_of other-out)" "socket none"
}

@test "an app of another user" {
  ours_only "knows the Node message only"
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  open_work
  SAID=/dev/null start_waiting app --uid 65534
  wait_until file_has "$(log_of app-out)" "socket @"
  is_ready_after_go app
}

@test "a PM2_HOME whose path has no room for another socket" {
  ours_only "knows the Node message only"
  # rpc.sock and pub.sock fit into 107 bytes, notify.sock does not
  local room=$((98 - ${#TEST_HOME}))
  [ "$room" -gt 1 ] || skip "the path of the tests is too long"
  # shellcheck disable=SC2030,SC2031 # each test has its own
  TEST_PM2_HOME=$TEST_HOME/$(printf 'x%.0s' $(seq 1 $((room - 1))))
  start_waiting app
  wait_until file_has "$(log_of app-out)" "socket @"
  is_ready_after_go app
}

@test "the socket goes with the daemon" {
  ours_only "knows the Node message only"
  start_waiting app
  is_ready_after_go app
  pm2 kill
  # shellcheck disable=SC2031 # each test has its own
  [ ! -e "$TEST_PM2_HOME/notify.sock" ]
}
