#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Modules: install, uninstall, module:update, and what a daemon does with them.
load ../lib/harness

# module NAME VERSION [MORE MEMBERS OF package.json]: a folder with a module that stays.
module() {
  mkdir -p "$WORK/$1"
  echo "{\"name\": \"$1\", \"version\": \"$2\", \"main\": \"index.js\"${3:+, $3}}" >"$WORK/$1/package.json"
  echo 'console.log("speed", process.env.speed); setInterval(() => {}, 1000)' >"$WORK/$1/index.js"
}

# An archive as `pm2 package` makes it, of a folder.
archive() {
  rm -rf "$WORK/.pack"
  mkdir "$WORK/.pack"
  cp -r "$WORK/$1" "$WORK/.pack/module"
  tar -czf "$WORK/$2" -C "$WORK/.pack" module
}

need_npm() {
  need_program npm
  ours_only "folders cannot be installed"
}

# path of a value in module_conf.json, or nothing
setting() {
  "$PYTHON" -c 'import json, sys
at = json.load(open(sys.argv[1]))
for key in sys.argv[2:]:
    at = at.get(key) if at is not None else None
print(json.dumps(at))' "$TEST_PM2_HOME/module_conf.json" "$@"
}

@test "a folder: its settings, its table, its process" {
  need_npm
  module mod 1.2.3 '"config": {"speed": 5}'
  run pm2 install ./mod
  assert_ok
  assert_has "Module downloaded"
  assert_has "App [mod] launched (1 instances)"
  assert_has '$ pm2 set mod:speed 5'
  assert_has "Module successfully installed and launched"
  wait_status mod online
  app_is mod pm2_env.pmx_module true || app_is mod pm2_env.pmx_module True
  app_is mod pm2_env.pm_cwd "$TEST_PM2_HOME/modules/mod/node_modules/mod"
  wait_until file_has "$(log_of mod-out)" "speed 5"
  assert_equal "$(setting module-db-v2 mod)" "{}"
  run pm2 ls
  assert_has "│ 0  │ mod                          │ 1.2.3 "
  refute test -e "$TEST_PM2_HOME/modules/.staging"
}

@test "a setting restarts the module with it, and is kept by the next install" {
  need_npm
  module mod 1.0.0 '"config": {"speed": 5, "more": "x"}'
  pm2 install ./mod
  run pm2 set mod:speed 9
  assert_has "Module mod restarted"
  wait_until file_has "$(log_of mod-out)" "speed 9"
  module mod 2.0.0 '"config": {"speed": 6, "new": true}'
  run pm2 install ./mod
  assert_ok
  assert_has "Module already installed. Updating."
  assert_equal "$(setting mod)" '{"speed": "9", "more": "x", "new": true}'
  wait_app mod pm2_env.version 2.0.0
  assert_equal "$(app_count)" 1
}

@test "all means apps only; the saved list has no modules; a new daemon starts them" {
  need_npm
  module mod 1.0.0
  pm2 install ./mod
  pm2 start tick.js --name app
  pm2 stop all
  wait_status app stopped
  app_is mod pm2_env.status online
  pm2 save
  refute file_has "$TEST_PM2_HOME/dump.pm2" '"mod"'
  pm2 kill
  pm2_split jlist
  assert_has "Starting NPM module mod" "$err"
  echo "$out" | "$PYTHON" -c 'import json, sys; json.load(sys.stdin)'
  wait_status mod online
  assert_equal "$(app_count)" 1
  pm2 stop mod
  wait_status mod stopped
}

@test "a module survives the death of pm2d, and is not started twice" {
  need_npm
  module mod 1.0.0
  pm2 install ./mod
  local pid
  pid=$(app_pid mod)
  pm2d_dies
  app_is mod pid "$pid"
  assert_equal "$(app_count)" 1
}

@test "uninstall: the settings stay" {
  need_npm
  module mod 1.0.0 '"config": {"speed": 5}'
  pm2 install ./mod
  run pm2 uninstall mod
  assert_ok
  assert_has "Uninstalling module mod"
  assert_equal "$(app_count)" 0
  refute test -e "$TEST_PM2_HOME/modules/mod"
  assert_equal "$(setting module-db-v2)" "{}"
  assert_equal "$(setting mod speed)" 5
  pm2 kill
  assert_equal "$(app_count)" 0
}

@test "uninstall all" {
  need_npm
  module one 1.0.0
  module two 1.0.0
  pm2 install ./one
  archive two two.tar.gz
  pm2 install two.tar.gz
  assert_equal "$(app_count)" 2
  run pm2 uninstall all
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "an archive with several apps; update from where it came" {
  ours_only "waits for a terminal"
  mkdir two
  echo '{"name": "two", "version": "1.0.0", "apps": [
    {"name": "a", "script": "tick.js"}, {"name": "b", "script": "tick.js"}]}' >two/package.json
  cp tick.js two
  archive two two.tar.gz
  run pm2 install two.tar.gz
  assert_ok
  wait_status two:a online
  wait_status two:b online
  assert_equal "$(setting tar-modules two source)" '"tarball"'
  echo '{"name": "two", "version": "1.1.0", "pm2": {"script": "tick.js"}}' >two/package.json
  archive two two.tar.gz
  run pm2 module:update two
  assert_ok
  wait_app two pm2_env.version 1.1.0
  assert_equal "$(app_count)" 1
}

@test "a tarball of npm, and a scope" {
  need_npm
  module mod 3.0.0
  sed -i 's/"mod"/"@scope\/mod"/' mod/package.json
  (cd mod && npm pack --silent --pack-destination "$WORK")
  run pm2 install scope-mod-3.0.0.tgz
  assert_ok
  wait_status @scope/mod online
  run pm2 module:update @scope/mod
  assert_ok
  run pm2 uninstall @scope/mod
  assert_ok
  assert_equal "$(app_count)" 0
}

@test "--safe: of an archive, what is known of the one before comes back, too" {
  ours_only "waits for a terminal"
  module mod 1.0.0
  archive mod mod.tar.gz
  pm2 install mod.tar.gz
  local before
  before=$(setting tar-modules mod)
  module mod 2.0.0
  echo 'process.exit(3)' >mod/index.js
  archive mod mod.tar.gz
  run pm2 install mod.tar.gz --safe 4000
  assert_fails
  assert_equal "$(setting tar-modules mod)" "$before"
  wait_app mod pm2_env.version 1.0.0
}

@test "a repository of git, and its update" {
  need_npm
  need_program git
  module mod 1.0.0
  (
    cd mod
    git init -q
    git add .
    git -c user.name=x -c user.email=x@y commit -qm one
  )
  run pm2 install "git+file://$WORK/mod"
  assert_ok
  wait_app mod pm2_env.version 1.0.0
  sed -i 's/1.0.0/1.1.0/' mod/package.json
  git -C mod -c user.name=x -c user.email=x@y commit -qam two
  run pm2 module:update mod
  assert_ok
  wait_app mod pm2_env.version 1.1.0
}

@test "npm fails half-way: the module before goes on undisturbed" {
  need_npm
  module mod 1.0.0
  pm2 install ./mod
  local pid
  pid=$(app_pid mod)
  module mod 2.0.0 '"dependencies": {"x": "file:/nowhere/at/all"}'
  run pm2 install ./mod
  assert_fails
  assert_has "Installation failed via NPM, module has been restored to prev version"
  app_is mod pid "$pid"
  app_is mod pm2_env.version 1.0.0
  refute test -e "$TEST_PM2_HOME/modules/.staging"
}

@test "no npm" {
  ours_only "needs node"
  module mod 1.0.0
  mkdir empty
  PATH=$WORK/empty run pm2_without_path install ./mod
  assert_fails
  assert_has "cannot run npm"
}

pm2_without_path() {
  /usr/bin/env -i PATH="$WORK/empty" HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" NO_COLOR=1 \
    "$PM2" "$@" </dev/null 3>&- 4>&-
}

@test "--safe: a module that crashes is removed" {
  need_npm
  module mod 1.0.0
  echo 'process.exit(3)' >mod/index.js
  run pm2 install ./mod --safe 4000
  assert_fails
  assert_has "mod does not work: it was removed"
  assert_equal "$(app_count)" 0
  assert_equal "$(setting module-db-v2)" "{}"
  refute test -e "$TEST_PM2_HOME/modules/mod"
}

@test "--safe: the version before comes back" {
  need_npm
  module mod 1.0.0
  pm2 install ./mod
  module mod 2.0.0
  echo 'process.exit(3)' >mod/index.js
  run pm2 install ./mod --safe 4000
  assert_fails
  assert_has "the one before is back"
  wait_status mod online
  app_is mod pm2_env.version 1.0.0
  assert_equal "$(setting module-db-v2 mod)" "{}"
  run pm2 install ./mod --safe soon
  assert_fails
  assert_has "--safe soon: expected milliseconds"
}

@test "a module that crashes at start is shown, and can be removed" {
  need_npm
  module mod 1.0.0
  echo 'process.exit(3)' >mod/index.js
  run pm2 install ./mod
  wait_status mod errored 20
  pm2 uninstall mod
  assert_equal "$(app_count)" 0
}

@test "what is no module" {
  need_npm
  run pm2 install ./nowhere
  assert_fails
  assert_has "/nowhere: No such file or directory"
  mkdir empty
  echo '{"name": "empty", "version": "1.0.0"}' >empty/package.json
  run pm2 install ./empty
  assert_fails
  assert_has "empty is no module: its package.json has no apps, bin or main to start"
  echo '{"name": "../../x", "version": "1.0.0", "main": "x"}' >empty/package.json
  archive empty bad.tar.gz
  run pm2 install bad.tar.gz
  assert_fails
  assert_has "no usable name"
  run pm2 install --tarball tick.js
  assert_fails
  assert_has "tar cannot unpack"
  run pm2 uninstall nope
  assert_fails
  assert_has "Unknown module"
  run pm2 module:update nope
  assert_fails
  assert_has "Unknown module nope"
  assert_equal "$(app_count)" 0
  assert_equal "$(ls -A "$TEST_PM2_HOME/modules")" ""
}

@test "an app that has the name is left alone" {
  need_npm
  module mod 1.0.0
  pm2 start tick.js --name mod
  local pid
  pid=$(app_pid mod)
  run pm2 install ./mod
  assert_fails
  assert_has "An app is called mod"
  app_is mod pid "$pid"
  assert_equal "$(app_count)" 1
}

@test "a registered module whose folder is gone keeps nothing from starting" {
  need_npm
  module one 1.0.0
  module two 1.0.0
  pm2 install ./one
  pm2 install ./two
  pm2 kill
  rm -r "$TEST_PM2_HOME/modules/one"
  pm2_split jlist
  assert_has "one is not started" "$err"
  wait_status two online
}

@test "package makes what install understands, and packs no archive into itself" {
  module mod 1.2.3 '"apps": [{"name": "app", "script": "index.js"}]'
  mkdir -p mod/lib && ln -s ../index.js mod/lib/link.js
  run pm2 package mod
  assert_ok
  assert_has "Module packaged in $WORK/mod-v1-2-3.tar.gz"
  first=$(tar -tzf mod-v1-2-3.tar.gz | sort)
  assert_equal "$(head -n 1 <<<"$first")" "module/"
  assert_equal "$(tar -tvzf mod-v1-2-3.tar.gz | sed -n 's/.*link.js -> //p')" ../index.js
  (cd mod && pm2 package && pm2 package .)
  assert_equal "$(tar -tzf mod/mod-v1-2-3.tar.gz | sort)" "$first"
  run pm2 install "./mod-v1-2-3.tar.gz"
  assert_ok
  assert_has "Module INSTALLED and STARTED"
  assert_lacks NPM
  wait_status mod:app online
  assert_equal "$(setting tar-modules mod source)" '"tarball"'
  pm2 uninstall mod
  assert_equal "$(app_count)" 0
}

@test "package: what is no module, and an archive that cannot be written" {
  ours_only "a stack trace"
  run pm2 package nowhere
  assert_fails
  assert_has "nowhere: No such file or directory"
  mkdir bare && echo '{"name": "bare"}' >bare/package.json
  run pm2 package bare
  assert_fails
  assert_has "it needs a \`version\`"
  echo '{"name": "../bare", "version": "1"}' >bare/package.json
  run pm2 package bare
  assert_fails
  assert_has "needs a \`name\`"
  module mod 1.2.3
  mkdir mod-v1-2-3.tar.gz.part
  run pm2 package mod
  assert_fails
  assert_has "cannot write $PWD/mod-v1-2-3.tar.gz.part: Is a directory"
  refute test -e mod-v1-2-3.tar.gz
}

@test "module:generate makes a module that works" {
  ours_only "fetches it from the network"
  run pm2 module:generate sample
  assert_ok
  run pm2 module:generate sample
  assert_fails
  assert_has "File exists"
  run pm2 module:generate ../sample
  assert_fails
  cd sample
  pm2 install .
  wait_status sample online
  wait_until file_has "$(log_of sample-out)" "sample looks every 1000 ms"
  run pm2 trigger sample hello
  assert_has '"turns":'
}

@test "install . is watched and not registered" {
  ours_only "its own words"
  module mod 1.0.0
  cd mod
  run pm2 install .
  assert_ok
  wait_status mod online
  app_is mod pm2_env.restart_time 0
  assert_equal "$(setting module-db-v2)" null
  echo '// changed' >>index.js
  wait_app mod pm2_env.restart_time 1
}

@test "pm2-logrotate from the registry rotates, and pm2d leaves it to it" {
  need_npm
  timeout 20 npm ping >/dev/null 2>&1 || skip "the registry is out of reach"
  PM2_TEST_TIMEOUT=120 run pm2 install pm2-logrotate
  assert_ok
  echo 'setInterval(() => console.log("x".repeat(999)), 10)' >much.js
  pm2 start much.js
  pm2 multiset "pm2-logrotate:max_size 20K pm2-logrotate:workerInterval 1"
  wait_until -t 30 rotated 'much-out__*.log'
  # by date: the size does not matter
  pm2 set pm2-logrotate:max_size 1G
  rm "$TEST_PM2_HOME"/logs/much-out__*
  pm2 set pm2-logrotate:rotateInterval '* * * * * *'
  wait_until -t 30 rotated 'much-out__*.log'
  # ours would do it now, if it were allowed to
  pm2 stop pm2-logrotate
  pm2 multiset "other:x 1"
  rm -f "$TEST_PM2_HOME"/logs/much-out__*
  wait_until log_is_larger "$TEST_PM2_HOME/logs/much-out.log" 60000
  refute rotated 'much-out__*.log'
  pm2 uninstall pm2-logrotate
  pm2 set pm2-logrotate:max_size 20K
  wait_until rotated 'much-out__*'
}

rotated() { # PATTERN
  compgen -G "$TEST_PM2_HOME/logs/$1" >/dev/null
}

log_is_larger() { # FILE BYTES
  [ "$(stat -c %s "$1")" -gt "$2" ]
}
