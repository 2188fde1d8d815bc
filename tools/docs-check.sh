#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Do the documents still say what the program does? tools/docs-check.sh BIN_FOLDER
#   - man pages render
#   - links between documents lead somewhere
#   - each command and each option of `pm2 --help` is in pm2(1)
#   - each RPC method of our own is in docs/PROTOCOL.md
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
bin=${1:-build/release/bin}
bad=0

fail() {
    echo "docs: $*" >&2
    bad=1
}

for page in man/*.scd; do
    scdoc <"$page" >/dev/null || fail "$page does not render"
done

# [text](target): targets in the tree, without anchors.
while IFS=: read -r file target; do
    [ -e "$(dirname "$file")/$target" ] || fail "$file links to $target, which is not there"
done < <(grep -oHE '\]\([^)#:]+[)#]' README.md CONTRIBUTING.md CHANGELOG.md docs/*.md examples/*.md |
    sed -e 's/](//' -e 's/[)#]$//')

help=$("$bin/pm2" --help 2>/dev/null) || fail "pm2 --help does not work"
page=$(tr -d '\134' <man/pm2.1.scd)
while read -r option; do
    grep -qE -- "(^|[^-a-z])$option([^-a-z]|$)" <<<"$page" || fail "pm2(1) lacks $option"
done < <(grep -oE -- '--[a-z][a-z0-9-]+' <<<"$help" | sort -u)

# "    list|ls|l <arg>   text": the man page has each name in bold.
while read -r command; do
    grep -qE -- "\\*$command\\*" <<<"$page" || fail "pm2(1) lacks the command $command"
done < <(awk '/^ *Commands:/ { on = 1; next } /^ *Options/ { on = 0 }
              on && /^ {4}[a-z]/ { gsub(/\|/, "\n", $1); print $1 }' <<<"$help" | sort -u)

while read -r method; do
    grep -qF -- "$method" docs/PROTOCOL.md || fail "docs/PROTOCOL.md lacks $method"
done < <(grep -hoE '"c\.[a-z]+"' src/daemon/*.c | tr -d '"' | sort -u)

[ $bad -eq 0 ] && echo "docs: ok"
exit $bad
