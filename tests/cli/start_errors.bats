#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What cannot be started: one clear message, exit 1, nothing left in the list.
load ../lib/harness

# refused TEXT ARGUMENT...: start with these arguments fails with that text and leaves no process.
refused() {
  local text=$1
  shift
  run pm2 start "$@"
  assert_fails
  assert_has "$text"
  assert_equal "$(app_count)" 0
}

@test "script that is not there" {
  refused "[PM2][ERROR] Script not found: $WORK/nope.js" nope.js
  refused "[PM2][ERROR] Script not found: $WORK/nope" nope
  refused "[PM2][ERROR] Script not found: /no/such/thing" /no/such/thing
}

@test "the first bad one of several stops the rest; earlier ones stay" {
  run pm2 start tick.js nope.js hello.py
  assert_fails
  assert_has "Script not found: $WORK/nope.js"
  wait_status tick online
  assert_equal "$(app_count)" 1
}

@test "no argument and no ecosystem file" {
  refused "File ecosystem.config.js not found"
}

@test "interpreter that is not there" {
  refused "Interpreter foobar is NOT AVAILABLE in PATH" tick.js --interpreter foobar
  ours_only "another text for paths"
  refused "/no/such/interpreter" tick.js --interpreter /no/such/interpreter
}

@test "unreadable file" {
  ours_only "starts, then crashes"
  need_nobody
  chmod 000 tick.js
  mkdir "$WORK/his"
  [ "$(id -u)" -ne 0 ] || chown 65534:65534 "$WORK/his"
  TEST_PM2_HOME=$WORK/his/.pm2
  run as_nobody timeout 30 env HOME="$WORK/his" PM2_HOME="$TEST_PM2_HOME" "$PM2" start tick.js 3>&-
  assert_fails
  assert_has "$WORK/tick.js"
  as_nobody timeout 30 env HOME="$WORK/his" PM2_HOME="$TEST_PM2_HOME" "$PM2" kill 3>&- || :
}

@test "the kernel refuses to execute it: errno and path are reported, exit 1" {
  ours_only "shown online for ever"
  printf '#!/no/such/thing\n' >broken.sh
  chmod +x broken.sh
  run pm2 start ./broken.sh --interpreter none
  assert_fails
  assert_has "$WORK/broken.sh"
  assert_has "No such file or directory (ENOENT)"
  app_is broken pm2_env.status errored
  app_is broken pid 0
}

@test "a program that is not executable: said, with the path" {
  ours_only "shown online for ever"
  printf '\177ELF garbage\0\0\0' >broken
  chmod -x broken
  refused "$WORK/broken" ./broken
  assert_has "not executable"
}

@test "working folder that is not there" {
  ours_only "shown online for ever"
  run pm2 start "$WORK/tick.js" --cwd "$WORK/nowhere"
  assert_fails
  assert_has "$WORK/nowhere"
}

@test "the interpreter vanished before a restart: errored, with the reason" {
  ours_only "shown online for ever"
  cp "$(command -v bash)" ./myshell
  pm2 start show.sh --interpreter "$WORK/myshell"
  wait_status show online
  rm ./myshell
  run pm2 restart show
  assert_fails
  assert_has "$WORK/myshell"
  wait_status show errored
}

@test "instances out of reason" {
  ours_only "starts as many as it can"
  refused "instances" tick.js -x -i 1000000
  refused "instances" tick.js -x -i 99999999999999999999
}

@test "negative instances: processors less that many, at least one" {
  run pm2 start tick.js -x -i -1000
  assert_ok
  assert_equal "$(app_count)" 1
}

@test "an option without its value" {
  for option in --name -n --interpreter --cwd --output -e --kill-timeout --instances; do
    run pm2 start tick.js "$option"
    assert_fails
    assert_has "argument missing"
  done
  assert_equal "$(app_count)" 0
}

@test "an unknown option" {
  run pm2 start tick.js --frobnicate
  assert_fails
  assert_has "error: unknown option \`--frobnicate'"
  run pm2 ls --frobnicate
  assert_fails
  assert_has "error: unknown option \`--frobnicate'"
}

@test "numbers that are none" {
  for option in kill-timeout restart-delay max-restarts exp-backoff-restart-delay listen-timeout; do
    run pm2 start tick.js "--$option" abc
    assert_fails
    assert_has "$(tr - _ <<<"$option")"
  done
  assert_equal "$(app_count)" 0
}

@test "numbers below the minimum, or past every clock" {
  ours_only "accepts them"
  refused "kill_timeout" tick.js --kill-timeout -5
  refused "restart_delay" tick.js --restart-delay 99999999999999999999
}

@test "names with slashes and blanks: started, and safe as file names" {
  run pm2 start tick.js --name "a/b"
  assert_ok
  run pm2 start tick.js --name "../../etc/x y"
  assert_ok
  assert_equal "$(app_count)" 2
  wait_until test -s "$(log_of a-b-out)"
  wait_until test -s "$(log_of ..-..-etc-x-y-out)"
  run pm2 delete "a/b"
  assert_ok
  assert_equal "$(app_count)" 1
}

@test "names with control characters" {
  ours_only "takes them, and writes them to terminals"
  refused "name: a control character" tick.js --name $'two\nlines'
  refused "name: a control character" tick.js --name $'esc\033[31m'
}

@test "a name of 4000 characters" {
  ours_only "fails in the daemon"
  local name
  name=$(printf 'x%.0s' $(seq 4000))
  refused "name" tick.js --name "$name"
}

@test "an empty name, or one that is only blanks, breaks nothing" {
  pm2 start tick.js --name "" || :
  pm2 start tick.js --name " " || :
  run pm2 start tick.js --name well
  assert_ok
  wait_status well online
}

@test "a very long script path" {
  refused "$(printf 'y%.0s' $(seq 300))" "./$(printf 'y%.0s' $(seq 300))"
  ours_only "shell only"
  refused "cannot use /y/y" "/$(printf 'y/%.0s' $(seq 3000))z.js"
}

@test "/dev/null, a socket and a fifo are not scripts" {
  ours_only "gives them to node"
  mkfifo pipe
  refused "pipe" ./pipe
  refused "/dev/null" /dev/null
}

@test "after a refused start the next one works" {
  run pm2 start nope.js
  assert_fails
  run pm2 start tick.js
  assert_ok
  wait_status tick online
  app_is tick pm_id 0
}
