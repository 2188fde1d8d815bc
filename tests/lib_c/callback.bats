#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# libpm2 against a real daemon: its callback face.

load ../lib/harness
load probe

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

# One line wakes one of them. Opened for both ways, or it would wait for ever when none is left.
release_keepers() {
    echo 1<>hold
    no_processes_left
}

@test "callback face: any method" {
    probe called-async
}

@test "callback face: scale and reload" {
    probe reloaded-async
}
