#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run the suite of servers under one runtime of $PM2_RUNTIMES for tools/run-tests.sh: TAP goes to
# $STOREY_LOGS. Never fails: the log tells.
set -u
RUNTIME=$1 timeout -k 10 600 node --test-reporter=tap tests/cluster/cluster.test.mjs >"$STOREY_LOGS/$1.tap" 2>&1 </dev/null || :
