# SPDX-License-Identifier: MIT
"""Looking at processes through /proc, and ending those that we started."""

import os
import signal
import time
from pathlib import Path


class BenchError(Exception):
    """A measurement that cannot be made, with the reason."""


def wait_until(condition, what, timeout_s=30.0, pause_s=0.002):
    """The first true value of condition()."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise BenchError(f"waited {timeout_s:.0f} s in vain: {what}")
        time.sleep(pause_s)


def is_alive(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pss_bytes(pid):
    """The proportional set size: of a page shared by n processes, 1/n counts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"no Pss in /proc/{pid}/smaps_rollup")


def rss_bytes(pid):
    """The resident set size, which is what tools show."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_ns(pid):
    """CPU time of all threads. The ticks of /proc/PID/stat are too coarse for an idle daemon."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def has_variable(pid, variable):
    """Does the process have `NAME=value` in its environment?"""
    try:
        return variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def with_variable(variable):
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [pid for pid in pids if pid != os.getpid() and has_variable(pid, variable)]


def end_all_with(variable, timeout_s=10.0):
    """Kill what still carries our mark. The pidfd is taken before the mark is looked at, so that a
    reused pid is never hit."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        left = with_variable(variable)
        if not left:
            return
        for pid in left:
            try:
                fd = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                if has_variable(pid, variable):
                    signal.pidfd_send_signal(fd, signal.SIGKILL)
            except OSError:
                pass  # it ended by itself
            finally:
                os.close(fd)
        time.sleep(0.05)
