#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGSTOP for pm2d, the keeper and apps. Everybody else goes on; nothing is lost; what was asked for meanwhile is
done as soon as the stopped one goes on, and a command that does not wait so long says who stands still.

    FAULT_STOP_SECONDS=30 tests/fault/stop_test.py    # how long pm2d stands still
"""

import json
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import Rig, amp, freeze, is_alive, state, thaw, wait_until  # noqa: E402

SECONDS = float(os.environ.get("FAULT_STOP_SECONDS", 11))  # a command gives up after 10


class Waiting:
    """One call whose answer may take long: 30 s from when it is waited for."""

    def __init__(self, rig, method, *args):
        self.rpc = amp.Rpc(os.path.join(rig.home, "rpc.sock"), timeout=30)
        rig.clients.append(self.rpc)
        self.ident = self.rpc.start(method, *args)

    def result(self):
        return self.rpc.finish(self.ident)


class StopTest(unittest.TestCase):

    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)

    def status(self, name):
        return self.rig.row(name)["pm2_env"]["status"]

    def check_lines(self, name):
        written = wait_until(lambda: self.rig.record(name, "written"), f"calm of {name}")
        count = int(written[0].split()[0])

        def numbers():
            return [int(line.split()[-1]) for line in self.rig.log_lines(name, "out")]

        wait_until(lambda: numbers()[-1:] == [count], f"{name} {count}")
        self.assertEqual(numbers(), list(range(1, count + 1)))

    def assert_counted(self, name):
        """Each start but the first is a restart."""
        row = self.rig.settled_row(name)
        self.assertEqual(len(self.rig.starts(name)), row["pm2_env"]["restart_time"] + 1)

    # ---- pm2d ----

    def ask_the_silent(self, pid):
        result = self.rig.pm2("ls", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"(pid {pid}) was stopped by a signal; kill -CONT {pid} lets it go on", result.stderr)

    def test_pm2d(self):
        rig = self.rig
        rig.start("fast", "writer", 0.001)
        rig.start("crashing", "crashes", 0.3)
        rig.start("still", "still")
        rig.start("ends", "obeys", autorestart=False)
        before = rig.main.call("c.hello", {})
        freeze(self, before["pid"])
        until = time.monotonic() + SECONDS
        waiting = Waiting(rig, "stopProcessId", rig.ids["still"])
        rig.end("ends", 7)
        written = len(rig.log_lines("fast", "out"))
        self.ask_the_silent(before["pid"])
        time.sleep(max(0, until - time.monotonic()))  # its length is what is tested
        self.assertTrue(all(is_alive(rig.starts(name)[-1]) for name in ("fast", "still")))
        self.assertEqual(len(rig.log_lines("fast", "out")), written)
        thaw(before["pid"])
        self.assertNotIn("error", waiting.result())
        self.assertEqual(rig.main.call("c.hello", {}), before, "the same two programs")
        self.assertEqual(self.status("still"), "stopped")
        wait_until(lambda: self.status("ends") == "stopped", "the end that nobody saw")
        self.assertEqual(rig.row("ends")["pm2_env"]["exit_code"], 7)
        rig.calm()
        self.check_lines("fast")
        self.assert_counted("crashing")
        self.assertEqual(rig.doubled(), [])

    def lived_ms(self, name):
        """Of its last run, as the history has it."""
        with open(os.path.join(self.rig.home, "history.jsonl"), encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        return [r["uptime"] for r in records if (r["what"], r.get("name")) == ("ended", name)][-1]

    def test_how_long_it_had_lived(self):
        """An end is as old as it is, not as the news: pm2d stood still, or was killed then."""
        rig = self.rig
        for end in ("goes on", "is killed"):
            with self.subTest(pm2d=end):
                began = time.monotonic()
                rig.start(end, "still", autorestart=False)
                pid = rig.main.call("c.hello", {})["pid"]
                freeze(self, pid)
                os.kill(rig.starts(end)[0], signal.SIGKILL)
                wait_until(lambda: not is_alive(rig.starts(end)[0]), "its end")  # noqa: B023
                lived = (time.monotonic() - began) * 1000
                time.sleep(0.3)  # pm2d stands still
                if end == "is killed":
                    os.kill(pid, signal.SIGKILL)
                    rig.main.close()
                thaw(pid)
                wait_until(lambda: self.status(end) == "stopped", "it is known")  # noqa: B023
                self.assertLess(self.lived_ms(end), lived + 100)

    # ---- the keeper ----

    def test_keeper(self):
        rig = self.rig
        rig.start("fast", "writer", 0.001)
        rig.start("crashing", "crashes", 0.3)
        rig.start("stopped", "still", kill_timeout=300)
        rig.start("restarted", "still", kill_timeout=300)
        before = rig.main.call("c.hello", {})
        freeze(self, before["keeper"])
        waiting = [Waiting(rig, "stopProcessId", rig.ids["stopped"]),
                   Waiting(rig, "restartProcessId", {"id": rig.ids["restarted"]})]
        written = len(rig.log_lines("fast", "out"))
        wait_until(lambda: rig.log("../pm2").count(b"and the keeper (pid %d) does not say so" % before["keeper"])
                   == 2, "their ends are seen by pm2d")
        wait_until(lambda: len(rig.log_lines("fast", "out")) > written + 100, "output goes on")
        self.assertEqual([self.status(name) for name in ("stopped", "restarted")], ["stopping"] * 2)
        thaw(before["keeper"])
        for order in waiting:
            self.assertNotIn("error", order.result())
        self.assertEqual(rig.main.call("c.hello", {}), before, "the same two programs")
        self.assertEqual(self.status("stopped"), "stopped")
        self.assertEqual(rig.settled_row("restarted")["pm2_env"]["restart_time"], 1)
        self.assertNotIn(b"sending SIGKILL", rig.log("../pm2"))
        rig.calm()
        self.check_lines("fast")
        self.assert_counted("crashing")
        self.assertEqual(rig.doubled(), [])

    def test_keeper_is_killed_then(self):
        """An end that the stopped keeper never told is not lost with it."""
        rig = self.rig
        rig.start("restarted", "still", kill_timeout=300)
        before = rig.main.call("c.hello", {})
        freeze(self, before["keeper"])
        waiting = Waiting(rig, "restartProcessId", {"id": rig.ids["restarted"]})
        wait_until(lambda: b"does not say so" in rig.log("../pm2"), "its end is seen by pm2d")
        os.kill(before["keeper"], signal.SIGKILL)
        self.assertNotIn("error", waiting.result())
        self.assertEqual(rig.settled_row("restarted")["pm2_env"]["restart_time"], 1)
        self.assertEqual(len(rig.starts("restarted")), 2)

    # ---- apps ----

    def test_app_can_end_by_itself(self):
        """SIGINT reaches what stands still only when it goes on: a stop sees to that."""
        rig = self.rig
        rig.start("app", "still", kill_timeout=20000)
        freeze(self, rig.starts("app")[0])
        self.assertNotIn("error", Waiting(rig, "restartProcessId", {"id": rig.ids["app"]}).result())
        wait_until(lambda: len(rig.starts("app")) == 2, "its second start")
        freeze(self, rig.starts("app")[1])
        self.assertNotIn("error", Waiting(rig, "stopProcessId", rig.ids["app"]).result())
        self.assertNotIn(b"SIGKILL", rig.log("../pm2"))

    def test_whole_tree(self):
        rig = self.rig
        rig.start("app", "parent", kill_timeout=20000)
        child = int(wait_until(lambda: rig.record("app", "child"), "its child")[0])
        for pid in (child, rig.starts("app")[0]):
            freeze(self, pid)
        self.assertNotIn("error", Waiting(rig, "stopProcessId", rig.ids["app"]).result())
        self.assertFalse(is_alive(child))
        self.assertNotIn(b"SIGKILL", rig.log("../pm2"))

    def test_app_that_stops_again(self):
        """It stands still whatever it is told: SIGKILL comes when its time is over."""
        rig = self.rig
        rig.start("app", "rests", kill_timeout=300)
        wait_until(lambda: state(rig.starts("app")[0]) == "T", "it stands still")
        self.assertNotIn("error", Waiting(rig, "stopProcessId", rig.ids["app"]).result())
        self.assertEqual(rig.row("app")["pm2_env"]["exit_code"], 128 + signal.SIGKILL)


if __name__ == "__main__":
    unittest.main(verbosity=2)
