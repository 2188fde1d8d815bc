#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# nice, rlimits and limits of the cgroup. What a machine's cgroups allow differs: that limits arrive
# where the kernel reads them is tested on a folder that looks like a hierarchy.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and that is meant
load ../lib/harness

declare_app() { # MORE: an app that sleeps, with these attributes, in app.json
  echo "{\"name\":\"sleepy\",\"script\":\"sleep\",\"args\":\"1000\",\"interpreter\":\"none\",$1}" \
    >app.json
}

limit_is() { # PID NAME SOFT HARD, as the kernel has it
  local line
  line=$(grep "^$2 " "/proc/$1/limits")
  # shellcheck disable=SC2086 # words
  set -- $3 $4 ${line#"$2"}
  [ "$1 $2" = "$3 $4" ] || {
    echo "wanted $1 $2, have: $line"
    return 1
  }
}

nice_of() { # PID
  ps -o ni= -p "$1" | tr -d ' '
}

# Root without the two rights that matter here.
without_rights() {
  if [ "$(id -u)" -eq 0 ]; then
    need_program setpriv
    PM2=$WORK/pm2-without-rights
    printf '#!/bin/sh\nexec setpriv --bounding-set=-sys_nice,-sys_resource --inh-caps=-all %s "$@"\n' \
      "$1" >"$PM2"
    chmod +x "$PM2"
  fi
}

# A folder with the files of a cgroup v2 hierarchy; $CGROUP is where the app will be put.
fake_cgroups() { # CONTROLLERS
  export PM2_CGROUP=$WORK/cgroups
  mkdir "$PM2_CGROUP"
  pm2 ping >/dev/null
  local top folder
  top=$(echo "$PM2_CGROUP"/pm2c-*)
  CGROUP=$top/app-0
  mkdir "$CGROUP"
  for folder in "$PM2_CGROUP" "$top"; do
    echo "$1" >"$folder/cgroup.controllers"
    : >"$folder/cgroup.subtree_control"
  done
  for file in cgroup.procs memory.max memory.high cpu.max pids.max; do
    : >"$CGROUP/$file"
  done
}

@test "nice and rlimits are those of the process" {
  declare_app '"nice":5,"rlimits":{"nofile":[50,60],"core":"1K","stack":["1M","unlimited"]}'
  run pm2 start app.json
  assert_ok
  local pid
  pid=$(app_pid sleepy)
  assert_equal "$(nice_of "$pid")" 5
  limit_is "$pid" "Max open files" 50 60
  limit_is "$pid" "Max core file size" 1024 1024
  limit_is "$pid" "Max stack size" 1048576 unlimited
  run pm2 describe sleepy
  assert_has "nofile 50 60, core 1024 1024, stack 1048576 unlimited"
}

@test "what is not asked for is not touched" {
  declare_app '"env":{"A":"1"}'
  pm2 start app.json
  assert_equal "$(nice_of "$(app_pid sleepy)")" "$(nice_of $$)"
  run pm2 describe sleepy
  assert_lacks rlimits
  assert_lacks cgroup
}

@test "a restart with the file brings other resources" {
  declare_app '"nice":5,"rlimits":{"nofile":50}'
  pm2 start app.json
  declare_app '"nice":7,"rlimits":{"nofile":70}'
  run pm2 restart app.json
  assert_ok
  assert_equal "$(nice_of "$(app_pid sleepy)")" 7
  limit_is "$(app_pid sleepy)" "Max open files" 70 70
}

@test "a new pm2d starts with the same resources" {
  declare_app '"nice":5,"rlimits":{"nofile":50}'
  pm2 start app.json
  local pid
  pid=$(app_pid sleepy)
  kill -9 "$(pgrep -P "$(daemon_pid)" -x pm2d)"
  run pm2 restart sleepy
  assert_ok
  refute test "$(app_pid sleepy)" = "$pid"
  assert_equal "$(nice_of "$(app_pid sleepy)")" 5
  limit_is "$(app_pid sleepy)" "Max open files" 50 50
}

@test "a nice value that is not permitted" {
  without_rights "$PM2"
  declare_app '"nice":-10'
  run pm2 start app.json
  assert_fails 1
  assert_has "nice -10 is not permitted: Permission denied"
  wait_status sleepy errored
  run pm2 describe sleepy
  assert_has "nice -10 is not permitted"
}

@test "a limit above the one of the keeper" {
  without_rights "$PM2"
  declare_app '"rlimits":{"nofile":40,"core":[0,2000]}'
  ulimit -c 0
  run pm2 start app.json
  assert_fails 1
  assert_has "rlimits.core 0, 2000 is not permitted: Operation not permitted"
  wait_status sleepy errored
}

@test "cgroup limits without cgroups are refused" {
  export PM2_CGROUP=off
  declare_app '"cgroup":{"memory_max":"64M"}'
  run pm2 start app.json
  assert_fails 1
  assert_has "no delegated cgroup v2 (PM2_CGROUP is off)"
  wait_status sleepy errored
}

@test "cgroup limits without the controller are refused" {
  fake_cgroups "cpu io"
  declare_app '"cgroup":{"memory_max":"64M"}'
  run pm2 start app.json
  assert_fails 1
  assert_has "cgroup.memory_max: controller memory is not available here (cgroup.controllers: cpu io)"
}

@test "limits that limit nothing need no cgroup" {
  export PM2_CGROUP=off
  declare_app '"cgroup":{"memory_max":"max"}'
  run pm2 start app.json
  assert_ok
  wait_status sleepy online
}

@test "cgroup limits are written before the app is in it" {
  fake_cgroups "cpu memory pids"
  declare_app '"cgroup":{"memory_max":"64M","memory_high":"32M","cpu_max":"50%","pids_max":10}'
  run pm2 start app.json
  assert_ok
  wait_status sleepy online
  assert_equal "$(<"$CGROUP/memory.max")" 67108864
  assert_equal "$(<"$CGROUP/memory.high")" 33554432
  assert_equal "$(<"$CGROUP/cpu.max")" "50000 100000"
  assert_equal "$(<"$CGROUP/pids.max")" 10
  file_has "$CGROUP/cgroup.procs" 0
  file_has "$PM2_CGROUP/cgroup.subtree_control" +
  run pm2 describe sleepy
  assert_has "memory_max 67108864, memory_high 33554432, cpu_max 50000 100000, pids_max 10"
}

@test "a limit that has left the file is lifted" {
  fake_cgroups "memory pids"
  declare_app '"cgroup":{"memory_max":"64M","pids_max":10}'
  pm2 start app.json
  : >"$CGROUP/memory.max" # the kernel replaces the content, a file would not
  declare_app '"cgroup":{"pids_max":20}'
  run pm2 restart app.json
  assert_ok
  assert_equal "$(<"$CGROUP/memory.max")" max
  assert_equal "$(<"$CGROUP/pids.max")" 20
}

@test "processes that the kernel has killed for memory are in the log" {
  fake_cgroups "memory"
  declare_app '"cgroup":{"memory_max":"64M"},"autorestart":false'
  echo "oom_kill 3" >"$CGROUP/memory.events" # of earlier runs
  pm2 start app.json
  echo "oom_kill 4" >"$CGROUP/memory.events"
  kill -9 "$(app_pid sleepy)"
  wait_status sleepy stopped
  file_has "$TEST_PM2_HOME/pm2.log" \
    "out of memory: the kernel has killed 1 of its processes (memory_max 67108864 bytes)"
}

@test "the end of a daemon leaves the files of its successor alone" {
  pm2 ping >/dev/null
  local old
  old=$(daemon_pid)
  rm -r "$TEST_PM2_HOME"
  pm2 ping >/dev/null
  refute test "$(daemon_pid)" = "$old"
  kill -TERM "$old"
  wait_until pid_gone "$old"
  [ -S "$TEST_PM2_HOME/rpc.sock" ]
  [ -S "$TEST_PM2_HOME/pub.sock" ]
  run pm2 ping
  assert_ok
  refute test "$(daemon_pid)" = "$old"
}
