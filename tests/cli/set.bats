#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Settings: set, get, conf, unset, multiset, and what they do to the app of the same name.
load ../lib/harness

settings() {
  cat "$TEST_PM2_HOME/module_conf.json"
}

@test "set and get, with a colon or a dot" {
  run pm2 set app:key value
  assert_ok
  assert_has '$ pm2 set app:key value'
  run pm2 get app:key
  assert_equal "$output" "Value for module app key key: value"
  pm2 set app.other 2
  run pm2 get app.other
  assert_equal "$output" "Value for module app key other: 2"
  run pm2 get app.nothing
  assert_fails
}

@test "set keeps what else is in the file" {
  pm2 set a:one 1
  pm2 set b:two 2
  settings | "$PYTHON" -c 'import json, sys
assert json.load(sys.stdin) == {"a": {"one": "1"}, "b": {"two": "2"}}'
}

@test "unset: one key, and all" {
  pm2 set a:one 1
  pm2 set a:two 2
  pm2 unset a:one
  run pm2 get a:one
  assert_fails
  run pm2 get a:two
  assert_equal "$output" "Value for module a key two: 2"
  pm2 unset all
  assert_equal "$(settings | tr -d ' \n')" "{}"
}

@test "multiset: several in one text" {
  run pm2 multiset "m:k1 v1 m:k2 v2"
  assert_ok
  run pm2 get m:k2
  assert_equal "$output" "Value for module m key k2: v2"
}

@test "a setting of an app restarts it with the variable" {
  ours_only "only modules are restarted with it"
  pm2 start tick.js --name app
  pm2 set app.FOO bar
  wait_app app pm2_env.restart_time 1
  wait_status app online
  app_is app pm2_env.env.FOO bar
}

@test "a setting that was there before the app" {
  pm2 set app:FOO early
  pm2 start tick.js --name app
  wait_status app online
  app_is app pm2_env.env.FOO early
}

@test "a file that cannot be read is not replaced" {
  ours_only "it starts anew"
  pm2 set a b
  echo '{ broken' >"$TEST_PM2_HOME/module_conf.json"
  run pm2 set c d
  assert_fails
  assert_has module_conf.json
  assert_equal "$(settings)" "{ broken"
}
