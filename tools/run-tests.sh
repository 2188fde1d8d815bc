#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Build and run every storey of the tests, then say so in one line: "N passed, N failed[, N skipped]".
#
#   tools/run-tests.sh                 all of it
#   tools/run-tests.sh unit proto cli  some storeys: unit, proto, cli, lib, node, npm, cluster,
#                                      conformance, fault; each also with asan- in front; fuzz
#   FUZZ_SECONDS=20 JOBS=2             per fuzz target; how many test files at a time
#
# Every test has a home of its own in a temporary folder, so files can run side by side. A storey
# that cannot be built or that stops half way counts as a failure, never as nothing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

FUZZ_SECONDS=${FUZZ_SECONDS:-20}
JOBS=${JOBS:-$(nproc)}
LOGS=build/test-logs
TALLY=$LOGS/tally

say() {
    printf '\n== %s (%ds)\n' "$*" "$SECONDS"
}

# tally STOREY PASSED FAILED SKIPPED
tally() {
    echo "$*" >>"$TALLY"
    printf '%-10s %4d passed, %d failed, %d skipped\n' "$@"
}

# Configure and build one preset; each failure is one failed test of the storey "build".
build() {
    local preset=$1 log=$LOGS/build-$1.log
    say "build $preset"
    if cmake --preset "$preset" >"$log" 2>&1 && cmake --build --preset "$preset" >>"$log" 2>&1; then
        tally "build" 1 0 0
        return 0
    fi
    tail -40 "$log"
    tally "build" 0 1 0
    return 1
}

# Reports of the sanitizers go to files, because a daemon's stderr is not ours to read.
sanitizer_setup() {
    export ASAN_OPTIONS="log_path=$PWD/$LOGS/sanitizer:detect_leaks=1:strict_string_checks=1"
    export UBSAN_OPTIONS="print_stacktrace=1:log_path=$PWD/$LOGS/sanitizer"
}

sanitizer_collect() { # storey
    local reports=("$LOGS"/sanitizer.*)
    [ -e "${reports[0]}" ] || return 0
    echo "-- sanitizer reports after $1:"
    head -60 "${reports[@]}"
    mkdir -p "$LOGS/sanitizer-$1"
    mv "${reports[@]}" "$LOGS/sanitizer-$1/"
    tally "$1" 0 "${#reports[@]}" 0
}

# Unit and model tests: cmocka says how many tests a program ran; any other program counts as one.
run_unit() { # preset storey
    local tree=build/$1 storey=$2 counts
    say "$storey: unit and model tests"
    ctest --test-dir "$tree" -j "$JOBS" --timeout 300 --output-on-failure >"$LOGS/$storey.log" 2>&1
    grep -E 'Failed|FAILED|Error|tests passed' "$LOGS/$storey.log" | head -60
    counts=$(awk -f tools/count-ctest.awk "$tree/Testing/Temporary/LastTest.log")
    # shellcheck disable=SC2086 # three numbers
    tally "$storey" ${counts:-0 1 0}
}

# One TAP file per test file: what the plan promised and did not come counts as failed.
count_tap() {
    awk '/^1\.\.[0-9]+/ { plan = substr($0, 4) + 0 }
         /^ok /     { if (tolower($0) ~ /# skip/) skipped++; else passed++ }
         /^not ok / { failed++ }
         END { lost = plan - passed - failed - skipped
               if (lost > 0) failed += lost
               if (passed + failed + skipped == 0) failed = 1
               printf "%d %d %d\n", passed, failed, skipped }' "$1"
}

# Files run $JOBS at a time; each writes its own log and is shown when it failed.
run_files() { # storey runner file...
    local storey=$1 runner=$2 passed=0 failed=0 skipped=0 p f s log
    shift 2
    printf '%s\n' "$@" | STOREY_LOGS=$LOGS/$storey xargs -P "$JOBS" -n 1 "$runner"
    for file in "$@"; do
        log=$LOGS/$storey/$(basename "$file").tap
        read -r p f s < <(count_tap "$log")
        if [ "$f" -gt 0 ]; then
            printf -- '-- %s: %d failed\n' "$file" "$f"
            grep -A 25 '^not ok' "$log" || tail -25 "$log"
        fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done
    tally "$storey" "$passed" "$failed" "$skipped"
}

run_cli() { # preset storey
    say "$2: command line tests"
    mkdir -p "$LOGS/$2"
    PM2=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-bats.sh tests/cli/*.bats
}

run_proto() { # preset storey
    say "$2: protocol tests"
    mkdir -p "$LOGS/$2"
    PM2=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-proto.sh tests/proto/test_*.py
}

# SIGKILL at random instants and at each named step; fewer where programs are slow.
run_fault() { # preset storey
    local count=200 keeper=20
    [ "$1" != asan ] || count=60 keeper=10
    say "$2: kill tests"
    mkdir -p "$LOGS/$2"
    KILL_COUNT=${KILL_COUNT:-$count} KILL_KEEPER=${KILL_KEEPER:-$keeper} \
        PM2=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-proto.sh tests/fault/*_test.py
}

# The C library and its examples against a real daemon.
run_lib() { # preset storey
    say "$2: the C library"
    mkdir -p "$LOGS/$2"
    PM2=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-bats.sh tests/lib_c/*.bats
}

run_fuzz() {
    local log=$LOGS/fuzz.log status=0 passed failed
    say "fuzz: $FUZZ_SECONDS s each"
    tests/fuzz/run.sh build/fuzz "$FUZZ_SECONDS" >"$log" 2>&1 || status=1
    cat "$log"
    passed=$(grep -c '^ok ' "$log")
    failed=$(grep -cE '^FAIL |is not built$' "$log")
    [ "$failed" -gt 0 ] || failed=$status
    tally fuzz "$passed" "$failed" 0
}

# Have the other runtimes in $PM2_RUNTIMES. That needs a network once; without it, the Node that is
# here is what is tested, and that is said.
have_runtimes() { # storey
    if ! PM2_RUNTIMES=$(tests/node/runtimes.sh 2>"$LOGS/$1/runtimes.log"); then
        tail -5 "$LOGS/$1/runtimes.log"
        echo "SKIPPED: not every runtime can be fetched; tested are: ${PM2_RUNTIMES:-the Node here}"
        tally "$1" 0 0 1
    fi
    PM2_RUNTIMES=${PM2_RUNTIMES:-own $(command -v node)}
    export PM2_RUNTIMES
}

run_node() { # preset storey
    say "$2: Node package"
    mkdir -p "$LOGS/$2"
    have_runtimes "$2"
    PM2_BIN=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-node.sh tests/node/*.test.mjs
}

# Servers of all kinds in cluster mode, under each runtime; under some where programs are slow.
run_cluster() { # preset storey
    local names
    say "$2: servers in cluster mode"
    mkdir -p "$LOGS/$2"
    have_runtimes "$2"
    mapfile -t names < <(cut -d' ' -f1 <<<"$PM2_RUNTIMES")
    [ "$1" != asan ] || names=("${names[0]}" "${names[-1]}")
    if ! CLUSTER_MODULES=$(tests/cluster/packages.sh 2>"$LOGS/$2/packages.log"); then
        tail -5 "$LOGS/$2/packages.log"
        echo "SKIPPED: express and fastify cannot be installed; their tests did not run"
    fi
    export CLUSTER_MODULES
    PM2_BIN=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-cluster.sh "${names[@]}"
}

# The only tests that need a network, and that only once: without it they are skipped, aloud.
run_npm() { # preset storey
    say "$2: the npm client against our daemon"
    mkdir -p "$LOGS/$2"
    if ! NPM_PM2=$(tests/npm/install.sh 2>"$LOGS/$2/install.log"); then
        tail -5 "$LOGS/$2/install.log"
        echo "SKIPPED: the npm package pm2 cannot be installed; its tests did not run"
        tally "$2" 0 0 1
        return
    fi
    export NPM_PM2
    PM2_BIN=$PWD/build/$1/bin/pm2 run_files "$2" tools/run-node.sh tests/npm/*.test.mjs
}

# The same process files for the real PM2 and for ours. Needs the package of the storey npm.
run_conformance() { # preset storey
    local log=$LOGS/$2/run.tap passed failed skipped
    say "$2: the same files for PM2 and for ours"
    mkdir -p "$LOGS/$2"
    PM2=$PWD/build/$1/bin/pm2 JOBS=$JOBS timeout -k 10 600 tests/conformance/run >"$log" 2>&1 </dev/null
    read -r passed failed skipped < <(count_tap "$log")
    if [ "$failed" -gt 0 ]; then
        grep -A 25 '^not ok' "$log" || tail -25 "$log"
    fi
    tally "$2" "$passed" "$failed" "$skipped"
}

wanted() {
    case " $STOREYS " in *" $1 "*) return 0 ;; esac
    return 1
}

run_tree() { # preset prefix
    local storey
    for storey in unit proto cli lib node npm cluster conformance fault; do
        if wanted "$2$storey"; then
            "run_$storey" "$1" "$2$storey"
            sanitizer_collect "$2$storey"
        fi
    done
}

STOREYS=${*:-unit proto cli lib node npm cluster conformance fault asan-unit asan-proto asan-cli asan-lib asan-cluster asan-fault fuzz}
rm -rf "$LOGS"
mkdir -p "$LOGS"
: >"$TALLY"

case " $STOREYS" in *" unit"* | *" proto"* | *" cli"* | *" lib"* | *" node"* | *" npm"* | *" cluster"* | *" conformance"* | *" fault"*)
    build dev && run_tree dev ""
    ;;
esac
case $STOREYS in *asan-*)
    sanitizer_setup
    build asan && run_tree asan asan-
    unset ASAN_OPTIONS UBSAN_OPTIONS
    ;;
esac
if wanted fuzz; then
    build fuzz && run_fuzz
fi

say "summary"
awk '{ passed += $2; failed += $3; skipped += $4 }
     END { if (NR == 0) failed = 1
           printf "%d passed, %d failed", passed, failed
           if (skipped) printf ", %d skipped", skipped
           print ""
           exit failed > 0 }' "$TALLY"
