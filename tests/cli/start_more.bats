#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# start and restart of what is known; --ext, --write, --env.
load ../lib/harness

@test "start of a name, an id, a namespace, and of all" {
  pm2 start sleep --name a --namespace ns -- 1000
  pm2 start sleep --name b -- 1000
  pm2 stop all
  run pm2 start a
  assert_ok
  assert_has "Applying action restartProcessId on app [a](ids: [ 0 ])"
  assert_has "[PM2] Process successfully started"
  run pm2 start 1
  assert_has "on app [1](ids: [ '1' ])"
  pm2 stop all
  pm2 start ns
  app_is a pm2_env.status online
  app_is b pm2_env.status stopped
  pm2 start all
  app_is b pm2_env.status online
}

@test "a script that runs is started a second time only with -f" {
  pm2 start tick.js
  run pm2 start tick.js
  assert_fails
  assert_has "[PM2][ERROR] Script already launched, add -f option to force re-execution"
  pm2 start tick.js -f
  assert_equal "$(app_count)" 2
}

@test "shell lines are new apps each time" {
  pm2 start "sleep 1000 # one" "sleep 1000 # two"
  assert_equal "$(app_count)" 2
}

@test "restart with options and arguments" {
  pm2 start sleep --name s -- 1000
  run pm2 restart s --kill-timeout 777 -- 2000
  assert_ok
  app_is s pm2_env.kill_timeout 777
  app_is s pm2_env.args '["2000"]'
}

@test "restart --update-env: what is gone from the shell goes" {
  ours_only "it keeps them"
  GOES=1 CHANGES=old pm2 start sleep --name s -- 1000
  app_is s pm2_env.env.GOES 1
  CHANGES=new pm2 restart s
  app_is s pm2_env.env.CHANGES old
  CHANGES=new pm2 restart s --update-env
  app_is s pm2_env.env.CHANGES new
  app_is s pm2_env.env.GOES ""
}

@test "--env needs a file, except with start" {
  pm2 start sleep --name s --env production -- 1000
  for command in restart reload; do
    run pm2 $command s --env production
    assert_fails
    assert_has "Using --env [env] without passing the ecosystem.config.js does not work"
  done
  app_is s pm2_env.restart_time 0
}

@test "--write keeps the options as a process file" {
  run pm2 start sleep --name keeper --write --kill-timeout 500 -- 1000
  assert_ok
  assert_has "[PM2] Writing configuration to $WORK/keeper-pm2.json"
  pm2 delete keeper
  pm2 start keeper-pm2.json
  wait_status keeper online
  app_is keeper pm2_env.kill_timeout 500
  app_is keeper pm2_env.args '["1000"]'
}

@test "--write: a name cannot lead out of the folder" {
  ours_only "it follows it"
  mkdir inner
  cd inner
  pm2 start sleep --name ../escaped --write -- 1000
  [ ! -e ../escaped-pm2.json ]
  [ -e ..-escaped-pm2.json ]
}

@test "--watch --ext: only files with these extensions" {
  mkdir app
  cd app
  cp ../tick.js .
  pm2 start tick.js --watch --ext js,json
  touch other.txt
  : >config.json # one event: touch(1) makes two
  wait_app tick pm2_env.restart_time 1
  wait_status tick online
  refute grep "Change detected on path other.txt" "$TEST_PM2_HOME/pm2.log"
}

@test "describe finds a namespace" {
  ours_only "it does not"
  pm2 start sleep --name a --namespace ns -- 1000
  pm2 start sleep --name b --namespace ns -- 1000
  run pm2 describe ns
  assert_ok
  assert_has "Describing process with id 0 - name a"
  assert_has "Describing process with id 1 - name b"
}

@test "pm2 ecosystem makes a file that has apps" {
  need_program node
  run pm2 ecosystem
  assert_ok
  assert_has "File $WORK/ecosystem.config.js generated"
  [ -s ecosystem.config.js ]
  node -e 'require("./ecosystem.config.js").apps[0].script.length'
}
