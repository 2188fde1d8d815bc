# SPDX-License-Identifier: MIT
"""Scenarios of cluster mode: requests per second beside PM2 and Node's own cluster module, reloads
under load, and what is lost when workers, pm2d or the keeper are killed."""

import contextlib
import os
import signal
import time

from .procs import BenchError, is_alive, name, wait_until
from .serving import Load, ask, ask_once, connect, more_descriptors, under_node, under_side, wrk

WRK_CLIENTS = 32
RATE_WORKERS = 2
RELOAD_WORKERS, RELOAD_CLIENTS = 4, 50
SLOW = {"SLOW_MS": "100"}
KILL_CLIENTS = 16
KILL_WORKERS = 4
KILL_EVERY_S = 0.1
DAEMON_EVERY_S = 0.2
BOOT_WORKERS, BOOT = 8, {"BOOT_MS": "300"}
PARALLEL = (2, 8)  # what PM2 does by itself; all at once
OPEN_CONNECTIONS = 1000
STICKY_CLIENTS = 1000
SETTLE_S = 1.0
BETWEEN_S = 0.3  # two reloads: all clients ask the new workers
PAUSE_US = 2000  # of each client between two requests: the processors are not full
# PM2's requests per second are what three figures of ours are compared with.
SHORT_OF = {"ours": ("short-pm2", "short-node"),
            "pm2": ("short-pm2", "shared-pm2", "reuseport-pm2")}


def ours(bench):
    (side,) = [side for side in bench.sides if side.key == "ours"]
    return side


# ---- requests per second ----


def rates(bench):
    """Two workers; one connection for each request, then kept connections. Node's own primary is
    measured in the same round, and what ours has besides round robin."""
    for _, side in bench.rounds("requests per second"):
        with under_side(side, RATE_WORKERS) as served:
            per_s, p99_ms = wrk(served, WRK_CLIENTS, bench.plan.load_s, False)
            add_to(bench, SHORT_OF[side.key], side.key, per_s)
            add_to(bench, ("short-p99-pm2", "short-p99-node"), side.key, p99_ms)
            per_s, _ = wrk(served, WRK_CLIENTS, bench.plan.load_s, True)
            add_to(bench, ("keep-pm2", "keep-node"), side.key, per_s)
        if side.key == "ours":
            rates_of_sockets(bench, side)
        else:
            rates_of_node(bench)


def add_to(bench, keys, who, value):
    for key in keys:
        bench.results.add(key, who, [value])


def rates_of_sockets(bench, side):
    """The workers have the sockets: what is compared with round robin of the others."""
    for balance in ("shared", "reuseport"):
        with under_side(side, RATE_WORKERS, balance=balance) as served:
            per_s, _ = wrk(served, WRK_CLIENTS, bench.plan.load_s, False)
            add_to(bench, (f"{balance}-pm2", f"{balance}-node"), side.key, per_s)


def rates_of_node(bench):
    with under_node(bench.scratch, RATE_WORKERS) as served:
        per_s, p99_ms = wrk(served, WRK_CLIENTS, bench.plan.load_s, False)
        add_to(bench, ("short-node", "shared-node", "reuseport-node"), "node", per_s)
        add_to(bench, ("short-p99-node",), "node", p99_ms)
        per_s, _ = wrk(served, WRK_CLIENTS, bench.plan.load_s, True)
        add_to(bench, ("keep-node",), "node", per_s)


# ---- reloads ----


def reloads_under_load(bench, key, is_kept):
    for _, side in bench.rounds(f"{bench.plan.reloads} reloads under load, {key}"):
        with under_side(side, RELOAD_WORKERS, SLOW) as served:
            with Load(bench.tools, served, RELOAD_CLIENTS, is_kept) as load:
                for _ in range(bench.plan.reloads):
                    before = served.pids()
                    side.run("reload", "serve")
                    check_reloaded(served, before)
                    time.sleep(BETWEEN_S)
            bench.says(f"{side.title}: {load.counts}")
            bench.add(key, side, load.failed)


def reload_kept(bench):
    reloads_under_load(bench, "reload-kept", True)


def reload_short(bench):
    reloads_under_load(bench, "reload-short", False)


def reload_time(bench):
    """Eight workers that take 300 ms until they listen, as many at a time in both."""
    for _, side in bench.rounds(f"reload of {BOOT_WORKERS} workers"):
        with under_side(side, BOOT_WORKERS, BOOT) as served:
            for count in PARALLEL:
                before = served.pids()
                bench.add(f"reload-time-{count}", side,
                          *side.timed_ms(1, "reload", "serve", "--parallel", count))
                check_reloaded(served, before)


def check_reloaded(served, before):
    if before & served.pids():
        raise BenchError(f"{served.side.title}: reload left some workers as they were")


# ---- kills ----


def oldest_worker(served):
    """The worker that has listened longest and lives. The manager is not asked: it is busy."""
    pids = map(int, served.ready.read_text(encoding="ascii").split())
    return next(filter(is_alive, pids), None)


def kill_workers(bench):
    """One worker every 100 ms, the oldest first."""
    for _, side in bench.rounds("SIGKILL of workers"):
        kills = 0
        with under_side(side, KILL_WORKERS, {"SLOW_MS": "20"}) as served:
            with Load(bench.tools, served, KILL_CLIENTS, False) as load:
                for _ in beats(KILL_EVERY_S, bench.plan.kill_s):
                    os.kill(wait_until(lambda: oldest_worker(served), "a worker lives"),
                            signal.SIGKILL)
                    kills += 1
        bench.says(f"{side.title}: {kills} kills, {load.counts}")
        bench.add("kill-worker", side, load.counts["cut"] / kills)
        bench.add("kill-worker-lost", side, load.counts["refused"] + load.counts["late"])


def beats(every_s, seconds):
    """Yields at equal distances, for so long."""
    begin = time.monotonic()
    for i in range(int(seconds / every_s)):
        time.sleep(max(0, begin + i * every_s - time.monotonic()))
        yield i


def kill_managers(bench, key, program, every_s, seconds):
    """Ours only: when PM2's daemon dies, so do its workers. `program` is which of the managers."""
    side = ours(bench)
    for i in range(bench.plan.rounds):
        bench.says(f"{key}: round {i + 1} of {bench.plan.rounds}")
        killed = []
        with under_side(side, KILL_WORKERS) as served:
            before = served.pids()
            with Load(bench.tools, served, KILL_CLIENTS, False, PAUSE_US) as load:
                for _ in beats(every_s, seconds):
                    killed.append(wait_until(lambda: next_of(side, program, killed), program))
                    os.kill(killed[-1], signal.SIGKILL)
                time.sleep(SETTLE_S)
            bench.says(f"{len(killed)} kills, {load.counts}")
            if served.pids() != before:
                raise BenchError(f"{key}: workers ended as well")
        bench.add(key, side, load.failed)
        bench.add(f"{key}-pause", side, load.counts["gap_ms"])


def next_of(side, program, killed):
    """The manager of that name that has not been killed yet."""
    return next((pid for pid in side.managers() if name(pid) == program and pid not in killed),
                None)


def kill_daemon(bench):
    kill_managers(bench, "kill-daemon", "pm2d", DAEMON_EVERY_S, bench.plan.kill_s)


def kill_keeper(bench):
    kill_managers(bench, "kill-keeper", "pm2-keeper", SETTLE_S, SETTLE_S)


def update(bench):
    """Ours only: PM2's update ends all apps and starts them again. The time is the whole command's."""
    side = ours(bench)
    for i in range(bench.plan.rounds):
        bench.says(f"{bench.plan.updates} updates under load: round {i + 1} of {bench.plan.rounds}")
        with under_side(side, KILL_WORKERS) as served:
            before = served.pids()
            with Load(bench.tools, served, KILL_CLIENTS, False, PAUSE_US) as load:
                bench.add("update-time", side, *side.timed_ms(bench.plan.updates, "update"))
            bench.says(f"{load.counts}")
            if served.pids() != before:
                raise BenchError("update: workers ended")
        bench.add("update", side, load.failed)


# ---- connections ----


def memory_of_connections(bench):
    """A thousand clients that have been answered and stay connected."""
    more_descriptors()
    for _, side in bench.rounds(f"memory of {OPEN_CONNECTIONS} connections"):
        with under_side(side, KILL_WORKERS) as served, contextlib.ExitStack() as open_ones:
            stay(served.port, open_ones)
            time.sleep(SETTLE_S)
            before_mb = side.pss_mb()
            clients = [stay(served.port, open_ones) for _ in range(OPEN_CONNECTIONS)]
            time.sleep(SETTLE_S)
            bench.add("memory-connections", side, side.pss_mb() - before_mb)
            for client in clients:
                ask(client)


def stay(port, open_ones):
    """A client that has asked once and stays connected until `open_ones` ends."""
    client = connect(port)
    open_ones.callback(client.close)
    ask(client)
    client.auto_open = 0  # from here on an error when it was closed
    return client


def sticky(bench):
    """A thousand clients, each of an address of its own, while one of the workers is reloaded: who
    was with another one has to stay there."""
    side = ours(bench)
    addresses = [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(STICKY_CLIENTS)]
    for i in range(bench.plan.rounds):
        bench.says(f"sticky clients: round {i + 1} of {bench.plan.rounds}")
        with under_side(side, KILL_WORKERS, balance="sticky") as served:
            before = [ask_once(served.port, address) for address in addresses]
            workers = served.pids()
            if set(before) != workers:
                raise BenchError("sticky: not all workers have clients")
            side.run("reload", "0")
            stayed = workers & served.pids()
            after = [ask_once(served.port, address) for address in addresses]
        if len(stayed) != KILL_WORKERS - 1:
            raise BenchError(f"sticky: a reload of one worker has left {len(stayed)}")
        bench.add("sticky", side, sum(was in stayed and was != now
                                      for was, now in zip(before, after)))


SCENARIOS = (
    (rates, {"short-pm2", "short-node", "short-p99-pm2", "short-p99-node", "shared-pm2",
             "shared-node", "reuseport-pm2", "reuseport-node", "keep-node", "keep-pm2"}),
    (reload_kept, {"reload-kept"}),
    (reload_short, {"reload-short"}),
    (reload_time, {"reload-time-2", "reload-time-8"}),
    (kill_workers, {"kill-worker", "kill-worker-lost"}),
    (kill_daemon, {"kill-daemon", "kill-daemon-pause"}),
    (update, {"update", "update-time"}),
    (kill_keeper, {"kill-keeper", "kill-keeper-pause"}),
    (memory_of_connections, {"memory-connections"}),
    (sticky, {"sticky"}),
)
