#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Install what a step needs and is not there: tools/deps.sh build|test|lint|docs|bench ...
# Quick and silent when nothing is missing. Debian and Ubuntu only; elsewhere it names what is
# missing and leaves the installing to the user.
set -euo pipefail

missing=()

need_command() { # command package
    command -v "$1" >/dev/null 2>&1 || missing+=("$2")
}

# Not all headers belong to a command; this file (or another that matches) says that the package is there.
need_file() { # glob package
    compgen -G "$1" >/dev/null || missing+=("$2")
}

need_module() { # pkg-config name, package
    if ! command -v pkg-config >/dev/null 2>&1 || ! pkg-config --exists "$1"; then
        missing+=("$2")
    fi
}

check_build() {
    need_command cc gcc
    need_file '/usr/include/stdio.h' libc6-dev
    need_command cmake cmake
    need_command ninja ninja-build
    need_command pkg-config pkg-config
    need_module 'libuv >= 1.44' libuv1-dev
    need_module 'jansson >= 2.14' libjansson-dev
    need_module libfyaml libfyaml-dev
    need_module libpcre2-8 libpcre2-dev
    need_module zlib zlib1g-dev
    need_module libzstd libzstd-dev
}

# Apps in several languages are part of what is tested; so is the fuzzer's runtime.
check_test() {
    check_build
    need_module cmocka libcmocka-dev
    need_command clang-14 clang-14
    need_file '/usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' libclang-rt-14-dev
    need_command bats bats
    need_command node nodejs
    need_command npm npm
    need_command python3 python3
    need_command perl perl
    need_command ruby ruby
    need_command setpriv util-linux
    need_command pgrep procps
    need_command curl curl
    need_command openssl openssl
    need_command gunicorn gunicorn
}

check_lint() {
    # The release matters: another one formats and warns differently.
    need_command clang-format-14 clang-format-14
    need_command clang-tidy-14 clang-tidy-14
    need_command cppcheck cppcheck
    need_command shellcheck shellcheck
    check_docs
}

check_docs() {
    need_command scdoc scdoc
}

# The peers that figures are compared with, and who asks servers.
check_bench() {
    need_command node nodejs
    need_command npm npm
    need_command python3 python3
    need_command wrk wrk
}

give_up() {
    echo "deps: missing: ${missing[*]}" >&2
    echo "deps: $1" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_missing() {
    command -v apt-get >/dev/null 2>&1 ||
        give_up "apt-get is not here; please install the equivalents (names are Debian's)"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        give_up "not root and no sudo; run as root: apt-get install ${missing[*]}"
    fi
    echo "deps: installing ${missing[*]}"
    local options=(-y -q --no-install-recommends)
    # A package list from the image may be old or absent: fetch it once before the first try.
    as_root apt-get update -q </dev/null || give_up "apt-get update failed; is there a network?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "${missing[@]}" \
        </dev/null || give_up "apt-get install failed"
}

[ $# -gt 0 ] || {
    echo "usage: tools/deps.sh build|test|lint|docs|bench ..." >&2
    exit 2
}
for group in "$@"; do
    case $group in
    build | test | lint | docs | bench) "check_$group" ;;
    *)
        echo "deps: unknown group $group" >&2
        exit 2
        ;;
    esac
done
[ ${#missing[@]} -eq 0 ] || install_missing

# The npm package pm2, whose client is tested against our daemon, what runs under it, and the packages of
# servers. Without them their tests are skipped.
case " $* " in *" test "*)
    tests=$(dirname "$0")/../tests
    for package in "pm2 7.0.4" "pm2 5.4.3" "@pm2/io 6.1.0" "pm2-server-monit 3.0.0"; do
        # shellcheck disable=SC2086 # name and version
        "$tests/npm/install.sh" $package >/dev/null ||
            echo "deps: the npm package $package is out of reach: its tests will be skipped" >&2
    done
    "$tests/cluster/packages.sh" >/dev/null ||
        echo "deps: express and fastify are out of reach: their tests will be skipped" >&2
    ;;
esac
