# SPDX-License-Identifier: MIT
"""What the kill tests share: a world whose daemon may go away, and apps that keep their own record."""

import concurrent.futures
import os
import random
import re
import shutil
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "proto"))

import amp  # noqa: E402
from world import PM2, World, state, wait_until  # noqa: E402

PYTHON = os.path.realpath(sys.executable)
NODE = shutil.which("node")
GONE = (OSError, amp.ProtocolError)  # of a daemon that was killed, or is not back yet
BACK_SECONDS = 10
SEED = int(os.environ.get("KILL_SEED", random.randrange(10**6)))  # of all that is left to chance
with open(os.path.realpath(PM2), "rb") as program:
    SANITIZED = b"__asan_init" in program.read()
# Of named steps every so many-th is tried, another one each time; $FAULT_STRIDE=1: all of them.
STRIDE = int(os.environ.get("FAULT_STRIDE", 3 if SANITIZED else 1))
BESIDE = int(os.environ.get("FAULT_BESIDE", 2))  # so many of them at a time, each in a world of its own


def sample(steps, what):
    """Those that are tried this time, evenly spread; which is said."""
    at = random.Random(f"{SEED} {what}").randrange(min(STRIDE, len(steps)))
    if STRIDE > 1:
        print(f"# {what}, seed {SEED}: of {len(steps)} steps every {STRIDE}th from {steps[at]}", flush=True)
    return steps[at::STRIDE]


def each_step(test, steps, run_step):
    """run_step(step) for all that are tried, side by side; each is a subtest."""
    with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
        runs = [(step, pool.submit(run_step, step)) for step in sample(steps, test.id().rpartition(".")[2])]
    for step, run in runs:
        with test.subTest(step=step):
            run.result()


class Client:
    """Calls over a connection that is made again whenever it broke."""

    def __init__(self, home):
        self.path = os.path.join(home, "rpc.sock")
        self.rpc = None

    def once(self, method, *args):
        """The result; one of GONE when the daemon went away: then nobody knows what became of the call."""
        try:
            if self.rpc is None:
                self.rpc = amp.Rpc(self.path)
            return self.rpc.call(method, *args)
        except GONE:
            self.close()
            raise

    def call(self, method, *args, seconds=BACK_SECONDS):
        """Again and again until it is answered: only for what may be done twice."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.once(method, *args)
            except GONE:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)

    def connected(self):
        """For calls that are finished later."""
        self.call("ping", {})
        return self.rpc

    def table(self):
        return {row["pm_id"]: row for row in self.call("getMonitorData", {})}

    def close(self):
        if self.rpc is not None:
            self.rpc.close()
            self.rpc = None


class Rig(World):
    """A world of apps of tests/fault, with their records in self.work."""

    def __init__(self, **environment):
        self.extra = environment
        super().__init__()
        self.clients = []
        self.ids = {}  # by name
        self.main = self.client()

    def environment(self):
        return dict(super().environment(), **self.extra)

    def client(self):
        client = Client(self.home)
        self.clients.append(client)
        return client

    def start_request(self, name, role, *args, **options):
        """What c.start is to be asked for one app."""
        script, words = os.path.join(HERE, "app.py"), [role, self.work, *map(str, args)]
        options = dict({"interpreter": PYTHON, "autorestart": True, "max_restarts": 100000}, **options)
        if role == "channel.js":
            script, words, options["interpreter"] = os.path.join(HERE, role), [self.work], NODE
        return {"targets": [script], "options": dict(options, name=name), "args": words,
                "cwd": self.work, "env": {"PATH": os.environ["PATH"]}}

    def start(self, name, role, *args, **options):
        """Start one app; its first record is there on return."""
        result = self.main.call("c.start", self.start_request(name, role, *args, **options))
        assert not result.get("error"), result
        (self.ids[name],) = result["results"][0]["ids"]
        wait_until(lambda: self.starts(name), f"first start of {name}")

    # ---- records ----

    def record(self, name, kind):
        try:
            with open(os.path.join(self.work, f"{name}.{kind}"), encoding="ascii") as lines:
                return lines.read().splitlines()
        except FileNotFoundError:
            return []

    def starts(self, name):
        """Pids, one per start, in order."""
        return [int(pid) for pid in self.record(name, "starts")]

    def asked_again(self, name):
        """How many starts of it were under way when a keeper died. What had come of such a start is ended,
        and it is made again: there may be a record of both, and it is counted once."""
        said = f"App [{name}:{self.ids[name]}] was being started when the keeper died"
        return self.log("../pm2").count(said.encode())

    def calm(self):
        """No more crashes, no more lines."""
        with open(os.path.join(self.work, "calm"), "w", encoding="ascii"):
            pass

    def end(self, name, code=1):
        """Tell one that obeys. It is looking for the file: that comes whole, by its name."""
        path = os.path.join(self.work, f"{name}.end")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(code))
        os.rename(path + ".new", path)

    def log_lines(self, name, stream):
        stem = {"out": "out", "err": "error"}[stream]
        return self.log(f"{name}-{stem}").decode().splitlines()

    def row(self, name, client=None):
        return (client or self.main).table()[self.ids[name]]

    def settled_row(self, name, client=None):
        """Its row once the table, the record and /proc agree on what runs."""

        seen = {}

        def look():
            row, pids = self.row(name, client), self.starts(name)
            seen.update(pid=row["pid"], status=row["pm2_env"]["status"], starts=pids[-3:])
            status = row["pm2_env"]["status"]
            if status == "online" and row["pid"] == pids[-1] and is_alive(row["pid"]):
                return row
            return row if status in ("stopped", "errored") and not is_alive(pids[-1]) else None

        try:
            return wait_until(look, f"{name} settled")
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None

    # ---- processes ----

    def roots(self):
        """pm_id -> pids of what the keeper started for it and what lives (leaders of a session)."""
        found, home = {}, b"PM2_HOME=" + self.home.encode()
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    environ = file.read().split(b"\0")
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    is_offspring = b"grandchild" in file.read().split(b"\0")
                if home not in environ or is_offspring or os.getsid(pid) != pid:
                    continue
            except OSError:
                continue
            for variable in environ:
                if variable.startswith(b"pm_id="):
                    found.setdefault(int(variable[6:]), []).append(pid)
        return found

    def doubled(self):
        """Processes of which two live at the same time. /proc is not read in one instant: look twice."""
        found = []
        for ident, pids in self.roots().items():
            alive = [pid for pid in pids if is_alive(pid)]
            if len(alive) > 1 and all(map(is_alive, alive)):
                found.append((ident, alive))
        return found

    # ---- the killing ----

    def kill_and_wait(self, victim):
        """SIGKILL, then the ms until a call is answered by another pm2d, or with another keeper."""
        before = self.main.call("c.hello", {})
        self.main.close()
        os.kill(before[victim], signal.SIGKILL)
        began = time.monotonic()
        while True:
            now = self.main.call("c.hello", {})
            if now[victim] != before[victim]:
                return (time.monotonic() - began) * 1000
            self.main.close()

    def kill_both(self):
        """pm2d and the keeper; who they were."""
        hello = self.main.call("c.hello", {})
        self.main.close()
        victims = [hello["keeper"], hello["pid"]]
        kill_together(*victims)
        return victims

    def crashes(self):
        """Ends of pm2d that are not ours: the keeper would have made good for them as well."""
        lines = self.log("../pm2").decode(errors="replace").splitlines()
        return [lines[max(0, i - 3) : i + 1] for i, line in enumerate(lines)
                if re.search(r"pm2d ended (?!by signal 9,)(by signal|with status)", line)]

    def close(self):
        for client in self.clients:
            client.close()
        crashes = self.crashes()
        super().close()
        assert not crashes, f"pm2d ended by itself: {crashes}"


def is_alive(pid):
    """There, and no zombie."""
    return state(pid) not in "ZX"


def has_handler(pid, signo):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signo - 1) & 1 and is_alive(pid)


def kill_together(*pids):
    """At one instant, as far as they can tell: none runs between the signals."""
    for signo in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, signo)
    wait_until(lambda: not any(map(is_alive, pids)), "their end")


def freeze(test, pid):
    """Until thaw(), or the end of the test."""
    os.kill(pid, signal.SIGSTOP)
    test.addCleanup(thaw, pid)
    wait_until(lambda: state(pid) == "T", "it stands still")


def thaw(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass
