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

shopt -s nullglob
targets=()
for source in "$here"/fuzz_*.c; do
    targets+=("$(basename "$source" .c)")
done

work=$(mktemp -d "${TMPDIR:-/tmp}/pm2-fuzz.XXXXXX")
failed=()
for target in "${targets[@]}"; do
    program=$build/fuzz/$target
    if [ ! -x "$program" ]; then
        echo "fuzz: $program is not built" >&2
        failed+=("$target")
        continue
    fi
    mkdir -p "$work/$target"
    cp -R "$here/corpus/$target" "$work/$target/corpus"
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -seed="$seed" -print_final_stats=1 -artifact_prefix="$work/$target/" \
        "$work/$target/corpus" >"$work/$target/log" 2>&1; then
        echo "ok   $target $(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$work/$target/log")"
    else
        echo "FAIL $target"
        tail -n 40 "$work/$target/log"
        failed+=("$target")
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    echo "fuzz: failed: ${failed[*]}; inputs and logs are in $work" >&2
    exit 1
fi
rm -rf "$work"
