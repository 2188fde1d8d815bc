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
        PATH="${KEEPER_DIR:-$BUILT/bin}:$PATH" "$BUILT/examples/$program" "$@" 3>&- 4>&-
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

@test "blocking face: a daemon that does not answer" {
    probe hanging
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

@test "callback face: connecting does not wait, a launch neither" {
    probe connected-async
}

@test "callback face: connecting fails, and may be tried again" {
    probe connecting-fails
}

@test "callback face: a keeper that says nothing" {
    mkdir keeper
    mkfifo hold
    printf '#!/bin/sh\nexec 0<>%s/hold\nread -r line\n' "$PWD" >keeper/pm2-keeper
    chmod +x keeper/pm2-keeper
    KEEPER_DIR=$PWD/keeper probe hanging-keeper
    wait_until release_keepers
}

# One line wakes one of them.
release_keepers() {
    echo >>hold &
    no_processes_left
}

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

@test "PM2_HOME vanishes under a running daemon" {
    probe home-vanishes
}

@test "a restart with other variables, arguments and options" {
    probe restarted-with
}

@test "a reload: done when the successor serves, and refused when it does not come up" {
    need_program node
    cat >serve.js <<'EOF'
if (process.env.BROKEN) throw new Error('broken')
require('http').createServer((_, answer) => answer.end()).listen(0)
EOF
    run lib lib-c-probe reloaded </dev/null
    assert_ok
}

@test "messages, actions, and any method" {
    need_program node
    cp "$ROOT/tests/apps/actions.js" .
    run lib lib-c-probe messages </dev/null
    assert_ok
}

@test "callback face: any method" {
    probe called-async
}

@test "more and fewer processes" {
    probe scaled
}

@test "callback face: scale and reload" {
    probe reloaded-async
}

@test "a script is looked for in the folder that was set" {
    mkdir sub
    make_api
    mv api.sh sub/
    run lib lib-c-probe cwd </dev/null
    assert_ok
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

# A program outside the tree, against what `make install` puts there.
installed() { # how it is linked, options of pkg-config
    need_program cc
    need_program pkg-config
    nm -D "$BUILT/lib/libpm2.so" | grep -q __asan && skip "needs the sanitizers' runtime"
    make -s -C "$ROOT" install-bin install-lib BUILD="$BUILT" PREFIX="$PWD/root"
    export PKG_CONFIG_PATH=$PWD/root/lib/pkgconfig
    if [ "$1" = static ]; then
        rm "$PWD"/root/lib/libpm2.so*
    fi
    # shellcheck disable=SC2046,SC2086 # words
    cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$ROOT/examples/c/quick_start.c" -o own \
        $(pkg-config $2 --cflags --libs libpm2)
    printf 'setInterval(() => {}, 1000)\n' >api.js
    run env HOME="$TEST_HOME" PM2_HOME="$TEST_PM2_HOME" PATH="$PWD/root/bin:$PATH" \
        LD_LIBRARY_PATH="$PWD/root/lib" timeout -k 5 60 ./own </dev/null 3>&- 4>&-
    assert_ok
    assert_has "0 api online pid"
}

@test "installed: a program that is linked with the shared library" {
    need_program node
    installed shared ""
    ldd own | grep -q 'libpm2.so.0' || LD_LIBRARY_PATH=$PWD/root/lib ldd own | grep -q 'libpm2.so.0'
}

@test "installed: a program that is linked with the static library" {
    need_program node
    installed static --static
    run ldd own
    assert_lacks libpm2
}

@test "the header is C++ as well" {
    need_program c++
    nm -D "$BUILT/lib/libpm2.so" | grep -q __asan && skip "needs the sanitizers' runtime"
    printf '#include <pm2/pm2.h>\nint main() { pm2_free(pm2_new()); }\n' >own.cpp
    c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$ROOT/include" own.cpp \
        -L"$BUILT/lib" -lpm2 -o own
    LD_LIBRARY_PATH=$BUILT/lib ./own
}
