#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Commands that show: list in its forms, describe, env, id, pid, ping, version, help, -s.
load ../lib/harness

@test "list and its other names: a table with a row per process" {
  pm2 start sleep --name abc -- 1000
  pm2 start sleep --name down -- 1000
  pm2 stop down
  for command in ls list l ps status; do
    run pm2 $command
    assert_ok
    assert_has "│ abc "
    assert_has "│ fork "
    assert_has "│ online "
    assert_has "│ stopped "
    assert_has "┌──"
  done
}

@test "list without processes" {
  run pm2 ls
  assert_ok
  assert_has "│ id │"
  assert_has "│ name"
}

@test "jlist: one line of JSON, keys of PM2" {
  pm2 start sleep --name abc -- 1000
  pm2_split jlist
  assert_equal "$status" 0
  assert_equal "$(wc -l <<<"$out")" 1
  "$PYTHON" - "$out" <<'PY'
import json, sys
(p,) = json.loads(sys.argv[1])
assert {"pid", "name", "pm2_env", "pm_id", "monit"} <= set(p), sorted(p)
assert set(p["monit"]) == {"memory", "cpu"}, p["monit"]
wanted = """name namespace pm_id status pm_exec_path pm_cwd exec_interpreter exec_mode args node_args
instances env pm_out_log_path pm_err_log_path pm_pid_path merge_logs autostart autorestart treekill
vizion pmx automation windowsHide watch instance_var kill_retry_time username km_link created_at
pm_uptime restart_time unstable_restarts axm_actions axm_monitor axm_options axm_dynamic version
unique_id vizion_running NODE_APP_INSTANCE filter_env""".split()
missing = [key for key in wanted if key not in p["pm2_env"]]
assert not missing, missing
env = p["pm2_env"]
for key, kind in {"pm_id": int, "created_at": int, "pm_uptime": int, "restart_time": int,
                  "args": list, "node_args": list, "env": dict, "autorestart": bool,
                  "axm_actions": list, "axm_monitor": dict, "instances": int}.items():
    assert isinstance(env[key], kind), (key, env[key])
PY
}

@test "jlist of an empty list" {
  pm2_split jlist
  assert_equal "$out" "[]"
}

@test "jlist after a cold start is nothing but JSON" {
  ours_only "notices before it"
  out=$(env -u PM2_DISCRETE_MODE HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" "$PM2" jlist 2>/dev/null 3>&-)
  assert_equal "$out" "[]"
}

@test "memory and cpu of what runs; 0 of what does not" {
  pm2 start tick.js
  pm2 start sleep --name down -- 1000
  pm2 stop down
  wait_until file_has "$(log_of tick-out)" ready
  [ "$(app tick monit.memory)" -gt 1000000 ]
  app_is down monit.memory 0
  app_is down monit.cpu 0
}

@test "prettylist: a JavaScript literal" {
  pm2 start sleep --name abc -- 1000
  run pm2 prettylist
  assert_ok
  node -e 'const l = eval(process.argv[1]); if (l[0].name !== "abc" || l.length !== 1) process.exit(1)' "$output"
}

@test "describe and its other names" {
  pm2 start sleep --name abc -- 1000 "x y"
  for command in describe desc info show; do
    run pm2 $command abc
    assert_ok
    assert_has "Describing process with id 0 - name abc"
    assert_has "│ status "
    assert_has "│ script path "
    assert_has "│ exec mode         │ fork_mode"
    assert_has "$TEST_PM2_HOME/logs/abc-error.log"
    assert_has "1000 x y"
  done
  run pm2 describe 0
  assert_ok
  assert_has "name abc"
}

@test "describe of the unknown" {
  pm2_split describe nope
  assert_equal "$status" 1
  assert_has "[PM2][WARN] nope doesn't exist" "$err"
  pm2_split describe 77
  assert_equal "$status" 1
  assert_has "[PM2][WARN] 77 doesn't exist" "$err"
}

@test "env: the app's variables" {
  COLOUR=blue pm2 start sleep -- 1000
  run pm2 env 0
  assert_ok
  assert_has "COLOUR: blue"
  assert_has "PM2_HOME: $TEST_PM2_HOME"
}

@test "env of the unknown" {
  pm2 ping
  run pm2 env 9
  assert_fails
  assert_has "[PM2][ERROR] Modules with id 9 not found"
}

@test "id" {
  pm2 start sleep --name twin -- 1000
  pm2 start sleep --name twin -f -- 1000
  run pm2 id twin
  assert_ok
  assert_equal "$output" "[ 0, 1 ]"
  pm2_split id nope
  assert_equal "$status" 0
  assert_equal "$out" "[]"
}

@test "pid" {
  pm2 start sleep --name a -- 1000
  pm2 start sleep --name b -- 1000
  pm2 stop b
  run pm2 pid a
  assert_ok
  assert_equal "$output" "$(app_pid a)"
  run pm2 pid b
  assert_equal "$output" 0
  run pm2 pid
  assert_ok
  assert_equal "$(wc -l <<<"$output")" 2
  pm2_split pid nope
  assert_equal "$status" 0
  assert_equal "$out" ""
}

@test "ping" {
  run pm2 ping
  assert_ok
  assert_equal "$output" "{ msg: 'pong' }"
}

@test "version: three spellings, no daemon" {
  for option in --version -v -V; do
    pm2_split $option
    assert_equal "$status" 0
    [[ $out =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]
  done
  ours_only "starts a daemon"
  [ ! -e "$TEST_PM2_HOME/rpc.sock" ]
  no_processes_left
}

@test "help: global and of each command, no daemon" {
  for arguments in --help -h "start --help" "logs -h" "stop -h" "ls --help"; do
    # shellcheck disable=SC2086 # words
    run pm2 $arguments
    assert_ok
    assert_has -h
  done
  ours_only "starts a daemon"
  [ ! -e "$TEST_PM2_HOME/rpc.sock" ]
  no_processes_left
}

@test "no command: usage, exit 1, no daemon" {
  run pm2
  assert_fails
  assert_has "usage: pm2"
  no_processes_left
}

@test "unknown command: exit 1" {
  run pm2 frobnicate
  assert_fails
  assert_has "Command not found"
}

@test "-s is silent; jlist still answers; errors only by exit code" {
  pm2 start sleep -s -- 1000
  pm2_split ls -s
  assert_equal "$status:$out:$err" "0::"
  pm2_split jlist -s
  assert_has '"name":"sleep"' "$out"
  pm2_split stop nope -s
  assert_equal "$status:$out:$err" "1::"
  pm2_split start nope.js --silent
  assert_equal "$status:$out:$err" "1::"
}

@test "errors go to stderr, messages to stdout" {
  pm2_split start nope.js
  assert_equal "$out" ""
  assert_has "[PM2][ERROR]" "$err"
  pm2_split start sleep -- 1000
  assert_has "[PM2] Done." "$out"
  assert_equal "$err" ""
}

@test "no colour in a pipe" {
  ours_only "colours whenever PM2_HOME is set"
  out=$(env -u NO_COLOR HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" "$PM2" ls 3>&-)
  assert_has "│ id │" "$out"
  refute grep -q $'\033' <<<"$out"
}

@test "--sort" {
  pm2 start sleep --name b -- 1000
  pm2 start sleep --name a -- 1000
  run pm2 ls --sort name:desc
  assert_ok
  assert_equal "$(grep -oE '│ (a|b) ' <<<"$output" | tr -d '│ \n')" ba
  run pm2 ls
  assert_equal "$(grep -oE '│ (a|b) ' <<<"$output" | tr -d '│ \n')" ab
}
