# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# To be sourced with ROOT set: tests and their apps find the system's own Python first. That of a
# version manager is a shell script which takes a second to start, and tests start hundreds.
if [ -x /usr/bin/python3 ]; then
    [ -d "$ROOT/build/test-bin" ] || mkdir -p "$ROOT/build/test-bin"
    for name in python3 python; do
        [ -e "$ROOT/build/test-bin/$name" ] || ! command -v $name >/dev/null ||
            ln -s /usr/bin/python3 "$ROOT/build/test-bin/$name" 2>/dev/null || :
    done
    unset name
    PATH=$ROOT/build/test-bin:$PATH
fi
