#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The clock is set an hour ahead or back while things are under way: durations stay what they are, and what goes by
the clock goes by the new one. Not the machine's clock: tests/fault/clock.c is preloaded into our programs.

    tests/fault/clock_test.py
"""

import mmap
import os
import shlex
import shutil
import signal
import struct
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import PM2, SANITIZED, Rig, has_handler, is_alive, wait_until  # noqa: E402

BIN = os.path.dirname(os.path.realpath(PM2))
CLOCK = os.path.join(os.path.dirname(BIN), "tests", "clock.so")
HOUR = 3600
JUMPS = {"ahead": HOUR, "back": -HOUR}
SPARE = 30  # s by which a busy machine may be late


class Shifted(Rig):
    """A rig whose pm2 and pm2d have a clock of their own; apps have the machine's. The daemon gets little of
    the caller's environment, so that a script in the place of pm2d gives it what it needs."""

    def __init__(self):
        self.programs = tempfile.mkdtemp(prefix="pm2p.")
        self.program = os.path.join(self.programs, "pm2")
        clock = {"LD_PRELOAD": CLOCK, "CLOCK_FILE": os.path.join(self.programs, "ahead")}
        for name in ("pm2", "pm2-keeper"):
            shutil.copy(os.path.join(BIN, name), self.programs)
        with open(os.path.join(self.programs, "pm2d"), "w", encoding="ascii") as script:
            words = " ".join(f"{name}={shlex.quote(value)}" for name, value in clock.items())
            script.write(f'#!/bin/sh\n{words} exec {shlex.quote(BIN)}/pm2d "$@"\n')
        os.chmod(script.name, 0o700)
        with open(clock["CLOCK_FILE"], "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self.at = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        super().__init__(**clock)

    def set_ahead(self, seconds):
        self.at[:8] = struct.pack("q", seconds)

    def ahead(self):
        return struct.unpack("q", self.at[:8])[0]

    def now(self):
        return time.time() + self.ahead()

    def close(self):
        super().close()
        self.at.close()
        shutil.rmtree(self.programs)


@unittest.skipIf(SANITIZED, "the sanitizer lets nobody be preloaded before it")
class ClockTest(unittest.TestCase):

    def setUp(self):
        self.rig = Shifted()
        self.addCleanup(self.rig.close)

    def status(self, name):
        return self.rig.row(name)["pm2_env"]["status"]

    def shown(self, name):
        """Its row of c.list."""
        return next(row for row in self.rig.main.call("c.list", {}) if row["name"] == name)

    def assert_took(self, began, least, what):
        took = time.monotonic() - began
        self.assertGreater(took, least - 0.1, what)
        self.assertLess(took, least + SPARE, what)

    def test_the_preloaded_clock_is_theirs(self):
        for ahead in (0, *JUMPS.values()):
            self.rig.set_ahead(ahead)
            self.rig.start(f"app{ahead}", "still")
            started = self.rig.row(f"app{ahead}")["pm2_env"]["pm_uptime"] / 1000
            self.assertLess(abs(started - self.rig.now()), 60)

    # ---- durations ----

    def each_jump(self, act):
        for word, seconds in JUMPS.items():
            with self.subTest(jump=word):
                self.rig.set_ahead(0)
                act(word, seconds)

    def test_restart_delay(self):
        def act(word, seconds):
            self.rig.start(word, "obeys", restart_delay=1500)
            began = time.monotonic()
            self.rig.end(word)
            wait_until(lambda: self.status(word) == "waiting restart", "it waits")
            self.rig.set_ahead(seconds)
            wait_until(lambda: len(self.rig.starts(word)) == 2, "its second start")
            self.assert_took(began, 1.4, "restart_delay")

        self.each_jump(act)

    def test_backoff(self):
        def act(word, seconds):
            self.rig.start(word, "obeys", exp_backoff_restart_delay=1000)
            for delay in (1, 1.5):
                count, began = len(self.rig.starts(word)), time.monotonic()
                self.rig.end(word)
                wait_until(lambda: self.status(word) == "waiting restart", "it waits")
                self.assertEqual(self.rig.row(word)["pm2_env"]["prev_restart_delay"], delay * 1000)
                self.rig.set_ahead(seconds)
                wait_until(lambda: len(self.rig.starts(word)) > count, "its next start")  # noqa: B023
                self.assert_took(began, delay, "the wait")
                self.rig.set_ahead(0)

        self.each_jump(act)

    def test_kill_timeout(self):
        def act(word, seconds):
            self.rig.start(word, "still", 1000, kill_timeout=1200)
            wait_until(lambda: has_handler(self.rig.starts(word)[0], signal.SIGINT), "it is deaf")
            began = time.monotonic()
            ident = self.rig.main.connected().start("stopProcessId", self.rig.ids[word])
            wait_until(lambda: self.rig.log("../pm2").count(b"Stopping app:" + word.encode()), "it is told")
            self.rig.set_ahead(seconds)
            self.assertNotIn("error", self.rig.main.rpc.finish(ident))
            self.assert_took(began, 1.2, "kill_timeout")

        self.each_jump(act)

    def test_listen_timeout(self):
        def act(word, seconds):
            began = time.monotonic()
            order = self.rig.start_request(word, "still", wait_ready=True, listen_timeout=1200)
            ident = self.rig.main.connected().start("c.start", order)
            wait_until(lambda: self.rig.record(word, "starts"), "it runs")
            self.rig.set_ahead(seconds)
            self.rig.main.rpc.finish(ident)
            self.assert_took(began, 1.2, "listen_timeout")

        self.each_jump(act)

    # ---- how long it has lived ----

    def test_uptime(self):
        """As it is shown, by pm2d and by the one that follows it."""
        rig = self.rig
        rig.start("app", "still")
        began = time.monotonic()
        for killed in (False, True):
            for seconds in JUMPS.values():
                rig.set_ahead(seconds)
                if killed:
                    rig.kill_and_wait("pid")
                row = self.shown("app")
                self.assertLess(abs(row["uptime"] / 1000 - (time.monotonic() - began)), SPARE)
                listed = rig.pm2("ls").stdout
                self.assertRegex(listed, r"app .* \d+s +│ 0 +│ online")
                self.assertRegex(rig.pm2("describe", "app").stdout, r"uptime +│ \d+s ")

    def test_what_is_unstable(self):
        """Whether a run was a short one, when the clock was set and pm2d killed on the way."""
        def act(word, seconds):
            for name, least in ((f"short-{word}", 60000), (f"long-{word}", 100)):
                self.rig.start(name, "obeys", min_uptime=least, restart_delay=60000)
            wait_until(lambda: self.shown(f"long-{word}")["uptime"] > 300, "its age")
            self.rig.set_ahead(seconds)
            self.rig.kill_and_wait("pid")
            for name, unstable in ((f"short-{word}", 1), (f"long-{word}", 0)):
                self.rig.end(name)
                wait_until(lambda: self.status(name) == "waiting restart", "it waits")  # noqa: B023
                self.assertEqual(self.rig.row(name)["pm2_env"]["unstable_restarts"], unstable, name)

        self.each_jump(act)

    # ---- what goes by the clock ----

    def before_the_hour(self, seconds):
        """How far ahead a clock is that shows so many seconds before a full hour of UTC, an hour from now or more."""
        now = time.time() + 2 * HOUR
        return int(2 * HOUR + HOUR - now % HOUR - seconds)

    def test_cron(self):
        rig = self.rig
        rig.set_ahead(self.before_the_hour(1800))
        rig.start("app", "still", cron_restart="0 * * * *", cron_timezone="UTC")
        rig.set_ahead(self.before_the_hour(2))
        wait_until(lambda: len(rig.starts("app")) == 2, "it is restarted at the new hour")
        due = self.next_run("app")
        self.assertEqual(due % HOUR, 0)
        self.assertLess(abs(due - rig.now() - HOUR), 60)
        rig.set_ahead(rig.ahead() - HOUR)  # back: the hour comes once more
        wait_until(lambda: self.next_run("app") == due - HOUR, "it is computed anew")
        rig.set_ahead(rig.ahead() + HOUR - 30)  # a small step back, over the run: not again
        wait_until(lambda: self.next_run("app") == due, "it is computed anew")
        self.assertEqual(len(rig.starts("app")), 2)

    def next_run(self, name):
        return self.rig.main.call("c.describe", {"target": name})[0]["pm2_env"]["cron_next"] / 1000

    def test_cron_while_pm2d_is_away(self):
        """What was due in the hour that never was is not made up for."""
        rig = self.rig
        rig.set_ahead(self.before_the_hour(1800))
        rig.start("app", "still", cron_restart="0 * * * *", cron_timezone="UTC")
        pid = rig.main.call("c.hello", {})["pid"]
        os.kill(pid, signal.SIGKILL)
        rig.set_ahead(rig.ahead() + HOUR)
        rig.main.close()
        wait_until(lambda: not is_alive(pid), "end of pm2d")
        self.assertGreater(self.next_run("app"), rig.now())
        self.assertEqual(len(rig.starts("app")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
