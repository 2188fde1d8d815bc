#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# startup, unstartup: files for init systems in a folder of etc of our own, with programs that only
# say how they were called.
load ../lib/harness

setup_file() {
  if ! unshare -m true 2>/dev/null && ! unshare -rm true 2>/dev/null; then
    export NO_NAMESPACE=1
  fi
}

fake() { # PROGRAM [EXIT CODE]
  printf '#!/bin/sh\necho fake %s "$@"\nexit %s\n' "$1" "${2:-0}" >"$WORK/fake/$1"
  chmod +x "$WORK/fake/$1"
}

# As root, with $WORK/etc as /etc and $WORK/fake first in PATH.
as_root() {
  local flags=-m
  [ -z "${NO_NAMESPACE:-}" ] || skip "needs a mount namespace"
  [ "$(id -u)" -eq 0 ] || flags=-rm
  if [ ! -d "$WORK/etc" ]; then
    mkdir -p "$WORK/etc/systemd/system" "$WORK/etc/init.d" "$WORK/etc/rc.d" "$WORK/fake"
    cp /etc/passwd /etc/group "$WORK/etc"
    cp /etc/ld.so.cache /etc/nsswitch.conf "$WORK/etc" 2>/dev/null || :
    [ -e "$WORK/fake/systemctl" ] || fake systemctl
  fi
  # shellcheck disable=SC2016 # of the inner shell
  unshare $flags sh -c 'mount --bind "$1" /etc && shift && exec "$@"' sh "$WORK/etc" \
    env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" USER=root PATH="$WORK/fake:$PATH" NO_COLOR=1 \
    PM2_DISABLE_VERSION_CHECK=1 timeout -k 5 60 "$PM2" "$@" 3>&- 4>&-
}

unit() {
  echo "$WORK/etc/systemd/system/${1:-pm2-root}.service"
}

@test "not root: the command that root has to type, exit 1" {
  need_nobody
  mkdir -p "$WORK/fake" "$WORK/h"
  fake systemctl
  chmod 755 "$WORK/fake" "$WORK/h"
  run as_nobody env HOME="$WORK/h" PM2_HOME="$WORK/h/.pm2" USER=bob PATH="$WORK/fake:$PATH" \
    NO_COLOR=1 "$PM2" startup
  assert_fails
  assert_equal "${lines[0]}" "[PM2] Init System found: systemd"
  assert_equal "${lines[1]}" \
    "[PM2] To setup the Startup Script, copy/paste the following command:"
  assert_has "sudo env PATH=\$PATH:" "${lines[2]}"
  assert_has "pm2 startup systemd -u bob --hp $WORK/h" "${lines[2]}"
  run as_nobody env HOME="$WORK/h" PM2_HOME="$WORK/h/.pm2" USER=bob PATH="$WORK/fake:$PATH" \
    NO_COLOR=1 "$PM2" unstartup
  assert_fails
  assert_has "To unsetup the Startup Script"
  assert_has "pm2 unstartup systemd -u bob"
}

@test "systemd: file, command, hints; and away with it" {
  run as_root startup
  assert_ok
  assert_has "Platform systemd"
  assert_has "Target path
/etc/systemd/system/pm2-root.service
Command list
[ 'systemctl enable pm2-root' ]"
  assert_has "[PM2] Writing init configuration in /etc/systemd/system/pm2-root.service"
  assert_has "[PM2] [-] Executing: systemctl enable pm2-root...
fake systemctl enable pm2-root
[PM2] [v] Command successfully executed."
  assert_has "\$ pm2 unstartup systemd"
  assert_equal "$(stat -c %a "$(unit)")" 644
  file_has "$(unit)" "Environment=PM2_HOME=$TEST_PM2_HOME"
  file_has "$(unit)" "WantedBy="
  run as_root unstartup
  assert_ok
  assert_has "fake systemctl stop pm2-root"
  assert_has "fake systemctl disable pm2-root"
  assert_has "[PM2] Init file disabled."
  [ ! -e "$(unit)" ]
}

@test "user, home, name, network" {
  run as_root startup systemd -u bob --hp /home/bob --service-name mysvc --wait-ip
  assert_ok
  file_has "$(unit mysvc)" "User=bob"
  file_has "$(unit mysvc)" "Environment=PM2_HOME=/home/bob/.pm2"
  file_has "$(unit mysvc)" "After=network-online.target"
  assert_has "fake systemctl enable mysvc"
}

@test "the home of another user is his own" {
  ours_only "takes that of the caller"
  run as_root startup -u nobody
  assert_ok
  refute file_has "$(unit pm2-nobody)" "$TEST_PM2_HOME"
}

@test "systemd finds nothing wrong with it" {
  ours_only "the words are its own"
  need_program systemd-analyze
  as_root startup --wait-ip
  cp "$(unit)" "$WORK/pm2-test.service"
  run systemd-analyze verify --man=no "$WORK/pm2-test.service"
  assert_ok
  assert_equal "$output" ""
  as_root startup --keep-apps
  cp "$(unit)" "$WORK/pm2-test.service"
  run systemd-analyze verify --man=no "$WORK/pm2-test.service"
  assert_equal "$output" ""
  as_root startup systemd-user
  cp "$TEST_HOME/.config/systemd/user/pm2.service" "$WORK/pm2-test.service"
  XDG_RUNTIME_DIR=$WORK run systemd-analyze --user verify --man=no "$WORK/pm2-test.service"
  assert_equal "$output" ""
}

@test "systemd-user needs no rights; --keep-apps needs systemd" {
  ours_only "has neither"
  need_nobody
  mkdir -p "$WORK/fake" "$WORK/h"
  fake systemctl
  chmod 755 "$WORK/fake"
  chmod 777 "$WORK/h"
  as_user() {
    as_nobody env HOME="$WORK/h" PM2_HOME="$WORK/h/.pm2" USER=bob PATH="$WORK/fake:$PATH" \
      NO_COLOR=1 "$PM2" "$@"
  }
  run as_user startup systemd-user --keep-apps
  assert_ok
  assert_has "fake systemctl --user enable pm2"
  assert_has "loginctl enable-linger bob"
  assert_lacks "you precised"
  file_has "$WORK/h/.config/systemd/user/pm2.service" "KillMode=process"
  refute file_has "$WORK/h/.config/systemd/user/pm2.service" "User="
  run as_user unstartup systemd-user
  assert_ok
  [ ! -e "$WORK/h/.config/systemd/user/pm2.service" ]
  run as_user startup openrc --keep-apps
  assert_fails
  assert_has "only with systemd, not with openrc"
  run as_user startup systemd --keep-apps
  assert_fails
  assert_has "--keep-apps" "${lines[2]}"
}

@test "its lines do what they say: the list is there, the manager is told, the end is one" {
  ours_only "has no word for the manager"
  pm2 start sleep --name one -- 1000
  pm2 start sleep --name two -- 1000
  pm2 stop two
  pm2 save
  pm2 kill
  as_root startup
  run "$PYTHON" "$ROOT/tests/lib/notified.py" "$(unit)" ExecStart
  assert_ok
  assert_equal "$output" "MAINPID=$(daemon_pid)
READY=1
STATUS=2 processes restored"
  app_is one pm2_env.status online
  app_is two pm2_env.status stopped
  run grep -z NOTIFY_SOCKET "/proc/$(daemon_pid)/environ" "/proc/$(app_pid one)/environ"
  assert_fails
  local before
  before=$(app_pid one)
  run "$PYTHON" "$ROOT/tests/lib/notified.py" "$(unit)" ExecReload
  assert_ok
  refute app_is one pid "$before"
  run "$PYTHON" "$ROOT/tests/lib/notified.py" "$(unit)" ExecStop
  assert_ok
  wait_until no_processes_left
}

@test "nothing was saved: the service is ready all the same" {
  ours_only "has no word for the manager"
  as_root startup
  run "$PYTHON" "$ROOT/tests/lib/notified.py" "$(unit)" ExecStart
  assert_ok
  assert_has "READY=1"
  assert_has "STATUS=0 processes restored"
}

@test "a list that cannot be used: the service fails" {
  ours_only "exit 0"
  mkdir -p "$TEST_PM2_HOME"
  echo nonsense >"$TEST_PM2_HOME/dump.pm2"
  as_root startup
  run "$PYTHON" "$ROOT/tests/lib/notified.py" "$(unit)" ExecStart
  assert_fails
  assert_lacks "READY"
}

@test "init.d: a script that starts and ends it" {
  ours_only "another script"
  fake_rc=$WORK/fake
  mkdir -p "$fake_rc"
  as_root startup systemd >/dev/null # makes the folders
  fake update-rc.d
  mkdir -p "$WORK/etc"
  pm2 start sleep --name one -- 1000
  pm2 save
  pm2 kill
  run as_root startup upstart
  assert_has "fake update-rc.d pm2-root defaults"
  local script=$WORK/etc/init.d/pm2-root
  [ -x "$script" ]
  sed -i "s/^pm2_user=.*/pm2_user=$(id -un)/" "$script"
  run "$script" start
  assert_ok
  app_is one pm2_env.status online
  run "$script" status
  assert_has one
  run "$script" stop
  assert_ok
  wait_until no_processes_left
  run "$script" frobnicate
  assert_fails 2
  run as_root unstartup upstart
  assert_ok
  [ ! -e "$script" ]
}

@test "openrc, rc.d: scripts that a shell can read" {
  ours_only "other scripts"
  as_root startup systemd >/dev/null
  fake rc-update
  fake rcctl
  run as_root startup openrc
  assert_ok
  assert_has "fake rc-update add pm2 default"
  sh -n "$WORK/etc/init.d/pm2"
  run as_root startup openbsd
  assert_ok
  assert_has "[
  'chmod 755 /etc/rc.d/pm2_root',
  'rcctl enable pm2_root',
  'rcctl start pm2_root'
]"
  sh -n "$WORK/etc/rc.d/pm2_root"
}

@test "another platform than the one that is found: told, and done" {
  as_root startup systemd >/dev/null
  fake rc-update
  run as_root startup openrc
  assert_ok
  assert_has "PM2 detected systemd but you precised openrc"
}

@test "no such platform; none at all" {
  run as_root startup foo
  assert_fails
  assert_has "Unknown platform / init system name"
  fake none
  rm "$WORK/fake/systemctl"
  run env -i PATH="$WORK/fake" HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" "$PM2" startup
  assert_fails
  assert_has "Init system not found"
}

@test "a command that fails: its code, exit 1" {
  as_root startup systemd >/dev/null
  fake systemctl 3
  run as_root startup
  assert_fails
  assert_has "[ERROR] Exit code : 3"
}

@test "nothing to remove" {
  ours_only "an error, and exit 0"
  run as_root unstartup
  assert_ok
  assert_has "/etc/systemd/system/pm2-root.service is not there: nothing to disable"
}

@test "names that would be more than names are refused, and nothing is written" {
  ours_only "writes what it is given"
  local bad
  for bad in 'a;touch x' $'a\nb' '../../x' '-rf' 'a b'; do
    run as_root startup --service-name "$bad"
    assert_fails
    assert_has "is no name for a service"
    run as_root startup -u "$bad"
    assert_fails
    assert_has "is no user for a start-up script"
  done
  run as_root startup --hp $'/h\nExecStartPre=/bin/evil'
  assert_fails
  assert_has "control character"
  assert_equal "$(ls "$WORK/etc/systemd/system")" ""
}
