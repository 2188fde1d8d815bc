# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2154 # of harness.bash and bats
# For tests of cluster mode: workers, and clients of theirs. After harness.bash.

# cluster KIND COUNT [OPTION...]: start that many workers and wait until each has said so.
cluster() {
    local kind=$1 count=$2
    shift 2
    PORT=${PORT:-$(free_port)}
    export PORT
    KIND=$kind pm2 start cluster.js --name app -i "$count" --merge-logs "$@"
    wait_until file_lines "$(log_of app-out)" "$count"
}

hits() {
    "$PYTHON" "$ROOT/tests/lib/hits.py" "$@"
}

# Clients that ask one request after the other, until steady_ends.
steady() {
    rm -f "$WORK/enough"
    hits steady "$PORT" "$WORK/enough" >"$WORK/steady" 2>&1 3>&- 4>&- &
    steady_pid=$!
}

steady_ends() {
    touch "$WORK/enough"
    wait_child "$steady_pid"
    output=$(<"$WORK/steady")
    echo "clients: $output"
}

answers() { # COUNT: that many pids answer
    [ "$(hits spread "$PORT" 20 | wc -l)" -eq "$1" ]
}
