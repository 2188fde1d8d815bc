#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pm2d ends itself, as if by SIGKILL, at each named step of a resurrect. The command, which asks the next one
again, succeeds, and everything that was saved is there once: nothing is lost, doubled or left stopped."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from failpoint_test import SPAWN, Armed  # noqa: E402
from rig import sample, wait_until  # noqa: E402

STEPS = ("resurrect.read", "resurrect.put-back", "resurrect.journalled", "resurrect.started",
         "resurrect.started:3", "resurrect.done", *SPAWN, "spawned.received:3")


class ResurrectTest(unittest.TestCase):

    def save(self, rig):
        """Two processes of one app, one that needs it, and one that was stopped."""
        rig.start("needed", "still")
        rig.main.call("c.scale", {"name": "needed", "number": "2"})
        wait_until(lambda: len(rig.starts("needed")) == 2, "both of them")
        rig.start("needs", "still", depends_on=["needed"])
        rig.start("rests", "still")
        rig.main.call("stopProcessId", rig.ids["rests"])
        rig.pm2("save")
        rig.pm2("kill")
        rig.main.close()

    def state(self, rig):
        """What is there, as long as it can be told; by id."""
        return {ident: (row["name"], row["pm2_env"]["status"]) for ident, row in rig.main.table().items()}

    def test_each_step(self):
        rig = Armed("none")
        self.addCleanup(rig.close)
        self.save(rig)
        for step in sample(STEPS, "test_each_step"):
            with self.subTest(step=step):
                rig.extra["PM2_FAILPOINT"] = step
                self.run_step(rig)
            rig.pm2("kill")
            rig.main.close()

    def run_step(self, rig):
        wanted = {0: ("needed", "online"), 1: ("needed", "online"), 2: ("needs", "online"),
                  3: ("rests", "stopped")}
        before = {name: len(rig.starts(name)) for name in rig.ids}
        rig.pm2("ping")
        rig.arm()
        result = rig.pm2("resurrect", check=False)
        self.assertTrue(os.path.exists(rig.done), "the step is passed")
        self.assertEqual(result.returncode, 0, result.stderr)
        wait_until(lambda: self.state(rig) == wanted, f"{wanted}, not {self.state(rig)}")
        self.assertEqual(rig.doubled(), [])
        for name, more in (("needed", 2), ("needs", 1), ("rests", 0)):
            wait_until(lambda: len(rig.starts(name)) >= before[name] + more, f"record of {name}")  # noqa: B023
            self.assertEqual(len(rig.starts(name)), before[name] + more, name)
        rig.pm2("resurrect")
        self.assertEqual(self.state(rig), wanted)


if __name__ == "__main__":
    unittest.main(verbosity=2)
