#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Have the other runtimes that the package is for in a cache outside the tree, as npm carries them,
# and print "NAME PATH" for each. Quick when they are there. One that cannot be had is left out, with
# npm's words on stderr, and makes the exit status 1.
set -uo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pm2c-tests/runtimes
status=0

# The packages fetch their program in an install script: it has to run once for "complete" to be.
have() { # name package program
    local dir=$cache/$1 program=$cache/$1/node_modules/$3
    if [ ! -e "$dir/complete" ]; then
        mkdir -p "$dir"
        timeout 180 npm install --prefix "$dir" --no-save --no-audit --no-fund --fetch-retries=1 \
            --fetch-timeout=30000 --loglevel=error "$2" >&2 &&
            "$program" --version >/dev/null && touch "$dir/complete"
    fi
    if [ -e "$dir/complete" ]; then
        echo "$1 $program"
    else
        status=1
    fi
}

for major in 18 20 22 24 26; do
    have "node$major" "node@$major" node/bin/node
done
have bun bun@1 bun/bin/bun.exe # the name of the program on every system
exit $status
