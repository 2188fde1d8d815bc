#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 attach; --attach and --no-daemon, which stay and show what apps print.
load ../lib/harness

# In the background, with SIGINT as in a terminal (the shell ignores it for background jobs).
stay() { # words of pm2...
  env -u BATS_TEST_NAME HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" PM2_DISCRETE_MODE=1 \
    PM2_DISABLE_VERSION_CHECK=1 NO_COLOR=1 \
    "$PYTHON" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$PM2" "$@" >shown 2>&1 </dev/null 3>&- 4>&- &
  stayed=$!
}

ended_by() { # SIGNAL: its number is in the status
  local code=0
  kill -s "$1" "$stayed"
  wait_child "$stayed" || code=$?
  assert_equal "$code" $((128 + $(kill -l "$1")))
}


@test "attach: lines go in, output comes out" {
  pm2 start stdin.py --interpreter "$PYTHON"
  wait_status stdin online
  wait_until file_has "$(log_of stdin-out)" reading
  mkfifo typed
  pm2_with_stdin attach 0 <typed >shown 3>&- &
  exec 5>typed
  echo hello >&5
  wait_until file_has shown "GOT hello"
  exec 5>&-
  wait_child $!
}

@test "attach: the last line needs no newline, and its answer is shown" {
  ours_only "it ends before the answer"
  pm2 start stdin.py --interpreter "$PYTHON"
  wait_until file_has "$(log_of stdin-out)" reading
  run pm2_with_stdin attach 0 < <(printf 'a\nb')
  assert_ok
  assert_has "GOT a"
  assert_has "GOT b"
}

@test "attach: a separator in place of the newline" {
  pm2 start stdin.py --interpreter "$PYTHON"
  wait_until file_has "$(log_of stdin-out)" reading
  pm2_with_stdin attach 0 - < <(printf 'a\nb\n')
  pm2 send 0 end
  wait_until file_has "$(log_of stdin-out)" "GOT a-b-end"
}

@test "attach: a name" {
  run pm2 attach app
  assert_fails
  assert_has "pm_id must be a process number (not a process name)"
}

@test "attach: an unknown id" {
  ours_only "it ends before the answer"
  run pm2_with_stdin attach 77 <<<hello
  assert_ok
  assert_has "[PM2][ERROR] Error: Process with ID <77> unknown."
}

@test "start --attach: the logs of what was started, and of nothing else" {
  pm2 start tick.js --name other
  stay start show.js --name mine --attach
  wait_until file_has shown "1|mine"
  file_has shown "[PM2][INFO] Log streaming apps id: 1, exit with Ctrl-C or will exit in 10secs"
  refute file_has shown "0|other |"
  ended_by INT
  app_is mine pm_id 1
}

@test "start --attach shows the first line, too" {
  ours_only "it listens later"
  echo 'echo "the very first"; exec sleep 1000' >first.sh
  stay start first.sh --attach
  wait_until file_has shown "the very first"
  ended_by TERM
}

@test "restart --attach, of a file" {
  echo '{ "apps": [{ "name": "one", "script": "tick.js" }, { "name": "two", "script": "tick.js" }] }' >two.json
  pm2 start two.json
  stay restart two.json --attach
  wait_until grep -qE "Log streaming apps id: (0 1|1 0)," shown
  wait_until file_has shown "0|one  | "
  wait_until file_has shown "1|two  | "
  ended_by INT
}

@test "list --watch: again and again" {
  pm2 start sleep --name s -- 1000
  stay list --watch
  wait_until shown_twice
  ended_by TERM
  file_has shown online
}

shown_twice() {
  [ "$(grep -c "Last refresh:" shown)" -ge 2 ]
}

@test "stop --attach just ends" {
  pm2 start sleep --name s -- 1000
  run pm2 stop s --attach
  assert_ok
  assert_lacks "Log streaming"
}

@test "--no-daemon: list, logs of all, and at the end everything ends" {
  ours_only "its apps are left behind"
  stay start tick.js --no-daemon
  wait_until file_has shown "0|tick"
  file_has shown "pm2 launched in no-daemon mode"
  file_has shown "[PM2] Done."
  file_has shown "[--no-daemon] Continue to stream logs"
  grep -qE '^[0-9]{2}:[0-9]{2}:[0-9]{2} 0\|tick +\| ' shown
  ended_by INT
  no_processes_left
}

@test "--no-daemon: SIGTERM and SIGKILL" {
  ours_only "its apps are left behind"
  stay start tick.js --no-daemon
  wait_until file_has shown "0|tick"
  ended_by TERM
  no_processes_left
  stay start tick.js --no-daemon
  wait_until file_has shown "0|tick"
  ended_by KILL
  wait_until no_processes_left
}

@test "--no-daemon: ended by pm2 kill" {
  stay start tick.js --no-daemon
  wait_until file_has shown "0|tick"
  pm2 kill
  wait_child "$stayed"
  file_has shown "[[[ Target PM2 killed. ]]]"
}

@test "--no-daemon: a daemon that was there before is only used" {
  pm2 start sleep --name s -- 1000
  stay ls --no-daemon
  wait_until file_has shown "Continue to stream logs"
  ended_by TERM
  app_is s pm2_env.status online
}

@test "--no-daemon: a command that fails or has no list leaves nothing" {
  ours_only "it prints log prefixes"
  run pm2 start missing.js --no-daemon
  assert_fails
  assert_has "Script not found"
  no_processes_left
  run pm2 jlist --no-daemon
  assert_ok
  assert_has "[]"
  no_processes_left
}

@test "--no-daemon: it stays the owner when pm2d is replaced" {
  ours_only "one process"
  stay start tick.js --no-daemon
  wait_until file_has shown "0|tick"
  kill -9 "$(pm2d_pid)"
  wait_until file_has shown "the connection to the daemon is lost"
  wait_until tail_grows
  ended_by TERM
  wait_until no_processes_left
}

pm2d_pid() {
  processes_left | while read -r pid; do
    case $(cat "/proc/$pid/comm") in pm2d) echo "$pid" ;; esac
  done
}

# Output that came after the word about the loss.
tail_grows() {
  sed -n '/connection to the daemon is lost/,$p' shown | grep -q '0|tick'
}
