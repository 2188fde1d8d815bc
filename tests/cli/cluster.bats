#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Cluster mode: pm2d is the primary of unmodified Node apps.
# shellcheck disable=SC2030,SC2031 # each test has its own PORT
load ../lib/harness
load ../lib/cluster

setup_file() {
  command -v node >/dev/null || skip "node is not installed"
}

out_has() {
  file_has "$(log_of app-out)" "$1"
}

ticks_of() { # PID: of the processor, hundredths of a second
  awk '{print $14 + $15}' "/proc/$1/stat"
}

@test "connections go to each worker in turn" {
  cluster http 3
  run hits spread "$PORT" 30
  assert_equal "$(wc -l <<<"$output")" 3
  ours_only "a worker may be busy for a moment"
  assert_equal "$(cut -d' ' -f2 <<<"$output" | sort -u)" 10
}

@test "what the list says" {
  cluster http 2
  app_is 0 pm2_env.exec_mode cluster_mode
  app_is 0 pm2_env.instances 2
  app_is 1 pm2_env.NODE_APP_INSTANCE 1
  app_is 1 pm2_env._pm2_version 7.0.4
  run pm2 ls
  assert_has cluster
  file_has "$TEST_PM2_HOME/pm2.log" "App [app:1] starting in -cluster mode-"
  run pm2 send 0 hello
  assert_fails
  assert_has "Cannot send line to processes in cluster mode"
}

@test "numbers of workers" {
  KIND=never
  export KIND
  pm2 start cluster.js --name one -i 1
  pm2 start cluster.js --name max -i max
  pm2 start cluster.js --name less -i -1
  pm2 start cluster.js --name forks -i 2 -x
  local cores
  cores=$(nproc)
  app_is one pm2_env.exec_mode cluster_mode
  app_is max pm2_env.instances "$cores"
  app_is less pm2_env.instances "$((cores > 1 ? cores - 1 : 1))"
  app_is forks pm2_env.exec_mode fork_mode
}

@test "a worker knows its instance, and nothing of the channel" {
  pm2 start show.js --name app -i 2 --merge-logs
  wait_status app online
  echo 'console.log(process.env.NODE_APP_INSTANCE, process.env.NUMBER, process.env.NODE_UNIQUE_ID, process.env.NODE_CHANNEL_FD, require("cluster").isWorker)' >env.js
  echo '{"apps": [{"name": "env", "script": "env.js", "exec_mode": "cluster", "instances": 2, "increment_var": "NUMBER", "env": {"NUMBER": 5}, "merge_logs": true}]}' >env.json
  pm2 start env.json
  wait_until file_lines "$(log_of env-out)" 2
  assert_equal "$(sort "$(log_of env-out)")" $'0 5 undefined undefined true\n1 6 undefined undefined true'
}

@test "ES modules, arguments, node_args" {
  PORT=$(free_port)
  export PORT
  pm2 start cluster_esm.mjs --name app -i 2 --merge-logs --node-args=--no-warnings -- hello
  wait_until file_lines "$(log_of app-out)" 2
  run hits spread "$PORT" 4
  assert_equal "$output" "hello --no-warnings 4"
}

@test "other interpreters are refused" {
  ours_only "runs anything with node"
  echo '{"apps": [{"script": "hello.py", "exec_mode": "cluster"}]}' >apps.json
  run pm2 start apps.json
  assert_fails
  assert_has "cluster mode needs node or bun, or addresses in listen; use exec_mode fork"
}

@test "net, UNIX sockets, UDP, any port" {
  cluster net 2
  run hits spread "$PORT" 4
  assert_equal "$(wc -l <<<"$output")" 2
  pm2 delete app
  rm "$(log_of app-out)"
  SOCKET=$WORK/app.sock cluster http 2
  run hits unix "$WORK/app.sock" 4
  assert_equal "$(wc -l <<<"$output")" 2
  pm2 delete app
  [ ! -e "$WORK/app.sock" ]
  rm "$(log_of app-out)"
  cluster udp 2
  assert_has "$(hits udp "$PORT")" "$(pm2 pid app)"
  pm2 delete app
  rm "$(log_of app-out)"
  PORT=0 cluster http 2
  assert_equal "$(sort -u "$(log_of app-out)" | wc -l)" 1 # the same one for both
}

@test "UDP: closed, and bound again" {
  cluster udp 1
  pm2 restart app
  wait_until file_lines "$(log_of app-out)" 2
  refute file_has "$(log_of app-out)" error
  assert_has "$(hits udp "$PORT")" "$(pm2 pid app)"
}

@test "TLS: sessions go on with another worker" {
  need_program openssl
  openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
  cluster tls 2
  local first second
  first=$(openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -sess_out session </dev/null 2>/dev/null)
  second=$(openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -sess_in session </dev/null 2>/dev/null)
  assert_has "New, TLSv1.2" "$first"
  assert_has "Reused, TLSv1.2" "$second"
}

@test "the shared handle: NODE_CLUSTER_SCHED_POLICY=none" {
  NODE_CLUSTER_SCHED_POLICY=none cluster http 2
  wait_until answers 2
}

@test "a port that is taken, or not allowed, is the worker's error" {
  PORT=$(free_port)
  "$PYTHON" -m http.server "$PORT" --bind 127.0.0.1 >"$WORK/taken" 2>&1 3>&- 4>&- &
  local other=$!
  wait_until hits spread "$PORT" 1
  HOST=127.0.0.1 cluster http 2
  kill "$other"
  assert_equal "$(<"$(log_of app-out)")" $'error EADDRINUSE\nerror EADDRINUSE'
  ours_only "says nothing"
  file_has "$TEST_PM2_HOME/pm2.log" "cannot listen on 127.0.0.1:$PORT: Address already in use"
}

@test "a port that only root may use" {
  ours_only "the worker hears of it, nobody else"
  local first
  first=$(</proc/sys/net/ipv4/ip_unprivileged_port_start)
  [ "$first" -gt 81 ] || skip "everybody may use low ports here"
  need_nobody
  mkdir "$WORK/his"
  [ "$(id -u)" -ne 0 ] || chown 65534:65534 "$WORK/his"
  TEST_PM2_HOME=$WORK/his/.pm2
  local his=(as_nobody timeout 30 env HOME="$WORK/his" PM2_HOME="$TEST_PM2_HOME")
  run "${his[@]}" KIND=http HOST=127.0.0.1 PORT=81 "$PM2" start cluster.js --name app -i 1 --merge-logs 3>&- 4>&-
  assert_ok
  wait_until file_has "$(log_of app-out)" "error EACCES"
  file_has "$TEST_PM2_HOME/pm2.log" "App [app:0] cannot listen on 127.0.0.1:81: Permission denied"
  run "${his[@]}" "$PM2" describe app 3>&- 4>&-
  assert_has "127.0.0.1:81: Permission denied"
  "${his[@]}" "$PM2" kill 3>&- 4>&-
}

@test "an address that is not ours; a descriptor of pm2d" {
  HOST=192.0.2.1 cluster http 1
  assert_equal "$(<"$(log_of app-out)")" "error EADDRNOTAVAIL"
  pm2 delete app
  rm "$(log_of app-out)"
  ours_only "hands out any descriptor that it has"
  cluster fd 1
  assert_equal "$(<"$(log_of app-out)")" "error EBADF"
}

@test "listens twice: the second one fails, the first one serves" {
  ours_only "the worker dies of an assertion"
  cluster twice 2
  wait_until file_lines "$(log_of app-out)" 4
  assert_equal "$(sort -u "$(log_of app-out)")" "error EADDRINUSE"$'\n'"listening $PORT"
  wait_until answers 2
}

@test "closes and listens again" {
  cluster http 1
  curl -fsS "http://127.0.0.1:$PORT/again"
  wait_until file_lines "$(log_of app-out)" 2
  refute file_has "$(log_of app-out)" error
  wait_until answers 1
}

@test "two ports of one worker" {
  PORT2=$(free_port)
  export PORT2
  cluster two 2
  wait_until file_lines "$(log_of app-out)" 4
  wait_until answers 2
  PORT=$PORT2 wait_until answers 2
}

@test "exclusive: one has it" {
  cluster exclusive 2
  assert_equal "$(sort "$(log_of app-out)")" "error EADDRINUSE"$'\n'"listening $PORT"
}

@test "more servers than there may be" {
  ours_only "has no limit"
  cluster many 1
  wait_until file_lines "$(log_of app-out)" 1100
  assert_equal "$(sort "$(log_of app-out)" | uniq -c | xargs)" "76 error EMFILE 1024 listening"
  pm2 restart app
  wait_until file_lines "$(log_of app-out)" 2200
}

@test "the shared handle: closed, and listening again" {
  NODE_CLUSTER_SCHED_POLICY=none cluster closes 1
  wait_until file_lines "$(log_of app-out)" 2
  refute file_has "$(log_of app-out)" error
  wait_until answers 1
  pm2 stop app
  refute hits spread "$PORT" 1
  pm2 start app
  wait_until file_lines "$(log_of app-out)" 4
  refute file_has "$(log_of app-out)" error
}

@test "a worker that never listens is online" {
  cluster never 2
  app_is 1 pm2_env.status online
}

@test "garbage on the channel harms nobody" {
  cluster garbage 2
  wait_until answers 2
  app_is 0 pm2_env.restart_time 0
}

@test "noise on the channel: lines that are no JSON, messages that no worker sends" {
  ours_only "dies of it"
  PORT=$(free_port)
  export PORT
  printf '#!/bin/sh\nexec %s "$@"\n' "$PYTHON" >fakenode
  chmod +x fakenode
  MODE=noise pm2 start fake_worker.py --interpreter "$WORK/fakenode" --name noisy -i 1
  wait_status noisy online
  local pid
  pid=$(pm2d_pid)
  KIND=http PORT=$(free_port) pm2 start cluster.js --name calm -i 1 --merge-logs
  wait_until file_lines "$(log_of calm-out)" 1
  hits spread "$PORT" 5 || : # what became of the noisy one is its own affair
  assert_equal "$(pm2d_pid)" "$pid"
  PORT=$(cut -d' ' -f2 "$(log_of calm-out)") wait_until answers 1
}

@test "a flood of messages" {
  cluster flood 2
  wait_until file_lines "$(log_of app-out)" 4
  wait_until answers 2
}

@test "two apps on one port share it, and it is said" {
  cluster http 1
  KIND=http pm2 start cluster.js --name other -i 1 --merge-logs
  wait_until file_lines "$(log_of other-out)" 1
  wait_until answers 2
  ours_only "says nothing"
  file_has "$TEST_PM2_HOME/pm2.log" "App [other:1] listens where app app does"
}

@test "scale up and down under load: no refused connection" {
  cluster http 2
  steady
  pm2 scale app 4
  wait_until answers 4
  pm2 scale app 1
  wait_until answers 1
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
}

@test "restart of the only worker: nobody is refused" {
  ours_only "closes the port meanwhile"
  cluster http 1
  steady
  pm2 restart app
  wait_until file_lines "$(log_of app-out)" 2
  wait_until answers 1
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
}

@test "kill -9 of a worker costs what it was answering, and no more" {
  ours_only "leaves clients hanging"
  cluster http 2
  steady
  for lines in 3 4 5 6; do
    kill -9 "$(app_pid 0)"
    wait_until file_lines "$(log_of app-out)" "$lines"
  done
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
  local cut=${output#*cut }
  [ "${cut%% *}" -le 16 ] # 4 clients, 4 times
}

@test "kill -9 of pm2d: nobody is refused, workers live, and go on in turn" {
  ours_only "all workers end"
  cluster http 2
  local pids
  pids=$(pm2 pid app)
  steady
  pm2d_dies
  assert_equal "$(pm2 pid app)" "$pids"
  wait_until answers 2
  pm2d_dies
  wait_until answers 2
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
  # what the new one knows: a restart keeps the port, a stop closes it
  pm2 restart app
  wait_until file_lines "$(log_of app-out)" 4
  wait_until answers 2
  pm2 stop app
  refute hits spread "$PORT" 1
}

@test "kill -9 of the keeper: nobody is refused; the new one holds the sockets" {
  ours_only "has none"
  cluster http 2
  steady
  kill -9 "$(daemon_pid)"
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "has taken over"
  pm2d_dies
  wait_until answers 2
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
}

@test "the only worker dies, then pm2d: who connects meanwhile waits" {
  ours_only "closes the port"
  cluster http 1 --restart-delay 3000
  kill -9 "$(app_pid app)"
  wait_status app "waiting restart"
  pm2d_dies
  run hits spread "$PORT" 1
  assert_ok
  assert_equal "$(cut -d' ' -f1 <<<"$output")" "$(app_pid app)"
}

@test "stop closes the port; start opens it" {
  cluster http 2
  pm2 stop 0
  wait_until answers 1
  pm2 stop 1
  refute hits spread "$PORT" 1
  pm2 start app
  wait_until answers 2
}

@test "a worker that is stopped by a signal holds one connection; the others serve" {
  cluster http 2
  kill -STOP "$(app_pid 0)"
  # the one that it was given waits, the rest go to the other
  hits pair "$PORT" >"$WORK/pair" 3>&- 4>&- &
  wait_until file_lines "$WORK/pair" 1
  assert_equal "$(<"$WORK/pair")" "$(app_pid 1)"
  assert_equal "$(hits spread "$PORT" 8)" "$(app_pid 1) 8"
  # and it is not lost when that one is killed
  kill -9 "$(app_pid 0)"
  wait
  file_lines "$WORK/pair" 2
  assert_lacks none "$(<"$WORK/pair")"
}

# unlucky MODE: what becomes of a connection that a worker does not serve, in $output.
unlucky() {
  PORT=$(free_port)
  export PORT
  printf '#!/bin/sh\nexec %s "$@"\n' "$PYTHON" >fakenode
  chmod +x fakenode
  MODE=$1 pm2 start fake_worker.py --interpreter "$WORK/fakenode" --name app -i 1 --merge-logs
  wait_until file_lines "$(log_of app-out)" 1
  output=$(hits spread "$PORT" 1)
  [ -e "$1.done" ]
}

@test "a connection whose worker dies or refuses goes to the next one" {
  ours_only "it is lost"
  local mode
  for mode in die quiet refuse nack; do
    unlucky "$mode"
    assert_equal "$output" "$(app_pid app) 1"
    pm2 delete app
    rm "$(log_of app-out)"
  done
}

@test "a connection that was read from is closed: nobody else knows the request" {
  ours_only "the client waits for ever"
  unlucky read
  assert_equal "$output" " 1"
}

@test "the only worker has no descriptor left for a while" {
  cluster http 1
  local pid
  pid=$(app_pid app)
  prlimit --nofile=10: --pid "$pid"
  hits spread "$PORT" 1 >"$WORK/one" 3>&- 4>&- &
  sleep 0.2 # it is offered, and comes back
  prlimit --nofile=1000: --pid "$pid"
  wait
  assert_equal "$(<"$WORK/one")" "$pid 1"
}

@test "both programs die: the workers end, others come" {
  ours_only "has no keeper"
  cluster http 2
  local pid
  pid=$(pm2d_pid)
  kill -9 "$(daemon_pid)" "$pid"
  wait_until pid_gone "$pid"
  pm2 ls
  wait_until answers 2
}

@test "workers of another user" {
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  open_work
  cluster http 2 --uid 65534
  wait_until answers 2
}

@test "clients that connect and say nothing" {
  cluster http 2
  hits hang "$PORT" 200 "$WORK/enough" >/dev/null 2>&1 3>&- 4>&- &
  wait_until answers 2
  touch "$WORK/enough"
  wait
}

@test "thousands of connections at once, with 100 descriptors" {
  ours_only "holds all of them"
  [ "$(ulimit -n)" -ge 3000 ] || skip "the limit is too low for so many clients"
  cluster http 2
  prlimit --nofile=100: --pid "$(pm2d_pid)"
  local clients=10000
  [ "$(ulimit -n)" -gt 10100 ] || clients=2000
  run hits burst "$PORT" "$clients"
  assert_equal "$output" "answered $clients of $clients"
}

@test "pm2d has no descriptor left: the connection waits, and pm2d is idle" {
  ours_only "spins"
  need_program prlimit
  local pid before
  cluster http 2
  pid=$(pm2d_pid)
  # exactly as many as it has; those of the clients of jlist are gone by now
  prlimit "--nofile=$(find "/proc/$pid/fd" -mindepth 1 | sed 's!.*/!!' | sort -n | tail -1 | xargs expr 1 +):" --pid "$pid"
  hits spread "$PORT" 1 >"$WORK/one" 3>&- 4>&- &
  wait_until file_has "$TEST_PM2_HOME/pm2.log" "cannot accept a connection"
  before=$(ticks_of "$pid")
  sleep 1 # for this much time it should do next to nothing
  [ $(($(ticks_of "$pid") - before)) -le 10 ]
  assert_equal "$(grep -c "cannot accept" "$TEST_PM2_HOME/pm2.log")" 1
  prlimit --nofile=1000: --pid "$pid"
  wait
  file_lines "$WORK/one" 1
  wait_until answers 2
}

@test "a worker leaves the cluster by itself: it is started again" {
  KIND=leave pm2 start cluster.js --name app -i 1 --max-restarts 3
  wait_app app pm2_env.status errored
}

@test "reload: one after the other, nobody is refused" {
  ours_only "another way"
  cluster http 2
  steady
  pm2 reload app
  wait_until answers 2
  steady_ends
  assert_has "refused 0"
  assert_has "late 0"
}
