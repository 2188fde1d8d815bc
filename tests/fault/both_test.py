#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pm2d and the keeper are killed together. The next command starts both anew; what provably is the same
process is adopted, nothing is started beside it, and what ended meanwhile is acted on."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import Rig, freeze, is_alive, kill_together, state, thaw, wait_until  # noqa: E402


def sealed(record):
    """Its line in the journal: its last member is the sum of what is before it."""
    record.pop("crc", None)
    text = json.dumps(record, separators=(",", ":")).encode()[:-1]
    return b'%s,"crc":"%08x"}\n' % (text, zlib.crc32(text))


class BothTest(unittest.TestCase):

    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.close)

    def room_in_output(self, pid):
        fd = os.open(f"/proc/{pid}/fd/1", os.O_RDONLY | os.O_NONBLOCK)
        try:
            (used,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))
            return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) - used
        finally:
            os.close(fd)

    def next_command(self):
        self.assertEqual(self.rig.pm2("ping").returncode, 0)

    def end_app(self, pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), "end of the app")

    def journal(self):
        with open(self.journal_path(), encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n") and line != "\n"]

    def journal_path(self):
        return os.path.join(self.rig.home, "state.jsonl")

    def rewrite_journal(self, change):
        records = self.journal()
        for record in records:
            change(record)
        with open(self.journal_path(), "wb") as file:
            file.writelines(map(sealed, records))

    def assert_row(self, name, **wanted):
        row = self.rig.settled_row(name)
        seen = dict(row["pm2_env"], pid=row["pid"], starts=len(self.rig.starts(name)))
        self.assertEqual({key: seen.get(key) for key in wanted}, wanted)

    # ---- the tests ----

    def test_what_lives_is_adopted(self):
        rig = self.rig
        rig.start("steady", "still")
        rig.start("counted", "still")
        rig.start("down", "still")
        rig.main.call("restartProcessId", {"id": rig.ids["counted"]})
        rig.main.call("stopProcessId", rig.ids["down"])
        wait_until(lambda: len(rig.starts("counted")) == 2, "its second start")
        pids = {name: rig.starts(name)[-1] for name in rig.ids}
        for _ in range(3):  # what was adopted is adopted again
            self.rig.kill_both()
            self.assertTrue(is_alive(pids["steady"]))
            self.next_command()
            self.assertEqual(sorted(rig.main.table()), sorted(rig.ids.values()))
            self.assert_row("steady", pid=pids["steady"], status="online", restart_time=0, starts=1)
            self.assert_row("counted", pid=pids["counted"], status="online", restart_time=1, starts=2)
            self.assert_row("down", status="stopped", starts=1)
            self.assertEqual(rig.doubled(), [])

    def test_no_line_is_lost(self):
        """No pipe breaks, and what was said meanwhile waits in it; standard input reaches the app again."""
        rig = self.rig
        rig.start("speaker", "speaks", 0.001)
        rig.start("listener", "hears")
        wait_until(lambda: len(rig.log_lines("speaker", "out")) > 200, "some lines")
        for word in ("one", "two"):
            self.rig.kill_both()
            before = len(rig.log_lines("speaker", "out"))
            self.next_command()
            wait_until(lambda: len(rig.log_lines("speaker", "out")) > before + 200, "more lines")
            rig.main.call("sendLineToStdin", {"pm_id": rig.ids["listener"], "line": f"{word}\n"})
            wait_until(lambda: rig.log_lines("listener", "out")[-1:] == [f"heard {word}"], "its answer")
            lines = rig.log_lines("speaker", "out")
            self.assertEqual(lines, [f"out {n + 1}" for n in range(len(lines))])
            for name in rig.ids:
                self.assert_row(name, pid=rig.starts(name)[0], status="online", starts=1)
        self.assertEqual(rig.record("speaker", "unheard"), [])
        self.assertEqual(rig.log_lines("listener", "err"), ["heard one", "heard two"])

    def test_who_fills_its_pipe_waits(self):
        rig = self.rig
        rig.start("app", "fills", 1024)
        (pid,) = rig.starts("app")
        self.rig.kill_both()
        with open(os.path.join(rig.work, "app.go"), "x", encoding="ascii"):
            pass
        wait_until(lambda: self.room_in_output(pid) < 4096, "its pipe is full")
        self.assertEqual(rig.record("app", "filled"), [])
        self.next_command()
        wait_until(lambda: rig.record("app", "filled"), "it goes on")
        wait_until(lambda: len(rig.log("app-out")) >= 1024 * 4096, "all of it")
        self.assertEqual(rig.log("app-out"), (b"x" * 4095 + b"\n") * 1024)
        self.assert_row("app", pid=pid, status="online", starts=1)

    def test_orders_work_on_what_was_adopted(self):
        rig = self.rig
        for name in ("stopped", "restarted", "deleted"):
            rig.start(name, "still")
        pids = {name: rig.starts(name)[0] for name in rig.ids}
        self.rig.kill_both()
        self.next_command()
        rig.main.call("stopProcessId", rig.ids["stopped"])
        rig.main.call("restartProcessId", {"id": rig.ids["restarted"]})
        rig.main.call("deleteProcessId", rig.ids["deleted"])
        self.assertEqual([name for name, pid in pids.items() if is_alive(pid)], [])
        self.assert_row("stopped", status="stopped", starts=1)
        self.assert_row("restarted", status="online", starts=2, restart_time=1)
        self.assertNotIn(rig.ids["deleted"], rig.main.table())

    def test_the_end_of_an_adopted_one_is_noticed(self):
        rig = self.rig
        rig.start("once", "obeys", autorestart=False)
        rig.start("again", "obeys", restart_delay=200)
        self.rig.kill_both()
        self.next_command()
        for name, code in (("once", 7), ("again", 8)):
            rig.end(name, code)
        wait_until(lambda: rig.row("once")["pm2_env"]["status"] == "stopped", "its end")
        self.assertEqual(rig.row("once")["pm2_env"].get("exit_code", 7), 7)
        wait_until(lambda: rig.row("again")["pm2_env"]["status"] == "waiting restart", "its end")
        wait_until(lambda: len(rig.starts("again")) == 2, "it is started again")
        self.assert_row("again", status="online", restart_time=1, starts=2)

    def test_what_ended_meanwhile(self):
        rig = self.rig
        rig.start("up", "still")
        rig.start("once", "still", autorestart=False)
        self.rig.kill_both()
        self.end_app(rig.starts("up")[0])
        self.end_app(rig.starts("once")[0])
        self.next_command()
        wait_until(lambda: len(rig.starts("up")) == 2, "it is started again")
        self.assert_row("up", status="online", restart_time=1, starts=2)
        for _ in range(2):  # nor does the next pm2d forget it
            self.assert_row("once", status="stopped", restart_time=0, starts=1, exit_code=None)
            self.assertRegex(rig.pm2("describe", "once").stdout, r"exit code\W+unknown")
            rig.kill_and_wait("pid")

    def test_a_pid_that_is_somebody_elses_by_now(self):
        rig = self.rig
        rig.start("app", "still")
        self.rig.kill_both()
        self.end_app(rig.starts("app")[0])
        with subprocess.Popen(["sleep", "1000"]) as innocent:
            self.addCleanup(innocent.kill)

            def reuse(record):
                if record.get("pid") == rig.starts("app")[0]:
                    record["pid"] = innocent.pid

            self.rewrite_journal(reuse)
            self.next_command()
            wait_until(lambda: len(rig.starts("app")) == 2, "it is started again")
            self.assert_row("app", status="online", starts=2, pid=rig.starts("app")[1])
            rig.main.call("deleteProcessId", rig.ids["app"])
            self.assertIsNone(innocent.poll(), "a process that is not ours was ended")
            innocent.kill()

    def test_a_journal_of_another_boot_adopts_nothing(self):
        rig = self.rig
        rig.start("app", "still")
        self.rig.kill_both()
        self.rewrite_journal(lambda r: r.update(boot="another") if r["t"] == "head" else None)
        self.next_command()
        self.assertEqual(rig.main.table(), {})
        self.end_app(rig.starts("app")[0])

    def test_a_start_that_was_under_way(self):
        """The keeper has carried it out, and pm2d has not heard of that: no second copy."""
        rig = self.rig
        rig.start("app", "still")
        rig.main.call("stopProcessId", rig.ids["app"])
        hello = rig.main.call("c.hello", {})
        freeze(self, hello["keeper"])
        rig.main.rpc.start("startProcessId", rig.ids["app"])
        wait_until(lambda: self.journal()[-1].get("runs") == 2, "the order in the journal")
        wait_until(lambda: state(hello["pid"]) == "S", "the keeper has been asked")
        freeze(self, hello["pid"])
        thaw(hello["keeper"])
        wait_until(lambda: len(rig.starts("app")) == 2, "the app runs")
        rig.main.close()
        kill_together(hello["keeper"], hello["pid"])
        self.next_command()
        self.assert_row("app", status="online", starts=2, pid=rig.starts("app")[1])
        self.assertEqual(rig.doubled(), [])

    def test_a_stop_that_was_under_way(self):
        rig = self.rig
        rig.start("lazy", "still", 0.5)
        hello = rig.main.call("c.hello", {})
        rig.main.rpc.start("stopProcessId", rig.ids["lazy"])
        wait_until(lambda: self.journal()[-1].get("goal") == 0, "the goal in the journal")
        rig.main.close()
        kill_together(hello["keeper"], hello["pid"])
        self.next_command()
        wait_until(lambda: rig.row("lazy")["pm2_env"]["status"] == "stopped", "the stop")
        self.assert_row("lazy", status="stopped", starts=1, restart_time=0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
