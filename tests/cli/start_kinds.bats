#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What can be started, and with which interpreter.
load ../lib/harness

# started NAME INTERPRETER: online in fork mode with that interpreter.
started() {
  wait_status "$1" online
  app_is "$1" pm2_env.exec_mode fork_mode
  app_is "$1" pm2_env.exec_interpreter "$2"
}

@test "node script: fork mode, name without extension, output in its log" {
  run pm2 start tick.js
  assert_ok
  assert_has "Starting $WORK/tick.js in fork_mode (1 instance)"
  assert_has "Done."
  assert_has "online"
  started tick node
  app_is tick pm_id 0
  app_is tick pm2_env.namespace default
  app_is tick pm2_env.pm_exec_path "$WORK/tick.js"
  app_is tick pm2_env.pm_cwd "$WORK"
  wait_until file_has "$(log_of tick-out)" "tick ready"
  wait_until file_has "$(log_of tick-error)" "err 1"
}

@test "the pid in the list is the app's" {
  pm2 start tick.js
  wait_status tick online
  tr '\0' '\n' <"/proc/$(app_pid tick)/environ" | grep -qx "pm_id=0"
  assert_equal "$(cat "$TEST_PM2_HOME/pids/tick-0.pid")" "$(app_pid tick)"
}

@test "ES module" {
  pm2 start tick.mjs
  wait_status tick online
  wait_until file_has "$(log_of tick-out)" "esm tick.mjs ready"
}

@test "python script, unbuffered" {
  pm2 start hello.py -- one "two three"
  wait_status hello online
  wait_until file_has "$(log_of hello-out)" "['one', 'two three']"
  tr '\0' '\n' <"/proc/$(app_pid hello)/environ" | grep -qx "PYTHONUNBUFFERED=1"
}

@test "bash script" {
  ANSWER=42 pm2 start show.sh -- a "b c"
  started show bash
  wait_until file_has "$(log_of show-out)" "SHOW 2 [a] [b c] in $WORK, answer=42"
}

@test "perl script" {
  need_program perl
  pm2 start hello.pl -- x
  started hello perl
  wait_until file_has "$(log_of hello-out)" "perl x"
}

@test "ruby script" {
  need_program ruby
  pm2 start hello.rb -- x
  started hello ruby
  wait_until file_has "$(log_of hello-out)" "ruby x"
}

@test "binary from PATH" {
  run pm2 start sleep -- 1000
  assert_ok
  assert_has "Starting $(command -v sleep) in fork_mode"
  started sleep none
  assert_equal "$(tr '\0' ' ' <"/proc/$(app_pid sleep)/cmdline")" "$(command -v sleep) 1000 "
}

@test "binary by path" {
  cp "$(command -v sleep)" ./mysleep
  pm2 start ./mysleep -- 1000
  started mysleep none
  assert_equal "$(readlink "/proc/$(app_pid mysleep)/exe")" "$WORK/mysleep"
}

@test "shell line: run by bash, named after the line" {
  run pm2 start "echo hi; sleep 1000"
  assert_ok
  wait_status "echo hi; sleep 1000" online
  app_is "echo hi; sleep 1000" pm2_env.args '["-c", "echo hi; sleep 1000"]'
  wait_until file_has "$(log_of echo-hi--sleep-1000-out)" "hi"
}

@test "shell line with a program and a script" {
  pm2 start "node tick.js" --name line
  wait_status line online
  wait_until file_has "$(log_of line-out)" "tick ready"
}

@test "executable script with --interpreter none" {
  chmod +x show.sh
  pm2 start ./show.sh --interpreter none -- direct
  started show none
  wait_until file_has "$(log_of show-out)" "[direct]"
}

@test "--interpreter by name and by path" {
  cp show.sh plain.txt
  pm2 start plain.txt --interpreter bash --name byname
  pm2 start plain.txt --interpreter "$(command -v bash)" --name bypath -f
  wait_status byname online
  wait_status bypath online
  app_is byname pm2_env.exec_interpreter bash
  wait_until file_has "$(log_of byname-out)" "SHOW"
  wait_until file_has "$(log_of bypath-out)" "SHOW"
}

@test "several scripts with one command" {
  run pm2 start tick.js hello.py
  assert_ok
  wait_status tick online
  wait_status hello online
  app_is hello pm_id 1
}

@test "script by absolute path, from another folder" {
  cd /
  pm2 start "$WORK/tick.js"
  wait_status tick online
  app_is tick pm2_env.pm_cwd /
}

@test "folder with an index.js" {
  mkdir site
  cp tick.js site/index.js
  pm2 start site
  wait_status site online
  wait_until file_has "$(log_of site-out)" "tick ready"
}

@test "process.send and process.on exist and reach both ends" {
  pm2 start message.js
  wait_until file_has "$(log_of message-out)" "channel true"
}

@test "--wait-ready: launching until the app says ready" {
  export GO=$WORK/go
  pm2 ping
  pm2 start ready.js --wait-ready --listen-timeout 30000 >start.log 2>&1 3>&- &
  wait_status ready launching
  wait_until file_has "$(log_of ready-out)" waiting
  app_is ready pm2_env.status launching
  touch "$GO"
  wait_status ready online
  wait_child $!
}

@test "--wait-ready: after --listen-timeout it counts as online" {
  GO=$WORK/never pm2 start ready.js --wait-ready --listen-timeout 200
  wait_status ready online
}
