#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 env --explain: each variable with the place it comes from.
load ../lib/harness

line_is() { # NAME LINE, of $output
  assert_equal "$(grep "^$1: " <<<"$output")" "$1: $2"
}

@test "of a script: the shell, and pm2" {
  ours_only "it has no --explain"
  FROM_SHELL=yes pm2 start tick.js --name app
  run pm2 env --explain app
  assert_ok
  line_is FROM_SHELL "yes  (shell)"
  line_is PM2_HOME "$TEST_PM2_HOME  (pm2)"
  line_is PM2_USAGE "CLI  (pm2)"
}

@test "of a file: its path and line, and the environment that won" {
  ours_only "it has no --explain"
  cat >app.json <<EOF
{ "name": "app", "script": "tick.js",
  "env": { "BOTH": "plain",
           "PLAIN": "1" },
  "env_production": { "BOTH": "prod" } }
EOF
  pm2 start app.json --env production
  run pm2 env --explain 0
  assert_ok
  line_is PLAIN "1  ($WORK/app.json:3)"
  line_is BOTH "prod  (env_production $WORK/app.json:4)"
}

@test "a name that several have" {
  ours_only "it has no --explain"
  pm2 start sleep --name s -- 1000
  pm2 start sleep --name s -f -- 1000
  run pm2 env --explain s
  assert_ok
  assert_has "0|s"
  assert_has "1|s"
  run pm2 env --explain nobody
  assert_fails
  assert_has "nobody not found"
}

@test "env without it: by id only" {
  pm2 start sleep --name s -- 1000
  run pm2 env 0
  assert_ok
  assert_lacks "(shell)"
  run pm2 env s
  assert_fails
  assert_has "[PM2][ERROR] Modules with id s not found"
}
