#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Have an npm package, pm2 when none is named, in a cache outside the tree, and print its folder:
# install.sh [NAME VERSION]. Quick when it is there; fails, with npm's words on stderr, when the registry is out of reach.
set -euo pipefail
name=${1:-pm2}
version=${2:-7.0.4}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pm2c-tests/npm-${name//[@\/]/}-$version
package=$cache/node_modules/$name
if [ ! -e "$cache/complete" ]; then
    mkdir -p "$cache"
    npm install --prefix "$cache" --no-save --no-audit --no-fund --ignore-scripts \
        --fetch-retries=1 --fetch-timeout=30000 --loglevel=error "$name@$version" >&2
    touch "$cache/complete" # only now: an install that was cut off is done again
fi
echo "$package"
