#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 trigger: actions that apps register, and what they return.
load ../lib/harness

setup_file() {
  command -v node >/dev/null || skip "node is not installed"
}

# Until the processes have registered their actions.
up() { # NAME COUNT
  wait_until has_actions "$1" "$2"
}

has_actions() {
  [ "$(pm2 jlist | tail -1 | node -e '
    const apps = JSON.parse(require("fs").readFileSync(0))
    const ready = apps.filter((app) => app.name === process.argv[1] &&
      app.pm2_env.axm_actions.some((one) => one.action_name === "nothing"))
    console.log(ready.length)' "$1")" = "$2" ]
}

@test "by name, id and all: each process answers" {
  pm2 start actions.js --name a
  pm2 start actions.js --name c -i 2
  up a 1
  up c 2
  run pm2 trigger a hello
  assert_ok
  assert_has "1 processes have received command hello"
  assert_has '[a:0:default]={"got":"hello"}'
  run pm2 trigger c hello
  assert_has "2 processes have received command hello"
  assert_has '[c:1:default]={"got":"hello"}'
  assert_has '[c:2:default]={"got":"hello"}'
  run pm2 trigger 0 hello
  assert_has '[a:0:default]={"got":"hello"}'
  run pm2 trigger all hello
  assert_has "3 processes have received command hello"
}

@test "parameters; an action that returns nothing" {
  ours_only "it waits for ever when the reply is faster than the answer"
  pm2 start actions.js --name a
  up a 1
  run pm2 trigger a hello '{"x":2}'
  assert_ok
  assert_has '[a:0:default]={"got":{"msg":"hello","opts":"{\"x\":2}","name":"a"}}'
  run pm2 trigger a nothing
  assert_ok
  assert_has '[a:0:default]=undefined'
}

@test "nobody, no such action, not running, and missing words" {
  ours_only "its words tell less"
  pm2 start actions.js --name a
  up a 1
  run pm2 trigger nobody hello
  assert_fails
  assert_has "nobody not found"
  run pm2 trigger a dance
  assert_fails
  assert_has "Action doesn't exist dance for a; \`pm2 describe\` shows the actions of an app"
  pm2 stop a
  run pm2 trigger a hello
  assert_fails
  assert_has "Action doesn't exist hello for a"
  run pm2 trigger a
  assert_fails
  assert_has "missing required argument"
}

# An order that comes while an action is waited for.
trigger_then() { # words of pm2...
  local waiting
  pm2 trigger a silent >"$WORK/triggered" 2>&1 3>&- 4>&- &
  waiting=$!
  wait_until file_has "$(log_of a-out)" "got silent"
  pm2 "$@"
  status=0
  wait_child "$waiting" || status=$?
  assert_fails
  output=$(<"$WORK/triggered")
}

@test "a process that ends instead of answering is told" {
  ours_only "it waits for ever"
  sed 's/return;/return console.log("got silent");/' "$WORK/actions.js" >"$WORK/told.js"
  pm2 start told.js --name a
  up a 1
  run pm2 trigger a die
  assert_fails
  assert_has "[a:0] the process has ended before it answered"
  up a 1
  trigger_then restart a
  assert_has "[a:0] the process has ended before it answered"
  : >"$(log_of a-out)"
  up a 1
  trigger_then delete a
  assert_has "[a:0] the process"
}

@test "a reload while an action is waited for" {
  ours_only "it waits for ever"
  sed 's/return;/return console.log("got silent");/' "$WORK/actions.js" >"$WORK/told.js"
  pm2 start told.js --name a -i 1 --merge-logs
  up a 1
  trigger_then reload a
  assert_has "[a:0] the process has ended before it answered"
}

@test "an app that does not answer in time" {
  ours_only "it waits for ever"
  pm2 start actions.js --name a
  up a 1
  run pm2 trigger a silent --timeout 1
  assert_fails
  assert_has "[a:0] no answer within 1000 ms"
  run pm2 trigger a silent --timeout soon
  assert_fails
  assert_has "--timeout soon: expected seconds"
}
