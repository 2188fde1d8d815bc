#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 scale, in fork mode.
load ../lib/harness

@test "up to a number, up by a number, down: the lowest ids go" {
  pm2 start sleep --name s -- 1000
  run pm2 scale s 3
  assert_ok
  assert_equal "$(grep -c "\[PM2\] Scaling up application" <<<"$output")" 2
  assert_equal "$(app_count)" 3
  pm2 scale s +1
  assert_equal "$(app_count)" 4
  run pm2 scale s 2
  assert_ok
  assert_has "[PM2] [s](0) ✓"
  assert_has "[PM2] [s](1) ✓"
  assert_equal "$(pm2 id s)" "[ 2, 3 ]"
}

@test "each process has its own number" {
  pm2 start sleep --name s -- 1000
  pm2 scale s 3
  wait_status 2 online
  app_is 0 pm2_env.NODE_APP_INSTANCE 0
  app_is 1 pm2_env.NODE_APP_INSTANCE 1
  app_is 2 pm2_env.NODE_APP_INSTANCE 2
}

@test "to nothing" {
  pm2 start sleep --name s -- 1000
  pm2 scale s 0
  assert_equal "$(app_count)" 0
}

@test "what cannot be" {
  pm2 start sleep --name s -- 1000
  run pm2 scale nobody 3
  assert_fails
  assert_has "Application nobody not found"
  run pm2 scale s 1
  assert_fails
  assert_has "Nothing to do"
  run pm2 scale s many
  assert_fails
  assert_has "Nothing to do"
  assert_equal "$(app_count)" 1
}
