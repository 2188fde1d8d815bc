#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pids are used again at once: in a namespace of pids of its own in which there are few. Nobody who got the pid of an
app, of its offspring or of the daemon may be hit, and nobody may be taken for one of them.

    tests/fault/pids_test.py    # as root, or where users may make namespaces
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import GONE, Rig, is_alive, wait_until  # noqa: E402

INSIDE = "PM2_TEST_PIDS_INSIDE"
PIDS = 400  # the kernel's least is 301
FIRST = 300  # where the kernel goes on after the last one
KILLS = int(os.environ.get("FAULT_PIDS_KILLS", 8))
BYSTANDERS = 30  # at a time
MOST_S = 120
# The shell is process 1 there, and reaps what nobody else does.
ENTER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", '"$@"; exit $?', "bash"]


def next_pid(pid):
    """The one that the next fork gets, if it is free."""
    with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as file:
        file.write(str(pid - 1))


class Bystanders(threading.Thread):
    """Short-lived processes, one after the other, so that all free pids are theirs now and then. Each has the marks of
    no app. `hit` has those that a signal ended."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ending, self.hit, self.count, self.seen = threading.Event(), [], 0, set()
        self.start()

    def run(self):
        alive = []
        while not self.ending.is_set() or alive:
            if not self.ending.is_set() and len(alive) < BYSTANDERS:
                alive.append(subprocess.Popen(["sleep", "0.05"], env={"PATH": os.environ["PATH"]},
                                              start_new_session=True))
                self.count += 1
                self.seen.add(alive[-1].pid)
            else:
                self.ending.wait(0.005)  # for one of them to end
            for child in [child for child in alive if child.poll() is not None]:
                alive.remove(child)
                if child.returncode != 0:
                    self.hit.append((child.pid, child.returncode))

    def have_gone_round(self):
        """Each pid that was free has been used twice, or more."""
        return self.count > 2 * len(self.seen)

    def finish(self):
        self.ending.set()
        self.join(30)
        return self.hit


class Inside(unittest.TestCase):

    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)

    def take_pid(self, pid):
        """An innocent process with this pid."""
        for _ in range(50):
            next_pid(pid)
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            if child.pid == pid:
                self.addCleanup(child.wait)
                self.addCleanup(child.kill)
                return child
            child.kill()
            child.wait()
        raise AssertionError(f"pid {pid} is not to be had")

    def kill_app(self, name):
        pid = self.rig.starts(name)[-1]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it is reaped")
        return pid

    def test_the_pid_of_an_app_in_the_journal(self):
        rig = self.rig
        for name in ("started", "stopped", "deleted"):
            rig.start(name, "still")
        self.rig.kill_both()
        others = {name: self.take_pid(self.kill_app(name)) for name in rig.ids}
        self.assertEqual(rig.pm2("ping").returncode, 0)
        wait_until(lambda: all(len(rig.starts(name)) == 2 for name in rig.ids), "they are started again")
        self.assertEqual(rig.row("started")["pid"], rig.starts("started")[1])
        rig.main.call("stopProcessId", rig.ids["stopped"])
        rig.main.call("deleteProcessId", rig.ids["deleted"])
        rig.main.call("restartProcessId", {"id": rig.ids["started"]})
        self.assertEqual({name: other.poll() for name, other in others.items()}, dict.fromkeys(others))

    def test_the_pid_of_an_app_in_its_back_off(self):
        rig = self.rig
        rig.start("app", "still", restart_delay=60000)
        other = self.take_pid(self.kill_app("app"))
        for method, argument in (("stopProcessId", rig.ids["app"]), ("restartProcessId", {"id": rig.ids["app"]}),
                                 ("deleteProcessId", rig.ids["app"])):
            rig.main.call(method, argument)
            self.assertIsNone(other.poll(), method)

    def test_the_pid_of_an_offspring(self):
        """Told to end, gone, and its pid is another one's when the SIGKILL for the tree comes."""
        rig = self.rig
        rig.start("app", "parent", 1000, kill_timeout=1000)
        child = int(wait_until(lambda: rig.record("app", "child"), "its child")[0])
        rig.main.connected()
        ident = rig.main.rpc.start("stopProcessId", rig.ids["app"])
        wait_until(lambda: b"Stopping app:app" in rig.log("../pm2"), "it is told")
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: not is_alive(child), "its end")
        # Its parent does not reap it: the pid is free when that one has been killed.
        self.assertNotIn("error", rig.main.rpc.finish(ident))
        wait_until(lambda: not os.path.exists(f"/proc/{child}"), "it is reaped")
        other = self.take_pid(child)
        rig.main.call("restartProcessId", {"id": rig.ids["app"]})
        rig.main.call("deleteProcessId", rig.ids["app"])
        self.assertIsNone(other.poll())

    def test_the_pid_of_the_daemon(self):
        """pm2.pid names a process that is another one by now."""
        rig = self.rig
        rig.start("app", "still")
        others = [self.take_pid(pid) for pid in self.rig.kill_both()]
        self.assertEqual(rig.pm2("ping").returncode, 0)
        self.assertEqual(rig.pm2("kill").returncode, 0)
        wait_until(lambda: not is_alive(rig.starts("app")[0]), "end of the app")
        self.assertEqual([other.poll() for other in others], [None] * 2)
        self.assertEqual(rig.pm2("kill", check=False).returncode, 0)
        self.assertEqual([other.poll() for other in others], [None] * 2)

    def test_all_pids_go_round(self):
        """Crashes, orders and SIGKILLs of pm2d and keeper, while each pid that gets free is another's at once."""
        rig, chance = self.rig, random.Random(1)
        rig.start("crashing", "crashes", 0.03)
        rig.start("forking", "forks", 0.05)
        for name in ("one", "two"):
            rig.start(name, "still")
        next_pid(FIRST)
        bystanders, until, kills = Bystanders(), time.monotonic() + MOST_S, 0
        while time.monotonic() < until and (kills < KILLS or not bystanders.have_gone_round()):
            name = chance.choice(("one", "two", "crashing", "forking"))
            try:
                rig.main.once("restartProcessId", {"id": rig.ids[name]})
                if chance.random() < 0.3:
                    rig.kill_and_wait(chance.choice(("pid", "keeper")))
                    kills += 1
            except GONE:
                pass
        rig.calm()
        hit = bystanders.finish()
        print(f"# {bystanders.count} processes with {len(bystanders.seen)} pids, {kills} kills", flush=True)
        self.assertEqual(hit, [], "ended by a signal")
        self.assertTrue(bystanders.have_gone_round(), "pids were used again")
        for name in rig.ids:
            self.assertEqual(rig.settled_row(name)["pm2_env"]["status"], "online")
        self.assertEqual(rig.doubled(), [])


class Outside(unittest.TestCase):
    """Runs the tests above in their own namespace."""

    def test_in_a_small_namespace(self):
        if not shutil.which("unshare") or subprocess.run([*ENTER, "true"], check=False,
                                                         capture_output=True).returncode != 0:
            self.skipTest("no namespaces of pids here")
        result = subprocess.run([*ENTER, sys.executable, os.path.abspath(__file__)], check=False, text=True,
                                env=dict(os.environ, **{INSIDE: "1"}), capture_output=True, timeout=300)
        print("".join(f"# {line}\n" for line in result.stdout.splitlines()), end="", flush=True)
        self.assertEqual(result.returncode, 0, result.stderr[-4000:])


def limit_pids():
    with open("/proc/sys/kernel/pid_max", "w", encoding="ascii") as file:
        file.write(str(PIDS))


if os.environ.get(INSIDE):
    del Outside
    limit_pids()
else:
    del Inside

if __name__ == "__main__":
    unittest.main(verbosity=2)
