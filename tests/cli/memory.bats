#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# max_memory_restart: over the whole tree of an app, looked at every second. The real PM2 looks at the
# first process only, every 30 seconds.
load ../lib/harness

# Grows by so many MB when told so by a file; itself, or by a child. One file is one meal: the next run
# waits for another.
setup_app() {
  cat >"$WORK/eater.py" <<'PY'
import os, sys, time
megabytes, where = int(sys.argv[1]), sys.argv[2]
if where == "child" and os.fork() > 0:
    time.sleep(1000)
while not os.path.exists("eat"):
    time.sleep(0.02)
os.unlink("eat")
food = b"x" * (megabytes << 20)
print("eaten", os.getpid(), flush=True)
time.sleep(1000)
PY
  cd "$WORK" || return 1
}

daemon_log_has() { # text
  grep -qF -- "$1" "$TEST_PM2_HOME/pm2.log"
}

@test "an app that grows over its limit is restarted" {
  ours_only
  setup_app
  pm2 start eater.py --max-memory-restart 60M -- 90 self
  assert_equal "$(app eater pm2_env.max_memory_restart)" 62914560
  touch eat
  wait_app eater pm2_env.restart_time 1
  wait_status eater online
  daemon_log_has "its limit is 62914560: restarting it"
}

@test "what it forks counts, too" {
  ours_only
  setup_app
  pm2 start eater.py --max-memory-restart 60M -- 90 child
  touch eat
  wait_app eater pm2_env.restart_time 1
}

@test "below the limit nothing happens, and a higher one holds from then on" {
  ours_only
  setup_app
  pm2 start eater.py --max-memory-restart 300M -- 40 self
  touch eat
  wait_until file_has "$(log_of eater-out)" eaten
  pm2 start eater.py --name other --max-memory-restart 60M -- 90 self
  touch eat
  wait_app other pm2_env.restart_time 1
  app_is eater pm2_env.restart_time 0
  wait_status other online # that one is over: another counts by itself
  pm2 restart other --max-memory-restart 500M
  touch eat
  wait_until file_has "$(log_of other-out)" "eaten $(app_pid other)"
  pm2 start eater.py --name third --max-memory-restart 60M -- 90 self
  touch eat
  wait_app third pm2_env.restart_time 1
  app_is other pm2_env.restart_time 2
}

@test "the limit holds after the keeper was killed" {
  ours_only
  setup_app
  pm2 start eater.py --max-memory-restart 60M -- 90 self
  kill -KILL "$(daemon_pid)"
  wait_until pm2 ping
  touch eat
  wait_app eater pm2_env.restart_time 1
}
