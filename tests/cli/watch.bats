#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Restart when files change.
load ../lib/harness

# The watched folder is apart from everything else that the tests write.
setup_app() {
  mkdir -p "$WORK/app/src"
  cd "$WORK/app" || return 1
  printf '#!/bin/sh\necho "run $$"\nexec sleep 1000\n' >app.sh
  chmod +x app.sh
}

# One event. touch(1) makes two, which are two restarts when it has to wait for a processor between them.
new_file() { # path
  : >"$1"
}

restarts_are() { # name count
  wait_app "$1" pm2_env.restart_time "$2"
  wait_status "$1" online
}

daemon_log_count() { # text
  grep -cF -- "$1" "$TEST_PM2_HOME/pm2.log"
}

daemon_log_has() { # text [times]
  [ "$(daemon_log_count "$1")" -ge "${2:-1}" ]
}

# What was ignored is told by nothing. So: afterwards a change that counts, and its number.
changes_so_far() { # name restarts
  echo "$RANDOM" >>app.sh
  restarts_are "$1" "$2"
}

@test "a changed file restarts the app" {
  setup_app
  pm2 start app.sh --watch
  refute app_is app pm2_env.watch false
  local pid
  pid=$(app_pid app)
  echo "# more" >>app.sh
  restarts_are app 1
  [ "$(app_pid app)" != "$pid" ]
  daemon_log_has "Change detected on path app.sh for app app - restarting"
}

@test "new files, new folders, what is in them, and what is deleted" {
  setup_app
  pm2 start app.sh --watch
  new_file src/new
  restarts_are app 1
  mkdir src/a
  restarts_are app 2
  mkdir src/a/b
  restarts_are app 3
  new_file src/a/b/file
  wait_until daemon_log_has "Change detected on path src/a/b/file"
  restarts_are app 4
  rm src/a/b/file
  wait_until daemon_log_has "Change detected on path src/a/b/file" 2
  restarts_are app 5
  rmdir src/a/b
  restarts_are app 6
}

write_is_seen() { # path
  echo >>"$1"
  daemon_log_has "Change detected on path $1"
}

# A change during the restart that the folders bring about is not told with its path: so write on.
@test "folders made at once: what comes into the deepest is seen" {
  setup_app
  pm2 start app.sh --watch
  mkdir -p src/a/b/c/d/e
  wait_until write_is_seen src/a/b/c/d/e/file
}

@test "an editor that writes beside and renames over: one restart" {
  setup_app
  echo one >src/file
  pm2 start app.sh --watch
  # pm2d sees all of it in one look, however long mv takes to begin
  local pid
  pid=$(pm2d_pid)
  kill -STOP "$pid"
  echo two >src/file.tmp
  mv src/file.tmp src/file
  kill -CONT "$pid"
  restarts_are app 1
  changes_so_far app 2
}

@test "dot files, node_modules and editors' leftovers do not count" {
  setup_app
  mkdir -p .git node_modules/x
  pm2 start app.sh --watch
  touch .env .git/index node_modules/x/index.js src/.hidden src/file~ src/.file.swp
  mkdir -p src/node_modules/y
  changes_so_far app 1
}

@test "--ignore-watch" {
  setup_app
  mkdir -p logs src/deep
  pm2 start app.sh --watch --ignore-watch "logs *.txt src/**/*.md"
  touch logs/x a.txt src/deep/readme.md
  changes_so_far app 1
  new_file src/a.txt
  restarts_are app 2
}

@test "--watch with a path watches only that" {
  setup_app
  mkdir conf
  pm2 start app.sh --watch src
  new_file conf/x
  echo >>app.sh
  new_file src/x
  restarts_are app 1
  assert_equal "$(daemon_log_count "Change detected")" 1
}

@test "the app's own log in the watched folder does not count" {
  setup_app
  printf '#!/bin/sh\nwhile :; do echo tick; sleep 0.02; done\n' >talk.sh
  chmod +x talk.sh
  pm2 start talk.sh --watch -o ./out.log -e ./err.log
  wait_until file_lines "$(app talk pm2_env.pm_out_log_path)" 20
  app_is talk pm2_env.restart_time 0
}

@test "instances: each restarts once, and what they watch is shared" {
  setup_app
  pm2 start app.sh -i 3 --watch
  echo >>app.sh
  for id in 0 1 2; do
    restarts_are "$id" 1
  done
  assert_equal "$(daemon_log_count "Change detected")" 1
}

@test "--watch-delay: changes within it are one restart" {
  setup_app
  ours_only "takes no unit"
  pm2 start app.sh --watch --watch-delay 1s
  new_file src/a
  wait_until daemon_log_has "Change detected on path src/a"
  app_is app pm2_env.restart_time 0
  new_file src/b
  restarts_are app 1
  assert_equal "$(daemon_log_count "Change detected")" 1
}

@test "a change while a restart is under way: one more, once it is over" {
  setup_app
  ours_only "does not see it"
  pm2 start app.sh --watch --wait-ready --listen-timeout 1500
  new_file src/a
  wait_app app pm2_env.restart_time 1
  app_is app pm2_env.status launching
  new_file src/b
  new_file src/c
  wait_until daemon_log_has "Change detected during the restart of app app - restarting"
  restarts_are app 2
  assert_equal "$(daemon_log_count "Change detected")" 2
}

@test "stop ends watching; start has it again" {
  setup_app
  pm2 start app.sh --watch src
  run pm2 stop app
  assert_ok
  assert_has disabled
  app_is app pm2_env.watch false
  new_file src/x
  daemon_log_has "[Watch] Stop watching app"
  ours_only "stays off"
  run pm2 restart app
  assert_ok
  assert_has enabled
  app_is app pm2_env.restart_time 0
  new_file src/y
  restarts_are app 1
  refute daemon_log_has "Change detected on path src/x"
}

@test "restart --watch switches it off, and on again" {
  setup_app
  pm2 start app.sh --watch src
  run pm2 restart app --watch
  assert_ok
  assert_has disabled
  app_is app pm2_env.watch false
  new_file src/x
  run pm2 restart app
  assert_has disabled
  run pm2 restart app --watch
  assert_ok
  assert_has enabled
  local before
  before=$(app app pm2_env.restart_time)
  new_file src/y
  restarts_are app $((before + 1))
}

@test "what has ended by itself is started by a change" {
  setup_app
  CODE=1 AFTER=0 pm2 start "$WORK/exit.sh" --cwd "$WORK/app" --no-autorestart --watch
  wait_status exit stopped
  local runs
  runs=$(grep -c '^run ' "$(log_of exit-out)")
  new_file src/x
  wait_until file_lines "$(log_of exit-out)" $((runs + 1))
}

@test "a folder that is not there yet" {
  setup_app
  pm2 start app.sh --watch later
  ours_only "says nothing"
  daemon_log_has "app/later does not exist"
  mkdir later
  restarts_are app 1
  new_file later/x
  restarts_are app 2
}

@test "delete ends it" {
  setup_app
  pm2 start app.sh --watch
  pm2 delete app
  daemon_log_has "[Watch] Stop watching app"
  pm2 start app.sh
  new_file src/x
  assert_equal "$(daemon_log_count "Change detected")" 0
}

@test "goes on after kill -9 of pm2d" {
  ours_only "has no pm2d"
  setup_app
  pm2 start app.sh --watch
  pm2 start app.sh --name off --watch
  pm2 stop off
  local pid
  pid=$(app_pid app)
  kill -9 "$(pgrep -P "$(daemon_pid)" -x pm2d)"
  wait_until daemon_log_has "[Watch] Start watching app" 2
  app_is app pid "$pid"
  app_is off pm2_env.watch false
  new_file src/x
  restarts_are app 1
  app_is off pm2_env.status stopped
  run pm2 restart off
  assert_ok
  refute app_is off pm2_env.watch false
}
