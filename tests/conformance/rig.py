# SPDX-License-Identifier: MIT
"""One PM2 (the real one or ours) in a home of its own, and what can be seen of it.

Everything that is the same in each run and on each side, and only that, is normalised here: paths
below the side's folder, pids, times, ids that are random. What PM2 and we do differently is not
the business of this file (differences.py).
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "proto"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

import amp  # noqa: E402 (beside the protocol tests)
from of_home import pids_of_home  # noqa: E402
from world import state  # noqa: E402

MARK = "<dir>"  # stands for the folder of a side
TABLE = "┌│├└"
TIMES = {"created_at", "pm_uptime"}
RANDOM = {"unique_id"}
# What is told of single apps comes as things happen: such lines are sorted.
ANY_ORDER = re.compile(r"^\[PM2\] (\[|App \[|Creating folder|Applying action)|"
                       r"^\[PM2\]\[WARN\] (App .* has option|Environment \[|Applications )")
PATH = os.path.dirname(shutil.which("node") or "/bin/sh") + ":/usr/local/bin:/usr/bin:/bin"
SHELL_VARIABLES = {  # what every command of a case finds in its environment
    "LANG": "C.UTF-8", "USER": "tester", "NO_COLOR": "1", "PM2_DISCRETE_MODE": "1",
    "FROM_SHELL": "shell", "SECRET_KEY": "s3cret", "OTHER_SECRET": "s3cret too",
}


def is_shell(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) in ("bash", "dash", "sh")
    except OSError:
        return False


def is_settled(pid):
    """Whether it lives; a shell that is about to become its command is given the time for it."""
    deadline = time.monotonic() + 10
    while is_shell(pid) and state(pid) not in "SZX" and time.monotonic() < deadline:
        time.sleep(0.01)  # the pace of polling, nothing relies on it
    return state(pid) not in "ZX"


class Side:
    """A home, a folder to work in with the files of the cases, and a daemon once it is needed."""

    def __init__(self, name, command, folder):
        self.name = name
        self.command = command
        self.folder = os.path.join(folder, name)
        self.work = os.path.join(self.folder, "w")
        self.home = os.path.join(self.folder, "h")
        self.pm2_home = os.path.join(self.home, ".pm2")
        os.makedirs(self.home)
        self.fresh_work()
        self.environment = {
            "PATH": PATH, "HOME": self.home, "PM2_HOME": self.pm2_home,
            **SHELL_VARIABLES,
        }

    def fresh_work(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(CASES, self.work)

    # ---- doing ----

    def step(self, text, variables):
        """One line of a case: a copy of a file, or a command. What is to be compared of it."""
        words = shlex.split(text)
        if words[0] == "cp":
            shutil.copyfile(self.path(words[1]), self.path(words[2]))
            return {}
        stdin = subprocess.DEVNULL
        if "<" in words:
            at = words.index("<")
            with open(self.path(words[at + 1]), "rb") as source:
                stdin = source.read()
            words = words[:at]
        seen = self.pm2(words, stdin, variables)
        seen["apps"] = self.apps()
        return seen

    def run(self, case):
        """All steps of a case, from nothing. A list of results."""
        self.clear()
        return [self.step(step, case.variables) for step in case.steps]

    def path(self, name):
        return os.path.join(self.work, name)

    def pm2(self, words, stdin=subprocess.DEVNULL, variables=None):
        source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
        done = subprocess.run(
            [*self.command, *words], cwd=self.work, env={**self.environment, **(variables or {})},
            capture_output=True, timeout=60, check=False, **source)
        return {"exit": done.returncode, "stdout": self.lines(done.stdout),
                "stderr": self.lines(done.stderr)}

    def rpc(self):
        return amp.Rpc(os.path.join(self.pm2_home, "rpc.sock"))

    def raw_list(self):
        rpc = self.rpc()
        try:
            return rpc.call("getMonitorData", {})
        finally:
            rpc.close()

    def clear(self):
        """Delete all apps, without the price of a command; the files of the cases are as before."""
        rpc = self.rpc()
        try:
            while True:
                listed = rpc.call("getMonitorData", {})
                if not listed:
                    break
                for call in [rpc.start("deleteProcessId", app["pm_id"]) for app in listed]:
                    rpc.finish(call)  # a process that is gone already is an error, and no matter
        finally:
            rpc.close()
        self.fresh_work()

    def close(self):
        """End the daemon. Pids of what outlived it, which is killed."""
        subprocess.run([*self.command, "kill"], cwd=self.folder, env=self.environment, check=False,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        deadline = time.monotonic() + 10
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)  # the pace of polling, nothing relies on it
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def processes(self):
        return pids_of_home(self.pm2_home)

    # ---- seeing ----

    def lines(self, output):
        """Lines without tables and blank ones, in a settled order."""
        text = self.plain(output.decode("utf-8", "replace"))
        lines = [line.rstrip() for line in text.splitlines()
                 if line.strip() and line[0] not in TABLE]
        loose = sorted(line for line in lines if ANY_ORDER.match(line))
        return loose + [line for line in lines if not ANY_ORDER.match(line)]

    def plain(self, text):
        return text.replace(self.folder, MARK)

    def apps(self):
        """{"name#number": what is known of the process}, number counting the processes of a name.

        PM2 starts the apps of a file together: where one has several processes, the ids mix."""
        seen, numbers = {}, {}
        listed = self.settled()
        is_mixed = 1 < len({app["name"] for app in listed}) < len(listed)
        for app in listed:
            number = numbers.setdefault(app["name"], 0)
            numbers[app["name"]] += 1
            known = self.process(app)
            seen[f"{app['name']}#{number}"] = without_id(known) if is_mixed else known
        return seen

    def settled(self):
        """The list when no process is on its way any more: some commands do not wait for it."""
        deadline = time.monotonic() + 10
        while True:
            listed = self.raw_list()
            moving = [app for app in listed if app["pm2_env"]["status"] in ("launching", "stopping")
                      or app["pm2_env"].get("vizion_running")]
            if not moving or time.monotonic() > deadline:
                return listed
            time.sleep(0.02)  # the pace of polling, nothing relies on it

    def process(self, app):
        pid = app.pop("pid", None)
        app.pop("monit")
        known = {"jlist": self.normal(app), "has_pid": bool(pid)}
        if pid and is_settled(pid):
            known["environment"] = self.process_environment(pid)
            known["process"] = self.process_facts(pid)
        return known

    def process_environment(self, pid):
        pairs = [""]
        while not all("=" in pair for pair in pairs[:-1] or [""]):
            # bash, as it begins, cuts each of its strings in two for a moment
            with open(f"/proc/{pid}/environ", "rb") as environ:
                pairs = environ.read().decode("utf-8", "replace").split("\0")
        return self.normal(dict(pair.partition("=")[::2] for pair in pairs if pair))

    def process_facts(self, pid):
        with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
            argv = cmdline.read().decode("utf-8", "replace").split("\0")[:-1]
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            fields = dict(line.split(":\t", 1) for line in status.read().splitlines()
                          if ":\t" in line)
        return self.normal({"argv": argv, "cwd": os.readlink(f"/proc/{pid}/cwd"),
                            **{key.lower(): fields[key].split() for key in ("Uid", "Gid", "Groups")}})

    def normal(self, value, key=None):
        if isinstance(value, dict):
            return {self.plain(k): self.normal(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.normal(v) for v in value]
        if key in TIMES and str(value).isdigit() and len(str(value)) == 13:
            return "<time>"
        if key in RANDOM and isinstance(value, str) and len(value) == 36:
            return "<random>"
        return self.plain(value) if isinstance(value, str) else value


def without_id(known):
    """The same with <id> for the process's id, also in the paths of its files."""
    number = known["jlist"]["pm_id"]

    def replace(value, key=None):
        if isinstance(value, dict):
            return {k: replace(v, k) for k, v in value.items()}
        if key == "pm_id":
            return "<id>"
        is_path = isinstance(value, str) and str(key).startswith("pm_")
        return re.sub(rf"-{number}(\.\w+)$", r"-<id>\1", value) if is_path else value

    return replace(known)


def numbered_from_zero(result):
    """False when ids went on after all apps had been deleted, as they do in PM2 now and then."""
    ids = [app["jlist"]["pm_id"] for app in result.get("apps", {}).values()]
    return not ids or "<id>" in ids or min(ids) == 0


def differences(real, ours, path=""):
    """[(path, real, ours)]: where two results differ; None stands for what is absent."""
    if isinstance(real, dict) and isinstance(ours, dict):
        found = []
        for key in sorted(set(real) | set(ours)):
            found += differences(real.get(key), ours.get(key), f"{path}/{key}")
        return found
    same = type(real) is type(ours) and real == ours
    return [] if same else [(path, real, ours)]


def show(value):
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
