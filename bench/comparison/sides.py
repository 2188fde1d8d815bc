# SPDX-License-Identifier: MIT
"""The two programs under comparison, each with a home of its own below one scratch folder."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import procs
from .procs import BenchError

COMMAND_TIMEOUT_S = 120
# Nothing of the caller's environment: every app is given a copy of it, so its size is measured.
BASE_ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "PM2_DISCRETE_MODE": "1",
    "PM2_DISABLE_VERSION_CHECK": "1",
}


class Side:
    """One program. `program` is the argument vector before the command; `module` what Node code
    requires, or None; `helpers` the names of manager processes below the one in pm2.pid."""

    def __init__(self, key, title, program, module, helpers, scratch):
        self.key = key
        self.title = title
        self.program = [str(word) for word in program]
        self.module = module
        self.helpers = helpers
        self.root = Path(scratch) / key
        self.home = self.root / ".pm2"
        self.home.mkdir(parents=True)
        # PM2 greets, and looks for news on the network, where this file is missing.
        (self.home / "touch").write_text(str(int(time.time() * 1000)))
        self.env = dict(BASE_ENV, HOME=str(self.root), PM2_HOME=str(self.home))
        self.env["PATH"] = f"{Path(shutil.which('node')).parent}:{self.env['PATH']}"
        self.timer = None  # the helper program `timed`, once it is built

    def run(self, *words, program=None):
        """Run a command of the side; its standard output."""
        command = (program or self.program) + [str(word) for word in words]
        done = subprocess.run(command, env=self.env, cwd=self.root, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
                              check=False)
        if done.returncode != 0:
            raise BenchError(f"{self.title}: {' '.join(command)}: exit code {done.returncode}\n"
                             f"{done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def timed_ms(self, count, *words, program=None):
        """Run a command of the side `count` times; the milliseconds of each."""
        out = self.run(*words, program=[str(self.timer), str(count)] + (program or self.program))
        return [int(line) / 1e6 for line in out.split()]

    # ---- the manager ----

    def managers(self):
        """Pids of all manager processes; empty when none runs."""
        try:
            first = int((self.home / "pm2.pid").read_text())
        except (OSError, ValueError):
            return []
        if not procs.is_alive(first):
            return []
        return [first] + [p for p in procs.children(first) if procs.name(p) in self.helpers]

    def up(self):
        self.run("ping")
        wanted = 1 + len(self.helpers)
        procs.wait_until(lambda: len(self.managers()) == wanted, f"{self.title} is up")

    def down(self):
        before = self.managers()
        if before:
            self.run("kill")
            procs.wait_until(lambda: not any(map(procs.is_alive, before)), f"{self.title} ends")

    def clean_up(self):
        """Whatever happened: nothing of this side may run on."""
        try:
            self.down()
        except (BenchError, subprocess.TimeoutExpired, OSError):
            pass
        procs.end_all_with(f"PM2_HOME={self.home}")

    def pss_mb(self):
        return sum(map(procs.pss_bytes, self.managers())) / 1e6

    def cpu_s(self):
        return sum(map(procs.cpu_ns, self.managers())) / 1e9

    # ---- what it manages ----

    def processes(self):
        text = self.run("jlist")
        return json.loads(text[text.index("["):])

    def online_pids(self, count):
        """Pids of exactly `count` online processes, each of which really runs."""
        listed = self.processes()
        pids = {p["pid"] for p in listed if p["pm2_env"]["status"] == "online"}
        if len(pids) != count or len(listed) != count or not all(map(procs.is_alive, pids)):
            raise BenchError(f"{self.title}: {len(pids)} of {len(listed)} processes are online, "
                             f"{count} should be")
        return pids


def install_pm2(version, cache, says):
    """The npm package in `cache`, installed when it is not there yet. Returns its folder."""
    prefix = Path(cache) / f"pm2-{version}"
    complete = prefix / "complete"
    if not complete.exists():
        says(f"installing pm2@{version} into {prefix}")
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.mkdir(parents=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error",
                        f"--prefix={prefix}", f"pm2@{version}"],
                       check=True, cwd=prefix, stdout=subprocess.DEVNULL)
        complete.touch()
    return prefix / "node_modules" / "pm2"


def has_programs(build):
    return all(os.access(build / "bin" / n, os.X_OK) for n in ("pm2", "pm2d", "pm2-keeper"))


def build_ours(tree, directory, says):
    """The release build: `directory` when given, else build/release, else one of our own."""
    release = tree / "build" / "release"
    if directory:
        chosen = Path(directory).resolve()
    else:
        chosen = release if has_programs(release) else tree / "build" / "bench"
    if not has_programs(chosen):
        says(f"building into {chosen}")
        for command in (["cmake", "-S", tree, "-B", chosen, "-G", "Ninja",
                         "-DCMAKE_BUILD_TYPE=Release", "-DPM2_TESTS=OFF"],
                        ["cmake", "--build", chosen]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return chosen
