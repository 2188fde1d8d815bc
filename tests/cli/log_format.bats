#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What lines look like in log files, rotation, and disks that are full.
load ../lib/harness

LOGS=
DATE='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}'

matches() { # file pattern: every line, and there is one
  [ -s "$1" ] && ! grep -qvE "$2" "$1"
}

write_app() { # name lines...: a shell app that prints them, and stays
  printf '%s\n' "${@:2}" 'exec sleep 1000' >"$1"
}

@test "--time: the time before each line" {
  write_app app.sh 'echo one' 'sleep 0.2' 'echo two; echo three >&2'
  pm2 start app.sh --time
  wait_until file_lines "$(log_of app-out)" 2
  wait_until file_lines "$(log_of app-error)" 1
  matches "$(log_of app-out)" "^$DATE: (one|two)$"
  matches "$(log_of app-error)" "^$DATE: three$"
}

@test "--log-date-format: tokens of day.js" {
  write_app app.sh 'echo one'
  pm2 start app.sh --log-date-format '[on] YYYY/MM/DD ddd'
  wait_until file_lines "$(log_of app-out)" 1
  matches "$(log_of app-out)" '^on [0-9]{4}/[0-9]{2}/[0-9]{2} [A-Z][a-z]{2}: one$'
}

@test "--log-date-format: strftime" {
  ours_only "has day.js only"
  write_app app.sh 'echo one'
  pm2 start app.sh --log-date-format '%H:%M:%S'
  wait_until file_lines "$(log_of app-out)" 1
  matches "$(log_of app-out)" '^[0-9]{2}:[0-9]{2}:[0-9]{2}: one$'
}

@test "--log-type json: an object per line" {
  write_app app.sh 'echo one' 'sleep 0.2' 'echo "two \"quoted\""'
  pm2 start app.sh --log-type json -l both.log
  wait_until file_lines "$(log_of app-out)" 2
  wait_until file_lines both.log 2
  assert_equal "$(node -e '
    for (const line of require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n")) {
      const o = JSON.parse(line)
      console.log(Object.keys(o).join(), JSON.stringify(o.message), o.type, o.process_id, o.app_name,
        new Date(o.timestamp).toISOString() === o.timestamp)
    }' "$(log_of app-out)")" "message,timestamp,type,process_id,app_name \"one\\n\" out 0 app true
message,timestamp,type,process_id,app_name \"two \\\"quoted\\\"\\n\" out 0 app true"
}

@test "a line that comes in several writes is whole" {
  ours_only "loses bytes"
  write_app app.sh 'for i in 1 2 3; do printf AAAA; sleep 0.05; echo BBBB; done' 'printf "no end"' 'exit'
  pm2 start app.sh --time --no-autorestart
  wait_until file_lines "$(log_of app-out)" 4
  assert_equal "$(sed -E "s/^$DATE: //" "$(log_of app-out)")" "AAAABBBB
AAAABBBB
AAAABBBB
no end"
}

@test "a prompt is in the file before its line ends" {
  ours_only "ends the line"
  write_app app.sh 'printf "Name? "'
  pm2 start app.sh --time
  wait_until file_has "$(log_of app-out)" "Name? "
}

@test "max_size: renamed at the end of lines, nothing lost" {
  ours_only "has no rotation"
  write_app app.sh 'seq 1 20000'
  echo '{"apps": [{"script": "app.sh", "max_size": "10K", "retain": "all", "compress": true}]}' >eco.json
  pm2 start eco.json
  LOGS=$(dirname "$(log_of app-out)")
  wait_until file_has "$(log_of app-out)" 20000
  all_packed() { ! compgen -G "$LOGS/app-out__*.log"; }
  wait_until all_packed
  assert_equal "$( (gunzip -c "$LOGS"/app-out__*.gz; cat "$(log_of app-out)") | sha256sum)" \
    "$(seq 1 20000 | sha256sum)"
  [ "$(compgen -G "$LOGS/app-out__*" | wc -l)" -ge 8 ]
}

@test "pm2 set pm2-logrotate:max_size holds for all, at once" {
  ours_only "has a module for it"
  write_app app.sh 'while :; do seq 1 200; sleep 0.05; done'
  pm2 start app.sh
  pm2 set pm2-logrotate:max_size 2K
  pm2 set pm2-logrotate:retain 3
  LOGS=$(dirname "$(log_of app-out)")
  enough() { [ "$(compgen -G "$LOGS/app-out__*.log" | wc -l)" -eq 3 ]; }
  wait_until enough
}

@test "pm2.log is rotated by the same settings; keeper and daemon go on in the new one" {
  ours_only "goes on for ever"
  pm2 set pm2-logrotate:max_size 1K
  for i in 1 2 3 4 5; do pm2 start tick.js --name "tick$i"; done
  local home
  home=$(dirname "$(dirname "$(log_of tick1-out)")")
  old_ones() { compgen -G "$home/pm2__*.log"; }
  wait_until old_ones
  keeper_writes_there() { [ "$(readlink "/proc/$(daemon_pid)/fd/2")" = "$home/pm2.log" ]; }
  wait_until keeper_writes_there
  cat "$home"/pm2__*.log "$home/pm2.log" | grep -q 'App \[tick1:0\] online'
}

@test "bad values are named" {
  ours_only "has no such attributes"
  echo '{"apps": [{"script": "app.sh", "max_size": "ten", "compress": "rar", "on_full": "cry"}]}' >eco.json
  write_app app.sh
  run pm2 start eco.json
  assert_fails
  assert_has max_size
  assert_has '"compress" must be one of gzip, zstd, none'
  assert_has '"on_full" must be one of drop, block'
}

small_disk() {
  mkdir disk
  mount -t tmpfs -o size=256k none disk 2>/dev/null || skip "no right to mount"
  DISK=$WORK/disk
}

# The harness removes the folder: not with a disk in it.
eval "$(declare -f teardown | sed '1s/teardown/teardown_rest/')"
teardown() {
  [ -z "${DISK:-}" ] || umount -l "$DISK"
  teardown_rest
}

@test "a full disk: the loss is counted and told, and it goes on" {
  ours_only "loses it in silence"
  small_disk
  write_app app.sh 'seq -f "line %g" 1 60000' 'until test -e go; do sleep 0.05; done' \
    'while :; do echo again; sleep 0.05; done' # it is tried four times in a second
  pm2 start app.sh -o disk/out.log
  local total
  total=$(seq -f "line %g" 1 60000 | wc -c)
  all_counted() {
    local dropped
    dropped=$(pm2 describe app | sed -n 's/.*log dropped *│ *\([0-9]*\) bytes.*/\1/p')
    [ $((${dropped:-0} + $(stat -c %s disk/out.log))) -eq "$total" ]
  }
  wait_until all_counted
  head -c 50000 disk/out.log >part && cat part >disk/out.log # some space
  touch go
  wait_until file_has disk/out.log "bytes of output were lost"
  wait_until file_has disk/out.log "again"
}

@test "a full disk and on_full block: the app waits, nothing is lost" {
  ours_only "loses it"
  small_disk
  write_app app.sh 'seq 1 60000' 'echo done >done'
  echo '{"apps": [{"script": "app.sh", "out_file": "disk/out.log", "on_full": "block"}]}' >eco.json
  pm2 start eco.json
  waits() { pm2 describe app | grep -q 'log waits'; }
  wait_until waits
  cp disk/out.log first && : >disk/out.log
  wait_until file_has disk/out.log 60000
  assert_equal "$(cat first disk/out.log | sha256sum)" "$(seq 1 60000 | sha256sum)"
}
