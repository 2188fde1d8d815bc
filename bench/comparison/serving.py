# SPDX-License-Identifier: MIT
"""The app serve.js in several workers, under a side or under Node's own cluster module, and the
clients that ask it."""

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import socket
import subprocess
from pathlib import Path

from .procs import BenchError, end_all_with, wait_until
from .sides import BASE_ENV

HELPERS = Path(__file__).parent.parent / "helpers"
LATE_MS = 5000  # a client that waits longer has been left hanging
MARK = {"PM2C_BENCH_NODE": str(os.getpid())}


def more_descriptors():
    """For thousands of connections: ours, and those of the workers, which get our limits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Served:
    """Where it runs. `side` is None for Node's own primary."""

    def __init__(self, side, folder, workers):
        self.side = side
        self.port = free_port()
        self.workers = workers
        self.ready = Path(folder) / "ready"
        self.ready.unlink(missing_ok=True)

    def environment(self, env):
        return {"PORT": str(self.port), "READY": str(self.ready), **env}

    def pids(self):
        return self.side.online_pids(self.workers)

    def ready_pids(self):
        """Of those that have listened."""
        return [int(pid) for pid in self.ready.read_text(encoding="ascii").split()]

    def lives(self):
        """How many workers have listened until now."""
        try:
            return self.ready.read_text(encoding="ascii").count("\n")
        except FileNotFoundError:
            return 0

    def wait_for_lives(self, count):
        wait_until(lambda: self.lives() >= count, f"{count} workers listen", timeout_s=60)


@contextlib.contextmanager
def under_side(side, workers, env=None, **conf):
    """`conf` are members of the process file besides those that the app has in any case."""
    served = Served(side, side.root, workers)
    app = {"name": "serve", "script": str(HELPERS / "serve.js"), "exec_mode": "cluster",
           "instances": workers, "max_restarts": 1000000, "env": served.environment(env or {}),
           **conf}
    path = side.root / "serve.json"
    path.write_text(json.dumps({"apps": [app]}), encoding="utf-8")
    side.up()
    side.run("start", path)
    served.wait_for_lives(workers)
    yield served
    side.down()


@contextlib.contextmanager
def under_node(scratch, workers, env=None):
    """Node's own primary; ends with all its workers."""
    served = Served(None, scratch, workers)
    path = f"{Path(shutil.which('node')).parent}:{BASE_ENV['PATH']}"
    run = subprocess.Popen(["node", HELPERS / "primary.js", HELPERS / "serve.js", str(workers)],
                           env={**BASE_ENV, "PATH": path, **MARK, **served.environment(env or {})},
                           stdin=subprocess.DEVNULL)
    try:
        served.wait_for_lives(workers)
        yield served
    finally:
        run.kill()
        run.wait()
        for name, value in MARK.items():
            end_all_with(f"{name}={value}")


# ---- clients ----


def connect(port, source=None):
    """An HTTP client; `source` is its address."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=LATE_MS / 1000,
                                      source_address=(source, 0) if source else None)


def ask(client):
    """The pid that answers one request."""
    try:
        client.request("GET", "/")
        return int(client.getresponse().read())
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"a client had no answer: {error!r}") from error


def ask_once(port, source):
    client = connect(port, source)
    try:
        return ask(client)
    finally:
        client.close()


class Load:
    """The helper of that name, while the block runs; then `counts` has what became of its requests,
    and `failed` how many of them had no answer."""

    def __init__(self, tools, served, clients, is_kept, pause_us=0):
        self.argv = [tools["load"], str(served.port), str(clients), "keep" if is_kept else "short",
                     str(pause_us), str(LATE_MS)]
        self.run = None
        self.counts = None

    def __enter__(self):
        self.run = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    text=True)
        if self.run.stdout.readline() != "running\n":
            self.run.kill()
            raise BenchError("nobody answers the clients")
        return self

    def __exit__(self, kind, *_):
        out, _ = self.run.communicate(timeout=LATE_MS / 1000 + 5)
        if kind is None:
            self.counts = json.loads(out)

    @property
    def failed(self):
        return sum(self.counts[word] for word in ("cut", "refused", "late", "bad"))


def wrk(served, clients, seconds, is_kept):
    """(requests per second, 99th percentile in ms). Errors of connections are a failure."""
    words = [] if is_kept else ["-H", "Connection: close"]
    out = subprocess.run(["wrk", "-t", "1", "-c", str(clients), "-d", f"{round(seconds)}s",
                          "--latency", *words, f"http://127.0.0.1:{served.port}/"],
                         check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    broken = re.search(r"Non-2xx.*", out)
    if not rate or not late or broken:
        raise BenchError(f"wrk: {out}")
    return float(rate[1]), float(late[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[late[2]]
