#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run a script under a service manager of its own: with_systemd.sh FOLDER SCRIPT. FOLDER/units are its
# units. It is systemd's user manager in namespaces of its own, with a cgroup tree of its own: when
# the script ends, so does all that was started. Exit code 77: no such manager can be had here.
set -uo pipefail
folder=$1

if [ "${2:-}" != --inside ]; then
    command -v systemctl >/dev/null && [ -x /lib/systemd/systemd ] || exit 77
    exec unshare -fmpC --kill-child --mount-proc "$0" "$folder" --inside "$2"
fi

mount -t tmpfs none /run && mkdir -p /run/systemd/system || exit 77
umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null || exit 77
mkdir -p "$folder/run" "$folder/config/systemd"
chmod 700 "$folder/run"
ln -sfn "$folder/units" "$folder/config/systemd/user"
printf '[Unit]\nDescription=nothing\n' >"$folder/units/nothing.target"
export XDG_RUNTIME_DIR=$folder/run XDG_CONFIG_HOME=$folder/config
/lib/systemd/systemd --user --unit=nothing.target >/dev/null 2>&1 &
manager=$!
for _ in $(seq 100); do
    [ ! -S "$folder/run/systemd/private" ] || break
    kill -0 $manager 2>/dev/null || exit 77
    sleep 0.1 # the pace of polling
done
[ -S "$folder/run/systemd/private" ] || exit 77
bash -eu "$3"
code=$?
kill $manager
exit $code
