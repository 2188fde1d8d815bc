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
ROOT=$PWD
. tools/test-path.sh

FUZZ_SECONDS=${FUZZ_SECONDS:-20}
JOBS=${JOBS:-$(nproc)}
LOGS=build/test-logs
TALLY=$LOGS/tally
QUEUE=$LOGS/queue

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

# Files of all storeys wait in one queue, so that no storey waits for its last one: lines of storey,
# runner, file and ${settings[@]} (NAME=VALUE), with tabs between them.
enqueue() { # storey runner file...
    local storey=$1 runner=$2 file
    shift 2
    mkdir -p "$LOGS/$storey"
    for file in "$@"; do
        (IFS=$'\t' && echo "$storey"$'\t'"$runner"$'\t'"$file"$'\t'"${settings[*]}") >>"$QUEUE"
    done
}

# The same for test files: the long ones first.
enqueue_files() { # storey runner file...
    local storey=$1 runner=$2 files
    shift 2
    mapfile -t files < <(wc -l "$@" | sort -rn | awk '$2 != "total" { print $2 }')
    enqueue "$storey" "$runner" "${files[@]}"
}

run_one() { # line of the queue
    local fields
    IFS=$'\t' read -ra fields <<<"$1"
    env STOREY_LOGS="$LOGS/${fields[0]}" "${fields[@]:3}" "${fields[1]}" "${fields[2]}"
    printf '   %-12s %-28s %3ds\n' "${fields[0]}" "$(basename "${fields[2]}")" "$SECONDS"
}
export -f run_one
export LOGS

# Run what waits, $JOBS at a time. Each file writes its own log and is shown when it failed.
run_queue() {
    [ -s "$QUEUE" ] || return 0
    # shellcheck disable=SC2016 # for the bash of each
    xargs -P "$JOBS" -d '\n' -n 1 bash -c 'run_one "$1"' - <"$QUEUE"
    for storey in $(cut -f1 "$QUEUE" | uniq); do
        tally_files "$storey"
    done
    : >"$QUEUE"
}

tally_files() { # storey
    local storey=$1 passed=0 failed=0 skipped=0 p f s log file
    while IFS=$'\t' read -r _ _ file _; do
        log=$LOGS/$storey/$(basename "$file").tap
        read -r p f s < <(count_tap "$log")
        if [ "$f" -gt 0 ]; then
            printf -- '-- %s: %s: %d failed\n' "$storey" "$file" "$f"
            grep -A 25 '^not ok' "$log" || tail -25 "$log"
        fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done < <(awk -v storey="$storey" '$1 == storey' "$QUEUE")
    tally "$storey" "$passed" "$failed" "$skipped"
}

# With sanitizers not what takes long for other reasons (npm, systemd, steps of memory and time) or
# takes the ways through our code that other files take: those run as they are, by hand.
plan_cli() { # preset storey
    local all=(tests/cli/*.bats) file files=()
    for file in "${all[@]}"; do
        case $1:$(basename "$file" .bats) in
        asan:boot | asan:check | asan:cron | asan:memory | asan:modules* | asan:policy | asan:ready) ;;
        asan:set | asan:start_kinds* | asan:start_more | asan:start_options* | asan:startup*) ;;
        asan:unbuilt) ;;
        *) files+=("$file") ;;
        esac
    done
    enqueue_files "$2" tools/run-bats.sh "${files[@]}"
}

plan_proto() { # preset storey
    enqueue_files "$2" tools/run-proto.sh tests/proto/test_*.py
}

# What can go wrong around the programs; less of it where they are slow. Longer by hand: CONTRIBUTING.md.
plan_fault() { # preset storey
    local count=100 keeper=20
    [ "$1" != asan ] || count=60 keeper=10
    [ "$1" != asan ] ||
        settings+=("FAULT_APPS=${FAULT_APPS:-40}" "FAULT_CLIENTS=${FAULT_CLIENTS:-400}")
    settings+=("KILL_COUNT=${KILL_COUNT:-$count}" "KILL_KEEPER=${KILL_KEEPER:-$keeper}")
    enqueue_files "$2" tools/run-proto.sh tests/fault/*_test.py
}

# The C library and its examples against a real daemon.
plan_lib() { # preset storey
    enqueue_files "$2" tools/run-bats.sh tests/lib_c/*.bats
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
    mkdir -p "$LOGS/$1"
    if ! PM2_RUNTIMES=$(tests/node/runtimes.sh 2>"$LOGS/$1/runtimes.log"); then
        tail -5 "$LOGS/$1/runtimes.log"
        echo "SKIPPED: not every runtime can be fetched; tested are: ${PM2_RUNTIMES:-the Node here}"
        tally "$1" 0 0 1
    fi
    PM2_RUNTIMES=${PM2_RUNTIMES:-own $(command -v node)}
    export PM2_RUNTIMES
}

plan_node() { # preset storey
    have_runtimes "$2"
    enqueue_files "$2" tools/run-node.sh tests/node/*.test.mjs
}

# Servers of all kinds in cluster mode, under each runtime; under one where programs are slow.
plan_cluster() { # preset storey
    local names
    have_runtimes "$2"
    mapfile -t names < <(cut -d' ' -f1 <<<"$PM2_RUNTIMES")
    [ "$1" != asan ] || names=("${names[0]}")
    if ! CLUSTER_MODULES=$(tests/cluster/packages.sh 2>"$LOGS/$2/packages.log"); then
        tail -5 "$LOGS/$2/packages.log"
        echo "SKIPPED: express and fastify cannot be installed; their tests did not run"
    fi
    export CLUSTER_MODULES
    enqueue "$2" tools/run-cluster.sh "${names[@]}"
}

# Files with one version of the npm package.
plan_npm_version() { # storey version file...
    local storey=$1 version=$2 package settings=("${settings[@]}")
    shift 2
    mkdir -p "$LOGS/$storey"
    if ! package=$(tests/npm/install.sh pm2 "$version" 2>"$LOGS/$storey/install.log"); then
        tail -5 "$LOGS/$storey/install.log"
        echo "SKIPPED: the npm package pm2 $version cannot be installed; its tests did not run"
        tally "$storey" 0 0 1
        return
    fi
    settings+=("NPM_PM2=$package")
    enqueue_files "$storey" tools/run-node.sh "$@"
}

# The npm client against our daemon: the only tests that need a network, and that only once; without
# it they are skipped, aloud.
plan_npm() { # preset storey
    plan_npm_version "$2" 7.0.4 tests/npm/*.test.mjs
    plan_npm_version "$2-5.4" 5.4.3 tests/npm/{client,messages,dump,session,takeover}.test.mjs
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

# The storeys that are of files wait for one another in the queue; the others have jobs of their own.
run_tree() { # preset prefix
    local storey settings
    for storey in unit conformance; do
        if wanted "$2$storey"; then
            "run_$storey" "$1" "$2$storey"
            sanitizer_collect "$2$storey"
        fi
    done
    for storey in fault npm cluster node lib cli proto; do
        case $storey in
        npm | cluster | node) settings=("PM2_BIN=$PWD/build/$1/bin/pm2") ;;
        *) settings=("PM2=$PWD/build/$1/bin/pm2") ;;
        esac
        ! wanted "$2$storey" || "plan_$storey" "$1" "$2$storey"
    done
    say "$(cut -f1 "$QUEUE" | uniq | paste -sd' ')"
    run_queue
    sanitizer_collect "${2}files"
}

STOREYS=${*:-unit proto cli lib node npm cluster conformance fault asan-unit asan-proto asan-cli asan-lib asan-cluster asan-fault fuzz}
rm -rf "$LOGS"
mkdir -p "$LOGS"
: >"$TALLY"
: >"$QUEUE"

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
