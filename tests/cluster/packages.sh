#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Have the npm packages that the suite of servers needs in a cache outside the tree, and print the
# folder that NODE_PATH has to name. Quick when they are there. CONTRIBUTING.md says who runs it.
set -euo pipefail
VERSIONS="express@5.3.0 fastify@5.12.8"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pm2c-tests/cluster-${VERSIONS// /-}
if [ ! -e "$cache/complete" ]; then
    mkdir -p "$cache"
    # shellcheck disable=SC2086 # two words
    npm install --prefix "$cache" --no-save --no-audit --no-fund --ignore-scripts \
        --fetch-retries=1 --fetch-timeout=30000 --loglevel=error $VERSIONS >&2
    touch "$cache/complete" # only now: an install that was cut off is done again
fi
echo "$cache/node_modules"
