#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What libpm2 shows to the outside is what libpm2.symbols lists and the header declares, no more and
# no less.
#
#   check-symbols.sh NM SYMBOLS HEADER SHARED STATIC
set -euo pipefail
export LC_ALL=C
nm=$1 symbols=$2 header=$3 shared=$4 static=$5
failed=0
diff=$(mktemp)
trap 'rm -f "$diff"' EXIT

compare() { # what, its names on stdin
    if ! diff -u "$symbols" - >"$diff"; then
        echo "$1 differs from $symbols:"
        cat "$diff"
        failed=1
    fi
}

# Sanitizers and the C runtime have names of their own, which begin with underscores.
names() {
    awk 'NF >= 3 { print $3 }' | grep -v '^_' | sort
}

"$nm" -D --defined-only "$shared" | names | compare "$shared"
"$nm" -g --defined-only "$static" | names | compare "$static"
grep '^PM2_API' "$header" | grep -oE 'pm2_[a-z0-9_]+\(' | tr -d '(' | sort | compare "$header"
exit $failed
