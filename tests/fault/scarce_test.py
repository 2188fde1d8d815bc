#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory and descriptors that run out, and waiting that is interrupted all the time: a request may fail, and
says why; the daemon goes on, apps are kept, and afterwards all works.

    tests/fault/scarce_test.py           in `make test`; FAULT_LONG=1: each allocation, not a part of them
"""

import json
import os
import resource
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault import Faulty, needs_shim  # noqa: E402
from rig import GONE, Rig, amp, has_handler, is_alive, wait_until  # noqa: E402

LONG = os.environ.get("FAULT_LONG") == "1"
STORM_US = 200


def numbers():
    """Of allocations: the first ones, then some further and further apart."""
    n = 1
    while True:
        yield n
        n += 1 if LONG else 1 + n // 8


@needs_shim
class MemoryTest(unittest.TestCase):
    """The 1st, 2nd, nth allocation of a request fails, until one comes through without."""

    def setUp(self):
        self.rig = Faulty("pm2d", "pm2-keeper")
        self.addCleanup(self.rig.close)
        self.rig.start("app", "still")
        self.pid = self.rig.main.call("c.hello", {})["pid"]

    def each(self, request, and_all_after=False):
        """How many requests were refused."""
        failed = 0
        for n in numbers():
            self.rig.fail_allocation(n, and_all_after)
            try:
                request(n)
            except amp.RemoteError as error:
                failed += 1
                self.assertTrue(str(error))
            except GONE:  # it could not even be answered
                failed += 1
            hits = self.rig.heal()
            self.assertEqual(self.rig.main.call("c.hello", {})["pid"], self.pid, f"allocation {n}")
            if not hits:
                break
        self.assertGreater(n, 10)
        return failed

    def once(self, *args):
        return self.rig.main.once(*args)

    def test_lists(self):
        for method in ("getMonitorData", "c.list", "getSystemData"):
            with self.subTest(method=method):
                self.assertGreater(self.each(lambda _, method=method: self.once(method, {})), 0)

    def test_lists_without_any_memory(self):
        for method in ("getMonitorData", "c.list"):
            with self.subTest(method=method):
                self.assertGreater(self.each(lambda _, method=method: self.once(method, {}), True), 0)

    def test_start(self):
        """What was started is in the list, what was not is not, and nothing is there twice."""
        rig = self.rig
        order = {"targets": ["/bin/sleep"], "args": ["1000"], "cwd": rig.work, "env": {"PATH": os.environ["PATH"]}}

        def start(n):
            self.once("c.start", dict(order, options={"name": f"new{n}", "interpreter": "none"}))

        self.each(start)
        rows = rig.main.table()
        self.assertEqual(len(rows), len({row["name"] for row in rows.values()}))
        for ident in rows:
            if ident != rig.ids["app"]:
                rig.main.call("deleteProcessId", ident)
        wait_until(lambda: len(rig.roots()) <= 1, "end of all that was started")
        self.assertEqual(rig.row("app")["pid"], rig.starts("app")[0])

    def test_restart_and_reload(self):
        rig = self.rig
        for method in ("restartProcessId", "reloadProcessId", "softReloadProcessId"):
            with self.subTest(method=method):
                self.each(lambda _, method=method: self.once(method, {"id": rig.ids["app"]}))
                wait_until(lambda: rig.row("app")["pm2_env"]["status"] in ("online", "stopped", "errored"), "rest")
                rig.main.call("restartProcessId", {"id": rig.ids["app"]})
                self.assertEqual(rig.settled_row("app")["pm2_env"]["status"], "online")
                self.assertEqual(rig.doubled(), [])

    def test_save(self):
        """The list on the disk is whole after each of them."""
        rig = self.rig
        rig.main.call("c.save", {})

        def save(_):
            try:
                self.once("c.save", {})
            finally:
                with open(os.path.join(rig.home, "dump.pm2"), encoding="utf-8") as file:
                    self.assertEqual([app["name"] for app in json.load(file)], ["app"])

        self.each(save)

    def test_bus(self):
        """A subscriber may miss events, or be cut off; apps and other requests are not touched."""
        rig = self.rig
        bus = rig.bus()
        self.each(lambda n: self.once("sendLineToStdin", {"pm_id": rig.ids["app"], "line": f"{n}\n"}))
        self.each(lambda _: self.once("msgProcess", {"msg": "hello", "id": rig.ids["app"]}))
        self.each(lambda _: self.once("sendSignalToProcessId", {"process_id": rig.ids["app"], "signal": 0}))
        bus.close()
        self.assertEqual(rig.row("app")["pid"], rig.starts("app")[0])


class Limited(Rig):
    """A rig whose programs may be left without descriptors."""

    def limits(self, pid):
        return resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def starve(self, pid, spare=0):
        """Only so many further descriptors for that process. What it had before."""
        _, hard = before = self.limits(pid)
        taken = set(map(int, os.listdir(f"/proc/{pid}/fd")))
        free = (n for n in range(max(taken) + 2 + spare) if n not in taken)
        limit = next(n for count, n in enumerate(free) if count == spare)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
        return before

    def feed(self, pid, limits):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


class DescriptorTest(unittest.TestCase):

    def setUp(self):
        self.rig = Limited()
        self.addCleanup(self.rig.close)
        self.rig.start("app", "still")
        self.rig.main.call("c.hello", {})

    def victims(self):
        hello = self.rig.main.call("c.hello", {})
        return {"pm2d": hello["pid"], "keeper": hello["keeper"]}

    def test_requests(self):
        """They fail with the reason; apps run on."""
        rig = self.rig
        order = {"targets": ["/bin/sh"], "args": ["-c", "echo hello; exec sleep 1000"], "cwd": rig.work,
                 "env": {"PATH": os.environ["PATH"]}}
        victims = self.victims()
        for name, pid in victims.items():
            for spare in range(0, 12 if LONG else 8):
                with self.subTest(victim=name, spare=spare):
                    limits = rig.starve(pid, spare)
                    try:
                        app = dict(order, options={"name": f"{name}-{spare}", "interpreter": "none"})
                        result = json.dumps(rig.main.once("c.start", app))
                        if "error" in result or spare == 0:
                            self.assertRegex(result, "(?i)too many open files|EMFILE")
                        self.assertEqual(rig.row("app")["pid"], rig.starts("app")[0])
                    finally:
                        rig.feed(pid, limits)
                    self.assertEqual(self.victims(), victims)
                    (row,) = (row for ident, row in rig.main.table().items() if ident != rig.ids["app"])
                    wait_until(lambda: rig.main.table()[row["pm_id"]]["pm2_env"]["status"] == "online",  # noqa: B023
                               "its start, once it can be")
                    wait_until(lambda: rig.log_lines(row["name"], "out") == ["hello"], "its output")  # noqa: B023
                    rig.main.call("deleteProcessId", row["pm_id"])
        wait_until(lambda: len(rig.roots()) == 1, "end of all that was started")
        self.assertEqual(rig.starts("app"), [rig.row("app")["pid"]])

    def test_new_clients(self):
        """Are told, and do not hang."""
        rig = self.rig
        pid = self.victims()["pm2d"]
        limits = rig.starve(pid)
        try:
            result = rig.pm2("list", check=False)
            self.assertEqual(result.returncode, 1, result.stdout)
            self.assertTrue(result.stderr.strip())
        finally:
            rig.feed(pid, limits)
        rig.pm2("list")
        self.assertEqual(self.victims()["pm2d"], pid)

    def test_a_crash(self):
        """An app that ends when nothing can be started is started once something can."""
        rig = self.rig
        for name, pid in self.victims().items():
            with self.subTest(victim=name):
                count = len(rig.starts("app"))
                limits = rig.starve(pid)
                try:
                    os.kill(rig.starts("app")[-1], signal.SIGKILL)
                    wait_until(lambda: rig.row("app")["pm2_env"]["status"] != "online", "its end")
                finally:
                    rig.feed(pid, limits)
                wait_until(lambda: len(rig.starts("app")) > count, "its next start")  # noqa: B023
                self.assertEqual(rig.settled_row("app")["pm2_env"]["status"], "online")


@needs_shim
class StormTest(unittest.TestCase):
    """A signal every STORM_US, for all programs, whose handler ends each call that waits with EINTR."""

    def test_a_life(self):
        rig = Faulty("pm2", "pm2d", "pm2-keeper", storm_us=STORM_US)
        self.addCleanup(rig.close)
        rig.start("writes", "writer", 0.002)
        rig.start("app", "still")
        for _ in range(3):
            rig.pm2("restart", "app")
            rig.pm2("list")
            rig.pm2("save")
        rig.pm2("set", "some:key", "value")
        self.assertIn("key: value", rig.pm2("get", "some:key").stdout)
        self.assertEqual(rig.row("app")["pm2_env"]["restart_time"], 3)
        before = rig.row("writes")["pid"]
        for victim in ("pid", "keeper", "pid"):
            rig.kill_and_wait(victim)
        rig.main.close()
        result = rig.pm2("update", check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        rig.main.close()
        self.assertEqual(rig.row("writes")["pid"], before)
        rig.calm()
        (count,) = map(int, wait_until(lambda: rig.record("writes", "written"), "calm"))
        wait_until(lambda: len(rig.log_lines("writes", "out")) >= count, "its lines")
        self.assertEqual(rig.log_lines("writes", "out"), [f"out {n + 1}" for n in range(count)])
        self.assertEqual(rig.doubled(), [])
        rig.pm2("delete", "writes")
        rig.pm2("kill")
        rig.pm2("resurrect")
        rig.main.close()
        self.assertEqual(rig.settled_row("app")["pm2_env"]["status"], "online")

    def test_it_is_one(self):
        """Without SA_RESTART, and at work: or the test above proves nothing."""
        rig = Faulty("pm2d", storm_us=STORM_US)
        self.addCleanup(rig.close)
        self.assertTrue(has_handler(rig.daemon_pid(), signal.SIGURG))


if __name__ == "__main__":
    unittest.main(verbosity=2)
