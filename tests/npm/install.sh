#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Have the npm package pm2 in a cache outside the tree, and print its folder. Quick when it is
# there; fails, with npm's words on stderr, when the registry is out of reach.
set -euo pipefail
VERSION=7.0.4
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pm2c-tests/npm-pm2-$VERSION
package=$cache/node_modules/pm2
if [ ! -e "$cache/complete" ]; then
    mkdir -p "$cache"
    npm install --prefix "$cache" --no-save --no-audit --no-fund --ignore-scripts \
        --fetch-retries=1 --fetch-timeout=30000 --loglevel=error "pm2@$VERSION" >&2
    touch "$cache/complete" # only now: an install that was cut off is done again
fi
echo "$package"
