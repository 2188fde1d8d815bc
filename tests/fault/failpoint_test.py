#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pm2d, or the keeper, ends itself, as if by SIGKILL, at each named step (base/failpoint.h); the next one
has to make of it what the step before or after would have made: nothing lost, nothing twice."""

import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import GONE, Rig, amp, each_step, is_alive, wait_until  # noqa: E402

# Each test waits for its step to be passed, so that a step whose name is gone from the source fails.
JOURNAL = ("journal.before", "journal.after")
START = (*JOURNAL, "order.accepted", "spawn.journalled", "spawn.sent", "spawned.received",
         "spawned.journalled", "order.journalled")
EXIT = (*JOURNAL, "exited.received", "exited.journalled", "forget.sent")
STOP = (*EXIT, "order.accepted", "goal.journalled", "signal.sent", "order.journalled")
DELETE = (*STOP, "removed")
SPAWN = ("spawn.journalled", "spawn.sent", "spawned.received", "spawned.journalled")
RESTART = (*STOP, *SPAWN)
RELOAD = (*SPAWN, "reload.switching", "reload.switched", "reload.ending", *EXIT)


class Armed(Rig):
    """A rig whose daemon dies at `step` once `arm` was called. The file that says "done" is there until then."""

    def __init__(self, step):
        super().__init__(PM2_FAILPOINT=step)

    def pm2(self, *args, check=True):
        self.done = os.path.join(self.home, "failpoint.done")
        if not os.path.exists(self.home):
            os.makedirs(self.home, 0o700)
            with open(self.done, "x", encoding="ascii"):
                pass
        return super().pm2(*args, check=check)

    def arm(self):
        os.unlink(self.done)

    def order(self, method, argument):
        """Give an order on whose way pm2d may die, and again if nobody answered, as a client would."""
        self.arm()
        try:
            return self.main.once(method, argument)
        except GONE:
            self.settled_row("app")  # what came of the first order has been recorded
            return self.main.call(method, argument)


class FailpointTest(unittest.TestCase):

    def each(self, steps, scenario):
        """The scenario once per step. The bystander must not notice any of it."""
        def run_step(step):
            rig = Armed(step)
            try:
                self.run_step(rig, step, scenario)
            finally:
                rig.close()

        each_step(self, steps, run_step)

    def run_step(self, rig, step, scenario):
        rig.start("bystander", "writer", 0.005)
        before = rig.row("bystander")["pid"]
        scenario(rig)
        wait_until(lambda: os.path.exists(rig.done), f"{step} is passed")
        self.assertEqual(rig.doubled(), [])
        rig.calm()
        (count,) = map(int, wait_until(lambda: rig.record("bystander", "written"), "calm"))
        wait_until(lambda: len(rig.log_lines("bystander", "out")) >= count, "lines of the bystander")
        self.assertEqual(rig.log_lines("bystander", "out"), [f"out {n + 1}" for n in range(count)])
        self.assertEqual(rig.starts("bystander"), [before])
        self.assertEqual(rig.row("bystander")["pid"], before)

    def assert_row(self, rig, status, starts, restarts):
        row = rig.settled_row("app")
        env = row["pm2_env"]
        self.assertEqual((env["status"], len(rig.starts("app")), env["restart_time"]),
                         (status, starts, restarts))
        return env

    def test_start(self):
        def scenario(rig):
            rig.start("app", "still")
            rig.main.call("stopProcessId", rig.ids["app"])
            rig.arm()
            try:
                rig.main.once("startProcessId", rig.ids["app"])
            except GONE:
                if rig.settled_row("app")["pm2_env"]["status"] == "stopped":
                    rig.main.call("startProcessId", rig.ids["app"])
            self.assert_row(rig, "online", 2, 0)

        self.each(START, scenario)

    def test_stop(self):
        def scenario(rig):
            rig.start("app", "still")
            rig.order("stopProcessId", rig.ids["app"])
            self.assert_row(rig, "stopped", 1, 0)

        self.each(STOP, scenario)

    def test_restart(self):
        def scenario(rig):
            rig.start("app", "still")
            rig.arm()
            try:
                rig.main.once("restartProcessId", {"id": rig.ids["app"]})
            except GONE:
                pass  # done, or not
            wait_until(lambda: os.path.exists(rig.done), "the step is passed")
            env = rig.settled_row("app")["pm2_env"]
            self.assertEqual(env["status"], "online")
            wait_until(lambda: len(rig.starts("app")) == rig.row("app")["pm2_env"]["restart_time"] + 1,
                       "as many starts as are counted")

        self.each(RESTART, scenario)

    def reloads(self, rig):
        try:
            return rig.main.call("reloadProcessId", {"id": rig.ids["app"]})
        except amp.RemoteError as e:
            self.assertIn("already in progress", str(e))  # what was left of the one before
            return None

    def test_reload(self):
        """Before the switch it is undone, after it the old one goes: one of the two lives, and is counted."""
        def scenario(rig):
            rig.start("app", "still", listen=[f"unix:{rig.home}/app.sock"], listen_timeout=200)
            rig.arm()
            try:
                rig.main.once("reloadProcessId", {"id": rig.ids["app"]})
            except GONE:
                pass  # done, or undone
            wait_until(lambda: os.path.exists(rig.done), "the step is passed")
            # A new one may have the place already and its record still to write.
            living = wait_until(lambda: (pids := [p for p in rig.starts("app") if is_alive(p)])
                                and pids == [rig.row("app")["pid"]] and pids, "one of the two, in its place")
            env = rig.row("app")["pm2_env"]
            self.assertEqual((env["status"], env["restart_time"]),
                             ("online", int(living[0] != rig.starts("app")[0])))
            wait_until(lambda: self.reloads(rig), "another reload")
            wait_until(lambda: [p for p in rig.starts("app") if is_alive(p)] == [rig.row("app")["pid"]],
                       "one of them, in its place")

        self.each(RELOAD, scenario)

    def test_delete(self):
        def scenario(rig):
            rig.start("app", "still")
            rig.arm()
            try:
                rig.main.once("deleteProcessId", rig.ids["app"])
            except GONE:
                pass
            if rig.ids["app"] in rig.main.table():
                try:
                    rig.main.call("deleteProcessId", rig.ids["app"])
                except amp.RemoteError:
                    pass  # the next pm2d went on with the first order
            wait_until(lambda: not is_alive(rig.starts("app")[-1]), "end of the app")
            self.assertNotIn(rig.ids["app"], rig.main.table())

        self.each(DELETE, scenario)

    def test_exit(self):
        def scenario(rig):
            rig.start("app", "obeys", autorestart=False)
            rig.arm()
            rig.end("app", 7)
            wait_until(lambda: rig.row("app")["pm2_env"]["status"] == "stopped", "its end is known")
            env = self.assert_row(rig, "stopped", 1, 0)
            self.assertEqual(env["exit_code"], 7)

        self.each(EXIT, scenario)

    def test_crash(self):
        def scenario(rig):
            rig.start("app", "obeys", stop_exit_codes=[8])
            rig.arm()
            rig.end("app", 7)
            wait_until(lambda: len(rig.starts("app")) >= 2, "it is started again")
            row = rig.settled_row("app")
            self.assertEqual(len(rig.starts("app")), row["pm2_env"]["restart_time"] + 1)

        self.each((*EXIT, *SPAWN), scenario)

    def test_crash_with_a_pause(self):
        """The end that was acted on is not acted on again, and the pause is not cut short."""
        def scenario(rig):
            rig.start("app", "obeys", restart_delay=60000, min_uptime=600000)
            rig.arm()
            rig.end("app", 7)
            wait_until(lambda: os.path.exists(rig.done), "the step is passed")
            wait_until(lambda: rig.row("app")["pm2_env"]["status"] == "waiting restart", "the pause")
            env = rig.row("app")["pm2_env"]
            self.assertEqual((env["unstable_restarts"], env["restart_time"], len(rig.starts("app"))),
                             (1, 0, 1))

        self.each(EXIT, scenario)

    def test_too_many_crashes(self):
        def scenario(rig):
            rig.start("app", "obeys", max_restarts=2, min_uptime=600000)
            rig.arm()
            rig.end("app", 7)
            wait_until(lambda: len(rig.starts("app")) == 2, "it is started again")
            rig.end("app", 7)
            wait_until(lambda: os.path.exists(rig.done), "the step is passed")
            wait_until(lambda: rig.row("app")["pm2_env"]["status"] == "errored", "it is given up")
            env = self.assert_row(rig, "errored", 2, 1)
            self.assertEqual(env["exit_code"], 7)

        self.each([f"{step}:2" for step in EXIT if step not in JOURNAL], scenario)

    # ---- steps of the keeper ----

    def test_keeper_starts_one(self):
        """It is there, and the keeper dies before it can say so: ended, and asked for again."""
        def scenario(rig):
            rig.start("app", "still")
            rig.main.call("stopProcessId", rig.ids["app"])
            rig.arm()
            rig.main.call("startProcessId", rig.ids["app"])
            env = rig.settled_row("app")["pm2_env"]
            self.assertEqual((env["status"], env["restart_time"]), ("online", 0))
            self.assertEqual(rig.asked_again("app"), 1)
            self.assertIn(len(rig.starts("app")), (2, 3))  # the first may have come to write its record

        self.each(("keeper.spawned",), scenario)

    def test_keeper_sees_an_exit(self):
        def scenario(rig):
            rig.start("app", "obeys", autorestart=False)
            rig.arm()
            rig.end("app", 7)
            wait_until(lambda: rig.row("app")["pm2_env"]["status"] == "stopped", "its end is known")
            env = self.assert_row(rig, "stopped", 1, 0)
            self.assertIn(env.get("exit_code"), (7, None))

        self.each(("keeper.reaped", "keeper.forgot"), scenario)

    def test_successor_dies(self):
        """One keeper is killed, the next one in the middle of taking over; the third one does it."""
        def scenario(rig):
            rig.start("app", "still")
            hello = rig.main.call("c.hello", {})
            rig.arm()
            os.kill(hello["keeper"], signal.SIGKILL)
            wait_until(lambda: os.path.exists(rig.done), "the step is passed")
            wait_until(lambda: is_alive(rig.main.call("c.hello", {})["keeper"]), "a third keeper")
            self.assertEqual(rig.main.call("c.hello", {})["pid"], hello["pid"])
            self.assert_row(rig, "online", 1, 0)
            rig.main.call("restartProcessId", {"id": rig.ids["app"]})
            self.assert_row(rig, "online", 2, 1)

        self.each(("keeper.adopted", "keeper.adopted:2"), scenario)


if __name__ == "__main__":
    unittest.main(verbosity=2)
