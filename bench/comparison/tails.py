# SPDX-License-Identifier: MIT
"""Scenarios of who reads logs: the end of a large file."""

import os

LARGE_BYTES = 5 * 2**30
TEXT_BYTES = 16 * 2**20  # of its end; the begin is a hole, which nobody has a reason to look at


def make_large(path):
    """5 GiB that take 16 MiB of the disk. Each line has 128 bytes."""
    line = (b"x" * 108 + b" %018d\n")
    with open(path, "wb") as log:
        log.seek(LARGE_BYTES - TEXT_BYTES)
        for i in range(TEXT_BYTES // 128):
            log.write(line % i)
    assert os.path.getsize(path) == LARGE_BYTES


def last_line(side):
    out = side.run("logs", "large", "--lines", "15", "--nostream", "--raw")
    return out.rstrip().splitlines()[-1]


def large_log(bench):
    """`pm2 logs --lines 15 --nostream`."""
    for _, side in bench.rounds("end of a large log"):
        path = side.root / "large.log"
        make_large(path)
        try:
            side.up()
            side.run("start", "sleep", "--name", "large", "-o", path, "-e", "/dev/null", "-x", "--",
                     "1000000")
            side.online_pids(1)
            assert last_line(side).endswith(f"{TEXT_BYTES // 128 - 1:018}")
            bench.add("logs-large", side,
                      *side.timed_ms(bench.plan.commands, "logs", "large", "--lines", "15",
                                     "--nostream"))
            side.down()
        finally:
            path.unlink()


SCENARIOS = ((large_log, {"logs-large"}),)
