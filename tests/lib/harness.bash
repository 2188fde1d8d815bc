# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Harness of the command line tests (bats).
#
#   load ../lib/harness
#
# Each test has a home, a working folder and a daemon of its own. $PM2 names the program under test
# (default: build/dev/bin/pm2); it may also be the real PM2, to check what the tests expect:
#
#   PM2=/path/to/node_modules/pm2/bin/pm2 bats tests/cli
#
# Nothing here waits for a length of time: wait_until polls a condition up to a deadline.
#
# Nearly all the time of these tests is that of starting processes, so what is done often is done in
# the shell itself or by the two small programs of tests/lib, ask and limit.

ROOT=${BATS_TEST_DIRNAME%/*/*}
APPS=$ROOT/tests/apps
PM2=${PM2:-$ROOT/build/dev/bin/pm2}
. "$ROOT/tools/test-path.sh"
hash python3
PYTHON=${BASH_CMDS[python3]}

# Of the build for developers where there is one: with sanitizers they would be slow.
HELPERS=$ROOT/build/dev/tests
[ -x "$HELPERS/ask" ] || HELPERS=${PM2%/bin/pm2}/tests

# The real PM2 does not have a pm2d beside itself.
is_reference() {
    [ ! -x "${PM2%/*}/pm2d" ] && [ ! -x "$(dirname "$(readlink -f "$PM2")")/pm2d" ]
}

# An expectation where we differ from PM2 on purpose (docs/COMPAT.md).
ours_only() {
    if is_reference; then
        skip "not PM2: $*"
    fi
}

need_program() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

# A user to whom file modes mean something, even when the tests run as root.
as_nobody() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        "$@"
    fi
}

open_work() {
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$WORK"
}

# The checkout may lie where only we may go: then another user gets copies of the programs. (Through
# env, because setpriv itself still has root's rights when it executes.)
need_nobody() {
    open_work
    as_nobody env "$PM2" --version >/dev/null 2>&1 && return
    is_reference && skip "$PM2 is out of reach for another user"
    mkdir -p "$WORK/bin"
    cp "$(dirname "$PM2")"/{pm2,pm2d,pm2-keeper} "$WORK/bin/"
    PM2=$WORK/bin/pm2
    as_nobody env "$PM2" --version >/dev/null 2>&1 || skip "$PM2 is out of reach for another user"
}

# ---- the program --------------------------------------------------------------------------------

# PM2_HOME is in the environment of the program and of what it starts, and nowhere else: that is
# how leftovers are found. Descriptors of bats are closed, or a daemon would keep bats waiting.
pm2() {
    pm2_with_stdin "$@" </dev/null
}

pm2_with_stdin() {
    HOME=$TEST_HOME PM2_HOME=$TEST_PM2_HOME PM2_DISCRETE_MODE=1 PM2_DISABLE_VERSION_CHECK=1 \
        NO_COLOR=1 PM2_TEST=1 "$HELPERS/limit" "${PM2_TEST_TIMEOUT:-60}" "$PM2" "$@" 3>&- 4>&-
}

# Like pm2, with the two outputs apart: $status, $out, $err.
pm2_split() {
    status=0
    pm2 "$@" >"$WORK/.out" 2>"$WORK/.err" || status=$?
    # shellcheck disable=SC2034 # for the tests
    out=$(<"$WORK/.out") err=$(<"$WORK/.err")
}

# ---- set-up and tear-down -----------------------------------------------------------------------

setup() {
    TEST_HOME=$BATS_TEST_TMPDIR/h
    TEST_PM2_HOME=$TEST_HOME/.pm2
    WORK=$BATS_TEST_TMPDIR/w
    mkdir -p "$TEST_HOME" "$WORK"
    cp "$APPS"/* "$WORK"
    cd "$WORK" || return 1
    export -n BATS_TEST_NAME # what is started here need not know
}

# What the manager itself has to say about a test that failed.
own_log() {
    [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
    [ -e "$TEST_PM2_HOME/pm2.log" ] || return 0
    echo "the end of pm2.log:"
    tail -n 40 "$TEST_PM2_HOME/pm2.log"
}

teardown() {
    local left
    own_log
    if is_reference; then
        pm2 kill >/dev/null 2>&1 || :
    else
        daemon_stop
    fi
    left=$(processes_left)
    if [ -n "$left" ]; then
        wait_until -t 5 no_processes_left || {
            echo "left behind:"
            # shellcheck disable=SC2046 # pids
            ps -o pid,ppid,stat,args -p "$(processes_left | paste -sd,)"
            # shellcheck disable=SC2046
            kill -9 $(processes_left) 2>/dev/null
            [ -z "${LEFTOVERS_EXPECTED:-}" ] || return 0
            return 1
        }
    fi
}

daemon_pid() {
    [ -e "$TEST_PM2_HOME/pm2.pid" ] && echo "$(<"$TEST_PM2_HOME/pm2.pid")"
}

# Politely, then the keeper by its pid (only if that pid still belongs to this home).
daemon_stop() {
    local pid
    [ -e "$TEST_PM2_HOME/pm2.pid" ] || return 0
    PM2_TEST_TIMEOUT=20 pm2 kill >/dev/null 2>&1 || :
    pid=$(daemon_pid)
    if [ -n "$pid" ] && processes_left | grep -qx "$pid"; then
        kill -9 "$pid" 2>/dev/null || :
    fi
}

# Pids of all processes of this home, whatever became of their parents. Zombies have no environ.
processes_left() {
    local environ environs
    mapfile -t environs < <(grep -slzxF -- "PM2_HOME=$TEST_PM2_HOME" /proc/[0-9]*/environ)
    for environ in "${environs[@]}"; do
        environ=${environ%/environ}
        echo "${environ#/proc/}"
    done
}

no_processes_left() {
    [ -z "$(processes_left)" ]
}

pm2d_pid() {
    local pid name
    for pid in $(processes_left); do
        read -r name 2>/dev/null <"/proc/$pid/comm" || continue
        [ "$name" != pm2d ] || echo "$pid"
    done
}

another_pm2d() { # than PID
    local now
    now=$(pm2d_pid)
    [ -n "$now" ] && [ "$now" != "$1" ]
}

# Kill pm2d and wait for another one that answers.
pm2d_dies() {
    local before
    before=$(pm2d_pid)
    kill -9 "$before"
    wait_until another_pm2d "$before"
    wait_until pm2 ping
}

# ---- waiting ------------------------------------------------------------------------------------

# wait_until [-t SECONDS] COMMAND...: run it again and again until it succeeds. After the deadline,
# fail and show what the command says.
wait_until() {
    local limit=${WAIT_SECONDS:-30} deadline
    if [ "$1" = -t ]; then
        limit=$2
        shift 2
    fi
    deadline=$((EPOCHSECONDS + limit))
    while ! "$@" >/dev/null 2>&1; do
        if [ "$EPOCHSECONDS" -gt "$deadline" ]; then
            echo "not within $limit s: $*"
            "$@"
            return 1
        fi
        pause
    done
}

# The pace of polling, nothing relies on it: a read from a pipe in which nothing ever comes.
pause() {
    [ -n "${QUIET_FD:-}" ] || exec {QUIET_FD}<> <(:)
    read -rt 0.03 -u "$QUIET_FD" || :
}

file_has() { # file text
    grep -qF -- "$2" "$1"
}

file_lines() { # file count: at least that many
    [ "$(wc -l <"$1")" -ge "$2" ]
}

# One look: it may be reaped between two.
pid_gone() {
    case $(ps -o stat= -p "$1") in
    '' | Z*) return 0 ;;
    esac
    return 1
}

# ---- asking the daemon --------------------------------------------------------------------------

ask() {
    HOME=$TEST_HOME PM2_HOME=$TEST_PM2_HOME PM2_DISCRETE_MODE=1 "$HELPERS/ask" "$@" 3>&- 4>&-
}

# app NAME_OR_ID PATH: one field of the list, such as pm2_env.status; empty when there is none.
app() {
    ask get "$PM2" "$1" "$2"
}

# Number of processes in the list.
app_count() {
    ask count "$PM2"
}

app_is() { # NAME_OR_ID PATH VALUE
    local value
    value=$(app "$1" "$2")
    [ "$value" = "$3" ] || {
        echo "$1 $2: $value, wanted $3"
        return 1
    }
}

wait_app() { # NAME_OR_ID PATH VALUE [SECONDS]
    ask wait "${4:-${WAIT_SECONDS:-30}}" "$PM2" "$1" "$2" "$3"
}

wait_status() { # NAME_OR_ID STATUS [SECONDS]
    wait_app "$1" pm2_env.status "$2" "${3:-${WAIT_SECONDS:-30}}"
}

# The end of a background command: its status. Bash 5.2 says -1 of one that ends just as the wait begins (the signal
# comes between its look at the child and waitpid); it knows the status all the same, and says it when asked again.
wait_child() { # PID
    local status=0
    wait "$1" || status=$?
    if [ "$status" -eq -1 ]; then
        status=0
        wait "$1" || status=$?
    fi
    return "$status"
}

app_pid() { # NAME_OR_ID
    app "$1" pid
}

log_of() { # stem of a file in the log folder
    echo "$TEST_PM2_HOME/logs/$1.log"
}

# Below those that the kernel gives to clients: one of them could take it before the app does.
free_port() {
    "$PYTHON" "$ROOT/tests/lib/free_port.py"
}

# ---- assertions ---------------------------------------------------------------------------------

# After `run pm2 ...`.
assert_ok() {
    # shellcheck disable=SC2154 # of bats
    [ "$status" -eq 0 ] || {
        echo "exit $status, wanted 0; output:"
        echo "$output"
        return 1
    }
}

assert_fails() { # [EXIT CODE]
    [ "$status" -eq "${1:-1}" ] || {
        echo "exit $status, wanted ${1:-1}; output:"
        echo "$output"
        return 1
    }
}

assert_has() { # TEXT [IN WHAT]
    local text=${2-$output}
    [[ $text == *"$1"* ]] || {
        echo "lacks: $1"
        echo "in: $text"
        return 1
    }
}

assert_lacks() { # TEXT [IN WHAT]
    local text=${2-$output}
    [[ $text != *"$1"* ]] || {
        echo "should not have: $1"
        echo "in: $text"
        return 1
    }
}

# The command has to fail; "! command" would not end a test.
refute() {
    ! "$@" || {
        echo "should have failed: $*"
        return 1
    }
}

assert_equal() { # GOT WANTED
    [ "$1" = "$2" ] || {
        echo "got: $1"
        echo "wanted: $2"
        return 1
    }
}
