#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Which files output goes to, and that all of it gets there.
load ../lib/harness

@test "one process: plain names; out and error apart" {
  pm2 start tick.js
  wait_until file_has "$(log_of tick-out)" "out 1"
  wait_until file_has "$(log_of tick-error)" "err 1"
  refute file_has "$(log_of tick-out)" "err 1"
  app_is tick pm2_env.pm_out_log_path "$(log_of tick-out)"
  app_is tick pm2_env.merge_logs true
}

@test "several instances: -ID before .log" {
  pm2 start tick.js -x -i 2
  wait_until test -s "$(log_of tick-out-0)"
  wait_until test -s "$(log_of tick-out-1)"
  wait_until test -s "$(log_of tick-error-1)"
  [ ! -e "$(log_of tick-out)" ]
}

@test "several instances with --merge-logs: one file" {
  pm2 start show.sh -i 3 --merge-logs
  wait_until file_lines "$(log_of show-out)" 3
}

@test "--output and --error: own files, folders are made" {
  run pm2 start tick.js --output "$WORK/deep/er/out.txt" -e rel/err.txt
  assert_ok
  wait_until file_has "$WORK/deep/er/out.txt" "out 1"
  wait_until file_has "$WORK/rel/err.txt" "err 1"
}

@test "-l FILE: both streams in one file as well" {
  pm2 start tick.js -l "$WORK/all.log"
  wait_until file_has all.log "out 1"
  wait_until file_has all.log "err 1"
  wait_until file_has "$(log_of tick-out)" "out 1"
}

@test "-l without a file: NAME.log in the log folder" {
  pm2 start tick.js -l
  wait_until file_has "$(log_of tick)" "out 1"
}

@test "/dev/null: nothing written, the app runs" {
  pm2 start tick.js -o /dev/null -e /dev/null
  wait_status tick online
  app_is tick pm2_env.pm_out_log_path /dev/null
  [ ! -e "$(log_of tick-out)" ]
  [ -c /dev/null ]
}

@test "the last output before the end is in the file, and everything before it" {
  ours_only "loses some now and then"
  pm2 start burst.sh --no-autorestart
  wait_status burst stopped
  wait_until file_has "$(log_of burst-out)" "the very last line"
  assert_equal "$(wc -l <"$(log_of burst-out)")" 20001
  assert_equal "$(sed -n 20000p "$(log_of burst-out)")" "line 20000"
}

@test "last words of a process that is stopped are kept" {
  pm2 start polite.sh
  wait_until file_has "$(log_of polite-out)" ready
  pm2 stop polite
  wait_until file_has "$(log_of polite-error)" "last words"
}

@test "any byte is kept as it is" {
  ours_only "mangles what is not UTF-8"
  "$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)' >bytes.bin
  pm2 start "cat bytes.bin" --name bytes --no-autorestart
  wait_status bytes stopped
  wait_until cmp bytes.bin "$(log_of bytes-out)"
}

@test "a log file that is truncated does not get a hole" {
  pm2 start tick.js
  wait_until file_has "$(log_of tick-out)" "out 3"
  : >"$(log_of tick-out)"
  wait_until test -s "$(log_of tick-out)"
  refute grep -qP '\x00' "$(log_of tick-out)"
}

@test "output written to /dev/stdout" {
  ours_only "stdout is a socket there"
  pm2 start "echo direct > /dev/stdout; exec sleep 1000" --name dev
  wait_until file_has "$(log_of dev-out)" direct
}

@test "output goes on after a restart, in the same file" {
  pm2 start polite.sh
  wait_until file_lines "$(log_of polite-out)" 1
  pm2 restart polite
  wait_until file_lines "$(log_of polite-out)" 3
  assert_equal "$(grep -c 'polite ready' "$(log_of polite-out)")" 2
}
