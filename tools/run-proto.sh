#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run one protocol test file for tools/run-tests.sh: TAP goes to $STOREY_LOGS. Never fails.
set -u
name=$(basename "$1")
timeout -k 10 600 python3 tests/proto/tap.py "$1" >"$STOREY_LOGS/$name.tap" 2>&1 </dev/null || :
