#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The daemon: how it comes up, what it leaves, and homes that are in the way.
load ../lib/harness

mode() {
  stat -c %a "$1"
}

@test "the first command starts it; pm2.pid and the sockets are there" {
  run pm2 ping
  assert_ok
  kill -0 "$(daemon_pid)"
  [ -S "$TEST_PM2_HOME/rpc.sock" ]
  [ -S "$TEST_PM2_HOME/pub.sock" ]
  [ -d "$TEST_PM2_HOME/logs" ]
  [ -d "$TEST_PM2_HOME/pids" ]
  [ -s "$TEST_PM2_HOME/pm2.log" ]
}

@test "the next commands use it" {
  pm2 ping
  local before
  before=$(daemon_pid)
  pm2 ping
  pm2 ls
  assert_equal "$(daemon_pid)" "$before"
}

@test "fifty first commands at once: one daemon" {
  ours_only "one each"
  local count
  count=$(seq 50 | xargs -P 50 -I{} timeout 60 env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" \
    "$PM2" ping 2>&1 3>&- | tee pongs | grep -c pong) || cat pongs
  assert_equal "$count" 50
  # Those that lost the race may be just ending.
  wait_until daemon_is_alone
  kill -0 "$(daemon_pid)"
}

daemon_is_alone() {
  [ "$(processes_left | wc -l)" -eq 2 ] # pm2-keeper and pm2d
}

@test "modes: home 0700, sockets and files 0600, whatever the umask" {
  ours_only "0755 and 0775"
  umask 0
  pm2 start sleep -- 1000
  assert_equal "$(mode "$TEST_PM2_HOME")" 700
  for file in rpc.sock pub.sock pm2.pid pm2.log; do
    assert_equal "$file $(mode "$TEST_PM2_HOME/$file")" "$file 600"
  done
}

@test "stale sockets and a stale pid file are replaced" {
  mkdir -p "$TEST_PM2_HOME"
  "$PYTHON" -c 'import socket, sys
for path in sys.argv[1:]:
    socket.socket(socket.AF_UNIX).bind(path)' "$TEST_PM2_HOME/rpc.sock" "$TEST_PM2_HOME/pub.sock"
  echo 999999 >"$TEST_PM2_HOME/pm2.pid"
  run pm2 ping
  assert_ok
  assert_has pong
  [ "$(daemon_pid)" != 999999 ]
}

@test "a pid file that names somebody else's process" {
  mkdir -p "$TEST_PM2_HOME"
  sleep 1000 3>&- &
  local other=$!
  echo "$other" >"$TEST_PM2_HOME/pm2.pid"
  run pm2 ping
  assert_ok
  assert_has pong
  run pm2 kill
  assert_ok
  kill -0 "$other"
  kill "$other"
}

@test "garbage in the pid file" {
  mkdir -p "$TEST_PM2_HOME"
  printf 'not a pid\0\n-1' >"$TEST_PM2_HOME/pm2.pid"
  run pm2 ping
  assert_ok
  assert_has pong
  kill -0 "$(daemon_pid)"
}

@test "regular files in the place of the sockets" {
  mkdir -p "$TEST_PM2_HOME"
  echo x >"$TEST_PM2_HOME/rpc.sock"
  echo x >"$TEST_PM2_HOME/pub.sock"
  run pm2 ping
  assert_ok
  assert_has pong
}

@test "a home that cannot be written: one message, exit 1" {
  ours_only "stack traces"
  need_nobody
  mkdir "$WORK/ro"
  chmod 555 "$WORK/ro"
  run as_nobody timeout 30 env HOME="$WORK/ro" PM2_HOME="$WORK/ro/.pm2" "$PM2" ping 3>&-
  assert_fails
  assert_has "$WORK/ro"
  assert_has "ermission denied"
  [ "$(wc -l <<<"$output")" -le 3 ]
}

@test "a home that is a file" {
  ours_only "stack traces"
  mkdir -p "$TEST_HOME"
  echo x >"$TEST_PM2_HOME"
  run pm2 ping
  assert_fails
  assert_has "$TEST_PM2_HOME"
}

@test "a home whose socket path is too long: said at once, with the limit" {
  ours_only "hangs"
  local long
  long=$TEST_HOME/$(printf 'x%.0s' $(seq 120))
  PM2_TEST_TIMEOUT=20 TEST_PM2_HOME=$long run pm2 ping
  assert_fails
  assert_has 107
  assert_has "$long"
}

@test "a home with a blank, a quote and UTF-8 in its name" {
  TEST_PM2_HOME="$TEST_HOME/a 'b' ü"
  pm2 start tick.js
  wait_status tick online
  wait_until file_has "$(log_of tick-out)" ready
}

@test "a relative PM2_HOME" {
  cd "$TEST_HOME"
  run env HOME="$TEST_HOME" PM2_HOME=rel "$PM2" ping 3>&-
  assert_ok
  [ -S "$TEST_HOME/rel/rpc.sock" ]
  env HOME="$TEST_HOME" PM2_HOME=rel "$PM2" kill 3>&-
}

@test "standard input and outputs closed" {
  pm2_with_stdin start tick.js <&- >&- 2>&-
  pm2_with_stdin ls >/dev/null <&-
  wait_status tick online
  wait_until file_has "$(log_of tick-out)" ready
}

@test "the daemon holds nothing of the caller's" {
  ours_only "inherits them"
  exec 9>"$WORK/held"
  pm2 ping
  exec 9>&-
  daemon_is_alone
  for pid in $(processes_left); do
    refute sh -c "ls -l /proc/$pid/fd | grep -q '$WORK'"
  done
}

@test "kill without a daemon: exit 0, none is started" {
  ours_only "starts one"
  run pm2 kill
  assert_ok
  assert_has "PM2 Daemon Stopped"
  no_processes_left
}

@test "kill, then start again" {
  pm2 start sleep -- 1000
  pm2 kill
  run pm2 ls
  assert_ok
  assert_equal "$(app_count)" 0
  pm2 start sleep -- 1000
  app_is sleep pm_id 0
}

@test "SIGTERM to the pid in pm2.pid: apps and daemon end" {
  pm2 start sleep -- 1000
  kill -TERM "$(daemon_pid)"
  wait_until no_processes_left
}

@test "SIGHUP does not matter" {
  pm2 start sleep -- 1000
  local before
  before=$(app_pid sleep)
  kill -HUP "$(daemon_pid)"
  pm2 ping
  assert_equal "$(app_pid sleep)" "$before"
}

@test "two homes do not know each other" {
  pm2 start sleep --name here -- 1000
  local first=$TEST_PM2_HOME
  TEST_PM2_HOME=$TEST_HOME/other
  pm2 start sleep --name there -- 1000
  assert_equal "$(app_count)" 1
  pm2 kill
  TEST_PM2_HOME=$first
  app_is here pm2_env.status online
}
