# SPDX-License-Identifier: MIT
"""What is done to both programs. A scenario takes its samples for several figures, round after
round; who goes first alternates."""

import fcntl
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import agent, cluster, configured, logs, saved, sockets, tails
from .procs import BenchError, wait_until
from .stamps import wait_for_life

MANY = 100
SLEEP_FOREVER = ("-x", "--", "1000000")
SETTLE_S = 2.0  # a garbage collector, or a timer of the first second, has had its turn
MIN_UPTIME_S = 1.1  # a process that ends younger than a second counts as unstable


@dataclass
class Plan:
    """How often. The quick plan is for trying the bench out, not for quoting."""

    rounds: int = 5
    commands: int = 5  # runs of a short command in a round
    kills: int = 4
    cold_starts: int = 3
    log_mb: int = 512
    idle_window_s: float = 60.0
    changes: int = 4  # of a watched tree
    watch_window_s: float = 10.0
    guard_window_s: float = 10.0
    load_s: float = 5.0  # of wrk
    reloads: int = 5  # in a round, under load
    kill_s: float = 6.0  # so long is killed
    updates: int = 50  # in a round, under load
    agent_turns: int = 30  # of each server


QUICK = Plan(rounds=1, commands=3, kills=2, cold_starts=1, log_mb=128, idle_window_s=10.0,
             changes=2, watch_window_s=4.0, guard_window_s=5.0, load_s=2.0, reloads=2, kill_s=2.0,
             updates=10, agent_turns=8)


class Bench:
    """The sides, the helper programs, what is wanted, and the results."""

    def __init__(self, sides, tools, scratch, plan, results, says):
        self.sides = sides
        self.tools = tools
        self.scratch = Path(scratch)
        self.plan = plan
        self.results = results
        self.says = says

    def rounds(self, name):
        """Yields (round, side); the order of the sides changes with each round."""
        for i in range(self.plan.rounds):
            for side in self.sides if i % 2 == 0 else self.sides[::-1]:
                self.says(f"{name}: round {i + 1} of {self.plan.rounds}, {side.title}")
                yield i, side

    def add(self, key, side, *values):
        self.results.add(key, side.key, values)


def cold_start(bench):
    """No manager runs; the command starts one, and an app. The home exists, files are cached."""
    for side in bench.sides:
        side.up()
        side.down()
    for _, side in bench.rounds("cold start"):
        for _ in range(bench.plan.cold_starts):
            bench.add("cold-start", side, *side.timed_ms(1, "start", "sleep", *SLEEP_FOREVER))
            side.online_pids(1)
            side.down()


def one_process(bench):
    """A manager with nothing to do, then with one process."""
    for _, side in bench.rounds("one process"):
        side.up()
        time.sleep(SETTLE_S)
        bench.add("memory-idle", side, side.pss_mb())
        side.run("start", "sleep", *SLEEP_FOREVER)
        side.timed_ms(1, "ls")
        bench.add("ls-1", side, *side.timed_ms(bench.plan.commands, "ls"))
        side.online_pids(1)
        node_client(bench, side)
        side.down()


def node_client(bench, side):
    if not side.module:
        return
    script = Path(__file__).parent.parent / "helpers" / "client.js"
    client = ["node", str(script), str(side.module), "1"]
    for _ in range(bench.plan.commands):
        bench.add("client", side, int(side.run(program=client)) / 1e6)
    bench.add("client-process", side,
              *side.timed_ms(bench.plan.commands, program=client))


def hundred(bench):
    """A hundred processes: start them, look at them, start them again."""
    for _, side in bench.rounds(f"{MANY} processes"):
        side.up()
        bench.add("start-100", side,
                  *side.timed_ms(1, "start", "sleep", "-i", MANY, *SLEEP_FOREVER))
        first = side.online_pids(MANY)
        for command in ("ls", "jlist"):
            bench.add(f"{command}-100", side, *side.timed_ms(bench.plan.commands, command))
        time.sleep(SETTLE_S)
        bench.add("memory-100", side, side.pss_mb())
        bench.add("restart-100", side, *side.timed_ms(1, "restart", "all"))
        if first & side.online_pids(MANY):
            raise BenchError(f"{side.title}: restart all left some processes as they were")
        side.down()


def idle_cpu(bench):
    """Both managers at once, since neither does anything: it is the same minute for both."""
    for side in bench.sides:
        side.up()
        side.run("start", "sleep", "-i", MANY, *SLEEP_FOREVER)
        side.online_pids(MANY)
    time.sleep(SETTLE_S)
    bench.says(f"CPU of {MANY} idle processes: {bench.plan.idle_window_s:.0f} s")
    before = [(side.cpu_s(), time.monotonic()) for side in bench.sides]
    time.sleep(bench.plan.idle_window_s)
    for side, (cpu_s, at) in zip(bench.sides, before):
        bench.add("cpu-idle", side, (side.cpu_s() - cpu_s) * 60 / (time.monotonic() - at))
    for side in bench.sides:
        side.down()


# ---- an app that is killed ----


def revive(bench):
    """From the signal until the first instruction of the successor, on one clock."""
    for _, side in bench.rounds("kill -9"):
        side.up()
        path = side.root / "stamps"
        path.unlink(missing_ok=True)
        side.run("start", bench.tools["stamp"], "--name", "stamp", "--interpreter", "none",
                 "--", path)
        for lives in range(1, bench.plan.kills + 1):
            pid, _ = wait_for_life(side, path, lives)
            time.sleep(MIN_UPTIME_S)
            at_ns = time.monotonic_ns()
            os.kill(pid, signal.SIGKILL)
            _, started_ns = wait_for_life(side, path, lives + 1)
            bench.add("revive", side, (started_ns - at_ns) / 1e6)
        side.down()


# ---- an app that writes ----


class Spew:
    """One run of the helper of that name: files, the word to go, and the time it took."""

    def __init__(self, bench, folder):
        self.bytes = bench.plan.log_mb * 1024 * 1024
        self.log = folder / "spew.log"
        self.go = folder / "spew.go"
        self.stamp = folder / "spew.stamp"
        for path in (self.log, self.go, self.stamp):
            path.unlink(missing_ok=True)
        os.mkfifo(self.go)
        self.argv = [str(bench.tools["spew"]), str(self.bytes), str(self.go), str(self.stamp)]

    def mb_per_s(self):
        """Let it write; from its first byte until all bytes are in the file."""
        os.close(wait_until(self.open_go, "spew runs"))
        wait_until(self.is_complete, "the log is complete", timeout_s=120, pause_s=0.0005)
        end_ns = time.monotonic_ns()
        return self.bytes / 1e6 / ((end_ns - int(self.stamp.read_text())) / 1e9)

    def open_go(self):
        try:
            return os.open(self.go, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads there yet
            return None

    def is_complete(self):
        try:
            return self.log.stat().st_size >= self.bytes
        except OSError:
            return False


def pipe_bytes(pid):
    """The size of the pipe that a process has as standard output."""
    fd = os.open(f"/proc/{pid}/fd/1", os.O_WRONLY | os.O_NONBLOCK)
    try:
        return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    finally:
        os.close(fd)


def log_of_manager(bench, side):
    """Returns the size of the app's pipe."""
    spew = Spew(bench, side.root)
    side.up()
    side.run("start", spew.argv[0], "--name", "spew", "--interpreter", "none", "-o", spew.log,
             "-e", side.root / "spew.err", "--", *spew.argv[1:])
    (pid,) = side.online_pids(1)
    # Node gives its children socket pairs, which cannot be opened through /proc.
    size = pipe_bytes(pid) if side.key == "ours" else None
    cpu_s = side.cpu_s()
    speed = spew.mb_per_s()
    bench.add("log", side, speed)
    bench.add("log-cpu", side, (side.cpu_s() - cpu_s) * 2**30 / spew.bytes)
    if side.key == "ours":
        bench.add("log-cat", side, speed)
    side.down()
    spew.log.unlink()
    return size


def log_of_cat(bench, size):
    """spew | cat >file, through a pipe as large as the one that our manager gives its apps."""
    spew = Spew(bench, bench.scratch)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, size)
    with open(spew.log, "wb") as log, \
            subprocess.Popen(["cat"], stdin=reader, stdout=log) as cat, \
            subprocess.Popen(spew.argv, stdout=writer) as app:
        os.close(reader)
        os.close(writer)
        try:
            bench.results.add("log-cat", "cat", [spew.mb_per_s()])
        finally:
            app.kill()
            app.wait()
            cat.wait()
    spew.log.unlink()


def log(bench):
    for _, side in bench.rounds("log"):
        size = log_of_manager(bench, side)
        if size:
            log_of_cat(bench, size)


SCENARIOS = (
    (cold_start, {"cold-start"}),
    (one_process, {"ls-1", "memory-idle", "client", "client-process"}),
    (hundred, {"ls-100", "jlist-100", "start-100", "restart-100", "memory-100"}),
    (revive, {"revive"}),
    (log, {"log", "log-cat", "log-cpu"}),
    (idle_cpu, {"cpu-idle"}),
) + (sockets.SCENARIOS + logs.SCENARIOS + tails.SCENARIOS + configured.SCENARIOS + saved.SCENARIOS +
     cluster.SCENARIOS + agent.SCENARIOS)


def run_all(bench, keys):
    """Returns whether all could be measured. What fails costs its own figures, not the others."""
    complete = True
    for scenario, gives in SCENARIOS:
        if not gives & set(keys):
            continue
        try:
            scenario(bench)
        except BenchError as error:
            bench.says(f"FAILED: {error}")
            complete = False
            for side in bench.sides:
                side.clean_up()
    return complete
