#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What machines can say about the sources.
#   tools/lint.sh                  all: format, house rules, shell, man pages, clang-tidy, cppcheck
#   tools/lint.sh --format         rewrite the C files with clang-format
#   tools/lint.sh --check-format   only look
#   tools/lint.sh --quick          all but clang-tidy and cppcheck
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

JOBS=${JOBS:-$(nproc)}
bad=0

mapfile -t c_files < <(find src tests include -name '*.[ch]' 2>/dev/null | sort)
mapfile -t sources < <(find src -name '*.c' | sort)
mapfile -t scripts < <(
    find tools examples tests .ci -type f \
        \( -name '*.sh' -o -name '*.bash' -o -path '.ci/run' \) | sort
)

section() {
    printf -- '-- %s\n' "$*"
}

complain() { # text; details on stdin
    local found
    found=$(cat)
    [ -n "$found" ] || return 0
    printf '%s\n%s\n' "$1" "$found" >&2
    bad=1
}

check_format() {
    section "clang-format"
    clang-format-14 --dry-run --Werror "${c_files[@]}" || bad=1
}

# Rules of docs/HACKING.md that a regular expression can see.
check_house() {
    section "house rules"
    grep -nE '#include "\.\./' "${c_files[@]}" | complain 'include by floor, not by "../":'
    grep -nEw '(system|popen|strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|tmpnam|mktemp) ?\(' \
        "${sources[@]}" | grep -vE ':[0-9]+: *(\*|/\*|//)' | complain 'forbidden function:'
    grep -nE '^#if 0' "${c_files[@]}" | complain 'dead code:'
    grep -nEw '(TODO|FIXME|XXX)' "${c_files[@]}" | grep -vE '#[0-9]+' |
        complain 'a TODO needs an issue number:'
    grep -LE 'SPDX-License-Identifier: MIT' "${c_files[@]}" "${scripts[@]}" |
        complain 'no SPDX line:'
    awk 'FNR > 800 { print FILENAME; nextfile }' "${c_files[@]}" |
        complain 'file longer than 800 lines:'
    awk -f tools/long-functions.awk "${c_files[@]}" | complain 'function longer than 60 lines:'
}

check_shell() {
    section "shellcheck"
    shellcheck -x "${scripts[@]}" || bad=1
    # bats runs each test in a subshell, and sets variables that shellcheck does not know of.
    shellcheck -x -s bats -e SC2016,SC2030,SC2031,SC2154 tests/cli/*.bats || bad=1
}

check_man() {
    section "man pages"
    local page
    for page in man/*.scd; do
        scdoc <"$page" >/dev/null || {
            echo "$page: scdoc refuses it" >&2
            bad=1
        }
    done
}

check_tidy() {
    section "clang-tidy"
    cmake --preset dev >/dev/null || return 1 # files may have come or gone
    # The floor links of the build tree are made at configure time, so this needs no build. The
    # analyzer is nearly all of the time: tests go without it, they run with sanitizers.
    printf '%s\n' "${sources[@]}" | grep -v '_test\.c$' |
        xargs -P "$JOBS" -n 4 clang-tidy-14 -p build/dev --quiet 2>/dev/null || bad=1
    printf '%s\n' "${sources[@]}" | grep '_test\.c$' |
        xargs -P "$JOBS" -n 8 clang-tidy-14 -p build/dev --quiet --checks='-clang-analyzer-*' \
            2>/dev/null || bad=1
}

check_cpp() {
    section "cppcheck"
    cppcheck --project=build/dev/compile_commands.json -j "$JOBS" --quiet --inline-suppr \
        --enable=warning,performance,portability --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
        --suppress=readdirCalled --suppress=getpwuidCalled --library=posix \
        --library=tools/cppcheck.cfg --template=gcc || bad=1
}

case ${1:-} in
--format)
    clang-format-14 -i "${c_files[@]}"
    exit
    ;;
--check-format) check_format ;;
--quick) check_format && check_house && check_shell && check_man ;;
"")
    check_format
    check_house
    check_shell
    check_man
    check_tidy
    check_cpp
    ;;
*)
    echo "usage: tools/lint.sh [--format|--check-format|--quick]" >&2
    exit 2
    ;;
esac
exit $bad
