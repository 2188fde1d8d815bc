#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The examples as they stand, and programs that are built outside the tree.

load ../lib/harness
load probe

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

@test "a daemon that the library launches has the modules of its home" {
    need_program node
    make_api
    local folder=$TEST_PM2_HOME/modules/mod/node_modules/mod
    mkdir -p "$folder"
    echo '{"name": "mod", "version": "1.0.0", "main": "index.js"}' >"$folder/package.json"
    echo 'setInterval(() => {}, 1000)' >"$folder/index.js"
    echo '{"module-db-v2": {"mod": {}}}' >"$TEST_PM2_HOME/module_conf.json"
    run lib quick_start </dev/null
    assert_ok
    wait_status mod online
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
