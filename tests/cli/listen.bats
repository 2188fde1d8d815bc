#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Sockets that pm2d opens and keeps for programs in any language (attribute listen).
# shellcheck disable=SC2030,SC2031 # each test has its own PORT
load ../lib/harness
load ../lib/cluster

setup_file() {
  ours_only "it has no sockets for programs other than Node's"
}

# server COUNT [OPTION...]: start that many processes of listen.py and wait until they serve.
server() {
  local count=$1
  shift
  PORT=${PORT:-$(free_port)}
  export PORT
  pm2 start listen.py --name app -i "$count" --merge-logs --listen "127.0.0.1:$PORT" "$@"
  wait_until file_lines "$(log_of app-out)" "$count"
}

# Until it says that it is ready, and that may take long on a busy machine.
patient=(--wait-ready --listen-timeout 30000)

answers() { # COUNT: so many pids answer
  [ "$(hits spread "$PORT" 40 | wc -l)" -eq "$1" ]
}

is_refused() {
  refute hits spread "$PORT" 1 2>/dev/null
}

@test "processes get the sockets as systemd passes them" {
  local port
  port=$(free_port)
  pm2 start listen.py --name app --listen "127.0.0.1:$port, unix:$WORK/web.sock"
  wait_until file_has "$(log_of app-out)" "sockets 2 names $port:web.sock blocking [True, True]"
  run hits spread "$port" 3
  assert_equal "$output" "$(app_pid app) 3"
  run hits unix "$WORK/web.sock" 3
  assert_equal "$output" "$(app_pid app) 3"
  run pm2 describe app
  assert_has "127.0.0.1:$port unix:$WORK/web.sock"
  # nothing else: behind the sockets is the channel, on 5
  run ls "/proc/$(app_pid app)/fd"
  assert_has 5
  tr '\0' '\n' <"/proc/$(app_pid app)/environ" | grep -qx NODE_CHANNEL_FD=5
}

@test "both families, each alone, and any" {
  local a b
  a=$(free_port)
  b=$(free_port)
  cat >apps.json <<END
{"apps": [{"script": "listen.py", "name": "any", "listen": $a},
          {"script": "listen.py", "name": "six", "listen": ["[::1]:$b"]}]}
END
  pm2 start apps.json
  curl -sf "http://127.0.0.1:$a/"
  curl -sf "http://[::1]:$a/"
  curl -sf "http://[::1]:$b/"
  run curl -sf "http://127.0.0.1:$b/"
  assert_fails 7
}

@test "connections go to all processes" {
  server 3
  wait_until answers 3
}

@test "a process file, in cluster mode" {
  PORT=$(free_port)
  cat >apps.json <<END
{"apps": [{"script": "listen.py", "name": "app", "exec_mode": "cluster", "instances": 2,
           "listen": ["127.0.0.1:$PORT"]}]}
END
  pm2 start apps.json
  wait_until answers 2
  app_is 0 pm2_env.exec_mode cluster_mode
  refute grep -qz '^NODE_UNIQUE_ID=' "/proc/$(app_pid 0)/environ"
  run pm2 plan apps.json
  assert_ok
  assert_has "no change"
}

@test "a restart refuses and loses nobody" {
  server 2
  steady
  pm2 restart app
  pm2 restart app
  steady_ends
  assert_has "cut 0 late 0 refused 0"
}

@test "a single process: neither" {
  server 1
  steady
  pm2 restart app
  pm2 restart app
  steady_ends
  assert_has "cut 0 late 0 refused 0"
}

@test "an app that is slow to boot: the others serve meanwhile" {
  export LISTEN_KIND=slow
  server 2 "${patient[@]}"
  wait_until answers 2
  local pid
  pid=$(app_pid 0)
  steady
  pm2 restart 0
  [ "$(app_pid 0)" != "$pid" ]
  steady_ends
  assert_has "cut 0 late 0 refused 0"
}

@test "a reload refuses and loses nobody" {
  export LISTEN_KIND=slow
  server 2 "${patient[@]}"
  steady
  local before
  before=$(app_pid 0)
  pm2 reload app
  pm2 reload app
  refute [ "$(app_pid 0)" = "$before" ]
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  wait_until answers 2
}

@test "a reload of a single process, on both kinds of sockets" {
  export LISTEN_KIND=slow
  server 1 "${patient[@]}"
  pm2 restart app --listen "127.0.0.1:$PORT,unix:$WORK/x.sock"
  steady
  pm2 reload app
  hits unix "$WORK/x.sock" 5
  pm2d_dies
  pm2 reload app
  hits unix "$WORK/x.sock" 5
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  wait_until hits spread "$PORT" 3
  run ls "$WORK"/x.sock*
  assert_equal "$output" "$WORK/x.sock"
  pm2 stop app
  refute test -e "$WORK/x.sock"
}

@test "a reload whose successor fails leaves all as it is" {
  export LISTEN_KIND=slow
  server 2 "${patient[@]}"
  steady
  local before
  before=$(app_pid 0)
  LISTEN_KIND=fail run pm2 reload app --update-env
  assert_fails
  assert_equal "$(app_pid 0)" "$before"
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  wait_until answers 2
}

@test "SIGKILL of a process refuses nobody" {
  server 2
  steady
  for id in 0 1 0 1; do
    local pid
    pid=$(app_pid "$id")
    kill -9 "$pid"
    wait_until pid_changed "$id" "$pid"
  done
  steady_ends
  assert_has "late 0 refused 0"
}

pid_changed() { # ID PID
  local now
  now=$(app_pid "$1")
  [ "$now" != "$2" ] && [ "${now:-0}" -gt 0 ]
}

@test "who connects to an app that died is answered by its next run" {
  export LISTEN_KIND=crash
  server 1 --restart-delay 300
  run hits spread "$PORT" 1
  LISTEN_KIND=serve pm2 restart app --update-env
  run hits spread "$PORT" 2
  assert_equal "$output" "$(app_pid app) 2"
}

@test "SIGKILL of pm2d costs nothing" {
  server 2
  steady
  pm2d_dies
  pm2d_dies
  pm2 restart app
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  wait_until answers 2
}

@test "SIGKILL of the keeper costs nothing" {
  server 2
  steady
  local keeper
  keeper=$(daemon_pid)
  kill -9 "$keeper"
  wait_until another_keeper "$keeper"
  wait_until pm2 ping
  pm2 restart app
  pm2d_dies
  pm2 restart app
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  wait_until answers 2
}

another_keeper() { # than PID
  local now
  now=$(daemon_pid)
  [ -n "$now" ] && [ "$now" != "$1" ]
}

@test "both die: the processes go on, and get their sockets back" {
  server 2
  local keeper pm2d
  keeper=$(daemon_pid)
  pm2d=$(pm2d_pid)
  kill -STOP "$pm2d"
  kill -9 "$keeper"
  kill -9 "$pm2d"
  wait_until answers 2
  pm2 ping
  wait_until answers 2
  pm2 restart app
  wait_until answers 2
  pm2 stop app
  is_refused
  pm2 start app
  wait_until answers 2
}

@test "a stopped app listens no more, nor does a deleted one" {
  server 2
  pm2 stop 0
  answers 1
  pm2 stop 1
  is_refused
  pm2 start app
  wait_until answers 2
  pm2 delete app
  is_refused
  file_has "$TEST_PM2_HOME/pm2.log" "does not listen on 127.0.0.1:$PORT any more"
}

@test "nor does one that is given up" {
  export PORT LISTEN_KIND
  PORT=$(free_port)
  pm2 start "exit 1" --name app --listen "127.0.0.1:$PORT" --max-restarts 2
  wait_status app errored
  is_refused
}

@test "more and fewer processes" {
  server 1
  pm2 scale app 3
  wait_until answers 3
  steady
  pm2 restart 0
  steady_ends
  assert_has "cut 0 late 0 refused 0"
  pm2 scale app 1
  wait_until answers 1
  pm2 scale app 4
  wait_until answers 4
}

@test "fewer processes under load: what waited in their queues is answered" {
  export LISTEN_KIND=busy
  server 2 "${patient[@]}" # one that has not booted cannot answer in the moment that it has for it
  steady
  for _ in 1 2 3 4; do
    pm2 stop 0
    pm2 start 0
    pm2 stop 1
    pm2 start 1
  done
  steady_ends
  assert_has "cut 0 late 0 refused 0"
}

@test "an app that ends its sockets: they listen again" {
  export LISTEN_KIND=leave
  server 3
  pm2 restart 0
  wait_until answers 3
  pm2 restart 1
  pm2 stop 2
  wait_until answers 2
  steady
  pm2 restart 0
  steady_ends
  assert_has "late 0 refused 0"
  pm2 start 2
  wait_until answers 3
}

@test "other addresses at a restart" {
  server 2
  local before=$PORT
  PORT=$(free_port)
  pm2 restart app --listen "127.0.0.1:$PORT"
  wait_until answers 2
  PORT=$before
  is_refused
  run pm2 restart app --listen "127.0.0.1:$PORT, 0"
  assert_fails
  assert_has "port 0 is a different one each time"
}

@test "a new name keeps the address" {
  server 2
  pm2 restart app --name other
  wait_until answers 2
  run pm2 start listen.py --name third --listen "127.0.0.1:$PORT"
  assert_fails
  assert_has "in use by app \"other\""
}

@test "one address, one app" {
  server 1
  run pm2 start listen.py --name other --listen "127.0.0.1:$PORT"
  assert_fails
  assert_has "listen 127.0.0.1:$PORT: in use by app \"app\""
  run pm2 start listen.py --name other --listen "$PORT"
  assert_fails
  assert_has "in use by app \"app\""
  [ "$(app_count)" -eq 1 ]
  wait_until answers 1
}

@test "an address that a worker of Node's cluster has" {
  need_program node
  PORT=$(free_port)
  export PORT
  KIND=http pm2 start cluster.js --name node -i 1
  wait_until file_lines "$(log_of node-out-0)" 1
  run pm2 start listen.py --name other --listen "$PORT"
  assert_fails
  assert_has "in use by app \"node\""
}

@test "an address that a stranger has" {
  PORT=$(free_port)
  "$PYTHON" -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 3>&- 4>&- &
  local stranger=$!
  wait_until curl -sf -o /dev/null "http://127.0.0.1:$PORT/"
  run pm2 start listen.py --name app -i 2 --listen "127.0.0.1:$PORT"
  kill "$stranger"
  assert_fails
  assert_has "listen 127.0.0.1:$PORT: in use by process $stranger (python3"
  assert_has "of user $(id -un)"
  [ "$(app_count)" -eq 0 ]
}

@test "an address that this machine does not have, and two that exclude each other" {
  run pm2 start listen.py --name app --listen 192.0.2.1:8080
  assert_fails
  assert_has "listen 192.0.2.1:8080: this machine does not have the address"
  PORT=$(free_port)
  run pm2 start listen.py --name app --listen "$PORT,127.0.0.1:$PORT"
  assert_fails
  assert_has "listen 127.0.0.1:$PORT: in use"
  [ "$(app_count)" -eq 0 ]
}

@test "a port for root only" {
  [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || skip "port 81 is for all"
  need_nobody
  TEST_HOME=$WORK/nobody
  TEST_PM2_HOME=$TEST_HOME/.pm2
  as_nobody mkdir -p "$TEST_HOME" 2>/dev/null || install -d -o 65534 -g 65534 "$TEST_HOME"
  run as_nobody env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" PM2_DISCRETE_MODE=1 "$PM2" \
    start "$WORK/listen.py" --name app --listen 81 3>&- 4>&-
  as_nobody env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" "$PM2" kill 3>&- 4>&-
  assert_fails
  assert_has "listen 81: ports below net.ipv4.ip_unprivileged_port_start (1024) are for root"
}

@test "UNIX sockets: shared, replaced when dead, removed at the end" {
  local at=$WORK/x.sock
  "$PYTHON" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$at"
  pm2 start listen.py --name app -i 3 --merge-logs --listen "unix:$at"
  wait_until file_lines "$(log_of app-out)" 3
  hits unix "$at" 60 | awk '{ n += $2 } END { exit n != 60 }'
  pm2 stop 0
  hits unix "$at" 10
  rm "$at"
  pm2 restart 1
  hits unix "$at" 5
  pm2d_dies
  pm2 restart app
  hits unix "$at" 5
  pm2 delete app
  refute test -e "$at"
}

@test "UNIX sockets: what is in the way" {
  local long
  touch file
  run pm2 start listen.py --name app --listen "unix:$WORK/file"
  assert_fails
  assert_has "listen unix:$WORK/file: something is there that is no socket of a dead process"
  run pm2 start listen.py --name app --listen "unix:$WORK/nope/x.sock"
  assert_fails
  assert_has "listen unix:$WORK/nope/x.sock: No such file or directory"
  long=$(printf '%0108d' 0)
  run pm2 start listen.py --name app --listen "unix:/$long"
  assert_fails
  assert_has "the path of a socket has at most 107 bytes"
  [ "$(app_count)" -eq 0 ]
  [ -f file ]
}

@test "Node's workers get their sockets otherwise" {
  cat >apps.json <<END
{"apps": [{"script": "cluster.js", "name": "app", "exec_mode": "cluster", "listen": 8080}]}
END
  run pm2 start apps.json
  assert_fails
  assert_has "listen is not for workers of Node's cluster"
}

@test "the examples: Python, C and Node; with pm2" {
  need_program node
  local p c n
  p=$(free_port)
  c=$(free_port)
  n=$(free_port)
  cc -Wall -Werror -o hello "$ROOT/examples/listen/hello.c"
  pm2 start "$ROOT/examples/listen/hello.py" --name python -i 2 --listen "127.0.0.1:$p"
  pm2 start ./hello --name c -i 2 --listen "127.0.0.1:$c"
  pm2 start "$ROOT/examples/listen/hello.js" --name node -i 2 --wait-ready --listen "127.0.0.1:$n"
  app_is node pm2_env.exec_mode fork_mode
  for PORT in "$p" "$c" "$n"; do
    wait_until answers 2
    steady
    pm2 restart all
    steady_ends
    assert_has "cut 0 late 0 refused 0"
  done
}

@test "the examples by themselves" {
  PORT=$(free_port)
  PORT=$PORT "$ROOT/examples/listen/hello.py" 3>&- 4>&- &
  local pid=$!
  wait_until curl -sf "http://127.0.0.1:$PORT/"
  kill "$pid"
  wait_child "$pid"
}

@test "gunicorn" {
  need_program gunicorn
  cat >web.py <<'END'
import os


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"%d\n" % os.getpid()]
END
  PORT=$(free_port)
  pm2 start "exec gunicorn -w 2 web:app" --name app --listen "127.0.0.1:$PORT"
  wait_until answers 2
  steady
  pm2 restart app
  steady_ends
  assert_has "late 0 refused 0"
}
