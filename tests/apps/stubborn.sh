#!/bin/bash
# SPDX-License-Identifier: MIT
# Hears SIGINT and SIGTERM and stays.
trap 'echo "heard INT"' INT
trap 'echo "heard TERM"' TERM
echo "stubborn ready"
while :; do
    sleep 0.1
done
