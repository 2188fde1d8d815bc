#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Log files in every form while pm2d is killed with SIGKILL, at random instants and at each named step of the
way of a byte: the sum of all files is what was written, byte by byte.

    KILL_LOG_COUNT=100 KILL_SEED=N tests/fault/log_kill_test.py
"""

import glob
import gzip
import json
import os
import random
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import SANITIZED, SEED, Rig, each_step, wait_until  # noqa: E402
from failpoint_test import Armed  # noqa: E402

COUNT = int(os.environ.get("KILL_LOG_COUNT", 30 if SANITIZED else 60))
DATE = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d: ")

# Name of the app -> its attributes.
FORMS = {
    "plain": {},
    "rotated": {"max_size": "100K", "retain": "all"},
    "both": {"log_file": True},
    "dated": {"time": True},
    "datedboth": {"time": True, "log_file": True, "max_size": "64K", "retain": "all"},
    "packed": {"time": True, "max_size": "200K", "retain": "all", "compress": True},
    "json": {"log_type": "json"},
    "jsonboth": {"log_type": "json", "log_file": True, "max_size": "300K", "retain": "all"},
}
STEPS = ("spool.stored", "spool.filled", "spool.copied", "spool.committed", "spool.written", "spool.used",
         "spool.written:3", "rotate.renamed", "rotate.renewed")


def read(path):
    if path.endswith(".gz"):
        with gzip.open(path) as file:
            return file.read()
    with open(path, "rb") as file:
        return file.read()


def content(rig, stem):
    """All of a log, old files first."""
    logs = os.path.join(rig.home, "logs")
    old = {re.sub(r"\.gz$", "", path) for path in glob.glob(f"{logs}/{stem}__*.log*")}
    files = sorted(old) + [f"{logs}/{stem}.log"]
    return b"".join(read(path if os.path.exists(path) else path + ".gz") for path in files)


def plain(form, data):
    """What the app had written, of what stands in the file."""
    if FORMS[form].get("log_type"):
        return b"".join(json.loads(line)["message"].encode() for line in data.splitlines())
    if FORMS[form].get("time"):
        lines = data.splitlines(keepends=True)
        wrong = [line for line in lines if not DATE.match(line)]
        assert not wrong, f"{form}: {len(wrong)} lines without a date: {wrong[0][:100]}"
        return b"".join(DATE.sub(b"", line) for line in lines)
    return data


def numbers(data):
    return [int(line.split()[0]) for line in data.splitlines()]


class LogKillTest(unittest.TestCase):

    def start_all(self, rig, forms, period):
        for number, form in enumerate(forms):
            rig.start(form, "torrent", period, SEED + number, **FORMS[form])

    def start_surely(self, rig, form):
        """pm2d may die on the way of this order."""
        try:
            rig.start(form, "torrent", 0.0005, SEED + list(FORMS).index(form), **FORMS[form])
        except AssertionError as error:
            self.assertIn("already launched", str(error))

    def check(self, rig, form):
        count, errors = map(int, wait_until(lambda: rig.record(form, "written"), "calm")[0].split())

        want_err = b"".join(b"err %d\n" % (n + 1) for n in range(errors))

        def seen(stem):
            return plain(form, content(rig, stem))

        def is_complete():
            out, err = seen(f"{form}-out"), seen(f"{form}-error")
            both = seen(form) if FORMS[form].get("log_file") else out + err
            return (out, err, both) if len(err) >= len(want_err) and len(both) >= len(out) + len(err) \
                and out.endswith(b"\n") and numbers(out)[-1:] == [count] else None

        out, err, both = wait_until(is_complete, f"last line of {form}")
        self.assert_numbered(form, out, count)
        self.assertEqual(err, want_err, form)
        self.assertEqual(len(both), len(out) + len(err), f"{form}: bytes of both")
        if "time" in FORMS[form] or "log_type" in FORMS[form]:  # else lines of the two mix
            ours = [line for line in both.splitlines(keepends=True) if not line.startswith(b"err ")]
            self.assert_numbered(f"{form} combined", b"".join(ours), count)

    def assert_numbered(self, what, data, count):
        got = numbers(data)
        if got != list(range(1, count + 1)):
            wrong = next((i for i, n in enumerate(got) if n != i + 1), len(got))
            self.fail(f"{what} (seed {SEED}): {len(got)} of {count} lines; at {wrong}: "
                      f"{got[max(0, wrong - 2):wrong + 4]}")
        self.assertTrue(all(re.fullmatch(rb"\d+ x*", line) for line in data.splitlines()), what)

    def test_killed_at_random(self):
        rig = Rig()
        self.addCleanup(rig.close)
        chance = random.Random(SEED)
        self.start_all(rig, FORMS, 0.01)
        for _ in range(COUNT):
            time.sleep(chance.uniform(0, 0.08))  # the random instant
            rig.kill_and_wait("pid")
        rig.calm()
        for form in FORMS:
            with self.subTest(form=form):
                self.check(rig, form)
        old = len(glob.glob(os.path.join(rig.home, "logs", "*__*")))
        print(f"# seed {SEED}: {COUNT} kills, {old} old files", flush=True)
        self.assertGreater(old, COUNT // 5)

    def test_killed_in_turn_with_the_keeper(self):
        """The successor of a keeper has to hold the spools, too."""
        rig = Rig()
        self.addCleanup(rig.close)
        self.start_all(rig, FORMS, 0.01)
        for number in range(12):
            time.sleep(0.05)
            rig.kill_and_wait("keeper" if number % 2 else "pid")
        rig.calm()
        for form in FORMS:
            with self.subTest(form=form):
                self.check(rig, form)

    def test_killed_at_each_step(self):
        def run_step(step):
            rig = Armed(step)
            try:
                self.start_all(rig, ("plain",), 0.01)
                rig.arm()
                forms = ("both", "datedboth", "jsonboth")
                for form in forms:
                    self.start_surely(rig, form)
                wait_until(lambda: os.path.exists(rig.done), f"{step} is passed")
                rig.calm()
                for form in ("plain", *forms):
                    self.check(rig, form)
            finally:
                rig.close()

        each_step(self, STEPS, run_step)


if __name__ == "__main__":
    unittest.main(verbosity=2)
