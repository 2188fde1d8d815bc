#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# depends_on: the order of starts and stops.
load ../lib/harness

# Each app writes its name to a file when it starts and when it ends.
note_app() {
  cat >note.sh <<'EOF'
#!/bin/bash
trap 'echo "-$NAME" >>"$NOTES"; exit 0' INT TERM
echo "+$NAME" >>"$NOTES"
while :; do sleep 0.05; done
EOF
  chmod +x note.sh
  cat >chain.json <<EOF
{ "apps": [
  { "name": "web", "script": "note.sh", "env": { "NAME": "web", "NOTES": "$WORK/notes" },
    "depends_on": ["api"] },
  { "name": "api", "script": "note.sh", "env": { "NAME": "api", "NOTES": "$WORK/notes" },
    "depends_on": { "db": "ready" } },
  { "name": "db", "script": "ready.js", "wait_ready": true, "listen_timeout": 30000,
    "env": { "GO": "$WORK/go" } }
] }
EOF
}

note_order() {
  tr '\n' ' ' <notes
}

@test "started in order, when the one before is ready; stopped in reverse" {
  ours_only "it has no depends_on"
  need_program node
  note_app
  pm2 start chain.json >started 2>&1 &
  wait_until file_has "$(log_of db-out)" waiting
  [ ! -e notes ]
  touch go
  wait_child $!
  wait_until file_lines notes 2
  [ "$(app_pid api)" -lt "$(app_pid web)" ] # which of the two writes first, nobody knows
  rm notes
  pm2 stop chain.json
  assert_equal "$(note_order)" "-web -api "
}

@test "completed: the next starts when the one before has ended well" {
  ours_only "it has no depends_on"
  cat >steps.json <<EOF
{ "apps": [
  { "name": "serve", "script": "sleep", "args": "1000", "depends_on": { "prepare": "completed" } },
  { "name": "prepare", "script": "exit.sh", "autorestart": false, "env": { "CODE": "0", "AFTER": "0.3" } }
] }
EOF
  pm2 start steps.json
  wait_status serve online
  app_is prepare pm2_env.status stopped
}

@test "port: the next starts when it can be connected to" {
  ours_only "it has no depends_on"
  local port
  port=$(free_port)
  cat >serve.py <<'EOF'
import os, socket, time
while not os.path.exists(os.environ["GO"]):
    time.sleep(0.02)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(os.environ["PORT"])))
s.listen()
time.sleep(1000)
EOF
  cat >port.json <<EOF
{ "apps": [
  { "name": "client", "script": "sleep", "args": "1000", "depends_on": { "server": "port:$port" } },
  { "name": "server", "script": "serve.py", "interpreter": "$PYTHON",
    "env": { "PORT": "$port", "GO": "$WORK/go" } }
] }
EOF
  pm2 start port.json >started 2>&1 &
  wait_status server online
  refute app_is client pm2_env.status online
  touch go
  wait_child $!
  wait_status client online
}

@test "a circle, and a name that nobody has, are refused" {
  ours_only "it has no depends_on"
  echo '[{ "name": "a", "script": "tick.js", "depends_on": ["b"] },
         { "name": "b", "script": "tick.js", "depends_on": ["a"] }]' >circle.json
  run pm2 start circle.json
  assert_fails
  assert_has "a -> b -> a"
  assert_equal "$(app_count)" 0
}

@test "an app that is deleted while it waits for another is started anew" {
  ours_only "it has no depends_on"
  local port pid
  port=$(free_port)
  pm2 start sleep --name client -- 1000
  echo "[{ \"name\": \"client\", \"script\": \"sleep\", \"args\": \"1000\", \"depends_on\": { \"server\": \"port:$port\" } },
         { \"name\": \"server\", \"script\": \"late.py\", \"interpreter\": \"$PYTHON\" }]" >late.json
  cat >late.py <<EOF
import os, socket, time
while not os.path.exists("$WORK/go"):
    time.sleep(0.02)
s = socket.create_server(("127.0.0.1", $port))
time.sleep(1000)
EOF
  pid=$(pm2d_pid)
  pm2 start late.json >started 2>&1 &
  wait_status server online
  pm2 delete client
  touch go
  wait_child $!
  wait_status client online
  assert_equal "$(pm2d_pid)" "$pid"
}
