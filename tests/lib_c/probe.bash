# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# For tests of libpm2 against a real daemon: the programs of probe.c and probe_async.c, and the examples.

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
