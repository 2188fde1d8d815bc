# SPDX-License-Identifier: MIT
"""Scenarios of the two sockets: calls and answers, messages of apps, and what events write."""

import json
import os
import signal
import subprocess
import time

from .procs import BenchError, children, cpu_ns, name, wait_until

PROCESSES = 10
TALKERS = 10
MESSAGES = 20000  # of each
MANY = 1000
DEATHS_PER_S = 50  # each is two changes of state
WINDOW_S = 10.0
SLEEP = ("-x", "--", "1000000")

# figure: method, clients, calls that each has under way
LOADS = {
    "rpc-ping": ("ping", 10, 32),
    "rpc-ping-one": ("ping", 10, 1),
    "rpc-list": ("getMonitorData", 10, 32),
    "rpc-list-one": ("getMonitorData", 10, 1),
    "rpc-1000": ("getMonitorData", 1000, 1),
}


def socket_of(side, which):
    return os.path.join(side.env["PM2_HOME"], which)


def calls(bench):
    """Clients that ask again when they have their answer. The CPU of the manager for each call is
    shown as well, because clients and manager may share a processor."""
    for _, side in bench.rounds("calls"):
        side.up()
        side.run("start", "sleep", "-i", PROCESSES, *SLEEP)
        side.online_pids(PROCESSES)
        for key, (method, clients, depth) in LOADS.items():
            cpu_s = side.cpu_s()
            out = side.run(program=[str(bench.tools["rpc"]), socket_of(side, "rpc.sock"), method,
                                    str(clients), str(depth), str(bench.plan.load_s)])
            per_s = json.loads(out)["per_s"]
            bench.add(key, side, per_s)
            if f"{key}-cpu" in CPU_KEYS:
                bench.add(f"{key}-cpu", side,
                          (side.cpu_s() - cpu_s) * 1e6 / (per_s * bench.plan.load_s))
        side.down()


CPU_KEYS = {"rpc-ping-cpu", "rpc-list-cpu"}


def messages(bench):
    """Ten apps that send as fast as they can, one subscriber that counts. It fails when one is lost."""
    for _, side in bench.rounds("messages"):
        go = side.root / "go"
        go.unlink(missing_ok=True)
        os.mkfifo(go)
        side.up()
        side.run("start", bench.tools["chatter"], "--name", "chatter", "--interpreter", "none", "-i",
                 TALKERS, "-x", "--", MESSAGES, go)
        side.online_pids(TALKERS)
        with subprocess.Popen([bench.tools["listen"], socket_of(side, "pub.sock"), "process:msg",
                               str(TALKERS * MESSAGES)], stdout=subprocess.PIPE, text=True) as ear:
            try:
                ear.stdout.readline()  # it is connected ...
                side.run("ping")  # ... and accepted
                held = os.open(go, os.O_RDWR)
                cpu_s = side.cpu_s()
                out = ear.stdout.readline()
                os.close(held)
            finally:
                ear.kill()
        if not out:
            raise BenchError(f"{side.title}: the subscriber has missed messages")
        bench.add("bus-msg", side, float(out))
        bench.add("bus-msg-cpu", side, (side.cpu_s() - cpu_s) * 1e6 / (TALKERS * MESSAGES))
        side.down()


def longest_record(path):
    """Bytes of the largest record of a change of state."""
    with open(path, "rb") as journal:
        return max(len(line) for line in journal if line.startswith(b'{"t":"st"'))


def changes(bench):
    """A thousand processes of which fifty a second die and are started again; ours only. The CPU is
    that of all that pm2d does about it, of which writing the changes is a small part."""
    side = next(side for side in bench.sides if side.key == "ours")
    for i in range(bench.plan.rounds):
        bench.says(f"changes of state: round {i + 1} of {bench.plan.rounds}")
        side.up()
        side.run("start", "sleep", "-i", MANY, "--max-restarts", "1000000", *SLEEP)
        victims = sorted(side.online_pids(MANY))
        (keeper,) = [pid for pid in side.managers() if name(pid) == "pm2-keeper"]
        (pm2d,) = [pid for pid in children(keeper) if name(pid) == "pm2d"]
        journal = side.home / "state.jsonl"
        size, cpu, began = journal.stat().st_size, cpu_ns(pm2d), time.monotonic()
        count = 0
        while (passed := time.monotonic() - began) < WINDOW_S:
            if count < passed * DEATHS_PER_S:
                os.kill(victims[count], signal.SIGKILL)
                count += 1
            else:
                time.sleep(0.002)
        used = (cpu_ns(pm2d) - cpu) / 1e9 / (time.monotonic() - began) * 100
        wait_until(lambda: len(side.processes()) == MANY, "all run again")
        bench.add("state-cpu", side, used)
        bench.add("state-bytes", side, (journal.stat().st_size - size) / (2 * count))
        bench.add("state-record", side, longest_record(journal))
        side.down()


SCENARIOS = (
    (calls, {*LOADS, *CPU_KEYS}),
    (messages, {"bus-msg", "bus-msg-cpu"}),
    (changes, {"state-cpu", "state-bytes", "state-record"}),
)
