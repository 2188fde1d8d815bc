#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run every fuzz target of a built tree for some seconds each:
#   tests/fuzz/run.sh BUILD_DIR SECONDS [SEED]
# With one seed (1 unless given) a target walks the same way each time, so that a failure can be
# repeated; 0 takes a new way.
# The corpus in the source tree is never written to: findings stay in a temporary folder, which is
# kept, and named, only when a target failed.
set -uo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: tests/fuzz/run.sh BUILD_DIR SECONDS [SEED]" >&2
    exit 2
fi
build=$1
seconds=$2
seed=${3:-1}
here=$(cd "$(dirname "$0")" && pwd)

# One target: a line of what came of it, and all that it said when that was a failure.
fuzz() { # TARGET
    local target=$1 program=$build/fuzz/$1 dir=$work/$1
    if [ ! -x "$program" ]; then
        echo "fuzz: $program is not built" >&2
        return 1
    fi
    mkdir -p "$dir"
    cp -R "$here/corpus/$target" "$dir/corpus"
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -seed="$seed" -print_final_stats=1 -artifact_prefix="$dir/" "$dir/corpus" >"$dir/log" 2>&1; then
        echo "ok   $target $(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$dir/log")"
    else
        printf 'FAIL %s\n%s\n' "$target" "$(tail -n 40 "$dir/log")"
        return 1
    fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/pm2-fuzz.XXXXXX")
export build seconds seed here work
export -f fuzz
if ! (cd "$here" && printf '%s\n' fuzz_*.c) | sed 's/\.c$//' |
    xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'fuzz {}'; then
    echo "fuzz: inputs and logs of what failed are in $work" >&2
    exit 1
fi
rm -rf "$work"
