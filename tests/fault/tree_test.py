#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What apps fork: bombs within a limit, children that fork again while they are ended, daemons that detach themselves
in every way. A stop leaves nothing, and the keeper no zombies.

    FAULT_BOMB=200 tests/fault/tree_test.py    # processes that a bomb may have
"""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import Rig, is_alive, state, wait_until  # noqa: E402

BOMB = int(os.environ.get("FAULT_BOMB", 60))


class TreeTest(unittest.TestCase):

    rig_environment = {}

    def setUp(self):
        self.rig = Rig(**self.rig_environment)
        self.addCleanup(self.rig.close)
        self.addCleanup(self.kill_left)

    def kill_left(self):
        """Should a test fail, nothing may go on forking."""
        for _ in range(50):
            left = [pid for pid in self.family() if is_alive(pid)]
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not left:
                return

    def family(self):
        """All that has our folder on its command line, other than pm2d and the keeper."""
        found, word = [], self.rig.work.encode()
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if word in file.read().split(b"\0") and pid != os.getpid():
                        found.append(pid)
            except OSError:
                pass
        return found

    def zombies(self):
        keeper = self.rig.main.call("c.hello", {})["keeper"]
        with open(f"/proc/{keeper}/task/{keeper}/children", encoding="ascii") as children:
            return [pid for pid in children.read().split() if state(pid) == "Z"]

    def assert_clean(self):
        wait_until(lambda: not self.family(), f"nothing is left of {self.family()}")
        wait_until(lambda: not self.zombies(), "no zombies")

    def stop(self, name, how="stopProcessId"):
        self.rig.main.call(how, self.rig.ids[name])
        self.assertEqual([pid for pid in self.family() if is_alive(pid)], [], f"left by {how}")

    def test_bomb(self):
        """It forks until it may not, again as soon as one of them ends, and they ignore SIGINT."""
        rig = self.rig
        rig.start("bomb", "bomb", BOMB, kill_timeout=500)
        wait_until(lambda: len(self.family()) >= BOMB * 3 // 4, "it has gone off", 60)
        self.assertLessEqual(len(self.family()), BOMB + 1)
        began = time.monotonic()
        self.stop("bomb")
        print(f"# a bomb of {BOMB} was ended within {time.monotonic() - began:.2f} s", flush=True)
        self.assertEqual(rig.row("bomb")["pm2_env"]["status"], "stopped")
        self.assert_clean()

    def test_bomb_restarted_and_deleted(self):
        rig = self.rig
        rig.start("bomb", "bomb", BOMB // 2, kill_timeout=300)
        wait_until(lambda: len(self.family()) >= BOMB // 4, "it has gone off", 60)
        before = set(self.family())
        rig.main.call("restartProcessId", {"id": rig.ids["bomb"]})
        self.assertEqual([pid for pid in before if is_alive(pid) and pid in self.family()], [])
        wait_until(lambda: len(self.family()) >= BOMB // 4, "it goes off again", 60)
        self.stop("bomb", "deleteProcessId")
        self.assert_clean()

    def test_bomb_while_pm2d_is_killed(self):
        rig = self.rig
        rig.start("bomb", "bomb", BOMB // 2, kill_timeout=300)
        wait_until(lambda: len(self.family()) >= BOMB // 4, "it has gone off", 60)
        rig.kill_and_wait("pid")
        self.stop("bomb")
        self.assert_clean()

    def test_daemons_of_all_kinds(self):
        rig = self.rig
        for how in ("setsid", "double", "setsid-double", "stopped", "deaf", "group"):
            with self.subTest(how=how):
                rig.start(how, "leaves", how, kill_timeout=300)
                pid = int(wait_until(lambda: rig.record(how, "left"), "its daemon")[0])  # noqa: B023
                wait_until(lambda: is_alive(pid), "it lives")  # noqa: B023
                rig.main.call("stopProcessId", rig.ids[how])
                self.assertFalse(is_alive(pid))
        self.assert_clean()

    def test_daemons_whose_app_is_gone(self):
        """They outlive it, as its next start does not need them; a stop then ends them."""
        rig = self.rig
        rig.start("app", "leaves", "setsid-double", kill_timeout=300, autorestart=False)
        pid = int(wait_until(lambda: rig.record("app", "left"), "its daemon")[0])
        os.kill(rig.starts("app")[0], signal.SIGKILL)
        wait_until(lambda: rig.row("app")["pm2_env"]["status"] == "stopped", "its end is seen")
        self.assertTrue(is_alive(pid))
        rig.main.call("deleteProcessId", rig.ids["app"])
        self.assertFalse(is_alive(pid))
        self.assert_clean()

    def test_zombies(self):
        """Orphans that end come to the keeper, which has no name for them."""
        rig = self.rig
        rig.start("app", "orphans", 60)
        wait_until(lambda: rig.record("app", "orphaned"), "all have been made", 30)
        wait_until(lambda: not self.zombies(), "all have been reaped")
        self.assertEqual(len(rig.starts("app")), 1)
        self.stop("app")
        self.assert_clean()


class TreeWithoutCgroupTest(TreeTest):
    """Found in /proc, by parents, sessions and marks."""

    rig_environment = {"PM2_CGROUP": "off"}


if __name__ == "__main__":
    unittest.main(verbosity=2)
