# SPDX-License-Identifier: MIT
"""Log files in other forms than plain, and of many apps; the bus with one subscriber that does not read."""

import json
import os
import shutil
import socket
import subprocess
import time

from .procs import BenchError, wait_until

MANY = 100
LINES_PER_S = 1000
WINDOW_S = 10.0
STILL_S = 1.0  # a file that has nearly all, and does not grow for so long, is complete
NEARLY = 0.9  # PM2 loses some with --time
LIMIT_S = 300

# An app that writes so many lines of 128 bytes a second, in 20 writes.
PACED = """
import sys, time
block = ("x" * 127 + "\\n") * (int(sys.argv[1]) // 20)
due = time.monotonic()
while True:
    sys.stdout.write(block)
    sys.stdout.flush()
    due += 0.05
    time.sleep(max(0, due - time.monotonic()))
"""


END = rb"xx\n"  # of a line, in JSON


def size_of(path):
    try:
        return path.stat().st_size
    except OSError:
        return 0


def last_growth(path, least):
    """The nanosecond at which the file, of `least` bytes or more, had its last byte."""
    size, at_ns = 0, time.monotonic_ns()
    end_ns = at_ns + LIMIT_S * 10**9
    while time.monotonic_ns() < end_ns:
        now = size_of(path)
        if now != size:
            size, at_ns = now, time.monotonic_ns()
        elif size >= least and time.monotonic_ns() - at_ns > STILL_S * 1e9:
            return at_ns
        time.sleep(0.001)
    raise BenchError(f"{path.name} does not come to its end")


def mb_per_s(spew, path):
    os.close(wait_until(spew.open_go, "spew runs"))
    end_ns = last_growth(path, spew.bytes * NEARLY)
    return spew.bytes / 1e6 / ((end_ns - int(spew.stamp.read_text())) / 1e9)


def formatted(bench, side, key, *options):
    from .scenarios import Spew  # it imports this module
    spew = Spew(bench, side.root)
    side.up()
    side.run("start", spew.argv[0], "--name", "spew", "--interpreter", "none", *options, "-o", spew.log,
             "-e", side.root / "spew.err", "--", *spew.argv[1:])
    side.online_pids(1)
    speed = mb_per_s(spew, spew.log)
    bench.add(key, side, speed)
    side.down()
    spew.log.unlink()
    return speed


def peer(bench, name, command, folder):
    """spew | a logger that writes FOLDER/current, with times."""
    from .scenarios import Spew
    spew = Spew(bench, bench.scratch)
    with subprocess.Popen(spew.argv, stdout=subprocess.PIPE) as app, \
            subprocess.Popen(command, stdin=app.stdout) as logger:
        try:
            bench.results.add(f"log-time-{name}", name, [mb_per_s(spew, folder / "current")])
        finally:
            app.kill()
            logger.kill()
    shutil.rmtree(folder)


def peers(bench):
    for name, program in (("s6", "s6-log"), ("svlogd", "svlogd")):
        if not shutil.which(program):
            bench.says(f"{program} is missing: not compared")
            continue
        folder = bench.scratch / name
        folder.mkdir()
        (folder / "config").write_text("s0\n", encoding="ascii")
        commands = {"s6": [program, "n1", "s268435455", "T", str(folder)],
                    "svlogd": [program, "-tt", str(folder)]}
        peer(bench, name, commands[name], folder)


def with_time(bench):
    for _, side in bench.rounds("log --time"):
        speed = formatted(bench, side, "log-time", "--time")
        if side.key == "ours":
            bench.add("log-time-s6", side, speed)
            bench.add("log-time-svlogd", side, speed)
            peers(bench)


def as_json(bench):
    for _, side in bench.rounds("log --log-type json"):
        formatted(bench, side, "log-json", "--log-type", "json")


def many(bench):
    for _, side in bench.rounds(f"{MANY} apps with {LINES_PER_S} lines/s each"):
        path = side.root / "paced.json"
        apps = [{"name": f"p{i}", "script": shutil.which("python3"), "interpreter": "none",
                 "args": ["-c", PACED, str(LINES_PER_S)]} for i in range(MANY)]
        path.write_text(json.dumps({"apps": apps}), encoding="utf-8")
        side.up()
        side.run("start", path)
        side.online_pids(MANY)
        time.sleep(2)
        memory, cpu_s, at = side.pss_mb(), side.cpu_s(), time.monotonic()
        time.sleep(WINDOW_S)
        bench.add("logs-100", side, (side.cpu_s() - cpu_s) / (time.monotonic() - at) * 100)
        bench.add("logs-100-growth", side, max(0.0, side.pss_mb() - memory))
        side.down()


def bus(bench):
    """Lines that the reading subscriber misses, and what the silent one costs; ours only."""
    side = next(side for side in bench.sides if side.key == "ours")
    for i in range(bench.plan.rounds):
        bench.says(f"bus: round {i + 1} of {bench.plan.rounds}")
        side.up()
        home = str(side.env["PM2_HOME"])
        good, deaf = (socket.socket(socket.AF_UNIX) for _ in range(2))
        for one in (good, deaf):
            one.connect(os.path.join(home, "pub.sock"))
        out = side.root / "paced.log"
        out.unlink(missing_ok=True)
        memory = side.pss_mb()
        side.run("start", shutil.which("python3"), "--name", "paced", "--interpreter", "none", "-o", out,
                 "--", "-c", PACED, "50000")
        seen, tail, end = 0, b"", time.monotonic() + WINDOW_S
        good.settimeout(0.5)
        while time.monotonic() < end:
            data = tail + good.recv(1 << 20)
            seen, tail = seen + data.count(END), data[1 - len(END):]
        written = size_of(out) // 128
        side.run("stop", "paced")
        try:
            while chunk := good.recv(1 << 20):
                data = tail + chunk
                seen, tail = seen + data.count(END), data[1 - len(END):]
        except TimeoutError:
            pass
        written = max(written, size_of(out) // 128)
        bench.add("bus-lost", side, max(0.0, (written - seen) / written * 100))
        bench.add("bus-memory", side, max(0.0, side.pss_mb() - memory))
        good.close()
        deaf.close()
        side.down()


SCENARIOS = (
    (with_time, {"log-time", "log-time-s6", "log-time-svlogd"}),
    (as_json, {"log-json"}),
    (many, {"logs-100", "logs-100-growth"}),
    (bus, {"bus-lost", "bus-memory"}),
)
