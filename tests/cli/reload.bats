#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Reload with two generations: nothing is lost, and a successor that does not work changes nothing.
load ../lib/harness

setup_file() {
  command -v node >/dev/null || skip "node is not installed"
}

# serve COUNT [OPTION...]: start that many workers and wait until each listens.
serve() {
  local count=$1
  shift
  PORT=${PORT:-$(free_port)}
  export PORT
  pm2 start reload.js --name app -i "$count" --merge-logs --listen-timeout 30000 "$@"
  wait_until said listening "$count"
}

out() {
  log_of app-out
}

said() { # WORD COUNT: at least that often
  [ "$(grep -c "^$1" "$(out)")" -ge "$2" ]
}

hits() {
  "$PYTHON" "$ROOT/tests/lib/hits.py" "$@"
}

# clients KIND: until clients_end.
clients() {
  hits "$1" "$PORT" "$WORK/enough" >"$WORK/clients" 2>&1 3>&- 4>&- &
  clients_pid=$!
}

clients_end() {
  touch "$WORK/enough"
  wait_child "$clients_pid"
  output=$(<"$WORK/clients")
  echo "clients: $output"
  rm "$WORK/enough"
}

pids() {
  pm2 pid app | sort | paste -sd' '
}

# pm2 reload in the background, until reload_ends: $status and $output.
reload() {
  pm2 reload "$@" >"$WORK/reload" 2>&1 3>&- 4>&- &
  reload_pid=$!
}

reload_ends() {
  status=0
  wait_child "$reload_pid" || status=$?
  output=$(<"$WORK/reload")
}

@test "nothing is lost: clients that keep their connections, and such that do not" {
  local kind before
  serve 3
  for kind in kept steady; do
    before=$(pids)
    clients "$kind"
    run pm2 reload app
    assert_ok
    run pm2 reload app
    assert_ok
    clients_end
    assert_has "cut 0 late 0 refused 0"
    refute [ "$(pids)" = "$before" ]
  done
  app_is 0 pm2_env.restart_time 4
  app_is 0 pm2_env.status online
}

@test "the old one gets its signal when it has answered" {
  local before answer
  serve 1
  before=$(pids)
  answer=$(curl -s "http://127.0.0.1:$PORT/slow" 3>&- &
    wait_until said asked 1
    pm2 reload app >/dev/null
    wait)
  assert_equal "$answer" "$before"
  said "SIGINT $before" 1
  pid_gone "$before"
}

@test "what it prints" {
  serve 2
  run pm2 reload app
  assert_equal "$output" "Use --update-env to update environment variables
[PM2] Applying action reloadProcessId on app [app](ids: [ 0, 1 ])
[PM2] [app](0) ✓
[PM2] [app](1) ✓"
}

@test "a build that throws: the old one serves on, the reason and the last lines are told" {
  ours_only "ends the old one"
  local before
  serve 3
  before=$(pids)
  echo throw >mode
  clients kept
  VERSION=2 run pm2 reload app --update-env
  assert_fails
  assert_has "app: the new process failed: it ended with exit code 1; the old one serves on"
  assert_has "this build is broken"
  clients_end
  assert_has "cut 0 late 0 refused 0"
  assert_equal "$(pids)" "$before"
  app_is 0 pm2_env.restart_time 0
  app_is 0 pm2_env.status online
  app_is 0 pm2_env.VERSION ""
  rm mode
  VERSION=3 pm2 reload app --update-env
  app_is 1 pm2_env.VERSION 3
}

processes_are() { # COUNT
  [ "$(processes_left | wc -l)" -eq "$1" ]
}

@test "a build that never listens, or too late" {
  ours_only "ends the old one"
  local before
  serve 2 --listen-timeout 300
  before=$(pids)
  echo hang >mode
  run pm2 reload app --parallel 1
  assert_fails
  assert_has "it listened on 0 of 1 sockets within 300 ms (listen_timeout)"
  assert_equal "$(pids)" "$before"
  wait_until processes_are 4 # keeper, pm2d and the old ones
  refute said "start hang" 2 # not both were tried
  echo late >mode
  run pm2 reload app
  assert_fails
  assert_equal "$(pids)" "$before"
  pm2 reload app --listen-timeout 30000
  refute [ "$(pids)" = "$before" ]
}

@test "one that never listened need not: to live at listen_timeout is enough" {
  local before
  echo hang >mode
  pm2 start reload.js --name app -i 2 --listen-timeout 300
  before=$(pids)
  pm2 reload app
  refute [ "$(pids)" = "$before" ]
}

@test "wait_ready: its word is waited for" {
  local before
  READY=1 serve 1 --wait-ready
  before=$(pids)
  READY='' run pm2 reload app --update-env --listen-timeout 400
  ours_only "takes it as it is"
  assert_fails
  assert_has "it did not say that it is ready within 400 ms"
  assert_equal "$(pids)" "$before"
  READY=1 pm2 reload app --update-env --listen-timeout 30000
  refute [ "$(pids)" = "$before" ]
}

@test "a health probe goes to the successor, and has to succeed" {
  ours_only "has none"
  local before
  PORT=$(free_port)
  export PORT
  cat >apps.json <<END
{"apps": [{"name": "app", "script": "reload.js", "instances": 2, "exec_mode": "cluster", "merge_logs": true,
  "listen_timeout": 3000, "health": {"http": "http://127.0.0.1:$PORT/", "interval": 100000}}]}
END
  pm2 start apps.json
  wait_until said listening 2
  before=$(pids)
  echo sick >mode
  run pm2 reload app
  assert_fails
  assert_has "its health probe did not succeed within 3000 ms (listen_timeout): answered with status 503"
  assert_equal "$(pids)" "$before"
  echo warming >mode
  run pm2 reload app --listen-timeout 30000
  assert_ok
  refute [ "$(pids)" = "$before" ]
}

@test "--force and reload_policy: as PM2 does it" {
  local before
  serve 1 --listen-timeout 300
  before=$(pids)
  echo hang >mode
  run pm2 reload app --force
  assert_ok
  refute [ "$(pids)" = "$before" ]
  ours_only "other attributes"
  run pm2 reload app --reload-policy pm2
  assert_ok
  wait_until said "start hang" 2 # they have read it
  echo throw >mode
  run pm2 reload app --force --max-restarts 2
  assert_ok
  wait_until file_has "$(log_of app-error)" "this build is broken"
  run pm2 reload app --reload-policy never
  assert_fails
  assert_has 'must be one of verified, pm2'
}

@test "a stop, a delete in the middle of a reload win" {
  ours_only "PM2 ends both later"
  local order
  serve 1
  for order in stop delete; do
    pm2 restart app
    wait_status app online
    echo hang >mode
    reload app
    wait_until said "start hang" 1
    run pm2 "$order" app
    assert_ok
    reload_ends
    assert_equal "$status" 1
    assert_has "another order came before the reload was done"
    run processes_left
    refute pgrep -f "$WORK/reload.js"
    rm mode "$(out)"
    pm2 reloadLogs >/dev/null 2>&1 || :
  done
  assert_equal "$(app_count)" 0
}

@test "a second reload while one runs is refused" {
  serve 1
  echo held >mode
  reload app
  wait_until said "start held" 1
  run pm2 reload app
  assert_fails
  assert_has "Reload already in progress"
  touch go
  reload_ends
  assert_equal "$status" 0
}

@test "pm2d dies while a successor is being proven: undone, and can be done again" {
  ours_only "takes all apps along"
  local before
  serve 2
  before=$(pids)
  echo hang >mode
  reload app
  wait_until said "start hang" 2
  pm2d_dies
  reload_ends
  assert_equal "$status" 1
  wait_until said SIGINT 2
  assert_equal "$(pids)" "$before"
  wait_until processes_are 4
  rm mode
  pm2 reload app
  refute [ "$(pids)" = "$before" ]
}

@test "pm2d dies while an old one answers: the next one ends it" {
  ours_only "takes all apps along"
  local before
  serve 1 --drain-timeout 20000
  before=$(pids)
  hits open "$PORT" /slow "$WORK/enough" >"$WORK/open" 3>&- 4>&- &
  wait_until file_has "$WORK/open" 200
  hits open "$PORT" /open "$WORK/enough" >"$WORK/never" 3>&- 4>&- &
  wait_until file_has "$WORK/never" 200
  reload app
  wait_until said listening 2
  wait_app app pm2_env.restart_time 1
  kill -0 "$before"
  pm2d_dies
  reload_ends
  assert_equal "$status" 1
  kill -0 "$before"
  app_is app pm2_env.restart_time 1
  touch "$WORK/enough"
  wait_until pid_gone "$before"
  said "SIGINT $before" 1
  wait
}

@test "the keeper dies while a successor is being proven" {
  ours_only "has none"
  local before
  serve 1
  before=$(pids)
  echo held >mode
  reload app
  wait_until said "start held" 1
  kill -9 "$(daemon_pid)"
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "has taken over"
  touch go
  reload_ends
  assert_equal "$status" 0
  refute [ "$(pids)" = "$before" ]
  wait_until pid_gone "$before"
}

@test "the old one ends while its successor is being proven: that takes its place" {
  ours_only "another way"
  local before
  serve 1
  before=$(pids)
  echo held >mode
  reload app
  wait_until said "start held" 1
  kill -9 "$before"
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "via signal [SIGKILL]"
  touch go
  reload_ends
  assert_equal "$status" 1
  assert_has "the old process ended by itself during the reload"
  wait_until said listening 2
  wait_status app online 15 # it has said so, and listen_timeout does not matter
  assert_equal "$(hits spread "$PORT" 1 | cut -d' ' -f1)" "$(pids)"
  app_is app pm2_env.restart_time 1
}

@test "what does not end is cut at drain_timeout" {
  ours_only "cuts at once"
  serve 1
  hits open "$PORT" /open "$WORK/enough" >"$WORK/open" 3>&- 4>&- &
  wait_until file_has "$WORK/open" 200
  run pm2 reload app --drain-timeout 300
  assert_ok
  wait_until file_has "$WORK/open" closed
  wait
}

@test "park and rollback" {
  ours_only "no such command"
  local before
  serve 2
  before=$(pids)
  run pm2 rollback app
  assert_fails
  assert_has "no earlier generation is parked"
  VERSION=2 pm2 reload app --update-env --park 60s
  app_is 0 pm2_env.VERSION 2
  refute [ "$(pids)" = "$before" ]
  clients kept
  run pm2 rollback app
  assert_ok
  assert_has "[app](1) ✓"
  assert_equal "$(pids)" "$before"
  app_is 0 pm2_env.VERSION ""
  wait_until said SIGINT 2
  clients_end
  assert_has "cut 0 late 0 refused 0"
  # another reload lets go of what is parked
  pm2 reload app --park 60s
  pm2 reload app
  wait_until said SIGINT 4
}

@test "parked ones survive pm2d, and go with their app" {
  ours_only "no such thing"
  local before
  serve 1
  before=$(pids)
  pm2 reload app --park 60s
  pm2d_dies
  kill -0 "$before"
  run pm2 rollback app
  assert_ok
  assert_equal "$(pids)" "$before"
  pm2 reload app --park 60s
  pm2 delete app
  pid_gone "$before"
}

@test "fork mode: a restart, and it says so" {
  pm2 start reload.js --name app
  run pm2 reload app
  assert_ok
  assert_has "[app](0) ✓"
  ours_only "is silent"
  assert_has "app was restarted, not reloaded: it runs in fork mode, without \`listen\` or SO_REUSEPORT"
}

@test "fork mode with SO_REUSEPORT: both listen for a while" {
  ours_only "restarts it"
  local before
  PORT=$(free_port)
  export PORT
  pm2 start reuseport.py --name app --listen-timeout 30000
  wait_until said listening 1
  before=$(pids)
  clients steady
  run pm2 reload app
  assert_ok
  assert_lacks restarted
  clients_end
  assert_has "refused 0"
  refute [ "$(pids)" = "$before" ]
  pid_gone "$before"
  before=$(pids)
  echo deaf >mode
  run pm2 reload app --listen-timeout 400
  assert_fails
  assert_has "it did not listen on port $PORT within 400 ms"
  assert_equal "$(pids)" "$before"
}

@test "a process file: reload, startOrReload; what fails keeps its configuration" {
  local before
  PORT=$(free_port)
  cat >apps.json <<END
{"apps": [{"name": "app", "script": "reload.js", "instances": 2, "exec_mode": "cluster", "merge_logs": true,
  "env": {"PORT": $PORT, "VERSION": 1}}]}
END
  pm2 start apps.json
  wait_until said listening 2
  before=$(pids)
  sed -i 's/"VERSION": 1/"VERSION": 2/' apps.json
  run pm2 reload apps.json
  assert_ok
  assert_has "[app](1) ✓"
  app_is 1 pm2_env.VERSION 2
  refute [ "$(pids)" = "$before" ]
  before=$(pids)
  echo throw >mode
  sed -i 's/"VERSION": 2/"VERSION": 3/' apps.json
  run pm2 startOrReload apps.json
  ours_only "ends the old one"
  assert_fails
  assert_has "this build is broken"
  app_is 1 pm2_env.VERSION 2
  assert_equal "$(pids)" "$before"
}

@test "the agent is not seen by the app, and can be left out" {
  ours_only "has a wrapper"
  serve 1
  said "start serve $(pids) options undefined args $" 1
  grep -qz "NODE_OPTIONS=--require \"$TEST_PM2_HOME/agent-" "/proc/$(pids)/environ"
  NODE_OPTIONS=--no-warnings pm2 restart app --update-env
  wait_until said listening 2
  said "start serve $(pids) options --no-warnings args" 1
  pm2 delete app
  pm2 start reload.js --name app -i 1 --no-pmx
  refute grep -qz "NODE_OPTIONS=--require" "/proc/$(pids)/environ"
}

@test "without the agent: the kernel is asked when an old one is idle" {
  ours_only "ends it at once"
  serve 2 --no-pmx
  clients steady
  pm2 reload app
  pm2 reload app
  clients_end
  assert_has "cut 0 late 0 refused 0"
}

@test "scale during a reload, parallel, bad numbers" {
  serve 4
  run pm2 reload app --parallel 4
  assert_ok
  wait_until said SIGINT 4
  run pm2 reload app --parallel none
  ours_only "is silent"
  assert_fails
  assert_has "--parallel none: expected a number from 1 to 4096"
  run pm2 restart app --parallel 1
  assert_ok
}

@test "the agent of another user's app is the installed one" {
  ours_only "has a wrapper"
  [ "$(id -u)" -eq 0 ] || skip "only root starts apps of others"
  open_work
  local installed
  installed=$(readlink -f "$(dirname "$PM2")/../lib/pm2/agent.cjs")
  as_nobody test -r "$installed" || skip "$installed is out of reach for another user"
  serve 1 --uid nobody
  grep -qz "NODE_OPTIONS=--require \"$(dirname "$PM2")/../lib/pm2/agent.cjs" "/proc/$(pids)/environ"
}
