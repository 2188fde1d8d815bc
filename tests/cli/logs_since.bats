#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 logs --since and --until.
load ../lib/harness


# A program that writes a number each time that a line comes, so that the test sets the pace.
counter() { # NAME [OPTION...]
  local name=$1
  shift
  mkfifo "$name.in"
  pm2 start "exec 3<>$WORK/$name.in; i=0; while read -r _ <&3; do i=\$((i + 1)); echo line \$i; done" --name "$name" "$@"
}

tell() { # NAME WANTED LINES
  echo >"$1.in"
  wait_until file_lines "$(log_of "$1-out")" "$2"
}

now_ms() {
  echo $(($(date +%s%N) / 1000000))
}

past() { # MS: that point of time lies behind us by so much, and the index has another record
  [ $(($(now_ms) - $1)) -gt 1100 ]
}

@test "--since and --until find lines by when they were written" {
  ours_only "does not have them"
  counter c
  tell c 1
  first=$(now_ms)
  wait_until past "$first"
  middle=$(date +%FT%T.%3N)
  tell c 2
  second=$(now_ms)
  wait_until past "$second"
  run pm2 logs c --nostream --since "$middle"
  assert_ok
  assert_has "for [c] process since $middle"
  assert_has "| line 2"
  assert_lacks "| line 1"
  run pm2 logs c --nostream --until "$middle"
  assert_has "| line 1"
  assert_lacks "| line 2"
  run pm2 logs c --nostream --since 1h --raw
  assert_has "line 1"
  assert_has "line 2"
  run pm2 logs c --nostream --since now --raw
  assert_lacks "line 1"
}

@test "--since goes on with what comes; --until in the future ends it" {
  ours_only "does not have them"
  counter c
  tell c 1
  (
    wait_until grep -q 'line 1' stream.log
    echo >c.in
  ) &
  PM2_TEST_TIMEOUT=30 pm2 logs c --since 1m --until "$(date -d '+3 seconds' +%FT%T)" >stream.log
  wait
  assert_has "0|c        | line 1" "$(cat stream.log)"
  assert_has "0|c | line 2" "$(cat stream.log)"
}

@test "with --json, --format and --timestamp the times are those of the lines" {
  ours_only "does not have them"
  counter c
  tell c 1
  run pm2 logs c --nostream --since 1m --json
  assert_ok
  grep -qE '^\{"message":"line 1","timestamp":"20[^"]*Z","type":"out","process_id":0,"app_name":"c"\}$' <<<"$output"
  assert_lacks TAILING
  run pm2 logs c --nostream --since 1m --format
  assert_has "app=c id=0 type=out message=line 1"
  run pm2 logs c --nostream --since 1m --timestamp HH:mm
  grep -qE '^[0-9]{2}:[0-9]{2} 0\|c        \| line 1$' <<<"$output"
}

@test "with --lines: the last of them; with --grep those that match" {
  ours_only "does not have them"
  counter c
  for i in 1 2 3 4; do tell c "$i"; done
  run pm2 logs c --nostream --since 1m --lines 2 --raw
  assert_lacks "line 2"
  assert_has "line 3"
  assert_has "line 4"
  run pm2 logs c --nostream --since 1m --grep '[13]$' --raw
  assert_has "line 1"
  assert_has "line 3"
  assert_lacks "line 2"
}

@test "without an index: the dates of the lines, else a note" {
  ours_only "does not have them"
  pm2 start "echo started; exec sleep 1000" --name d
  wait_until test -s "$(log_of d-out)"
  pm2 stop d
  rm -f "$TEST_PM2_HOME/logs/.d-out.log.idx"
  printf '2001-01-01T00:00:00: old\n%s: new\n' "$(date +%FT%T)" >"$(log_of d-out)"
  pm2_split logs d --nostream --since 1h
  assert_has ": new" "$out"
  assert_lacks ": old" "$out"
  assert_lacks "nothing tells" "$err"
  echo plain >"$(log_of d-out)"
  pm2_split logs d --nostream --since 1h
  assert_has "| plain" "$out"
  assert_has "nothing tells when its lines were written" "$err"
}

@test "times that are none" {
  ours_only "does not have them"
  for bad in soon 25:00 2026-13-01 10; do
    run pm2 logs --since "$bad"
    assert_fails
    assert_has "--since: no time: $bad"
  done
  run pm2 logs --since 1h --lines 1048577
  assert_fails
  assert_has "--lines: at most 1048576"
  run pm2 logs --since 1h --until 2h
  assert_fails
  assert_has "--until: 2h is before --since: 1h"
}
