#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`pm2 logs` follows apps that write numbered lines while their files are renamed, some of them compressed, and
pm2d is killed again and again. It has to show each line exactly once and in order, and whose it is.

    tests/fault/follow_test.py [--rotations 100] [--kills 10] [--seed N]

In `make test`: $FOLLOW_ROTATIONS, $FOLLOW_KILLS and $KILL_SEED.
"""

import argparse
import gzip
import os
import random
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import GONE, SANITIZED, SEED, Rig, wait_until  # noqa: E402
from world import PM2  # noqa: E402

ROTATIONS = int(os.environ.get("FOLLOW_ROTATIONS", 40 if SANITIZED else 100))
KILLS = int(os.environ.get("FOLLOW_KILLS", 5 if SANITIZED else 10))
LINE = re.compile(r"^(\d+)\|(\w+) +\| (?:[-\dT:]+: )?(out|err) (\d+)$")


class Follower:
    """pm2 logs in the background, into a file."""

    def __init__(self, rig, *words):
        self.path = os.path.join(rig.work, "followed")
        self.errors = os.path.join(rig.work, "followed.err")
        with open(self.path, "wb") as out, open(self.errors, "wb") as err:
            self.process = subprocess.Popen([PM2, "logs", *words], env=rig.environment(), stdout=out, stderr=err,
                                            stdin=subprocess.DEVNULL)

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read().splitlines()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        assert code == -signal.SIGINT, code


class Follow(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)
        self.random = random.Random(SEED)
        self.renames = 0

    def rotate(self, stem):
        """As a rotating module does it: rename, then tell pm2d. It may be just dying: then its successor opens
        the file anew by itself."""
        log = os.path.join(self.rig.home, "logs", f"{stem}.log")
        if not os.path.exists(log):
            return
        self.renames += 1
        old = f"{log[:-4]}__{self.renames:06}.log"
        os.rename(log, old)
        try:
            self.rig.main.once("reloadLogs", {})
        except GONE:
            return
        if self.random.random() < 0.3:
            with open(old, "rb") as plain, gzip.open(old + ".part", "wb") as packed:
                packed.write(plain.read())
            os.rename(old + ".part", old + ".gz")
            os.unlink(old)

    def check_shared(self, names, follower):
        """Both write the same texts; while pm2d is away nobody knows who wrote which. But each is there, once
        for each of the two."""
        counts = [int(wait_until(lambda: self.rig.record(n, "written"), f"calm of {n}")[0]) for n in names]

        def shown():
            matches = filter(None, map(LINE.match, follower.lines()))
            return sorted(int(m[4]) for m in matches if m[2] in names and m[3] == "out")

        want = sorted(i for count in counts for i in range(1, count + 1))
        wait_until(lambda: len(shown()) >= len(want), "all lines of the shared file")
        self.assertEqual(shown(), want)

    def check(self, name, follower):
        (count,) = map(int, wait_until(lambda: self.rig.record(name, "written"), f"calm of {name}"))
        want = [str(i) for i in range(1, count + 1)]

        def shown():
            matches = filter(None, map(LINE.match, follower.lines()))
            return [m[4] for m in matches if m[2] == name and m[3] == "out"]

        try:
            wait_until(lambda: shown()[-1:] == want[-1:], f"{name} {count}")
        finally:
            got = shown()
            for i, (have, wanted) in enumerate(zip(got, want)):
                if have != wanted:
                    raise AssertionError(f"{name}: line {i + 1} is {have}, of {len(got)} shown and {count} written")
        self.assertEqual(len(got), count)

    def follow(self):
        print(f"seed {SEED}", file=sys.stderr)
        self.rig.start("first", "writer", 0.01)
        follower = Follower(self.rig, "all", "--lines", "0", "--out")
        self.addCleanup(follower.process.wait)
        self.addCleanup(follower.process.kill)
        wait_until(lambda: any(map(LINE.match, follower.lines())), "the follower is under way")
        self.rig.main.call("deleteProcessId", self.rig.ids["first"])
        return follower

    def old_logs(self, stem):
        return [name for name in os.listdir(os.path.join(self.rig.home, "logs")) if name.startswith(f"{stem}__")]

    def test_rotated_by_pm2d(self):
        follower = self.follow()
        for name, options in (("plain", {}), ("packed", {"compress": "zstd"}), ("dated", {"time": True})):
            self.rig.start(name, "writer", 0.001, max_size=500, retain="all", **options)
        for i in range(KILLS):
            lines = len(follower.lines())
            wait_until(lambda: len(follower.lines()) > lines + 200, "the follower shows something")
            self.rig.kill_and_wait("pid")
        wait_until(lambda: len(self.old_logs("plain-out")) >= 20, "files are rotated")
        self.rig.calm()
        for name in ("plain", "packed", "dated"):
            self.check(name, follower)
        follower.end()

    def test_each_line_once(self):
        follower = self.follow()
        shared = os.path.join(self.rig.home, "logs", "shared.log")
        self.rig.start("fast", "writer", 0.001)
        for name in ("left", "right"):
            self.rig.start(name, "writer", 0.01, out_file=shared)
        kills = set(self.random.sample(range(ROTATIONS), min(KILLS, ROTATIONS)))
        for i in range(ROTATIONS):
            lines = len(follower.lines())
            for stem in ("fast-out", "shared"):
                self.rotate(stem)
            if i in kills:
                self.rig.kill_and_wait("pid")
            wait_until(lambda: len(follower.lines()) > lines, "the follower shows something")
        self.rig.calm()
        self.check("fast", follower)
        self.check_shared(("left", "right"), follower)
        follower.end()
        self.assertGreater(self.renames, ROTATIONS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rotations", type=int, default=ROTATIONS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    options, rest = parser.parse_known_args()
    ROTATIONS, KILLS, SEED = options.rotations, options.kills, options.seed
    unittest.main(argv=sys.argv[:1] + rest)
