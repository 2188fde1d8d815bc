#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# libpm2 and what listens that it did not start; daemons that end with their caller.

load ../lib/harness
load probe

# What listens is not a daemon of this release.
with_fake() { # kind, program
    mkdir -p "$TEST_PM2_HOME"
    chmod 700 "$TEST_PM2_HOME"
    mkfifo hold
    "$PYTHON" "$ROOT/tests/lib_c/fake_daemon.py" "$1" "$TEST_PM2_HOME" <hold >fake.log 2>&1 3>&- 4>&- &
    exec 9>hold
    wait_until grep -q ready fake.log
    run lib lib-c-probe "$2" </dev/null
    exec 9>&-
    wait
    assert_ok
}

@test "another program listens and does not answer" {
    with_fake mute refused
    assert_has "-110 no answer on $TEST_PM2_HOME/rpc.sock within 300 ms"
}

@test "another program listens and speaks something else" {
    with_fake noise refused
    assert_has "-71 what listens there does not speak PM2's protocol"
}

@test "a Node PM2 listens" {
    with_fake node refused
    assert_has "-71 a Node PM2 daemon is running in $TEST_PM2_HOME"
}

@test "a daemon of another release: the same protocol will do" {
    with_fake older accepted
}

@test "a daemon of another release and protocol is refused" {
    with_fake other refused
    assert_has "-71 the daemon is pm2c 9.9.9 and speaks protocol 99"
}

@test "a daemon that is just ending is tried again" {
    with_fake ending accepted
}

@test "somebody else's daemon" {
    [ "$(id -u)" -eq 0 ] || skip "needs root"
    mkdir -p "$TEST_PM2_HOME"
    "$PYTHON" -c "import socket; socket.socket(socket.AF_UNIX).bind('$TEST_PM2_HOME/rpc.sock')"
    chown 12345:12345 "$TEST_PM2_HOME/rpc.sock"
    run lib lib-c-probe refused </dev/null
    assert_ok
    assert_has "-13 Permission denied"
}

own_started() {
    [ -s said ]
}

start_own() {
    make_api
    mkfifo hold
    lib lib-c-probe own <hold >said 2>&1 &
    exec 9>hold
    wait_until own_started
    read -r app_pid launched <said
}

@test "no-daemon mode: the daemon ends with its caller" {
    start_own
    assert_equal "$launched" 1
    kill -0 "$app_pid"
    exec 9>&-
    wait_until no_processes_left
}

@test "no-daemon mode: callback face" {
    probe own-async
    wait_until no_processes_left
}

@test "no-daemon mode: the caller is killed" {
    start_own
    # shellcheck disable=SC2046 # pids of this home
    kill -9 $(pgrep -x lib-c-probe | grep -Fx "$(processes_left)")
    exec 9>&-
    wait_until no_processes_left
}

@test "no-daemon mode: a running daemon is joined and left running" {
    pm2 ping >/dev/null
    start_own
    assert_equal "$launched" 0
    exec 9>&-
    wait
    kill -0 "$app_pid"
    wait_status api online
}
