#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# save, resurrect, cleardump: the list that is kept, and what comes back from it.
load ../lib/harness

dump() {
  echo "$TEST_PM2_HOME/dump.pm2"
}

# What the saved list says: names with states, in order.
saved() {
  "$PYTHON" -c '
import json, sys
print(*("%s:%s" % (entry["name"], entry["status"]) for entry in json.load(open(sys.argv[1]))))' "$(dump)"
}

# id:name:status of all processes, in the order of ids.
listed() {
  pm2 jlist 2>/dev/null | "$PYTHON" -c '
import json, sys
rows = sorted((p["pm_id"], p["name"], p["pm2_env"]["status"]) for p in json.load(sys.stdin))
print(*("%d:%s:%s" % row for row in rows))'
}

@test "save: PM2's lines and file" {
  pm2 start sleep --name one -- 1000
  run pm2 save
  assert_ok
  assert_equal "${lines[0]}" "[PM2] Saving current process list..."
  assert_equal "${lines[1]}" "[PM2] Successfully saved in $(dump)"
  assert_equal "$(saved)" one:online
  "$PYTHON" - "$(dump)" <<'PY'
import json, sys
text = open(sys.argv[1]).read()
entry, = json.loads(text)
assert text == json.dumps([entry], indent=2, ensure_ascii=False), text
assert "pm_id" not in entry and "instances" not in entry and "prev_restart_delay" not in entry
assert entry["env"]["PM2_TEST"] == entry["PM2_TEST"] == "1"
PY
  run pm2 dump
  assert_ok
  run pm2 save extra
  assert_fails
}

@test "the file is for its owner only, has a checksum, and the one before is kept" {
  ours_only "0644, no checksum"
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 start sleep --name two -- 1000
  pm2 save
  local name
  for name in dump.pm2 dump.pm2.bak dump.pm2.sum; do
    assert_equal "$(stat -c %a "$TEST_PM2_HOME/$name")" 600
  done
  run env -C "$TEST_PM2_HOME" sha256sum -c dump.pm2.sum
  assert_ok
  assert_equal "$output" "dump.pm2: OK
dump.pm2.bak: OK"
  file_has "$TEST_PM2_HOME/dump.pm2.bak" '"one"'
  refute file_has "$TEST_PM2_HOME/dump.pm2.bak" '"two"'
}

@test "an empty list does not replace a full one" {
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 delete all
  run pm2 save
  assert_ok
  assert_has "[PM2][WARN] PM2 is not managing any process, skipping save..."
  assert_has "[PM2][WARN] To force saving use: pm2 save --force"
  assert_equal "$(saved)" one:online
  run pm2 save --force
  assert_ok
  assert_has "Successfully saved"
  assert_equal "$(cat "$(dump)")" "[]"
}

@test "an empty list is written where none is" {
  run pm2 save
  assert_ok
  assert_has "skipping save"
  assert_equal "$(cat "$(dump)")" "[]"
}

@test "cleardump" {
  pm2 start sleep --name one -- 1000
  pm2 save
  run pm2 cleardump
  assert_ok
  assert_equal "$output" "[PM2] Successfully created $(dump)"
  assert_equal "$(cat "$(dump)")" "[]"
  pm2 kill
  run pm2 resurrect
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "resurrect: all are back, with what they had" {
  pm2 start sleep --name gone -- 1000
  pm2 start sleep --name up --namespace ns -- 1000
  PORT=81 pm2 start show.sh --name show -- "a b" c
  pm2 start sleep --name down -- 1000
  pm2 stop down
  pm2 delete gone
  pm2 save
  pm2 kill
  run pm2 resurrect
  assert_ok
  assert_has "[PM2] Resurrecting"
  assert_has "[PM2] Restoring processes located in $(dump)"
  assert_has "[PM2] Process $(readlink -f show.sh) restored"
  assert_equal "$(saved)" "up:online show:online down:stopped"
  app_is up pm2_env.namespace ns
  app_is up pm2_env.status online
  app_is up pm2_env.restart_time 0
  app_is down pm2_env.status stopped
  app_is show pm2_env.env.PORT 81
  assert_has "a b" "$(app show pm2_env.args)"
  kill -0 "$(app_pid up)"
}

@test "ids are kept, also with gaps" {
  ours_only "numbers them anew"
  local name
  for name in a b c d; do pm2 start sleep --name $name -- 1000; done
  pm2 delete a c
  pm2 stop d
  pm2 save
  pm2 kill
  pm2 resurrect
  assert_equal "$(listed)" "1:b:online 3:d:stopped"
  assert_equal "$(app b pm2_env.pm_out_log_path)" "$(log_of b-out)"
  pm2 start sleep --name e -- 1000
  app_is e pm_id 4
}

@test "an app that is there is left alone; one of another namespace is not taken for it" {
  ours_only "knows names only"
  pm2 start sleep --name app -- 1000
  pm2 start sleep --name app --namespace other -- 1000
  pm2 save
  pm2 delete 1
  local pid
  pid=$(app_pid 0)
  run pm2 resurrect
  assert_ok
  assert_equal "$(listed)" "0:app:online 1:app:online"
  app_is 0 pid "$pid"
  app_is 1 pm2_env.namespace other
}

@test "instances keep their numbers" {
  need_program node
  pm2 start tick.js --name web -i 3
  pm2 delete 1
  pm2 save
  pm2 kill
  pm2 resurrect
  assert_equal "$(app web pm2_env.exec_mode)" cluster_mode
  assert_equal "$(pm2 jlist 2>/dev/null | "$PYTHON" -c '
import json, sys
print(*sorted(p["pm2_env"]["NODE_APP_INSTANCE"] for p in json.load(sys.stdin)))')" "0 2"
}

@test "what was errored or waited for its restart is started" {
  pm2 start exit.sh --name bad --max-restarts 2 || :
  wait_status bad errored
  pm2 start exit.sh --name waits --restart-delay 600000
  wait_status waits "waiting restart"
  pm2 save
  assert_equal "$(saved)" "bad:errored waits:waiting restart"
  pm2 kill
  pm2 resurrect || :
  wait_status bad errored
  wait_status waits "waiting restart"
}

@test "attributes, and where variables come from, outlive it" {
  ours_only "additional"
  cat >eco.json <<'JSON'
{"apps": [{"name": "app", "script": "sleep", "args": "1000", "env": {"A": "1"}, "nice": 3,
  "health": {"tcp": 1, "start_period": "1h"}, "depends_on": ["base"]},
  {"name": "base", "script": "sleep", "args": "1000"}]}
JSON
  pm2 start eco.json
  pm2 save
  pm2 kill
  run pm2 resurrect
  assert_ok
  app_is app pm2_env.nice 3
  app_is app pm2_env.health.tcp 127.0.0.1:1
  run pm2 env --explain app
  assert_has "eco.json:1"
  run pm2 plan eco.json
  assert_ok
  assert_lacks "restart"
}

@test "apps wait for what they depend on" {
  ours_only "has no dependencies"
  cat >db.sh <<'SH'
#!/bin/bash
sleep 0.3
touch "$WORK/db-is-up"
exec sleep 1000
SH
  cat >web.sh <<'SH'
#!/bin/bash
ls "$WORK/db-is-up" >"$WORK/seen" 2>&1
exec sleep 1000
SH
  chmod +x db.sh web.sh
  cat >eco.json <<'JSON'
{"apps": [{"name": "web", "script": "./web.sh", "depends_on": {"db": "ready"}},
  {"name": "db", "script": "./db.sh", "health": {"exec": "test -e db-is-up", "interval": 100}}]}
JSON
  WORK=$WORK pm2 start eco.json
  pm2 save
  pm2 kill
  rm -f db-is-up seen
  run pm2 resurrect
  assert_ok
  wait_until test -s seen
  assert_equal "$(cat seen)" "$WORK/db-is-up"
}

@test "an app that is stopped while a resurrect waits for what it depends on stays so" {
  ours_only "has no dependencies"
  cat >eco.json <<'JSON'
{"apps": [
  {"name": "web", "script": "sleep", "args": "1000", "depends_on": {"db": "ready"}},
  {"name": "other", "script": "sleep", "args": "1000", "depends_on": {"db": "ready"}},
  {"name": "db", "script": "sleep", "args": "1000", "health": {"exec": "test -e go", "interval": 100, "retries": 1000}}]}
JSON
  touch go
  pm2 start eco.json
  pm2 save
  pm2 kill
  rm go
  pm2 resurrect >resurrected &
  wait_app db pm2_env.status online
  app_is web pm2_env.status stopped
  pm2 stop web
  touch go
  wait
  app_is other pm2_env.status online
  app_is web pm2_env.status stopped
  kill -9 "$(pm2d_pid)" # nor does the next pm2d start it
  app_is web pm2_env.status stopped
}

@test "no list, and no backup: PM2's words, exit 0" {
  run pm2 resurrect
  assert_ok
  assert_has "[PM2][ERROR] Failed to read dump file in $(dump)"
  assert_has "[PM2][ERROR] Failed to read dump file in $(dump).bak"
  assert_has "[PM2][ERROR] No processes saved; DUMP file doesn't exist"
}

@test "a damaged list is told, kept, and the backup is used" {
  ours_only "deletes it"
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 start sleep --name two -- 1000
  pm2 save
  pm2 kill
  sed -i 's/"two"/"tvo"/' "$(dump)"
  run pm2 resurrect
  assert_ok
  assert_has "Failed to parse dump file in $(dump)"
  assert_has "its checksum is another than in $(dump).sum"
  assert_has "Restoring processes located in $(dump).bak"
  assert_equal "$(listed)" "0:one:online"
  file_has "$(dump)" '"tvo"'
  file_has "$TEST_PM2_HOME/pm2.log" "the saved list is not used"
  pm2 save
  file_has "$(dump).damaged" '"tvo"'
  file_has "$(dump).bak" '"one"'
}

@test "a list that was changed by hand is taken" {
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 kill
  sed -i 's/"one"/"changed"/' "$(dump)"
  run pm2 resurrect
  assert_ok
  assert_equal "$(listed)" "0:changed:online"
}

@test "neither can be used: the reasons, exit 1, nothing is lost" {
  ours_only "exit 0, and both are gone"
  mkdir -p "$TEST_PM2_HOME"
  echo '{"apps": []}' >"$(dump)"
  echo '[{"name": "x"}]' >"$(dump).bak"
  run pm2 resurrect
  assert_fails
  assert_has "it holds no list of apps, but [object Object]"
  assert_has "entry 0 is no saved app: it has no pm_exec_path"
  assert_equal "$(cat "$(dump)")" '{"apps": []}'
}

@test "an entry that cannot be is told; the others come back" {
  ours_only "ends the daemon, or says nothing"
  pm2 start sleep --name one -- 1000
  pm2 start sleep --name two -- 1000
  pm2 save
  pm2 kill
  "$PYTHON" - "$(dump)" <<'PY'
import json, sys
entries = json.load(open(sys.argv[1]))
entries[0]["cron_restart"] = "every day"
json.dump(entries, open(sys.argv[1], "w"))
PY
  run pm2 resurrect
  assert_ok
  assert_has "one cannot be restored: "
  assert_equal "$(listed)" "1:two:online"
}

@test "a folder that takes no file: the reason, and the old list" {
  ours_only "a stack trace"
  [ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 start sleep --name two -- 1000
  chmod 500 "$TEST_PM2_HOME"
  run pm2 save
  chmod 700 "$TEST_PM2_HOME"
  assert_fails
  assert_has "Failed to save dump file in $(dump): cannot write"
  assert_equal "$(saved)" one:online
}

@test "a full disk: the reason, and the old list" {
  ours_only "an empty file"
  mkdir "$WORK/small"
  mount -t tmpfs -o size=160k none "$WORK/small" 2>/dev/null || skip "needs the right to mount"
  export PM2_DUMP_FILE_PATH=$WORK/small/dump.pm2 PM2_DUMP_BACKUP_FILE_PATH=$WORK/small/dump.pm2.bak
  pm2 start sleep --name one -- 1000
  pm2 save
  BIG=$(head -c 100000 /dev/zero | tr '\0' x) pm2 start sleep --name two -- 1000
  run pm2 save
  local before after
  after=$(cat "$WORK/small/dump.pm2")
  before=$output
  run ls -A "$WORK/small"
  umount "$WORK/small"
  assert_has "Failed to save dump file in" "$before"
  assert_has "No space left on device" "$before"
  assert_has '"one"' "$after"
  assert_lacks '"two"' "$after"
  assert_equal "$output" "dump.pm2
dump.pm2.sum"
}

@test "many saves at once: each is answered, the file is whole" {
  ours_only "they overwrite each other"
  pm2 start sleep --name one -- 1000
  local count
  count=$(seq 20 | xargs -P 10 -I{} timeout 60 env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" \
    "$PM2" save 2>&1 3>&- | grep -c "Successfully saved")
  assert_equal "$count" 20
  assert_equal "$(saved)" one:online
  run env -C "$TEST_PM2_HOME" sha256sum -c --quiet dump.pm2.sum
  assert_ok
}

@test "SIGTERM saves what runs, as PM2 does" {
  pm2 start sleep --name one -- 1000
  kill -TERM "$(daemon_pid)"
  wait_until test -s "$(dump)"
  wait_until no_processes_left
  assert_equal "$(saved)" one:online
}
