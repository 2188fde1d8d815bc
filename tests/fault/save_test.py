#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pm2d ends itself, as if by SIGKILL, at each named step of a save: what can be read afterwards is the old
list or the new one, whole, and the next save works."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from failpoint_test import Armed  # noqa: E402
from rig import GONE, each_step, wait_until  # noqa: E402

STEPS = ("save.before", "save.written", "save.summed", "save.kept", "save.after")


class SaveTest(unittest.TestCase):

    def each(self, steps, scenario):
        def run_step(step):
            rig = Armed(step)
            try:
                scenario(rig, step)
            finally:
                rig.close()

        each_step(self, steps, run_step)

    def names(self, rig, name="dump.pm2"):
        with open(os.path.join(rig.home, name), encoding="utf-8") as file:
            return [entry["name"] for entry in json.load(file)]

    def die_in_save(self, rig):
        rig.arm()
        try:
            rig.main.once("c.save", {})
        except GONE:
            pass
        wait_until(lambda: os.path.exists(rig.done), "the step is passed")
        rig.main.call("c.hello", {})

    def resurrected(self, rig):
        """Names, as another daemon gets them from what is on the disk."""
        rig.pm2("kill")
        rig.pm2("resurrect")
        return [row["name"] for _, row in sorted(rig.main.table().items())]

    def test_first(self):
        def scenario(rig, step):
            rig.start("one", "still")
            self.die_in_save(rig)
            exists = os.path.exists(os.path.join(rig.home, "dump.pm2"))
            self.assertEqual(exists, step == "save.after")
            rig.main.call("c.save", {})
            self.assertEqual(self.names(rig), ["one"])
            self.assertEqual(self.resurrected(rig), ["one"])

        self.each(STEPS, scenario)

    def test_second(self):
        def scenario(rig, step):
            rig.start("one", "still")
            rig.main.call("c.save", {})
            rig.start("two", "still")
            self.die_in_save(rig)
            new = ["one", "two"] if step == "save.after" else ["one"]
            self.assertEqual(self.names(rig), new)
            self.assertEqual(self.resurrected(rig), new)

        self.each(STEPS, scenario)

    def test_third(self):
        """Two lists are there; the backup is one of them, whenever it is."""
        def scenario(rig, step):
            rig.start("one", "still")
            rig.main.call("c.save", {})
            rig.start("two", "still")
            rig.main.call("c.save", {})
            rig.start("three", "still")
            self.die_in_save(rig)
            self.assertIn(self.names(rig), (["one", "two"], ["one", "two", "three"]))
            self.assertIn(self.names(rig, "dump.pm2.bak"), (["one"], ["one", "two"]))
            rig.main.call("c.save", {})
            self.assertEqual(self.names(rig), ["one", "two", "three"])
            left = [name for name in os.listdir(rig.home) if name.startswith("dump.pm2")]
            self.assertEqual(sorted(left), ["dump.pm2", "dump.pm2.bak", "dump.pm2.sum"])
            check = subprocess.run(["sha256sum", "-c", "--quiet", "dump.pm2.sum"], cwd=rig.home, check=False)
            self.assertEqual(check.returncode, 0)

        self.each(STEPS, scenario)


if __name__ == "__main__":
    unittest.main(verbosity=2)
