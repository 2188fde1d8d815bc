#!/bin/bash
# SPDX-License-Identifier: MIT
# Says goodbye at SIGINT and counts SIGUSR2.
trap 'echo "heard INT"; echo "last words" >&2; exit 0' INT
trap 'echo "heard USR2"' USR2
echo "polite ready"
while :; do
    sleep 0.1
done
