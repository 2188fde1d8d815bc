#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# libpm2 against a real daemon: its blocking face.

load ../lib/harness
load probe

@test "blocking face: every function" {
    probe blocking
}

@test "blocking face: what the program pm2 does" {
    need_program node
    printf '{"apps": [{"name": "one", "script": "api.sh"}, {"name": "two", "script": "api.sh"}]}' >eco.json
    printf '{"apps": [{"name": "bad", "script": "api.sh", "instances": {}}]}' >bad.json
    probe commands
}

@test "blocking face: the bus after the death of the daemon" {
    probe gap
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

@test "more and fewer processes" {
    probe scaled
}

@test "a script is looked for in the folder that was set" {
    mkdir sub
    make_api
    mv api.sh sub/
    run lib lib-c-probe cwd </dev/null
    assert_ok
}
