#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A first look: start the examples in a home of their own, show them, clean up.
#   tools/try.sh [--stay]     --stay leaves them running and says how to go on
# The user's own ~/.pm2 is never touched.
set -euo pipefail
cd "$(dirname "$0")/.." || exit 1

stay=no
[ "${1:-}" != --stay ] || stay=yes

PM2=$PWD/build/release/bin/pm2
HOME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/pm2-try.XXXXXX")
export PM2_HOME=$HOME_DIR

finish() {
    local status=$?
    if [ $stay = no ] || [ $status -ne 0 ]; then
        "$PM2" kill >/dev/null 2>&1 || :
        rm -rf "$HOME_DIR"
    fi
    [ $status -eq 0 ] || echo "try: failed" >&2
}
trap finish EXIT

show() {
    printf '\n$ pm2 %s\n' "$*"
    "$PM2" "$@"
}

# Wait until a log file has a line, at most 10 s.
wait_for_output() {
    local tries=100
    until [ -s "$HOME_DIR/logs/$1" ] || [ $tries -eq 0 ]; do
        sleep 0.1
        tries=$((tries - 1))
    done
}

printf 'Home of this try: PM2_HOME=%s\n' "$HOME_DIR"
show start examples/tick.sh
wait_for_output tick-out.log
if command -v node >/dev/null 2>&1; then
    # A free port, so that the example works whatever else runs here.
    PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
        console.log(s.address().port); s.close(); })')
    export PORT
    show start examples/hello.js --name hello
    wait_for_output hello-out.log
    printf '\n$ ask http://127.0.0.1:%s/\n' "$PORT"
    node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))' \
        "http://127.0.0.1:$PORT/"
else
    echo "(no node here: only the shell example)"
fi
show ls
show logs --nostream --lines 3
show restart tick
show stop all

if [ $stay = yes ]; then
    "$PM2" restart all >/dev/null
    printf '\nThe examples are running. Go on with:\n'
else
    printf '\nAll of it is cleaned up again. To keep it running: make try STAY=1. To go on by hand:\n'
    HOME_DIR_HINT=/tmp/my-pm2
fi
cat <<TEXT

  export PM2_HOME=${HOME_DIR_HINT:-$HOME_DIR} PATH=$PWD/build/release/bin:\$PATH
  pm2 start examples/tick.sh     start something: script, program or shell line
  pm2 ls                         what runs
  pm2 logs tick                  its output; Ctrl-C ends the view, not the app
  pm2 describe tick              all about one process
  pm2 restart tick               also: stop, delete, reset; by name, id or "all"
  pm2 kill                       end all of it

TEXT
