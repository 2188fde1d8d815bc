#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run one node:test file for tools/run-tests.sh: TAP goes to $STOREY_LOGS. Never fails: the log tells.
set -u
name=$(basename "$1")
timeout -k 10 600 node --test-reporter=tap "$1" >"$STOREY_LOGS/$name.tap" 2>&1 </dev/null || :
