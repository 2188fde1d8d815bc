#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2:redact: values of secrets that commands do not print.
load ../lib/harness

start_one() {
  DB_PASSWORD=hush API_KEY=quiet PORT=80 pm2 start sleep --name one -- 1000
}

shown() { # what all commands print
  pm2 env 0
  pm2 jlist
  pm2 prettylist
  pm2 describe one
  pm2 env --explain one
}

@test "without the setting everything is shown" {
  ours_only "has no such setting"
  start_one
  run pm2 env 0
  assert_has "DB_PASSWORD: hush"
}

@test "true: the usual names" {
  ours_only "has no such setting"
  start_one
  pm2 set pm2:redact true
  run shown
  assert_lacks hush
  assert_lacks quiet
  assert_has "DB_PASSWORD: ***"
  assert_has '"API_KEY":"***"'
  assert_has "PORT: 80"
  app_is one pm2_env.env.PORT 80
  pm2 restart one
  run tr '\0' '\n' <"/proc/$(app_pid one)/environ"
  assert_has "DB_PASSWORD=hush"
}

@test "a pattern" {
  ours_only "has no such setting"
  start_one
  pm2 set pm2:redact '^port$'
  run shown
  assert_has "PORT: ***"
  assert_has "DB_PASSWORD: hush"
}

@test "a saved list keeps the values: an app needs them" {
  ours_only "has no such setting"
  start_one
  pm2 set pm2:redact true
  pm2 save
  pm2 kill
  pm2 resurrect
  run tr '\0' '\n' <"/proc/$(app_pid one)/environ"
  assert_has "DB_PASSWORD=hush"
}

@test "a pattern that cannot be used lets nothing through" {
  ours_only "has no such setting"
  start_one
  pm2 set pm2:redact '('
  local command
  for command in "env 0" jlist prettylist "describe one"; do
    # shellcheck disable=SC2086 # words
    run pm2 $command
    assert_fails
    assert_has "the setting pm2:redact is no regular expression"
    assert_lacks hush
  done
}
