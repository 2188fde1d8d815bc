#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Cluster mode: who gets a connection (`balance`).
# shellcheck disable=SC2030,SC2031 # each test has its own PORT
load ../lib/harness
load ../lib/cluster

setup_file() {
  command -v node >/dev/null || skip "node is not installed"
  ours_only "has no such attribute"
}

# clients: "address pid" of 60 addresses, one a line.
clients() {
  hits from "$PORT" 60
}

# The same with the number of the process, which a restart keeps, for the pid.
instances() {
  clients >"$WORK/clients"
  pm2 jlist | "$PYTHON" -c 'import json, sys
number = {p["pid"]: p["pm2_env"]["NODE_APP_INSTANCE"] for p in json.load(sys.stdin)}
for line in open(sys.argv[1]):
    address, pid = line.split()
    print(address, number[int(pid)])' "$WORK/clients"
}

@test "a value that is none: the choices are named" {
  run pm2 start cluster.js -i 2 --balance random
  assert_fails
  assert_has '"balance" must be one of round-robin, least-connections, sticky, shared, reuseport, but now is "random"'
  echo '{"apps": [{"script": "cluster.js", "balance": 1}]}' >apps.json
  run pm2 start apps.json
  assert_fails
  assert_has 'apps[0].balance'
  assert_equal "$(app_count)" 0
}

@test "in fork mode it has no effect, and that is said" {
  run pm2 start cluster.js --balance sticky
  assert_ok
  assert_has '"balance" has no effect in fork mode'
}

@test "an attribute wins over NODE_CLUSTER_SCHED_POLICY" {
  NODE_CLUSTER_SCHED_POLICY=none cluster http 3 --balance round-robin
  run hits spread "$PORT" 30
  assert_equal "$(cut -d' ' -f2 <<<"$output" | sort -u)" 10
  app_is 0 pm2_env.balance round-robin
}

@test "shared: the workers have the socket" {
  cluster http 2 --balance shared
  wait_until answers 2
}

@test "a restart with another value" {
  cluster http 2
  pm2 restart app --balance sticky
  wait_until file_lines "$(log_of app-out)" 4
  assert_equal "$(hits spread "$PORT" 20 | wc -l)" 1
  pm2 restart app --balance round-robin
  wait_until file_lines "$(log_of app-out)" 6
  run hits spread "$PORT" 20
  assert_equal "$(cut -d' ' -f2 <<<"$output" | sort -u)" 10
  pm2 restart app --balance reuseport
  wait_until file_lines "$(log_of app-out)" 8
  wait_until answers 2
  file_has "$TEST_PM2_HOME/pm2.log" "balance reuseport: not before all its workers have closed"
}

# ---- least-connections ----

@test "least-connections: the fewest open ones" {
  cluster http 2 --balance least-connections
  assert_equal "$(hits least "$PORT")" "fewest first"
}

@test "least-connections on a UNIX socket" {
  SOCKET=$WORK/app.sock cluster http 2 --balance least-connections
  assert_equal "$(hits least "$WORK/app.sock")" "fewest first"
}

@test "least-connections: in turn where all have as few" {
  cluster http 3 --balance least-connections
  run hits spread "$PORT" 30
  assert_equal "$(wc -l <<<"$output")" 3
}

# ---- sticky ----

@test "sticky: a client stays with its worker" {
  cluster http 4 --balance sticky
  local first
  first=$(clients)
  assert_equal "$(cut -d' ' -f2 <<<"$first" | sort -u | wc -l)" 4
  assert_equal "$(clients)" "$first"
  pm2d_dies
  assert_equal "$(clients)" "$first"
}

@test "sticky: IPv6, and an IPv4 client is the same on both kinds of sockets" {
  HOST=127.0.0.1 cluster http 4 --balance sticky
  local v4
  v4=$(instances)
  pm2 delete app
  rm "$(log_of app-out)"
  HOST=:: cluster http 4 --balance sticky
  assert_equal "$(instances)" "$v4"
  "$PYTHON" - "$PORT" <<'EOF'
import socket, sys
answers = set()
for _ in range(5):
    s = socket.create_connection(("::1", int(sys.argv[1])), 10)
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answers.add(s.makefile("rb").read().split()[-1])
assert len(answers) == 1, answers
EOF
}

@test "sticky: scale up and down moves only the clients of the worker that came or goes" {
  cluster http 3 --balance sticky
  local three four new gone moved
  three=$(clients)
  pm2 scale app 4
  wait_until file_lines "$(log_of app-out)" 4
  four=$(clients)
  new=$(app_pid 3)
  moved=$(diff <(echo "$three") <(echo "$four") | grep '^>')
  assert_equal "$(awk '{print $3}' <<<"$moved" | sort -u)" "$new"
  [ "$(wc -l <<<"$moved")" -le 30 ] # a quarter of 60, and some luck
  gone=$(app_pid 0) # the oldest goes first, as in PM2
  pm2 scale app 3
  moved=$(diff <(echo "$four") <(clients) | grep '^<')
  assert_equal "$(awk '{print $3}' <<<"$moved" | sort -u)" "$gone"
}

@test "sticky: while a worker is down its clients go elsewhere, and come back" {
  cluster http 3 --balance sticky --restart-delay 3600000
  local before victim during after
  before=$(clients)
  victim=$(app_pid 1)
  kill -9 "$victim"
  wait_status 1 "waiting restart"
  during=$(clients)
  assert_lacks "$victim" "$during"
  assert_equal "$(diff <(echo "$before") <(echo "$during") | grep '^<' | awk '{print $3}' | sort -u)" "$victim"
  pm2 restart 1
  wait_until file_lines "$(log_of app-out)" 4
  after=$(clients)
  assert_equal "${after//$(app_pid 1)/$victim}" "$before"
}

@test "sticky: a busy worker's clients wait for it, the others pass by" {
  cluster http 2 --balance sticky
  local all busy other
  all=$(clients)
  busy=$(head -1 <<<"$all" | cut -d' ' -f2)
  other=$(grep -v "$busy" <<<"$all" | head -1 | cut -d' ' -f1)
  kill -STOP "$busy"
  hits crowd "$PORT" 20 127.0.1.1 >"$WORK/crowd" 3>&- 4>&- &
  hits crowd "$PORT" 5 "$other" >"$WORK/passes"
  file_lines "$WORK/passes" 5
  assert_lacks "$busy" "$(<"$WORK/passes")"
  [ ! -s "$WORK/crowd" ]
  kill -CONT "$busy"
  wait
  assert_equal "$(sort "$WORK/crowd" | uniq -c | xargs)" "20 $busy"
}

@test "sticky: more than may wait for one worker go to the next" {
  cluster http 2 --balance sticky
  local busy
  busy=$(hits from "$PORT" 1 | cut -d' ' -f2)
  kill -STOP "$busy"
  # 64 wait, one is under way to it, the rest is answered by the other
  hits crowd "$PORT" 80 127.0.1.1 >"$WORK/crowd" 3>&- 4>&- &
  wait_until file_lines "$WORK/crowd" 15
  assert_lacks "$busy" "$(<"$WORK/crowd")"
  kill -9 "$busy" # and those that waited go there, too, or to its successor
  wait
  file_lines "$WORK/crowd" 80
  assert_lacks none "$(<"$WORK/crowd")"
}

@test "sticky on a UNIX socket: in turn" {
  SOCKET=$WORK/app.sock cluster http 2 --balance sticky
  run hits unix "$WORK/app.sock" 10
  assert_equal "$(wc -l <<<"$output")" 2
}

# ---- reuseport ----

listeners() { # how many sockets listen at PORT
  "$PYTHON" -c 'import sys
port = f":{int(sys.argv[1]):04X}"
lines = open("/proc/net/tcp").readlines() + open("/proc/net/tcp6").readlines()
print(sum(l.split()[1].endswith(port) and l.split()[3] == "0A" for l in lines))' "$PORT"
}

@test "reuseport: a socket for each worker" {
  cluster http 3 --balance reuseport
  assert_equal "$(listeners)" 3
  wait_until answers 3
  pm2 scale app 4
  wait_until answers 4
  pm2 delete app
  wait_until refute hits spread "$PORT" 1
}

@test "reuseport: any port; an address; a UNIX socket is shared" {
  PORT=0 cluster http 2 --balance reuseport
  assert_equal "$(sort -u "$(log_of app-out)" | wc -l)" 1
  PORT=$(tail -1 "$(log_of app-out)" | cut -d' ' -f2)
  assert_equal "$(listeners)" 2
  wait_until answers 2
  pm2 delete app
  rm "$(log_of app-out)"
  PORT=$(free_port)
  HOST=127.0.0.1 cluster http 2 --balance reuseport
  assert_equal "$(listeners)" 2
  pm2 delete app
  rm "$(log_of app-out)"
  SOCKET=$WORK/app.sock cluster http 2 --balance reuseport
  assert_has "$(hits unix "$WORK/app.sock" 1 | cut -d' ' -f1)" "$(pm2 pid app)"
}

@test "reuseport: a port that is taken, also by one who would share it" {
  PORT=$(free_port)
  "$PYTHON" -c 'import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
print("listens", flush=True)
time.sleep(60)' "$PORT" >"$WORK/taken" 3>&- 4>&- &
  local other=$!
  wait_until file_has "$WORK/taken" listens
  HOST=127.0.0.1 cluster http 2 --balance reuseport
  kill "$other"
  assert_equal "$(<"$(log_of app-out)")" $'error EADDRINUSE\nerror EADDRINUSE'
}

@test "reuseport: what waits for a worker that dies is answered by another" {
  cluster http 2 --balance reuseport --restart-delay 30000
  kill -STOP "$(app_pid 0)"
  hits crowd "$PORT" 40 127.0.0.1 >"$WORK/crowd" 3>&- 4>&- &
  wait_until file_lines "$WORK/crowd" 5
  kill -9 "$(app_pid 0)"
  wait
  assert_equal "$(sort "$WORK/crowd" | uniq -c | xargs)" "40 $(app_pid 1)"
}

@test "reuseport: no worker at all: who connects waits for the next" {
  cluster http 2 --balance reuseport --restart-delay 2000
  # shellcheck disable=SC2046 # pids
  kill -9 $(pm2 pid app)
  wait_status 0 "waiting restart"
  wait_status 1 "waiting restart"
  run hits spread "$PORT" 10
  assert_equal "$(cut -d' ' -f2 <<<"$output" | paste -sd+ | bc)" 10
  assert_lacks " $((10 + 1))"
}

@test "reuseport: kill -9 of a worker costs what it was answering, and no more" {
  cluster http 2 --balance reuseport
  steady
  for lines in 3 4 5 6; do
    kill -9 "$(app_pid 0)"
    wait_until file_lines "$(log_of app-out)" "$lines"
  done
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
  local cut=${output#*cut }
  [ "${cut%% *}" -le 16 ]
}

@test "reuseport: scale, restart, stop and start under load" {
  cluster http 2 --balance reuseport
  steady
  pm2 scale app 4
  wait_until answers 4
  pm2 scale app 2
  wait_until answers 2
  pm2 restart app
  wait_until file_lines "$(log_of app-out)" 6
  pm2 stop 3
  wait_until answers 1
  pm2 start 3
  wait_until answers 2
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
}

@test "reuseport: kill -9 of pm2d, then of a worker" {
  cluster http 3 --balance reuseport
  steady
  pm2d_dies
  wait_until answers 3
  kill -9 "$(app_pid 1)"
  wait_until file_lines "$(log_of app-out)" 4
  wait_until answers 3
  assert_equal "$(listeners)" 3
  kill -9 "$(daemon_pid)"
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "has taken over"
  pm2d_dies
  kill -9 "$(app_pid 2)"
  wait_until file_lines "$(log_of app-out)" 5
  wait_until answers 3
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
  pm2 delete app
  wait_until refute hits spread "$PORT" 1
}

# ---- trouble ----

# 100 descriptors for pm2d, and more clients than that: each is answered.
crowded() { # MODE
  [ "$(ulimit -n)" -ge 3000 ] || skip "the limit is too low for so many clients"
  cluster http 3 --balance "$1"
  prlimit --nofile=100: --pid "$(pm2d_pid)"
  run hits burst "$PORT" 2000
  assert_equal "$output" "answered 2000 of 2000"
}

@test "thousands of connections at once, with 100 descriptors: least-connections" {
  crowded least-connections
}

@test "thousands of connections at once, with 100 descriptors: sticky" {
  crowded sticky
}

@test "thousands of connections at once, with 100 descriptors: reuseport" {
  crowded reuseport
}

@test "sticky: descriptors run out while clients wait for a busy worker; others are served" {
  cluster http 2 --balance sticky
  local busy other
  busy=$(hits from "$PORT" 1 | cut -d' ' -f2)
  other=$(clients | grep -v "$busy" | head -1 | cut -d' ' -f1)
  kill -STOP "$busy"
  prlimit "--nofile=$(($(find "/proc/$(pm2d_pid)/fd" -mindepth 1 | sed 's!.*/!!' | sort -n | tail -1) + 20)):" --pid "$(pm2d_pid)"
  hits crowd "$PORT" 50 127.0.1.1 >"$WORK/crowd" 3>&- 4>&- &
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "cannot accept a connection"
  kill -CONT "$busy"
  assert_equal "$(hits crowd "$PORT" 5 "$other" | wc -l)" 5
  wait
  assert_equal "$(sort "$WORK/crowd" | uniq -c | xargs)" "50 $busy"
}

# ---- two apps on one port ----

# other [OPTION...]: another app where `app` listens.
other() {
  KIND=http pm2 start cluster.js --name other -i 1 --merge-logs "$@"
}

@test "two apps on one port: start, describe and the log say so" {
  cluster http 1
  run other
  assert_ok
  assert_has "App other listens on [::]:$PORT, and so does app app"
  assert_has "share_port: false"
  wait_until answers 2
  run pm2 describe other
  assert_has "[::]:$PORT (round-robin), shared with app app"
  run pm2 describe app
  assert_has "[::]:$PORT (round-robin), shared with app other"
  file_has "$TEST_PM2_HOME/pm2.log" "App [other:1] listens where app app does"
  pm2 delete app
  run pm2 describe other
  assert_lacks "shared with"
  wait_until answers 1
}

@test "two apps on one port, of one process file" {
  PORT=$(free_port)
  export PORT
  echo '{"apps": [{"name": "a", "script": "cluster.js", "instances": 1}, {"name": "b", "script": "cluster.js", "instances": 1}]}' >apps.json
  run pm2 start apps.json
  assert_ok
  assert_has "[::]:$PORT, and so does app"
}

@test "share_port: false of the first: the second is refused, with the owner's name" {
  cluster http 1 --no-share-port
  run other
  assert_ok
  assert_has "App other cannot listen on port $PORT: app app has it, and that app does not share its port"
  assert_equal "$(<"$(log_of other-out)")" "error EADDRINUSE"
  run pm2 describe other
  assert_has "port $PORT: app app has it"
  file_has "$TEST_PM2_HOME/pm2.log" "App [other:1] cannot listen on port $PORT: app app has it"
  assert_equal "$(hits spread "$PORT" 4)" "$(app_pid app) 4"
  # its own further processes are no strangers
  pm2 scale app 2
  wait_until answers 2
  # and when it has gone, the place is free
  pm2 delete app
  pm2 restart other
  wait_until answers 1
  run pm2 describe other
  assert_lacks "cannot listen"
}

@test "share_port: false of the second" {
  cluster http 1
  run other --no-share-port
  assert_has "App other cannot listen on port $PORT: app app has it, and this app does not share its port"
  pm2d_dies
  KIND=http pm2 start cluster.js --name third -i 1 --merge-logs
  wait_until answers 2 # the first and the third
}

@test "share_port of two namespaces: apps of one name are two" {
  cluster http 1 --no-share-port
  KIND=http pm2 start cluster.js --name app --namespace other -i 1 -f
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "App [app:1] cannot listen on port $PORT"
}

@test "an app that never listens does not keep start waiting" {
  cluster http 1
  local before
  before=$(date +%s%N)
  KIND=never pm2 start cluster.js --name other -i 1
  [ $((($(date +%s%N) - before) / 1000000)) -lt 5000 ]
  app_is other pm2_env.status online
}

# ---- reload ----

@test "sticky: a reload keeps all clients with their processes" {
  cluster http 3 --balance sticky
  local before
  before=$(instances)
  pm2 reload app
  wait_until answers 1
  assert_equal "$(instances)" "$before"
}

@test "reuseport: reload under load" {
  cluster http 2 --balance reuseport
  local before
  before=$(pm2 pid app)
  steady
  pm2 reload app
  wait_until answers 2
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
  assert_has "cut 0"
  [ "$(pm2 pid app)" != "$before" ]
}
