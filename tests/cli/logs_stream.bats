#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 logs while it goes on: its looks, and that each line comes exactly once.
load ../lib/harness

# stream ARGUMENT...: pm2 logs in the background into stream.log. The shell sets SIGINT of such
# programs to be ignored; env gives it back.
stream() {
  timeout 60 env --default-signal=INT HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" "${COLOR:-NO_COLOR=1}" \
    "$PM2" logs "$@" >stream.log 2>stream.err 3>&- </dev/null &
  streamer=$!
}

stream_end() {
  kill -INT "$streamer"
  wait_child "$streamer" || :
}

# An app that writes a line into its standard output for each line of the fifo NAME.in.
parrot() { # NAME [OPTION...]
  local name=$1
  shift
  mkfifo "$name.in"
  pm2 start "exec 3<>$WORK/$name.in; while read -r kind line <&3; do
    if [ \$kind = err ]; then echo \"\$line\" >&2; else echo \"\$line\"; fi; done" --name "$name" "$@"
}

say() { # NAME out|err TEXT
  echo "$2 $3" >"$1.in"
}

# A stream of a parrot that is known to be under way.
listen_to() { # NAME [OPTION...]
  say "$1" out ready
  wait_until file_has "$(log_of "$1-out")" ready
  stream "$@" --lines 1
  wait_until grep -q ready stream.log
}

@test "--json: an object for each line, and what happens to processes" {
  pm2 start tick.js
  stream tick --json
  wait_until grep -qE '^\{"message":"out [0-9]+","timestamp":"20[0-9-]{8}T[0-9:.]{12}Z","type":"out","process_id":0,"app_name":"tick"\}$' stream.log
  wait_until grep -qE '^\{"message":"err [0-9]+",.*"type":"err",' stream.log
  pm2 restart tick
  wait_until grep -qE '^\{"timestamp":"20[^"]*Z","type":"process_event","status":"online","app_name":"tick"\}$' stream.log
  stream_end
  refute grep -q TAILING stream.log
}

@test "--format" {
  pm2 start tick.js
  stream tick --format
  wait_until grep -qE '^timestamp=20[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9:]{8}[+-][0-9]{4} app=tick id=0 type=out message=out [0-9]+$' stream.log
  wait_until grep -qE ' type=error message=err [0-9]+$' stream.log
  stream_end
}

@test "--timestamp, with a format or without" {
  pm2 start tick.js
  stream tick --lines 0 --timestamp
  wait_until grep -qE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9:]{8} 0\|tick  \| out [0-9]+$' stream.log
  stream_end
  stream tick --lines 0 --timestamp "[at] HH.mm.ss"
  wait_until grep -qE '^at [0-9]{2}\.[0-9]{2}\.[0-9]{2} 0\|tick  \| out [0-9]+$' stream.log
  stream_end
}

@test "--highlight: the first of each line" {
  parrot p
  COLOR=FORCE_COLOR=1 listen_to p --highlight needle
  say p out "hay needle needle"
  wait_until grep -qF $'\e[32m0|p | \e[39mhay \e[100mneedle\e[49m needle' stream.log
  stream_end
}

@test "--grep, also among the last lines" {
  ours_only "has no --grep"
  parrot p
  for i in 1 2 3; do say p out "good $i" && say p out "bad $i"; done
  wait_until file_lines "$(log_of p-out)" 6
  run pm2 logs p --nostream --lines 2 --grep '^good \d$'
  assert_ok
  assert_has "| good 2"
  assert_has "| good 3"
  assert_lacks "good 1"
  assert_lacks bad
  listen_to p --grep 'GOOD|^ready$' --ignore-case
  say p out "bad 4"
  say p out "good 4"
  wait_until grep -q "good 4" stream.log
  stream_end
  refute grep -q bad stream.log
  run pm2 logs p --nostream --grep '('
  assert_fails
  assert_has "--grep: no regular expression: (:"
  run pm2 logs p --nostream --ignore-case
  assert_fails
}

@test "between the end of the files and what follows nothing is missing and nothing twice" {
  ours_only "may lose or repeat some"
  pm2 start "i=0; while :; do i=\$((i + 1)); echo \$i; [ \$((i % 500)) != 0 ] || sleep 0.01; done" --name count
  wait_until file_lines "$(log_of count-out)" 1000
  stream count --lines 100 --raw
  wait_until -t 30 file_lines stream.log 20000
  stream_end
  grep -E '^[0-9]+$' stream.log | awk 'NR > 1 && $1 != last + 1 { print "after " last ": " $1; exit 1 } { last = $1 }'
}

@test "output that goes to no file" {
  pm2 start tick.js -o /dev/null -e /dev/null
  stream tick
  wait_until grep -qE '^0\|tick  \| out [0-9]+$' stream.log
  wait_until grep -qE '^0\|tick  \| err [0-9]+$' stream.log
  stream_end
}

@test "one file of several processes: each line has its writer" {
  pm2 start "while :; do echo from \$pm_id; echo bad \$pm_id >&2; sleep 0.1; done" --name many -i 3 --merge-logs
  stream many --lines 0
  for i in 0 1 2; do
    wait_until grep -qx "$i|many  | from $i" stream.log
    wait_until grep -qx "$i|many  | bad $i" stream.log
  done
  stream_end
  stream 1 --lines 0
  wait_until file_lines stream.log 4
  stream_end
  refute grep -qvE '^1\|many  \| (from|bad) 1$' stream.log
}

@test "one file for both outputs: --err shows only errors" {
  pm2 start tick.js -o "$WORK/both.log" -e "$WORK/both.log"
  stream tick --lines 0 --err
  wait_until grep -qE '^0\|tick  \| err [0-9]+$' stream.log
  wait_until file_lines stream.log 3
  stream_end
  refute grep -q "| out" stream.log
}

@test "an app that comes later is meant, too, from its first line on" {
  pm2 start tick.js --name first --namespace web
  stream web --lines 0
  wait_until grep -q '|first' stream.log
  pm2 start tick.js --name second --namespace web
  wait_until grep -qx '1|second | out 1' stream.log
  stream_end
}

@test "several targets" {
  ours_only "takes the first only"
  pm2 start tick.js --name one
  pm2 start tick.js --name two
  pm2 start tick.js --name three
  stream one 2 --lines 0
  wait_until grep -q '|one' stream.log
  wait_until grep -q '|three' stream.log
  stream_end
  refute grep -q '|two' stream.log
}

@test "the daemon's own log: PM2" {
  pm2 start tick.js
  stream PM2 --lines 0
  wait_until stream_shows_restart
  stream_end
  refute grep -q '|tick' stream.log
}

stream_shows_restart() {
  pm2 restart tick && grep -qE '^PM2      \| App \[tick:0\] online' stream.log
}

@test "a restart of the app changes nothing" {
  parrot p
  listen_to p
  say p out before
  wait_until grep -qx '0|p | before' stream.log
  pm2 restart p
  say p out after
  wait_until grep -qx '0|p | after' stream.log
  stream_end
}

@test "a file that is emptied, renamed, made anew" {
  parrot p
  listen_to p
  say p out one
  wait_until grep -q one stream.log
  : >"$(log_of p-out)"
  say p out two
  wait_until grep -q two stream.log
  mv "$(log_of p-out)" "$(log_of p-out).1"
  say p out three
  wait_until grep -q three stream.log
  pm2 reloadLogs
  say p out four
  wait_until grep -q four stream.log
  stream_end
  assert_equal "$(grep -c '^0|p |' stream.log)" 4
}

@test "nobody reads any more: it ends" {
  parrot p
  say p out one
  wait_until file_lines "$(log_of p-out)" 1
  # shellcheck disable=SC2016 # for the inner shell
  run timeout 20 env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" bash -c \
    '"$1" logs p 3>&- | head -n 1; exit "${PIPESTATUS[0]}"' - "$PM2"
  assert_fails 1
  assert_has TAILING
}

@test "Ctrl-C: the shell sees that a signal ended it" {
  pm2 start tick.js
  stream tick
  wait_until grep -q out stream.log
  kill -INT "$streamer"
  status=0
  wait_child "$streamer" || status=$?
  assert_equal "$status" 130
}

@test "a target that nobody has; a pattern that is none" {
  ours_only "waits for ever"
  pm2 ping
  run pm2 logs nope
  assert_fails
  assert_has "Process or Namespace nope not found"
  run pm2 logs '/(/'
  assert_fails
  assert_has "Invalid regular expression"
  run pm2 logs --lines many
  assert_fails
  assert_has "--lines: expected a number, not many"
}
