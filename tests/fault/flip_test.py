#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bits that have turned over, in files that commands read: what is damaged is said and left as it is, what is
not is used, and no program crashes.

    tests/fault/flip_test.py [--every 1]         each so many bytes; in `make test`: 16 places per file
"""

import argparse
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import Rig  # noqa: E402

EVERY = 0
PLACES = 16


class FlipTest(unittest.TestCase):

    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)

    def flips(self, name):
        """One bit of the file is another one, then of another byte ...; as it was at the end."""
        path = os.path.join(self.rig.home, name)
        with open(path, "rb") as file:
            good = file.read()
        for at in range(0, len(good), EVERY or max(1, len(good) // PLACES)):
            bad = bytearray(good)
            bad[at] ^= 1 << at % 8
            with open(path, "wb") as file:
                file.write(bad)
            yield at, bytes(bad)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), bytes(bad), f"byte {at}: the file was written to")
        with open(path, "wb") as file:
            file.write(good)

    def test_history(self):
        rig = self.rig
        rig.start("app", "still")
        rig.pm2("restart", "app")
        rig.pm2("stop", "app")
        count = rig.pm2("history", "--json").stdout.count("\n")
        self.assertGreater(count, 5)
        for at, _ in self.flips("history.jsonl"):
            with self.subTest(at=at):
                result = rig.pm2("history", "--json", check=False)
                self.assertEqual(result.returncode, 0, result)
                left = result.stdout.count("\n")
                self.assertGreaterEqual(left, count - 2)  # two, where the newline between them is gone
                if left < count:
                    self.assertRegex(result.stderr, r"history.jsonl: [12] damaged records are left out")

    def test_a_half_record_does_not_spoil_the_next(self):
        rig = self.rig
        rig.start("app", "still")
        rig.pm2("kill")
        with open(os.path.join(rig.home, "history.jsonl"), "ab") as file:
            file.write(b'{"t":17,"what":"st')
        rig.main.close()
        rig.pm2("ping")
        rig.start("other", "still")
        result = rig.pm2("history", "other", "--json")
        self.assertIn("start", [json.loads(line)["what"] for line in result.stdout.splitlines()])
        self.assertIn("1 damaged records are left out", result.stderr)

    def test_settings(self):
        rig = self.rig
        rig.pm2("set", "app:key", "value")
        rig.pm2("set", "app:list.one", "1")
        for at, bad in self.flips("module_conf.json"):
            with self.subTest(at=at):
                try:
                    is_good = isinstance(json.loads(bad.decode()), dict)
                except ValueError:
                    is_good = False
                result = rig.pm2("conf", check=False)
                self.assertEqual(result.returncode, 0 if is_good else 1, (result, bad))
                if not is_good:
                    self.assertIn("module_conf.json cannot be used", result.stderr)
                    self.assertEqual(rig.pm2("set", "app:key", "other", check=False).returncode, 1)

    def test_settings_that_break_while_the_daemon_runs(self):
        """Those from before go on: the names of secrets are among them."""
        rig = self.rig
        rig.pm2("set", "pm2:secrets", "true")
        with open(os.path.join(rig.home, "module_conf.json"), "r+b") as file:
            file.write(b"[")
        rig.main.call("c.settings", {"name": "nobody"})
        self.assertIn(b"settings are not used", rig.log("../pm2"))
        rig.start("app", "still", env={"DB_PASSWORD": "hush"})
        with open(os.path.join(rig.home, "state.jsonl"), "rb") as journal:
            self.assertNotIn(b"hush", journal.read())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--every", type=int, default=EVERY)
    options, rest = parser.parse_known_args()
    EVERY = options.every
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
