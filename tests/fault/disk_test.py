#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disks that are full, over quota, broken or read-only, at each kind of call that a change of a file is made
of: the command fails, names the file and the reason, and changes nothing; apps go on; afterwards all works."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fault import CODES, NAME, OPEN, READ, SYNC, WRITE, Faulty, needs_shim  # noqa: E402
from rig import Rig, each_step, is_alive, wait_until  # noqa: E402

TEXTS = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EIO": "Input/output error",
         "EROFS": "Read-only file system"}


@needs_shim
class DiskTest(unittest.TestCase):

    def rig(self, *programs):
        rig = Faulty(*programs)
        self.addCleanup(rig.close)
        return rig

    def content(self, rig, name):
        with open(os.path.join(rig.home, name), "rb") as file:
            return file.read()

    def each(self):
        for code in CODES:
            for calls in (OPEN, WRITE, SYNC, NAME):
                with self.subTest(code=code, calls=calls):
                    yield code, calls

    def test_save(self):
        rig = self.rig("pm2d")
        rig.start("one", "still")
        rig.pm2("save")
        before = self.content(rig, "dump.pm2")
        rig.start("two", "still")
        for code, calls in self.each():
            with rig.failing("dump.pm2", code, calls):
                result = rig.pm2("save", check=False)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("dump.pm2", result.stderr)
            self.assertIn(TEXTS[code], result.stderr)
            self.assertEqual(self.content(rig, "dump.pm2"), before)
            left = [name for name in os.listdir(rig.home) if name.endswith(".new")]
            self.assertEqual(left, [])
        rig.pm2("save")
        self.assertEqual([app["name"] for app in json.loads(self.content(rig, "dump.pm2"))], ["one", "two"])
        self.assertEqual(self.content(rig, "dump.pm2.bak"), before)

    def test_settings(self):
        rig = self.rig("pm2")
        rig.pm2("set", "app:key", "old")
        before = self.content(rig, "module_conf.json")
        for code, calls in self.each():
            with rig.failing("module_conf.json", code, calls):
                result = rig.pm2("set", "app:key", "new", check=False)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn("module_conf.json", result.stderr)
            self.assertIn(TEXTS[code], result.stderr)
            self.assertEqual(self.content(rig, "module_conf.json"), before)
        self.assertEqual([name for name in os.listdir(rig.home) if "module_conf.json." in name], [])
        with rig.failing("module_conf.json", "EIO", READ):
            result = rig.pm2("set", "app:key", "new", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("module_conf.json cannot be used", result.stderr)
        self.assertEqual(self.content(rig, "module_conf.json"), before)

    def test_the_list_cannot_be_read(self):
        """It is not taken for none, and not replaced by what is there instead."""
        rig = self.rig("pm2d")
        rig.start("one", "still")
        rig.pm2("save")
        before = self.content(rig, "dump.pm2")
        rig.pm2("kill")
        with rig.failing("dump.pm2", "EIO", READ):
            result = rig.pm2("resurrect", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Input/output error", result.stderr)
        self.assertEqual(self.content(rig, "dump.pm2"), before)
        rig.pm2("resurrect")
        rig.main.close()
        self.assertEqual(rig.settled_row("one")["pm2_env"]["status"], "online")

    def test_the_journal(self):
        """Orders are carried out meanwhile; once the disk takes it again, a killed pm2d loses nothing."""
        rig = self.rig("pm2d")
        rig.start("before", "still")
        for code in CODES:
            with self.subTest(code=code):
                name = f"during-{code}"
                with rig.failing("state.jsonl", code):
                    rig.start(name, "still")
                    rig.main.call("restartProcessId", {"id": rig.ids["before"]})
                    self.assertEqual(rig.settled_row(name)["pm2_env"]["status"], "online")
                said = f"cannot write {rig.home}/state.jsonl: {TEXTS[code]}".encode()
                self.assertIn(said, rig.log("../pm2"))
                count = CODES.index(code) + 1
                wait_until(lambda: rig.log("../pm2").count(b"is written again") == count, "the journal")  # noqa: B023
                pids = {name: rig.settled_row(name)["pid"] for name in rig.ids}
                rig.kill_and_wait("pid")
                self.assertEqual({name: rig.settled_row(name)["pid"] for name in rig.ids}, pids)
        self.assertEqual(rig.doubled(), [])

    def test_pm2d_is_killed_while_the_journal_cannot_be_written(self):
        """What came to the disk before is known; the next one starts all the same, and makes good for it."""
        rig = self.rig("pm2d")
        rig.start("one", "still")
        pid = rig.row("one")["pid"]
        with rig.failing("state.jsonl", "ENOSPC"):
            rig.kill_and_wait("pid")
            self.assertEqual(rig.settled_row("one")["pid"], pid)
            rig.start("two", "still")
        wait_until(lambda: b"is written again" in rig.log("../pm2"), "the journal")
        rig.kill_and_wait("pid")
        self.assertEqual(rig.settled_row("two")["pid"], rig.starts("two")[0])
        self.assertEqual((rig.settled_row("one")["pid"], len(rig.starts("one"))), (pid, 1))

    def test_the_journal_cannot_be_read(self):
        """Then no pm2d starts; apps are not ended for that, and known again as soon as it can."""
        def run(code):
            rig = self.rig("pm2d")
            rig.start("one", "still")
            rig.crashes = lambda: []
            hello = rig.main.call("c.hello", {})
            with rig.failing("state.jsonl", code, READ):
                os.kill(hello["pid"], signal.SIGKILL)
                rig.main.close()
                wait_until(lambda: rig.control.hits > 1, "two that cannot start")
                if code == "EIO":
                    result = rig.pm2("list", check=False)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(f"apps run on. Why is in {rig.home}/pm2.log", result.stderr)
                    said = f"cannot read {rig.home}/state.jsonl: {TEXTS[code]}"
                    self.assertIn(said.encode(), rig.log("../pm2"))
            self.assertTrue(is_alive(rig.starts("one")[0]))
            self.assertEqual(rig.settled_row("one")["pid"], rig.starts("one")[0])
            self.assertEqual(rig.main.call("c.hello", {})["keeper"], hello["keeper"])

        each_step(self, ("EIO", "EMFILE", "ENOMEM"), run)

    def test_what_is_only_for_people(self):
        """Without pid files, history and the daemon's own log, apps start and end as always."""
        rig = self.rig("pm2d", "pm2-keeper")
        for code in CODES:
            for number, name in enumerate(("pids/", "history.jsonl", "pm2.log")):
                with self.subTest(code=code, name=name):
                    app = f"{code}{number}"
                    with rig.failing(name, code):
                        rig.start(app, "still")
                        rig.main.call("restartProcessId", {"id": rig.ids[app]})
                    self.assertEqual(rig.settled_row(app)["pm2_env"]["status"], "online")
                    rig.main.call("deleteProcessId", rig.ids[app])

    def test_log_files(self):
        """One that cannot be opened: the start fails and says so."""
        rig = self.rig("pm2d")
        for code in CODES:
            with self.subTest(code=code):
                with rig.failing("logs/app", code, OPEN):
                    result = rig.pm2("start", "sleep", "--name", "app", "--", "1000", check=False)
                self.assertEqual(result.returncode, 1, result)
                self.assertIn(f"{TEXTS[code]}, open '{rig.home}/logs/app-out.log'", result.stdout + result.stderr)
                rig.pm2("restart", "app")
                rig.pm2("delete", "app")

    def test_a_first_start(self):
        """Without a daemon, and a disk that takes nothing: an error that names what, and nothing left running."""
        rig = self.rig("pm2", "pm2-keeper", "pm2d")
        rig.pm2("kill")
        for code in CODES:
            with self.subTest(code=code):
                with rig.failing("", code):
                    result = rig.pm2("list", check=False)
                self.assertEqual(result.returncode, 1, result)
                self.assertIn(TEXTS[code], result.stderr + result.stdout)
                self.assertIn(rig.home, result.stderr + result.stdout)
                self.assertEqual(rig.processes(), [])
        rig.pm2("list")


class FullDiskTest(unittest.TestCase):
    """The home is on a small disk of its own, which is full to the last byte."""

    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.unmount)
        self.addCleanup(self.rig.close)
        self.rig.pm2("kill")
        self.rig.main.close()
        shutil.rmtree(self.rig.home)
        os.mkdir(self.rig.home, 0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", self.rig.home],
                                 check=False, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("needs the right to mount")
        self.rig.pm2("ping")

    def unmount(self):
        subprocess.run(["umount", self.rig.home], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.rig.folder, ignore_errors=True)

    def fill(self):
        with open(os.path.join(self.rig.home, "ballast"), "ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as e:
                self.assertEqual(e.errno, errno.ENOSPC)

    def test_full(self):
        rig = self.rig
        rig.start("one", "still")
        rig.pm2("save")
        with open(os.path.join(rig.home, "dump.pm2"), "rb") as file:
            saved = file.read()
        pid = rig.row("one")["pid"]
        self.fill()
        rig.start("two", "still")
        for words in (("save",), ("set", "a:b", "c" * 8192)):
            result = rig.pm2(*words, check=False)
            self.assertEqual(result.returncode, 1, (words, result))
            self.assertIn("No space left on device", result.stderr, words)
        rig.main.call("restartProcessId", {"id": rig.ids["two"]})
        self.assertEqual(rig.settled_row("two")["pm2_env"]["status"], "online")
        with open(os.path.join(rig.home, "dump.pm2"), "rb") as file:
            self.assertEqual(file.read(), saved)
        os.unlink(os.path.join(rig.home, "ballast"))
        wait_until(lambda: len(rig.starts("two")) == 2, "its restart")
        rig.kill_and_wait("pid")  # perhaps before the journal is whole again
        self.assertEqual((rig.settled_row("one")["pid"], len(rig.starts("one"))), (pid, 1))
        self.assertEqual(rig.settled_row("two")["pid"], rig.starts("two")[1])
        rig.pm2("save")
        rig.pm2("set", "a:b", "c")


if __name__ == "__main__":
    unittest.main(verbosity=2)
