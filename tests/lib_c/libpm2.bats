#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# libpm2 against a real daemon: the examples as they stand, and the programs of probe.c.

load ../lib/harness

BUILT=$(cd "$(dirname "$PM2")/.." && pwd)

# Run a program that uses the library, in this test's home. It finds pm2-keeper by PATH.
lib() {
    local program=$1
    shift
    timeout -k 5 60 env -u BATS_TEST_NAME HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" \
        PATH="$BUILT/bin:$PATH" "$BUILT/examples/$program" "$@" 3>&- 4>&-
}

probe() {
    make_api
    run lib lib-c-probe "$1" </dev/null
    assert_ok
    assert_has ok
}

make_api() {
    printf '#!/bin/sh\nwhile :; do echo tick; sleep 0.05; done\n' >api.sh
    printf 'setInterval(() => console.log("tick"), 50)\n' >api.js
    chmod +x api.sh
}

@test "quick start" {
    need_program node
    make_api
    run lib quick_start </dev/null
    assert_ok
    assert_has "0 api online pid"
    assert_has "restarts 1"
    wait_status api online
}

@test "plain poll loop" {
    need_program node
    make_api
    run lib poll_loop </dev/null
    assert_ok
    assert_has "0 api online"
    assert_has "restarted 1"
    assert_has "log:out {"
}

@test "libuv loop" {
    need_program node
    make_api
    run lib uv_loop </dev/null
    assert_ok
    assert_has "api is online"
    assert_has "deleted api"
    assert_equal "$(app_count)" 0
}

@test "examples say what is wrong" {
    for example in quick_start poll_loop uv_loop; do
        run lib $example </dev/null
        assert_fails 2
        assert_has "api.js"
    done
}

@test "blocking face: every function" {
    probe blocking
}

@test "blocking face: refusals have a code and a text" {
    probe refusals
}

@test "blocking face: options, arguments and environment arrive" {
    probe options
}

@test "blocking face: events" {
    probe events
}

@test "callback face: thousands of calls at once" {
    probe pipelined
}

@test "callback face: freed in a callback" {
    probe freed-inside
}

@test "callback face: disconnected in a callback" {
    probe disconnected-inside
}

@test "callback face: a daemon that does not answer" {
    probe timed-out
}

@test "callback face: the daemon is told to end" {
    probe killed
}

@test "callback face: the daemon is killed" {
    probe crashed
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

@test "another program of the same names can link the static library" {
    need_program cc
    cat >own.c <<'EOF'
#include <pm2/pm2.h>
#include <stdio.h>
int buf_add(void) { return 7; }
int client_free(void) { return 7; }
int main(void)
{
    struct pm2 *p = pm2_new();
    pm2_set_mode(p, PM2_NO_LAUNCH);
    printf("%d %d\n", buf_add() + client_free(), pm2_connect(p) < 0);
    pm2_free(p);
    return 0;
}
EOF
    nm -D "$BUILT/lib/libpm2.so" | grep -q __asan && skip "needs the sanitizers' runtime"
    cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" own.c "$BUILT/lib/libpm2.a" \
        -ljansson -lm -o own
    run env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" ./own
    assert_ok
    assert_equal "$output" "14 1"
}

@test "the header is C++ as well" {
    need_program c++
    printf '#include <pm2/pm2.h>\nint main() { pm2_free(pm2_new()); }\n' >own.cpp
    c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" own.cpp \
        -L"$BUILT/lib" -lpm2 -o own || skip "no sanitizer runtime for C++"
    LD_LIBRARY_PATH=$BUILT/lib ./own
}
