#!/bin/bash
# SPDX-License-Identifier: MIT
# The smallest thing worth managing: one line a second, every fifth on standard error.
trap 'echo "told to stop after $n ticks"; exit 0' INT TERM
n=0
while :; do
    n=$((n + 1))
    if [ $((n % 5)) -eq 0 ]; then
        echo "tick $n (this one went to standard error)" >&2
    else
        echo "tick $n"
    fi
    sleep 1 &
    wait $!
done
