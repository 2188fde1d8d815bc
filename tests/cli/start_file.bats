#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Process files as targets of start, restart, stop and delete; standard input.
load ../lib/harness

two_apps() {
  cat >two.json <<EOF
{ "apps": [
  { "name": "one", "script": "tick.js", "env": { "WHO": "first" }, "env_production": { "WHO": "prod" } },
  { "name": "two", "script": "sleep", "args": "1000" }
] }
EOF
}

@test "start: what is new is launched, what runs is restarted" {
  two_apps
  run pm2 start two.json
  assert_ok
  assert_has "[PM2][WARN] Applications one, two not running, starting..."
  assert_has "[PM2] App [one] launched (1 instances)"
  assert_has "[PM2] App [two] launched (1 instances)"
  pm2 delete two
  run pm2 start two.json
  assert_ok
  assert_has "[PM2] Applying action restartProcessId on app [one](ids: [ 0 ])"
  assert_has "[PM2] [one](0) ✓"
  assert_has "[PM2][WARN] Applications two not running, starting..."
  app_is one pm2_env.restart_time 1
}

@test "without a target: ecosystem.config.js of this folder, or why not" {
  need_program node
  run pm2 start
  assert_fails
  assert_has "[PM2][ERROR] File ecosystem.config.js not found"
  echo 'module.exports = { apps: [{ name: "eco", script: "tick.js" }] }' >ecosystem.config.js
  pm2 start
  wait_status eco online
}

@test "files and other words, in their order" {
  two_apps
  pm2 start tick.js two.json
  app_is tick pm_id 0
  app_is one pm_id 1
  app_is two pm_id 2
}

@test "--only and --env" {
  two_apps
  pm2 start two.json --only one --env production
  app_is one pm2_env.env.WHO prod
  assert_equal "$(app_count)" 1
}

@test "an unknown --env is a warning" {
  two_apps
  run pm2 start two.json --only two --env nowhere
  assert_ok
  assert_has "Environment [nowhere] is not defined in process file"
  wait_status two online
}

@test "standard input: start, restart, stop and delete" {
  two_apps
  run pm2_with_stdin start - <two.json
  assert_ok
  assert_has "App [two] launched"
  run pm2_with_stdin restart - <two.json
  assert_ok
  assert_has "[PM2] [two](1) ✓"
  assert_lacks "Applying action"
  app_is two pm2_env.restart_time 1
  run pm2_with_stdin stop - <two.json
  assert_ok
  assert_has "[PM2] [one](0) ✓"
  assert_lacks "Applying action"
  app_is one pm2_env.status stopped
  run pm2_with_stdin delete - <two.json
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "stop and delete of a file leave the others alone; unknown names are no error" {
  two_apps
  pm2 start two.json tick.js
  pm2 delete two
  run pm2 stop two.json
  assert_ok
  assert_has "[PM2] [one](0) ✓"
  app_is tick pm2_env.status online
  pm2 delete two.json
  assert_equal "$(app_count)" 1
}

@test "all errors of a file at once, and nothing is started" {
  ours_only "PM2 tells the first"
  cat >bad.json <<EOF
{ "apps": [
  { "name": "fine", "script": "tick.js" },
  { "name": "a", "script": "tick.js",
    "instances": true },
  { "name": "b", "script": "tick.js",
    "kill_timeout": "soon" }
] }
EOF
  run pm2 start bad.json
  assert_fails
  assert_has "apps[1].instances"
  assert_has "bad.json:4"
  assert_has "apps[2].kill_timeout"
  assert_has "bad.json:6"
  assert_equal "$(app_count)" 0
}

@test "a file that is none" {
  run pm2 start missing.json
  assert_fails
  assert_has "[PM2][ERROR] File missing.json not found"
  mkdir folder.json
  run pm2 start folder.json
  assert_fails
  echo '{ "apps": [' >cut.json
  run pm2 start cut.json
  assert_fails
  assert_has "[PM2][ERROR] File cut.json malformated"
}

@test "a changed file takes effect with the next restart" {
  ours_only "PM2 keeps script and folder"
  mkdir sub
  cp tick.js sub/other.js
  echo '{ "name": "app", "script": "tick.js" }' >app.json
  pm2 start app.json
  echo '{ "name": "app", "script": "other.js", "cwd": "sub" }' >app.json
  pm2 restart app.json
  wait_status app online
  app_is app pm2_env.pm_exec_path "$WORK/sub/other.js"
  app_is app pm2_env.pm_cwd "$WORK/sub"
}

@test "the same name in two namespaces is two apps" {
  ours_only "PM2 restarts the first"
  echo '{ "apps": [{ "name": "x", "script": "sleep", "args": "1000", "namespace": "a" },
                   { "name": "x", "script": "sleep", "args": "1000", "namespace": "b" }] }' >ns.json
  pm2 start ns.json
  assert_equal "$(app_count)" 2
  run pm2 start ns.json
  assert_ok
  assert_equal "$(app_count)" 2
}

@test "startOrRestart wants a file" {
  two_apps
  pm2 startOrRestart two.json
  wait_status two online
  run pm2 startOrReload two.json
  assert_ok
  assert_has "reloadProcessId"
  run pm2 startOrRestart tick.js
  assert_fails
}
