#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# pm2 check: a file is looked at, nothing is started, not even a daemon.
load ../lib/harness

no_daemon() {
  [ ! -e "$TEST_PM2_HOME/pm2.pid" ]
}

@test "a file without errors" {
  ours_only "it has no check"
  echo '{ "apps": [{ "script": "tick.js" }, { "name": "b", "script": "sleep 10" }] }' >good.json
  run pm2 check good.json
  assert_ok
  assert_has "2 apps, no errors"
  no_daemon
}

@test "all errors, with file, line, place and what was expected" {
  ours_only "it has no check"
  cat >bad.json <<EOF
{ "apps": [
  { "script": "tick.js", "instances": true },
  { "name": "b" },
  { "script": "tick.js",
    "max_memory_restart": "much" }
] }
EOF
  run pm2 check bad.json
  assert_fails
  assert_has 'bad.json:2: apps[0].instances: Expect "instances" to be a typeof [object Number]'
  assert_has "bad.json:3: apps[1].script"
  assert_has "bad.json:5: apps[2].max_memory_restart"
  no_daemon
}

@test "an unknown attribute is a warning that names the nearest" {
  ours_only "it has no check"
  echo '{ "script": "tick.js", "autorestrat": false }' >odd.json
  run pm2 check odd.json
  assert_ok
  assert_has 'did you mean "autorestart"?'
}

@test "a circle of dependencies is shown" {
  ours_only "it has no check"
  echo '[{ "name": "a", "script": "tick.js", "depends_on": ["b"] },
         { "name": "b", "script": "tick.js", "depends_on": ["a"] }]' >circle.json
  run pm2 check circle.json
  assert_fails
  assert_has "a -> b -> a"
}

@test "what is no file of apps" {
  ours_only "it has no check"
  run pm2 check missing.json
  assert_fails
  assert_has "File missing.json not found"
  mkfifo pipe.json
  run pm2 check pipe.json
  assert_fails
  printf '{ "apps": [{ "script": "tick.js", }, ] \n' >cut.json
  run pm2 check cut.json
  assert_fails
  assert_has "malformated"
  no_daemon
}

@test "standard input" {
  ours_only "it has no check"
  run pm2_with_stdin check - <<<'{ "script": "tick.js" }'
  assert_ok
}

@test "--print shows what was read, and where" {
  ours_only "new"
  printf 'apps:\n- script: tick.js\n  name: x\n' >e.yml
  run pm2 check --print e.yml
  assert_ok
  assert_has '{"apps":[{"script":"tick.js","name":"x"}],"apps_at":"apps","file":"'
  assert_has '"apps[0].name":3'
  run pm2 check --print gone.yml
  assert_fails
  assert_has "File gone.yml not found"
}
