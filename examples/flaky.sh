#!/bin/bash
# SPDX-License-Identifier: MIT
# Fails again and again: start it to see restarts, delays and "errored".
#   pm2 start examples/flaky.sh --exp-backoff-restart-delay 100
#   pm2 start examples/flaky.sh --name quick
echo "attempt at $(date +%T.%N | cut -c1-12)"
echo "something is wrong" >&2
exit 3
