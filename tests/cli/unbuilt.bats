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

@test "options of start" {
  ours_only "has them"
  not_yet start tick.js --watch
  not_yet start tick.js --watch-delay 1
  not_yet start tick.js --ignore-watch x
  not_yet start tick.js --cron "0 0 * * *"
  not_yet start tick.js --max-memory-restart 100M
  not_yet start tick.js --log-type json
  not_yet start tick.js --log-date-format YYYY
  not_yet start tick.js --time
  not_yet start tick.js --write
  not_yet start tick.js --trace
  not_yet start tick.js --v8
  not_yet logs --json
  not_yet logs --format
  not_yet logs --timestamp
  not_yet logs --highlight x
  assert_equal "$(app_count)" 0
}

@test "cluster mode" {
  ours_only "has it"
  not_yet start tick.js -i 2
  assert_has cluster
  assert_equal "$(app_count)" 0
}

@test "config files" {
  ours_only "has them"
  echo '{"apps": [{"script": "tick.js"}]}' >apps.json
  echo 'module.exports = { apps: [{ script: "tick.js" }] }' >ecosystem.config.js
  not_yet start apps.json
  not_yet start ecosystem.config.js
  not_yet start
  assert_equal "$(app_count)" 0
}

@test "patterns as targets" {
  ours_only "has them"
  pm2 start sleep --name web -- 1000
  not_yet stop /we/
  app_is web pm2_env.status online
}

@test "commands" {
  ours_only "has them"
  for command in save dump resurrect cleardump startup unstartup monit dash scale "scale web 3" \
    reload "reload all" deploy "install x" "uninstall x" serve ecosystem init "trigger 0 x" update "send 0 x" "attach 0" reloadLogs \
    "set a b" "get a" flush "startOrRestart x.json" "completion" "pull x" slist report; do
    # shellcheck disable=SC2086 # words
    not_yet $command
  done
}
