#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Options of start: names, arguments, folders, environment, instances.
load ../lib/harness

# shown NAME PYTHON_EXPRESSION: evaluate over what show.js printed (as `o`).
shown() {
  local log
  log=$(log_of "$1-out")
  wait_until file_has "$log" SHOW
  "$PYTHON" -c 'import json, sys
o = json.loads([l for l in open(sys.argv[1]) if l.startswith("SHOW ")][-1][5:])
print(eval(sys.argv[2]))' "$log" "$2"
}

@test "--name" {
  pm2 start tick.js --name web.1_a
  wait_status web.1_a online
  wait_until test -s "$(log_of web.1-a-out)"
}

@test "two apps of the same script under two names" {
  pm2 start tick.js --name one
  pm2 start tick.js --name two
  wait_status one online
  wait_status two online
  assert_equal "$(app_count)" 2
}

@test "the same script again is refused while it runs; -f makes a second one" {
  pm2 start tick.js
  wait_status tick online
  run pm2 start tick.js
  assert_fails
  assert_has "Script already launched, add -f option to force re-execution"
  assert_equal "$(app_count)" 1
  run pm2 start tick.js -f
  assert_ok
  assert_equal "$(app_count)" 2
}

@test "starting a stopped script again starts that process" {
  pm2 start tick.js
  pm2 stop tick
  run pm2 start tick.js
  assert_ok
  assert_has "Process successfully started"
  wait_status tick online
  assert_equal "$(app_count)" 1
}

@test "start by name and by id" {
  pm2 start tick.js
  pm2 stop tick
  run pm2 start tick
  assert_ok
  wait_status tick online
  pm2 stop 0
  run pm2 start 0
  assert_ok
  wait_status tick online
  app_is tick pm2_env.restart_time 0
}

@test "arguments after -- reach the app unchanged" {
  pm2 start show.js -- --name x -i 2 "a b" '' '$HOME' 'quo"te' "it's"
  assert_equal "$(shown show 'o["args"]')" \
    "['--name', 'x', '-i', '2', 'a b', '', '\$HOME', 'quo\"te', \"it's\"]"
}

@test "--cwd" {
  mkdir sub
  pm2 start "$WORK/show.js" --cwd "$WORK/sub"
  assert_equal "$(shown show 'o["cwd"]')" "$WORK/sub"
}

@test "environment of the caller reaches the app, and PM2's own variables too" {
  COLOUR=blue pm2 start show.js --name seen
  assert_equal "$(shown seen 'o["env"]["COLOUR"]')" blue
  assert_equal "$(shown seen 'o["env"]["pm_id"]')" 0
  assert_equal "$(shown seen 'o["env"]["name"]')" seen
  assert_equal "$(shown seen 'o["env"]["PM2_HOME"]')" "$TEST_PM2_HOME"
  assert_equal "$(shown seen 'o["env"]["NODE_APP_INSTANCE"]')" 0
  assert_equal "$(shown seen 'o["env"]["exec_mode"]')" fork_mode
  assert_equal "$(shown seen 'o["channel"]')" function
}

@test "a restart keeps the environment; --update-env takes the caller's" {
  COLOUR=blue pm2 start show.js
  assert_equal "$(shown show 'o["env"]["COLOUR"]')" blue
  COLOUR=red pm2 restart show
  wait_until file_lines "$(log_of show-out)" 2
  assert_equal "$(shown show 'o["env"]["COLOUR"]')" blue
  COLOUR=red pm2 restart show --update-env
  wait_until file_lines "$(log_of show-out)" 3
  assert_equal "$(shown show 'o["env"]["COLOUR"]')" red
}

@test "--node-args and --interpreter-args" {
  pm2 start show.js --name n --node-args "--max-old-space-size=64 --no-warnings"
  pm2 start show.js --name i --interpreter-args "--stack-trace-limit=7"
  assert_equal "$(shown n 'o["execArgv"]')" "['--max-old-space-size=64', '--no-warnings']"
  assert_equal "$(shown i 'o["execArgv"]')" "['--stack-trace-limit=7']"
}

@test "-i N -x: N fork processes with ids and instance numbers" {
  run pm2 start show.js -i 3 -x
  assert_ok
  assert_has "(3 instances)"
  wait_until test -s "$(log_of show-out-2)"
  assert_equal "$(app_count)" 3
  for id in 0 1 2; do
    app_is $id pm2_env.exec_mode fork_mode
    app_is $id pm2_env.NODE_APP_INSTANCE $id
    app_is $id pm2_env.status online
  done
}

@test "-i N of a program that is not node: fork processes" {
  run pm2 start show.sh -i 2
  assert_ok
  assert_equal "$(app_count)" 2
  wait_until file_has "$(log_of show-out-1)" "instance=1, id=1"
}

@test "-i max -x: one per processor" {
  pm2 start tick.js -i max -x
  assert_equal "$(app_count)" "$(nproc)"
}

@test "--namespace" {
  pm2 start tick.js --namespace back
  app_is tick pm2_env.namespace back
  run pm2 stop back
  assert_ok
  wait_status tick stopped
}

@test "--uid: the app runs as that user" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  open_work
  pm2 start sleep --uid nobody -- 1000
  wait_status sleep online
  assert_equal "$(stat -c %U "/proc/$(app_pid sleep)")" nobody
}

@test "--uid of a user that does not exist" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  run pm2 start tick.js --uid nosuchuser
  assert_fails
  assert_has "User nosuchuser cannot be found"
}

@test "--no-autostart: listed, not running" {
  run pm2 start tick.js --no-autostart
  assert_ok
  wait_status tick stopped
  app_is tick pid 0
}

@test "--no-autostart: an explicit start runs it" {
  ours_only "cannot be started at all"
  pm2 start tick.js --no-autostart
  run pm2 start tick
  assert_ok
  wait_status tick online
}

@test "a variable of the caller called like an option does not change the app" {
  ours_only "name=evil renames the app"
  name=evil restart_delay=7000 pm2 start tick.js --name good
  wait_status good online
  app_is good pm2_env.name good
  # A crash is followed by a restart at once, not after seven seconds.
  kill -9 "$(app_pid good)"
  wait_app good pm2_env.restart_time 1 5
}

@test "--x=v, and options before the command" {
  pm2 --name=early start tick.js
  wait_status early online
}

@test "a script name after -- is an argument" {
  ours_only "drops the script"
  pm2 start show.js -- show.js
  assert_equal "$(shown show 'o["args"]')" "['show.js']"
}
