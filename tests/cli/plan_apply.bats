#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 plan and pm2 apply: only what differs is touched.
load ../lib/harness

file_of() { # ARGUMENT OF two
  cat >apps.json <<EOF
{ "apps": [
  { "name": "one", "script": "sleep", "args": "1000" },
  { "name": "two", "script": "sleep", "args": "$1" }
] }
EOF
}

@test "plan shows, and does nothing" {
  ours_only "it has no plan"
  file_of 1000
  run pm2 plan apps.json
  assert_ok
  assert_has "+ one  start (1 instances)"
  assert_has "+ two  start (1 instances)"
  assert_equal "$(app_count)" 0
}

@test "apply: new ones start, changed ones restart, the others are left alone" {
  ours_only "it has no apply"
  local one two
  file_of 1000
  pm2 apply apps.json
  wait_status two online
  one=$(app_pid one) two=$(app_pid two)
  run pm2 plan apps.json
  assert_has "= one  no change (id 0)"
  assert_has "= two  no change (id 1)"
  pm2 apply apps.json
  assert_equal "$(app_pid one) $(app_pid two)" "$one $two"
  file_of 2000
  run pm2 plan apps.json
  assert_has "~ two  restart: args (id 1)"
  run pm2 apply apps.json
  assert_ok
  assert_has "[PM2] [two](1) ✓"
  wait_status two online
  assert_equal "$(app_pid one)" "$one"
  [ "$(app_pid two)" != "$two" ]
}

@test "apply starts again what was stopped" {
  ours_only "it has no apply"
  file_of 1000
  pm2 apply apps.json
  pm2 stop one
  run pm2 plan apps.json
  assert_has "~ one  restart: status (id 0)"
  pm2 apply apps.json
  wait_status one online
}

@test "what has left the file goes only with --prune" {
  ours_only "it has no apply"
  file_of 1000
  pm2 apply apps.json
  pm2 start tick.js --name stranger
  echo '{ "name": "one", "script": "sleep", "args": "1000" }' >apps.json
  run pm2 plan apps.json
  assert_lacks "- two"
  pm2 apply apps.json
  app_is two pm2_env.status online
  run pm2 plan apps.json --prune
  assert_has "- two  remove (id 1)"
  assert_lacks "- one"
  pm2 apply apps.json --prune
  wait_until eval '[ -z "$(app two pm_id)" ]'
  app_is one pm2_env.status online
}

@test "a file with errors changes nothing" {
  ours_only "it has no apply"
  file_of 1000
  pm2 apply apps.json
  echo '{ "apps": [{ "name": "new", "script": "tick.js" }, { "name": "one", "script": "sleep", "instances": true }] }' >apps.json
  run pm2 apply apps.json --prune
  assert_fails
  assert_has "nothing was done"
  assert_equal "$(app_count)" 2
  run pm2 apply tick.js
  assert_fails
  assert_has "is not a process file"
}
