#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run the suite of servers under one runtime of $PM2_RUNTIMES for tools/run-tests.sh: TAP goes to
# $STOREY_LOGS. Never fails: the log tells.
set -u
started=$SECONDS
RUNTIME=$1 timeout -k 10 600 node --test-reporter=tap tests/cluster/cluster.test.mjs >"$STOREY_LOGS/$1.tap" 2>&1 </dev/null || :
printf '   %-12s %-28s %3ds\n' "$(basename "$STOREY_LOGS")" "$1" $((SECONDS - started))
