#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What this version does not have yet says so, exits 1 and does nothing. When something of this is
# built, its line moves from here to tests of what it does.
load ../lib/harness

not_yet() {
  run pm2 "$@"
  assert_fails
  assert_has "not available yet"
}

@test "options" {
  ours_only "has them"
  not_yet start tick.js --container
  assert_equal "$(app_count)" 0
}

@test "commands" {
  ours_only "has them"
  for command in monit dash \
    deploy serve deepUpdate \
    "completion" "pull x" slist report; do
    # shellcheck disable=SC2086 # words
    not_yet $command
  done
}
