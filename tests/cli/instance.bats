#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# PM2_INSTANCE_SOCK: programs in any language talk with pm2 as Node programs do.
load ../lib/harness

setup_file() {
  ours_only "has no such socket"
}

wait_log() { # APP TEXT
  wait_until file_has "$(log_of "$1-out")" "$2"
}

@test "the example in Python: ready, metrics, actions, data, shutdown" {
  pm2 start "$ROOT/examples/talk/counter.py" --interpreter "$PYTHON" --wait-ready --listen-timeout 60000 \
    --shutdown-with-message
  app_is counter pm2_env.status online
  assert_equal "$(stat -c %a "$TEST_PM2_HOME/instance.sock")" 600
  run pm2 trigger counter add 500
  assert_ok
  assert_has "[counter:0:default]=50"
  wait_until metric_shown 50
  run pm2 describe counter
  assert_has "Actions available"
  assert_has "reset"
  run pm2 trigger counter reset
  assert_has "[counter:0:default]=0"
  run pm2 trigger counter nothing
  assert_fails
  assert_has "Action doesn't exist"
  pm2 stop counter
  wait_log counter "received shutdown"
  app_is counter pm2_env.exit_code 0
}

metric_shown() { # BEGINS WITH
  pm2 describe counter | grep -q "count *│ $1"
}

@test "the example in C; both go on when pm2d dies, and come back when the keeper dies as well" {
  need_program cc
  cc -Wall -Werror -o counter "$ROOT/examples/talk/counter.c"
  pm2 start ./counter --wait-ready --listen-timeout 60000
  pm2 start "$ROOT/examples/talk/counter.py" --interpreter "$PYTHON" --name python --wait-ready --listen-timeout 60000
  pm2d_dies
  run pm2 trigger all reset
  assert_ok
  assert_has "[counter:0:default]="
  assert_has "[python:1:default]=0"
  local pm2d keeper
  pm2d=$(pm2d_pid) keeper=$(daemon_pid)
  kill -9 "$keeper" "$pm2d"
  wait_until pid_gone "$pm2d"
  wait_until pm2 trigger counter reset
  wait_until pm2 trigger python reset
}

@test "by the programs that can say it: a child, a child in another session, one that has ended" {
  for how in itself child session ended; do
    HOW=$how pm2 start talk.py --interpreter "$PYTHON" --name "$how" --wait-ready --listen-timeout 60000
    app_is "$how" pm2_env.status online
  done
}

@test "what is wrong is told to who said it" {
  SAY=$'{\n{"type":"axm:x","data":1}' pm2 start talk.py --interpreter "$PYTHON"
  wait_log talk "that is not JSON"
  wait_log talk "axm:x: no such type"
}

@test "a process that belongs to nobody is heard when it says whose it is" {
  pm2 start sleep -- 1000
  PM2_INSTANCE_SOCK=$TEST_PM2_HOME/instance.sock SAY='"ready"' "$PYTHON" talk.py >said &
  local stranger=$!
  wait_until file_has said "nobody knows whose process this is"
  kill "$stranger"
  PM2_INSTANCE_SOCK=$TEST_PM2_HOME/instance.sock \
    SAY=$'{"type":"pm2:process","data":{"pm_id":0}}\n{"type":"axm:monitor","data":{"outside":7}}' \
    "$PYTHON" talk.py >said &
  stranger=$!
  wait_app sleep pm2_env.axm_monitor.outside 7
  kill "$stranger"
}

@test "a Node program has it beside its channel, and hears on both" {
  need_program node
  cat >both.js <<'JS'
const net = require('net')
process.on('message', (m) => console.log('channel', JSON.stringify(m.data)))
const s = net.connect(process.env.PM2_INSTANCE_SOCK, () => process.send('ready'))
s.on('data', (d) => console.log('socket', JSON.stringify(JSON.parse(d).data)))
JS
  pm2 start both.js --wait-ready --listen-timeout 60000
  "$PYTHON" - "$ROOT" "$TEST_PM2_HOME" <<'PY'
import sys
sys.path.insert(0, sys.argv[1] + "/tests/proto")
import json, amp
c = amp.Connection(sys.argv[2] + "/rpc.sock")
body = {"type": "call", "method": "sendDataToProcessId", "args": [{"id": 0, "topic": "t", "data": {"n": 5}}]}
c.send(amp.encode(b"j:" + json.dumps(body).encode(), b"s:1"))
c.receive()
PY
  wait_log both 'channel {"n":5}'
  wait_log both 'socket {"n":5}'
}

@test "ours replaces the variable of another pm2; nobody else gets it" {
  PM2_INSTANCE_SOCK=/of/another pm2 start talk.py --interpreter "$PYTHON"
  wait_log talk "socket $TEST_PM2_HOME/instance.sock"
  assert_lacks PM2_INSTANCE_SOCK "$(pm2 env 0)"
}

@test "an app of another user" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  open_work
  pm2 start talk.py --interpreter "$PYTHON" --uid 65534 --wait-ready --listen-timeout 60000
  wait_log talk "socket @"
  app_is talk pm2_env.status online
  # ... speaks for itself only
  pm2 start sleep -- 1000
  SAY=$'"ready"\n{"type":"pm2:process","data":{"pm_id":1}}' pm2 restart talk --update-env
  wait_log talk "this is a process of talk"
}

@test "a PM2_HOME whose path has no room for another socket" {
  # rpc.sock and pub.sock fit into 107 bytes, instance.sock does not
  local room=$((98 - ${#TEST_HOME}))
  [ "$room" -gt 1 ] || skip "the path of the tests is too long"
  # shellcheck disable=SC2030,SC2031 # each test has its own
  TEST_PM2_HOME=$TEST_HOME/$(printf 'x%.0s' $(seq 1 $((room - 1))))
  pm2 start talk.py --interpreter "$PYTHON" --wait-ready --listen-timeout 60000
  wait_log talk "socket @"
  app_is talk pm2_env.status online
}

@test "reload waits for the word of each successor" {
  pm2 start talk.py --interpreter "$PYTHON" -i 2 --listen "127.0.0.1:$(free_port)" --wait-ready --listen-timeout 60000
  local before
  before=$(app 0 pid)
  run pm2 reload talk
  assert_ok
  app_is 0 pm2_env.status online
  app_is 1 pm2_env.status online
  [ "$(app 0 pid)" != "$before" ]
  wait_until file_lines "$(log_of talk-out-0)" 2
}

@test "the socket goes with the daemon" {
  pm2 start sleep -- 1000
  [ -S "$TEST_PM2_HOME/instance.sock" ]
  pm2 kill
  # shellcheck disable=SC2031 # each test has its own
  [ ! -e "$TEST_PM2_HOME/instance.sock" ]
}
