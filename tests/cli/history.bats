#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# history and why: what happened to processes, who asked for it, and what shows it.
load ../lib/harness

setup_file() {
  is_reference && skip "PM2 remembers nothing"
  return 0
}

past() { # NAME [FIELD VALUE]...: records of an app that have these, as they are
  pm2 history "$1" --json | "$PYTHON" -c '
import json, sys
wish = dict(zip(sys.argv[1::2], sys.argv[2::2]))
for line in sys.stdin:
    record = json.loads(line)
    if all(str(record.get(key)) == value for key, value in wish.items()):
        print(line, end="")' "${@:2}"
}

has_past() {
  [ -n "$(past "$@")" ]
}

@test "orders have their user; starts and ends are there" {
  pm2 start sleep --name one -- 1000
  pm2 restart one
  pm2 stop one
  has_past one what start uid "$(id -u)" program pm2
  has_past one what restart uid "$(id -u)"
  has_past one what stop uid "$(id -u)"
  assert_equal "$(past one what started | wc -l)" 2
  assert_equal "$(past one what ended ordered True signal 2 | wc -l)" 2
  run pm2 history one
  assert_ok
  assert_has "one:0  stop by $(id -un)"
  assert_has "one:0  ended with signal SIGINT after"
  assert_equal "$(stat -c %a "$TEST_PM2_HOME/history.jsonl")" 600
}

@test "the terminal of the caller" {
  need_program script
  pm2 start sleep --name one -- 1000
  local inside="env HOME=$TEST_HOME PM2_HOME=$TEST_PM2_HOME $PM2 stop one"
  script -qec "$inside" /dev/null >/dev/null 2>&1 </dev/null 3>&- 4>&-
  assert_has '"tty":"pts/' "$(past one what stop)"
}

@test "one order to several, one record each; a reload too" {
  pm2 start sleep --name one -- 1000
  pm2 start sleep --name two -- 1000
  pm2 reload all
  assert_equal "$(past one what reload | wc -l)" 1
  assert_equal "$(past two what reload | wc -l)" 1
  pm2 restart all
  assert_equal "$(past all what restart | wc -l)" 2
}

@test "exit codes, signals, and giving up" {
  CODE=3 pm2 start exit.sh --name bad --max-restarts 2 || :
  wait_status bad errored
  has_past bad what ended code 3
  has_past bad what "gave up"
  pm2 start sleep --name hit --no-autorestart -- 1000
  kill -SEGV "$(app_pid hit)"
  wait_status hit stopped
  has_past hit what ended signal 11
  run pm2 why hit
  assert_ok
  assert_has "hit (id 1) ended with signal SIGSEGV"
  assert_has "it crashed. It is stopped now."
}

@test "it lives on when pm2d dies, and after everything ended" {
  pm2 start sleep --name one -- 1000
  pm2d_dies
  has_past one what start
  pm2 kill
  has_past one what delete
  run pm2 why one
  assert_ok
  assert_has "delete was asked for by $(id -un)"
  run pm2 history nobody
  assert_fails
  run pm2 why nobody
  assert_fails
  assert_has "Nothing is known of nobody"
}

@test "restarts by pm2 itself have a reason" {
  pm2 start sleep --name cron --cron "* * * * * *" -- 1000
  pm2 start sleep --name watched --watch . -- 1000
  touch new-file
  wait_until has_past cron what restart why "its schedule"
  wait_until has_past watched what restart why "a watched file changed"
}

# Of no machine is node's start so slow that its end counts as that of a stable run.
start_failing() { # NAME SCRIPT
  echo "{\"apps\": [{\"name\": \"$1\", \"script\": \"$2\", \"max_restarts\": 2, \"min_uptime\": \"1h\"}]}" >failing.json
  pm2 start failing.json || :
}

@test "why: the port is taken, and by whom" {
  need_program node
  export PORT
  PORT=$(free_port)
  cat >port.js <<'JS'
require('http').createServer(() => {}).listen(process.env.PORT)
JS
  pm2 start port.js --name holder -x
  wait_until has_past holder what started
  wait_until "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $PORT))"
  start_failing taken port.js
  wait_status taken errored
  run pm2 why taken
  assert_ok
  assert_has "port $PORT is in use; it is held by the app holder (id 0)"
  assert_has "last lines of $(log_of taken-error)"
}

@test "why: a module is missing; a stop that took too long; a program that is not there" {
  need_program node
  echo "require('nowhere-to-be-found')" >missing.js
  start_failing missing missing.js
  wait_status missing errored
  run pm2 why missing
  assert_has "the module nowhere-to-be-found is missing"
  pm2 start stubborn.sh --name stubborn --kill-timeout 200
  wait_until file_has "$(log_of stubborn-out)" ready || :
  pm2 stop stubborn
  run pm2 why stubborn
  assert_has "stop was asked for by $(id -un)"
  assert_has "it had not ended 200ms after it was told to, and got SIGKILL"
  cp "$(command -v sleep)" gone
  pm2 start ./gone --name gone -- 1000
  pm2 stop gone
  rm gone
  pm2 restart gone || :
  run pm2 why gone
  assert_has "could not be started"
  assert_has "No such file"
}

@test "why: what changed since the last good run" {
  cat >app.sh <<'SH'
#!/bin/bash
[ "$MODE" = good ] || { echo "Error: bad mode" >&2; exit 4; }
exec sleep 1000
SH
  chmod +x app.sh
  MODE=good pm2 start app.sh --name app
  pm2 stop app
  MODE=wrong pm2 restart app --update-env --max-restarts 2 || :
  wait_status app errored
  run pm2 why app
  assert_has "Error: bad mode"
  assert_has "changed since its last good run: max_restarts, env.MODE"
  assert_lacks "wrong"
}

@test "the file is bounded" {
  mkdir -p "$TEST_PM2_HOME"
  chmod 700 "$TEST_PM2_HOME"
  head -c 2097100 /dev/zero | tr '\0' '\n' >"$TEST_PM2_HOME/history.jsonl"
  pm2 start sleep --name one -- 1000
  [ "$(stat -c %s "$TEST_PM2_HOME/history.jsonl")" -lt 20000 ]
  [ "$(stat -c %s "$TEST_PM2_HOME/history.jsonl.1")" -ge 2097100 ]
  has_past one what start
}

@test "why: the commit that came in between" {
  need_program git
  cat >app.sh <<'SH'
#!/bin/bash
exec sleep 1000
SH
  chmod +x app.sh
  git init -q .
  local id="git -c user.name=x -c user.email=x@x"
  $id add app.sh
  $id commit -qm one
  pm2 start app.sh --name app --max-restarts 2
  pm2 stop app
  printf '#!/bin/bash\nexit 3\n' >app.sh
  $id commit -qam two
  pm2 restart app || :
  wait_status app errored
  run pm2 why app
  assert_has "changed since its last good run: git $(git rev-parse HEAD~1 | cut -c1-12) to $(git rev-parse HEAD | cut -c1-12)"
}

@test "why: what holds up a process that is there" {
  pm2 start sleep --name still --kill-timeout 20000 -- 1000
  printf '#!/bin/bash\ntrap "" INT\necho ready\nwhile :; do sleep 0.1; done\n' >deaf.sh
  printf '#!/bin/bash\nwhile :; do :; done\n' >busy.sh
  chmod +x deaf.sh busy.sh
  pm2 start busy.sh --name busy
  pm2 start deaf.sh --name deaf --kill-timeout 20000
  run pm2 why still
  assert_ok
  assert_equal "$output" "still (id 0) has not ended, as far as is known. It is online now."
  local pid
  pid=$(app_pid still)
  kill -STOP "$pid"
  run pm2 why still
  assert_has "It is online now. sleep (pid $pid) was stopped by a signal; kill -CONT $pid lets it go on."
  kill -CONT "$pid"
  run pm2 why busy
  assert_has "bash (pid $(app_pid busy)) has been computing without a pause"
  wait_until file_has "$(log_of deaf-out)" ready
  pm2 stop deaf >/dev/null 2>&1 3>&- 4>&- &
  local stop=$!
  wait_status deaf stopping
  run pm2 why deaf
  assert_has "It is stopping now. stop was asked for by $(id -un)"
  assert_has "ago, and it is still there."
  kill -KILL "$(app_pid deaf)"
  wait_child $stop
}

@test "why: it never says that it is ready; its probe fails" {
  pm2 start sleep --name late --wait-ready --listen-timeout 300 -- 1000
  run pm2 why late
  assert_has "It is online now. It had not said 300 ms after its start that it is ready."
  has_past late what late
  echo '{"apps": [{"name": "sick", "script": "sleep", "args": "1000",
    "health": {"exec": ["sh", "-c", "echo no database; exit 3"], "interval": 200, "retries": 1000}}]}' >sick.json
  pm2 start sick.json
  is_sick() { pm2 why sick | grep -q "Its health probe fails ("; }
  wait_until is_sick
  run pm2 why sick
  assert_has "in a row): "
}
