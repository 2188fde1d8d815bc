#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 logs.
load ../lib/harness

# An app that wrote ten lines to each stream and stays.
talker() { # NAME
  pm2 start "for i in \$(seq 10); do echo $1-out-\$i; echo $1-err-\$i >&2; done; exec sleep 1000" --name "$1"
  wait_until file_lines "$(log_of "$1-out")" 10
  wait_until file_lines "$(log_of "$1-error")" 10
}

@test "--nostream prints the end of the files and leaves" {
  talker one
  run pm2 logs --nostream
  assert_ok
  assert_has "[TAILING] Tailing last 15 lines for [all] processes"
  assert_has "$(log_of one-out) last 15 lines:"
  assert_has "0|one      | one-out-10"
  assert_has "0|one      | one-err-1"
}

@test "--lines" {
  talker one
  run pm2 logs one --nostream --lines 2
  assert_ok
  assert_has "Tailing last 2 lines for [one] process"
  assert_has one-out-9
  assert_has one-out-10
  assert_lacks one-out-8
  run pm2 logs one --nostream --lines 0
  assert_ok
  assert_lacks one-out-10
}

@test "only one process, by name or id" {
  talker one
  talker two
  run pm2 logs two --nostream
  assert_has two-out-10
  assert_lacks one-out-10
  run pm2 logs 0 --nostream
  assert_has one-out-10
  assert_lacks two-out-10
}

@test "--out and --err" {
  talker one
  run pm2 logs one --nostream --out
  assert_has one-out-10
  assert_lacks one-err-10
  run pm2 logs one --nostream --err
  assert_has one-err-10
  assert_lacks one-out-10
}

@test "--raw: no prefix" {
  talker one
  run pm2 logs one --nostream --lines 1 --raw
  assert_ok
  grep -qx one-out-10 <<<"$output"
  grep -qx one-err-10 <<<"$output"
}

@test "long lines are shown whole" {
  ours_only "reads 200 bytes per line"
  pm2 start "printf '%05000d\n' 7; exec sleep 1000" --name long
  wait_until file_lines "$(log_of long-out)" 1
  run pm2 logs long --nostream --lines 1 --raw
  assert_ok
  grep -qx '0\{4999\}7' <<<"$output"
}

@test "the word log is logs" {
  talker one
  run pm2 log one --nostream --lines 1
  assert_ok
  assert_has one-out-10
}

@test "an unknown target with --nostream: exit 0, nothing shown" {
  pm2 ping
  run pm2 logs nope --nostream
  assert_ok
  assert_has "[TAILING]"
}

# stream ARGUMENT...: pm2 logs in the background into stream.log.
stream() {
  timeout 60 env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" NO_COLOR=1 "$PM2" logs "$@" \
    >stream.log 2>stream.err 3>&- </dev/null &
  streamer=$!
}

stream_end() {
  kill -INT "$streamer"
  wait_until pid_gone "$streamer"
}

@test "streaming: new lines arrive with a prefix" {
  pm2 start tick.js
  stream tick --lines 0
  wait_until grep -qE '^0\|tick +\| out [0-9]+$' stream.log
  wait_until grep -qE '^0\|tick +\| err [0-9]+$' stream.log
  stream_end
}

@test "streaming --raw: lines as they are, stderr on stderr" {
  pm2 start tick.js
  stream tick --lines 0 --raw
  wait_until grep -qE '^out [0-9]+$' stream.log
  wait_until grep -qE '^err [0-9]+$' stream.err
  stream_end
}

@test "streaming --out leaves stderr away" {
  pm2 start tick.js
  stream tick --lines 0 --out
  wait_until file_lines stream.log 3
  stream_end
  refute grep -q 'err' stream.log
}

@test "streaming goes on when the daemon comes back" {
  pm2 start tick.js
  stream all --lines 0
  wait_until grep -q 'tick .*out' stream.log
  pm2 kill
  pm2 start tick.js --name again
  wait_until grep -q 'again .*out' stream.log
  stream_end
}

@test "--nostream of a regular expression" {
  talker web-one
  talker other
  run pm2 logs /^web/ --nostream
  assert_ok
  assert_has web-one-out-10
  assert_lacks other-out-10
}
