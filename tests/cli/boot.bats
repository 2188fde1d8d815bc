#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The unit of `pm2 startup` under a real systemd, where one can be had.
load ../lib/harness

# write_unit [OPTION]: the unit for this home, in $WORK/units; no real systemctl is asked.
write_unit() {
  mkdir -p "$WORK/etc/systemd/system" "$WORK/fake" "$WORK/units"
  cp /etc/passwd /etc/group "$WORK/etc"
  cp /etc/ld.so.cache /etc/nsswitch.conf "$WORK/etc" 2>/dev/null || :
  printf '#!/bin/sh\n' >"$WORK/fake/systemctl"
  chmod +x "$WORK/fake/systemctl"
  # shellcheck disable=SC2016 # of the inner shell
  unshare -m sh -c 'mount --bind "$1" /etc && shift && exec "$@"' sh "$WORK/etc" \
    env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" USER="$(id -un)" PATH="$WORK/fake:$PATH" \
    "$PM2" startup systemd "$@" 3>&- 4>&- >/dev/null
  cp "$WORK"/etc/systemd/system/*.service "$WORK/units/pm2.service"
}

# Commands of the test, with systemd: sc is systemctl, pm2 ours.
under_systemd() {
  {
    echo "sc() { systemctl --user --no-pager \"\$@\"; }"
    echo "PM2='$PM2' PM2_HOME='$TEST_PM2_HOME'"
    echo "pm2() { env HOME='$TEST_HOME' PM2_HOME='$TEST_PM2_HOME' NO_COLOR=1 '$PM2' \"\$@\"; }"
    echo "keeper='$TEST_PM2_HOME/pm2.pid'"
    echo "state() { sc show pm2 -p \"\$1\" --value; }"
    cat
  } >"$WORK/inside.sh"
  run timeout -k 5 60 "$ROOT/tests/lib/with_systemd.sh" "$WORK" "$WORK/inside.sh" 3>&- 4>&-
  [ "$status" -ne 77 ] || skip "no systemd can be had here"
}

setup_boot() { # [OPTION OF startup]
  ours_only "needs a PID file"
  [ "$(id -u)" -eq 0 ] || skip "needs root"
  unshare -mpC -f true 2>/dev/null || skip "needs namespaces"
  pm2 start sleep --name one -- 1000
  pm2 start sleep --name two -- 1000
  pm2 stop two
  pm2 save
  pm2 kill
  write_unit "$@"
}

@test "start: ready when the list is launched; the keeper is the main process" {
  setup_boot
  under_systemd <<'SH'
sc start pm2
[ "$(state ActiveState)" = active ]
[ "$(state MainPID)" = "$(cat "$keeper")" ]
[ "$(state StatusText)" = "2 processes restored" ]
pm2 pid one | grep -v '^0$'
SH
  assert_ok
}

@test "pm2d may die: the service and the apps go on" {
  setup_boot
  under_systemd <<'SH'
sc start pm2
one=$(pm2 pid one)
main=$(state MainPID)
pm2d=$(pgrep -P "$main" -x pm2d)
kill -9 "$pm2d"
until pm2 ping >/dev/null 2>&1 && [ "$(pgrep -P "$main" -x pm2d)" != "$pm2d" ]; do sleep 0.05; done
[ "$(state ActiveState)" = active ]
[ "$(state MainPID)" = "$main" ]
[ "$(state NRestarts)" = 0 ]
[ "$(pm2 pid one)" = "$one" ]
SH
  assert_ok
}

@test "reload and stop" {
  setup_boot
  under_systemd <<'SH'
sc start pm2
one=$(pm2 pid one)
sc reload pm2
[ "$(pm2 pid one)" != "$one" ]
one=$(pm2 pid one)
sc stop pm2
[ "$(state ActiveState)" = inactive ]
[ "$(state Result)" = success ]
! kill -0 "$one" 2>/dev/null
SH
  assert_ok
}

@test "a list that cannot be used: the service has failed" {
  setup_boot
  echo nonsense >"$TEST_PM2_HOME/dump.pm2"
  rm -f "$TEST_PM2_HOME/dump.pm2.bak"
  sed -i 's/^Restart=.*/Restart=no/' "$WORK/units/pm2.service"
  under_systemd <<'SH'
! sc start pm2
[ "$(state ActiveState)" = failed ]
SH
  assert_ok
}

@test "--keep-apps: a restart of the service replaces the daemon, and apps run on; a stop ends them" {
  setup_boot --keep-apps
  under_systemd <<'SH'
sc start pm2
one=$(pm2 pid one)
guard=$(state MainPID)
main=$(cat "$keeper")
pm2d=$(pgrep -P "$main" -x pm2d)
sc restart pm2
[ "$(state ActiveState)" = active ]
[ "$(state MainPID)" != "$guard" ]
[ "$(cat "$keeper")" = "$main" ]
[ "$(pgrep -P "$main" -x pm2d)" != "$pm2d" ]
[ "$(pm2 pid one)" = "$one" ]
sc stop pm2
[ "$(state Result)" = success ]
! kill -0 "$one" 2>/dev/null
! kill -0 "$main" 2>/dev/null
[ "$(state ActiveState)" = inactive ]
SH
  assert_ok
}

@test "--keep-apps: keeper and pm2d may die; pm2 kill is the end; both dead is a failure that heals" {
  setup_boot --keep-apps
  sed -i 's/^Restart=.*/&\nRestartSec=0/' "$WORK/units/pm2.service"
  under_systemd <<'SH'
sc start pm2
one=$(pm2 pid one)
guard=$(state MainPID)
main=$(cat "$keeper")
kill -9 "$main"
until [ -s "$keeper" ] && [ "$(cat "$keeper")" != "$main" ] && pm2 ping >/dev/null 2>&1; do sleep 0.05; done
[ "$(state MainPID)" = "$guard" ]
[ "$(pm2 pid one)" = "$one" ]
main=$(cat "$keeper")
pm2d=$(pgrep -x pm2d)
kill -STOP "$pm2d" # or it might have a new keeper before it dies, too
kill -9 "$main"
kill -9 "$pm2d"
until [ "$(state NRestarts)" = 1 ] && [ "$(state ActiveState)" = active ]; do sleep 0.05; done
[ "$(pm2 pid one)" = "$one" ]
pm2 kill
until [ "$(state ActiveState)" = inactive ]; do sleep 0.05; done
[ "$(state Result)" = success ]
SH
  assert_ok
}

@test "systemd-user: written, enabled and started by the user's own manager; and away with it" {
  setup_boot
  under_systemd <<'SH'
home=$XDG_CONFIG_HOME/home
mkdir -p "$home/.config/systemd"
rm "$XDG_CONFIG_HOME/systemd/user/pm2.service"
ln -s "$XDG_CONFIG_HOME/systemd/user" "$home/.config/systemd/user"
env HOME="$home" PM2_HOME="$PM2_HOME" "$PM2" startup systemd-user
sc daemon-reload
[ "$(sc is-enabled pm2)" = enabled ]
sc start pm2
[ "$(state ActiveState)" = active ]
pm2 pid one | grep -v '^0$'
env HOME="$home" PM2_HOME="$PM2_HOME" "$PM2" unstartup systemd-user
[ ! -e "$XDG_CONFIG_HOME/systemd/user/pm2.service" ]
! kill -0 "$(cat "$keeper" 2>/dev/null)" 2>/dev/null
SH
  assert_ok
}
