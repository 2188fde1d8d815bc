# SPDX-License-Identifier: MIT
"""What an app pays for telling its manager how it is: the same server with what a side loads into
Node apps and without it (--no-pmx), both running at the same time.

One percent is less than what other programs on the machine, or the place of a process in memory,
make of the same code. So what is compared is the CPU time of the app for each request, not requests
per second; the servers are asked in short turns, in the order ABBA, and a round's figure is the
median of its pairs of turns; each round has processes of its own. Clients and servers share a
processor, and none interrupts the other (SCHED_BATCH): each turn of the loop has the same work."""

import contextlib
import json
import os
import statistics
import subprocess
import time

from .procs import BenchError, cpu_ns, rss_bytes
from .serving import HELPERS, Served

MODES = {"fork": 1, "cluster": 2}  # and how many processes
SETS = 3  # of processes, for each round of the other scenarios
CLIENTS = 16
WARM_REQUESTS = 32000  # V8 compiles what is hot
TURN_REQUESTS = 2000
SETTLE_S = 1.5  # after the start; the first figures are told
IDLE_S = 3.0


def share_processor(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {max(os.sched_getaffinity(0))})
        os.sched_setscheduler(int(task), os.SCHED_BATCH, os.sched_param(0))


class App:
    """One of the servers. `turns` are the microseconds of CPU for a request in each turn."""

    def __init__(self, served):
        self.served = served
        self.pids = served.ready_pids()
        self.clients = None
        self.turns = []

    def spent_ns(self):
        return sum(map(cpu_ns, self.pids))

    def memory_mb(self):
        return sum(map(rss_bytes, self.pids)) / len(self.pids) / 1e6

    @contextlib.contextmanager
    def connected(self, tools):
        command = [tools["requests"], str(self.served.port), str(CLIENTS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as self.clients:
            for pid in (self.clients.pid, *self.pids):
                share_processor(pid)
            try:
                yield
            finally:
                self.clients.kill()

    def take_turn(self, count):
        """CPU microseconds of the app for each of so many requests."""
        before_ns = self.spent_ns()
        self.clients.stdin.write(f"{count}\n")
        self.clients.stdin.flush()
        answered = self.clients.stdout.readline()
        if not answered:
            raise BenchError("the server does not answer")
        return (self.spent_ns() - before_ns) / int(answered) / 1e3


@contextlib.contextmanager
def pair(side, mode, is_bare_first):
    """(the app with what the side loads into it, the bare one), started one after the other."""
    apps = {}
    side.up()
    for is_bare in (is_bare_first, not is_bare_first):
        name = "bare" if is_bare else "whole"
        folder = side.root / name
        folder.mkdir(exist_ok=True)
        served = Served(side, folder, MODES[mode])
        conf = {"name": name, "script": str(HELPERS / "serve.js"), "exec_mode": mode,
                "instances": MODES[mode], "env": served.environment({}), "pmx": not is_bare}
        (folder / "serve.json").write_text(json.dumps({"apps": [conf]}), encoding="utf-8")
        side.run("start", folder / "serve.json")
        served.wait_for_lives(MODES[mode])
        apps[is_bare] = App(served)
    yield apps[False], apps[True]
    side.down()


# ---- what is noted ----


def note_rest(bench, key, whole, bare):
    """Of processes that have told their first figures and have not been asked yet."""
    bench.results.add("agent-memory", key, [whole.memory_mb() - bare.memory_mb()])
    bench.results.add("agent-start", key, [(whole.spent_ns() - bare.spent_ns()) / 1e6])


def note_load(bench, key, mode, whole, bare):
    more = statistics.median(a / b for a, b in zip(whole.turns, bare.turns)) - 1
    bench.results.add(f"agent-{mode}", key, [more * 100])
    if mode == "fork":
        bench.results.add("agent-memory-load", key, [whole.memory_mb() - bare.memory_mb()])


def idle(bench, pairs):
    """What the figures of each second cost, which few turns have a part in."""
    before = {key: [app.spent_ns() for app in apps] for key, apps in pairs.items()}
    time.sleep(IDLE_S)
    for key, apps in pairs.items():
        whole, bare = (app.spent_ns() - ns for app, ns in zip(apps, before[key]))
        bench.results.add("agent-idle", key, [(whole - bare) / 1e7 / IDLE_S])


def tell_spread(bench, mode):
    for side in bench.sides:
        values = bench.results.samples[f"agent-{mode}"][side.key]
        low, middle, high = statistics.quantiles(values, n=4)
        bench.says(f"agent, {mode}, {side.title}: {middle:+.2f} %, the middle half of "
                   f"{len(values)} rounds is {low:+.2f} to {high:+.2f} %")


# ---- scenarios ----


def one_round(bench, sides, mode, number):
    """All four servers run at once, and are asked in turn."""
    with contextlib.ExitStack() as open_ones:
        pairs = {side.key: open_ones.enter_context(pair(side, mode, number % 4 < 2))
                 for side in sides}
        apps = [app for both in pairs.values() for app in both]
        time.sleep(SETTLE_S)
        if mode == "fork":
            for key, both in pairs.items():
                note_rest(bench, key, *both)
            idle(bench, pairs)
        for app in apps:
            open_ones.enter_context(app.connected(bench.tools))
        for app in apps * 2:
            app.take_turn(WARM_REQUESTS // 2)
        for turn in range(bench.plan.agent_turns):
            for app in apps if turn % 2 == 0 else apps[::-1]:
                app.turns.append(app.take_turn(TURN_REQUESTS))
        for key, both in pairs.items():
            note_load(bench, key, mode, *both)


def cost(bench, mode):
    rounds = bench.plan.rounds * SETS
    for number in range(rounds):
        bench.says(f"agent, {mode}: round {number + 1} of {rounds}")
        one_round(bench, bench.sides if number % 2 == 0 else bench.sides[::-1], mode, number)
    tell_spread(bench, mode)


def fork(bench):
    cost(bench, "fork")


def cluster(bench):
    cost(bench, "cluster")


SCENARIOS = (
    (fork, {"agent-fork", "agent-idle", "agent-memory", "agent-memory-load", "agent-start"}),
    (cluster, {"agent-cluster"}),
)
