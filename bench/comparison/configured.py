# SPDX-License-Identifier: MIT
"""Scenarios of what a process file asks for: a hundred apps, a watched tree, memory limits."""

import json
import time
from pathlib import Path

from .procs import BenchError, wait_until
from .stamps import wait_for_life

APPS = 100
MANY_APPS = 2000
GUARDED = 1000
MEMORY_LIMIT = "500M"  # never reached
TREE_FOLDERS, TREE_FILES = 200, 100  # files of each folder
WATCH_DELAY_MS = 20
SETTLE_S = 2.0
QUIET_S = 0.5  # so long a manager must do nothing before it counts as quiet
QUIET_CPU_S = 0.002
MIN_UPTIME_S = 1.1


def write_file(side, count):
    """A process file of `count` apps that sleep."""
    apps = [{"name": f"app-{i}", "script": "/bin/sleep", "interpreter": "none", "args": "1000000",
             "env": {"PORT": str(3000 + i), "APP_MODE": "bench"}}
            for i in range(count)]
    path = side.root / f"apps-{count}.json"
    path.write_text(json.dumps({"apps": apps}, indent=2) + "\n", encoding="utf-8")
    return path


def cpu_percent(side, seconds):
    """What the manager uses of one core."""
    cpu_s, at = side.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (side.cpu_s() - cpu_s) * 100 / (time.monotonic() - at)


# ---- files ----


def start_file(bench):
    """A file of a hundred apps: started by both, checked by ours without a manager."""
    for _, side in bench.rounds(f"a file of {APPS} apps"):
        path = write_file(side, APPS)
        if side.key == "ours":
            bench.add("check-100", side, *side.timed_ms(bench.plan.commands, "check", path))
            if side.managers():
                raise BenchError(f"{side.title}: check has started a manager")
        side.up()
        (start_ms,) = side.timed_ms(1, "start", path)
        bench.add("file-start-100", side, start_ms)
        if side.key == "pm2":
            bench.add("check-100", side, start_ms)
        side.online_pids(APPS)
        side.down()


def parse_file(bench):
    """Ours is the whole process. PM2's own functions are timed inside of node; the whole process
    besides, since that is what somebody waits for."""
    script = Path(__file__).parent.parent / "helpers" / "parse.js"
    for _, side in bench.rounds(f"a file of {MANY_APPS} apps"):
        path = write_file(side, MANY_APPS)
        for _ in range(bench.plan.commands):
            if side.key == "ours":
                (whole_ms,) = side.timed_ms(1, "check", path)
                inside_ms = whole_ms
            else:
                program = ["node", str(script), str(side.module), str(path)]
                inside_ms = int(side.run(program=program)) / 1e6
                (whole_ms,) = side.timed_ms(1, program=program)
            bench.add("file-parse-2000", side, inside_ms)
            bench.add("file-process-2000", side, whole_ms)


# ---- watching ----


def make_tree(folder):
    """Its files, in an order that visits all parts of it."""
    for i in range(TREE_FOLDERS):
        part = folder / f"part-{i}"
        part.mkdir(parents=True)
        for k in range(TREE_FILES):
            (part / f"file-{k}.txt").write_text("content\n", encoding="utf-8")
    return [folder / f"part-{(7 * i) % TREE_FOLDERS}" / f"file-{i % TREE_FILES}.txt"
            for i in range(TREE_FOLDERS)]


def wait_until_quiet(side):
    """Until the manager has done nothing for a while: its watches are set, its work is done."""
    last = [side.cpu_s()]

    def is_quiet():
        time.sleep(QUIET_S)
        now = side.cpu_s()
        was, last[0] = last[0], now
        return now - was < QUIET_CPU_S

    wait_until(is_quiet, f"{side.title} is quiet", timeout_s=60)


def watch(bench):
    """From the change of a file until the first instruction of the successor, on one clock."""
    for i, side in bench.rounds("a watched tree"):
        files = make_tree(side.root / f"tree-{i}")
        stamps = side.root / "watch.stamps"
        stamps.unlink(missing_ok=True)
        app = {"name": "watched", "script": str(bench.tools["stamp"]), "interpreter": "none",
               "args": [str(stamps)], "cwd": str(side.root / f"tree-{i}"), "watch": True,
               "watch_delay": WATCH_DELAY_MS}
        path = side.root / "watch.json"
        path.write_text(json.dumps({"apps": [app]}), encoding="utf-8")
        side.up()
        side.run("start", path)
        for lives in range(1, bench.plan.changes + 1):
            wait_for_life(side, stamps, lives)
            time.sleep(MIN_UPTIME_S)
            wait_until_quiet(side)
            if lives == 1:
                bench.add("watch-cpu", side, cpu_percent(side, bench.plan.watch_window_s))
            at_ns = time.monotonic_ns()
            with files[lives].open("a", encoding="utf-8") as file:
                file.write("changed\n")
            _, started_ns = wait_for_life(side, stamps, lives + 1)
            bench.add("watch", side, (started_ns - at_ns) / 1e6)
        side.down()


# ---- memory ----


def memory_guard(bench):
    """Ours only: PM2 asks a program for all processes, every 30 s, and not for their trees."""
    (side,) = [side for side in bench.sides if side.key == "ours"]
    app = {"name": "guarded", "script": "/bin/sleep", "interpreter": "none", "args": "1000000",
           "exec_mode": "fork", "instances": GUARDED, "max_memory_restart": MEMORY_LIMIT}
    path = side.root / "guarded.json"
    path.write_text(json.dumps({"apps": [app]}), encoding="utf-8")
    for i in range(bench.plan.rounds):
        bench.says(f"{GUARDED} memory limits: round {i + 1} of {bench.plan.rounds}")
        side.up()
        side.run("start", path)
        side.online_pids(GUARDED)
        time.sleep(SETTLE_S)
        bench.add("guard-cpu", side, cpu_percent(side, bench.plan.guard_window_s))
        bench.add("guard-memory", side, side.pss_mb())
        side.online_pids(GUARDED)
        side.down()


SCENARIOS = (
    (start_file, {"file-start-100", "check-100"}),
    (parse_file, {"file-parse-2000", "file-process-2000"}),
    (watch, {"watch", "watch-cpu"}),
    (memory_guard, {"guard-cpu", "guard-memory"}),
)
