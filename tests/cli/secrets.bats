#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Secrets as references: resolved at each start, and in no list, file or message.
load ../lib/harness

variable() { # NAME APP: its value in the running process
  tr '\0' '\n' <"/proc/$(app_pid "$2")/environ" | sed -n "s/^$1=//p"
}

# Nothing of ours holds the value: what commands print, and all files but those of secrets.
nowhere() { # VALUE
  run eval 'pm2 env 0; pm2 jlist; pm2 prettylist; pm2 describe 0; pm2 env --explain 0; pm2 history; pm2 why 0'
  assert_lacks "$1"
  run grep -rla --exclude-dir=secrets -- "$1" "$TEST_PM2_HOME"
  [ -z "$output" ] || { echo "found in: $output"; return 1; }
}

@test "a file: read at each start" {
  ours_only "has no secrets"
  echo hush-1 >"$WORK/db"
  cat >eco.json <<JSON
{"apps": [{"name": "one", "script": "sleep", "args": "1000",
  "env": {"DB_PASSWORD": {"secret": {"file": "$WORK/db"}}}}]}
JSON
  pm2 start eco.json
  [ "$(variable DB_PASSWORD one)" = hush-1 ]
  pm2 save
  nowhere hush-1
  run pm2 env 0
  assert_has "DB_PASSWORD: secret:file:$WORK/db"
  echo hush-2 >"$WORK/db"
  pm2 restart one
  [ "$(variable DB_PASSWORD one)" = hush-2 ]
  pm2 kill
  pm2 resurrect
  [ "$(variable DB_PASSWORD one)" = hush-2 ]
  nowhere hush-2
}

@test "the same text on the command line" {
  ours_only "has no secrets"
  echo hush >"$WORK/db"
  DB=secret:file:$WORK/db pm2 start sleep --name one -- 1000
  [ "$(variable DB one)" = hush ]
  nowhere hush
}

@test "a command: words, no shell, in the app's folder, without the other secrets" {
  ours_only "has no secrets"
  echo hush >"$WORK/db"
  cat >tell.sh <<'SH'
#!/bin/sh
[ -z "$OTHER" ] || exit 9
pwd >asked
printf '%s\n' "$1$PLAIN"
SH
  chmod +x tell.sh
  cat >eco.json <<JSON
{"apps": [{"name": "one", "script": "sleep", "args": "1000", "env": {
  "OTHER": "secret:file:$WORK/db", "PLAIN": "yes",
  "DB": {"secret": {"command": ["./tell.sh", "two words \$PLAIN"]}}}}]}
JSON
  pm2 start eco.json
  # shellcheck disable=SC2016 # as it stands
  [ "$(variable DB one)" = 'two words $PLAINyes' ]
  [ "$(cat asked)" = "$WORK" ]
}

@test "what is not available: the start fails and names it, a restart tries again" {
  ours_only "has no secrets"
  DB=secret:file:$WORK/gone run pm2 start sleep --name one -- 1000
  assert_fails
  assert_has "the secret DB is not available: cannot read $WORK/gone: No such file or directory"
  app_is one pm2_env.status errored
  run pm2 why one
  assert_has "the secret DB is not available"
  echo hush >"$WORK/gone"
  pm2 restart one
  [ "$(variable DB one)" = hush ]
}

@test "a command that fails: its exit code and what it said" {
  ours_only "has no secrets"
  DB='secret:command:sh -c "echo hush; echo the vault is sealed >&2; exit 3"' \
    run pm2 start sleep --name one -- 1000
  assert_fails
  assert_has "the secret DB is not available: sh: the command ended with exit code 3: the vault is sealed"
  run pm2 logs --nostream --lines 100
  assert_lacks hush
}

@test "a value that is too long, or has a NUL byte" {
  ours_only "has no secrets"
  head -c 70000 /dev/zero | tr '\0' x >"$WORK/long"
  printf 'a\0b' >"$WORK/nul"
  DB=secret:file:$WORK/long run pm2 start sleep --name one -- 1000
  assert_fails
  assert_has "is longer than 65536 bytes"
  DB=secret:file:$WORK/nul run pm2 start sleep --name two -- 1000
  assert_fails
  assert_has "NUL byte"
  DB='secret:command:head -c 70000 /dev/zero' run pm2 start sleep --name three -- 1000
  assert_fails
  assert_has "prints more than 65536 bytes"
}

@test "what is wrong with a reference is told with its path" {
  ours_only "has no secrets"
  cat >eco.json <<'JSON'
{"apps": [{"script": "sleep", "env": {"DB": {"secret": {"file": "db"}}}}]}
JSON
  run pm2 start eco.json
  assert_fails
  assert_has "env: DB: secret:file: expected an absolute path"
  run pm2 check eco.json
  assert_fails
}

@test "any other object is JSON text, as in PM2" {
  cat >eco.json <<'JSON'
{"apps": [{"name": "one", "script": "./stubborn.sh", "env": {"A": {"file": "/x"}}}]}
JSON
  pm2 start eco.json
  [ "$(variable A one)" = '{"file":"/x"}' ]
}

@test "a descriptor: read once, kept apart" {
  ours_only "has no secrets"
  cat >eco.json <<'JSON'
{"apps": [{"name": "one", "script": "sleep", "args": "1000",
  "env": {"DB": {"secret": {"fd": 5}}}}]}
JSON
  echo hush-5 >"$WORK/pw"
  start_with_fd() {
    timeout 60 env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" NO_COLOR=1 "$PM2" start eco.json \
      3>&- 4>&- 5<"$WORK/pw"
  }
  start_with_fd
  rm "$WORK/pw"
  [ "$(variable DB one)" = hush-5 ]
  pm2 save
  nowhere hush-5
  [ "$(stat -c %a "$TEST_PM2_HOME/secrets")" = 700 ]
  [ "$(stat -c %a "$TEST_PM2_HOME"/secrets/DB.*)" = 600 ]
  pm2 kill
  pm2 resurrect
  [ "$(variable DB one)" = hush-5 ]
  DB=secret:fd:77 run pm2 start sleep --name two -- 1000
  assert_fails
  assert_has "the secret DB is not available: descriptor 77: Bad file descriptor"
}

@test "pm2:secrets: the caller's variables, by their names" {
  ours_only "has no secrets"
  pm2 set pm2:secrets true
  DB_PASSWORD=hush-7 PORT=80 pm2 start sleep --name one -- 1000
  [ "$(variable DB_PASSWORD one)" = hush-7 ]
  app_is one pm2_env.env.PORT 80
  pm2 save
  nowhere hush-7
  pm2 restart one
  [ "$(variable DB_PASSWORD one)" = hush-7 ]
  DB_PASSWORD=hush-8 pm2 restart one --update-env
  [ "$(variable DB_PASSWORD one)" = hush-8 ]
  nowhere hush-8
  pm2 kill
  pm2 resurrect
  [ "$(variable DB_PASSWORD one)" = hush-7 ]
}

@test "pm2:secrets: ends of lines belong to the value" {
  ours_only "has no secrets"
  pm2 set pm2:secrets '^KEY'
  KEY_1=$'a\nb\n' KEY_2=$'c\r' KEY_3=$'d\r\n\n' KEY_4=e pm2 start sleep --name one -- 1000
  local values
  mapfile -d '' values < <(grep -z '^KEY_' "/proc/$(app_pid one)/environ" | sort -z)
  assert_equal "${#values[@]}" 4
  assert_equal "${values[0]}" $'KEY_1=a\nb\n'
  assert_equal "${values[1]}" $'KEY_2=c\r'
  assert_equal "${values[2]}" $'KEY_3=d\r\n\n'
  assert_equal "${values[3]}" KEY_4=e
  run pm2 env 0
  assert_has "KEY_1: secret:file:$TEST_PM2_HOME/secrets/KEY_1."
}

@test "pm2:secrets takes what is there already out of sight" {
  ours_only "has no secrets"
  DB_PASSWORD=hush-9 pm2 start sleep --name one -- 1000
  pm2 set pm2:secrets '^db_'
  run pm2 env 0
  assert_has "DB_PASSWORD: secret:file:$TEST_PM2_HOME/secrets/DB_PASSWORD."
  pm2 restart one
  [ "$(variable DB_PASSWORD one)" = hush-9 ]
}

@test "pm2:secrets: equal values are no change of a file" {
  ours_only "has no secrets"
  pm2 set pm2:secrets true
  cat >eco.json <<'JSON'
{"apps": [{"name": "one", "script": "sleep", "args": "1000", "env": {"API_KEY": "k-1"}}]}
JSON
  pm2 start eco.json
  run pm2 plan eco.json
  assert_lacks API_KEY
  run pm2 apply eco.json
  assert_ok
  sed -i s/k-1/k-2/ eco.json
  pm2 apply eco.json
  [ "$(variable API_KEY one)" = k-2 ]
}

@test "a pattern that cannot be used is not kept" {
  ours_only "has no secrets"
  run pm2 set pm2:secrets '('
  assert_fails
  assert_has "pm2:secrets: no regular expression"
  run pm2 multiset "pm2:secrets ( pm2:other 1"
  assert_fails
  assert_has "pm2:secrets: no regular expression"
  run pm2 get pm2:secrets
  assert_lacks "("
}

@test "stop and delete do not wait for a slow command; the daemon may die meanwhile" {
  ours_only "has no secrets"
  DB="secret:command:sh -c \"until [ -e go ]; do sleep 0.1; done; echo hush\"" pm2 start sleep --name one -- 1000 &
  wait_status one launching
  pm2 stop one
  app_is one pm2_env.status stopped
  wait
  pm2 restart one &
  wait_status one launching
  pm2d_dies
  wait
  app_is one pm2_env.status launching # the first command, which lives on, is not the app
  touch go
  wait_status one online
  [ "$(variable DB one)" = hush ]
}

@test "a reload has the value of now; one that is not available leaves the old process" {
  ours_only "has no secrets"
  echo hush-a >"$WORK/db"
  DB=secret:file:$WORK/db pm2 start cluster.js -i 1 --name one
  [ "$(variable DB one)" = hush-a ]
  echo hush-b >"$WORK/db"
  pm2 reload one
  [ "$(variable DB one)" = hush-b ]
  rm "$WORK/db"
  run pm2 reload one
  assert_fails
  assert_has "the secret DB is not available"
  [ "$(variable DB one)" = hush-b ]
}

@test "the command of a probe sees the secrets of its app, and none is in what it fails with" {
  ours_only "has no probes"
  echo hush-p >"$WORK/db"
  cat >eco.json <<JSON
{"apps": [{"name": "one", "script": "sleep", "args": "1000", "env": {"DB": "secret:file:$WORK/db"},
  "health": {"exec": "[ -n \"\$DB\" ]", "interval": 100, "retries": 1000}}]}
JSON
  pm2 start eco.json
  wait_app one pm2_env.health_state.status healthy
  rm "$WORK/db"
  wait_app one pm2_env.health_state.status unhealthy
  [[ $(app one pm2_env.health_state.error) == "the secret DB is not available: cannot read $WORK/db"* ]]
  echo hush-p >"$WORK/db"
  wait_app one pm2_env.health_state.status healthy
  nowhere hush-p
}

@test "stored values are for their owner only, also where a copied home was more open" {
  ours_only "has no secrets"
  pm2 set pm2:secrets true
  DB_PASSWORD=hush-m pm2 start sleep --name one -- 1000
  pm2 delete one
  chmod 755 "$TEST_PM2_HOME/secrets"
  chmod 644 "$TEST_PM2_HOME"/secrets/DB_PASSWORD.*
  DB_PASSWORD=hush-m pm2 start sleep --name one -- 1000
  [ "$(stat -c %a "$TEST_PM2_HOME/secrets")" = 700 ]
  [ "$(find "$TEST_PM2_HOME/secrets" -type f ! -perm 600)" = "" ]
}
