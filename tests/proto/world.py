# SPDX-License-Identifier: MIT
"""A daemon in a home of its own, and raw sockets to it, for the protocol tests.

$PM2 names the program (default: build/dev/bin/pm2). It may be the real PM2: tests of what we do
otherwise on purpose carry @ours_only. Nothing sleeps: waiting is polling with a deadline.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import amp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

from of_home import pids_of_home  # noqa: E402

APPS = os.path.join(ROOT, "tests", "apps")
PM2 = os.environ.get("PM2", os.path.join(ROOT, "build", "dev", "bin", "pm2"))
OURS = os.access(os.path.join(os.path.dirname(os.path.realpath(PM2)), "pm2d"), os.X_OK)

ours_only = unittest.skipUnless(OURS, "PM2 does otherwise")


def wait_until(condition, what, seconds=15):
    """Poll `condition` until it is true and return its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)  # the pace of polling, nothing relies on it


def state(pid):
    """As ps(1) shows it; X when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Closed(Exception):
    """The peer closed the connection."""


class Wire(amp.Connection):
    """One connection: bytes out, messages (lists of raw arguments) in."""

    def message(self, seconds=10):
        """Next message, or Closed, or TimeoutError."""
        self.sock.settimeout(max(0.001, seconds))
        try:
            args = self.receive()
        except ConnectionResetError as error:
            raise Closed() from error
        finally:
            self.sock.settimeout(10)
        if args is None:
            raise Closed()
        return args

    def is_closed_by_peer(self, seconds=10):
        """Read on until the end; False when nothing happens for so long."""
        try:
            while True:
                self.message(seconds)
        except (Closed, amp.ProtocolError):
            return True  # between two messages, or in the middle of one
        except TimeoutError:
            return False


class Rpc(Wire):
    """A client of rpc.sock."""

    counter = itertools.count()

    def request(self, method, *args):
        """Send a call; its id."""
        return self.request_body({"type": "call", "method": method, "args": list(args)})

    def request_body(self, body):
        ident = f"{os.getpid()}:{next(self.counter)}"
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send(amp.encode(b"j:" + text, b"s:" + ident.encode()))
        return ident

    def reply(self, ident=None, seconds=10):
        """Next reply (it must have that id): its decoded body."""
        body, got = self.message(seconds)
        if ident is not None:
            assert got == b"s:" + ident.encode(), (got, ident)
        assert body.startswith(b"j:"), body
        return json.loads(body[2:])

    def body(self, method, *args, seconds=10):
        return self.reply(self.request(method, *args), seconds)

    def call(self, method, *args, seconds=10):
        """First value of the answer; an error raises RpcError."""
        body = self.body(method, *args, seconds=seconds)
        if "error" in body:
            raise RpcError(body["error"])
        return body["args"][0] if body["args"] else None


class RpcError(Exception):
    """The daemon answered an error; str() is its text."""


class Bus(Wire):
    """A subscriber of pub.sock."""

    def event(self, seconds=10):
        topic, payload = self.message(seconds)
        assert topic.startswith(b"s:") and payload.startswith(b"j:"), (topic, payload)
        return topic[2:].decode(), json.loads(payload[2:])

    def until(self, accept, what, seconds=15):
        """Events up to and with the first that `accept(topic, payload)` likes."""
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            try:
                topic, payload = self.event(max(0.001, deadline - time.monotonic()))
            except TimeoutError as error:
                topics = [(t, p.get("event") or p.get("data")) for t, p in seen]
                raise AssertionError(f"no {what}; came: {topics}") from error
            seen.append((topic, payload))
            if accept(topic, payload):
                return seen


class World:
    """A private home with a running daemon."""

    program = PM2

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pm2p.")
        self.home = os.path.join(self.folder, "h")
        self.work = os.path.join(self.folder, "w")
        shutil.copytree(APPS, self.work)
        self.wires = []
        self.pm2("ping")

    def environment(self):
        env = dict(os.environ, HOME=self.folder, PM2_HOME=self.home, PM2_DISCRETE_MODE="1")
        env.update(PM2_DISABLE_VERSION_CHECK="1", NO_COLOR="1")
        return env

    def pm2(self, *args, check=True):
        return subprocess.run([self.program, *args], env=self.environment(), cwd=self.work, check=check,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True)

    def _open(self, kind, name):
        wire = kind(os.path.join(self.home, name))
        self.wires.append(wire)
        return wire

    def rpc(self):
        return self._open(Rpc, "rpc.sock")

    def bus(self):
        """A subscriber that is known to be connected: the daemon has accepted it."""
        bus = self._open(Bus, "pub.sock")
        rpc = self.rpc()
        # accept() of the daemon comes before what it does for a later request; twice, because the
        # two sockets may be served in either order within one round of its loop.
        rpc.call("ping", {})
        rpc.call("ping", {})
        return bus

    def daemon_pid(self):
        """The process that serves the sockets (pm2d; in PM2 it is also what pm2.pid names)."""
        if not OURS:
            with open(os.path.join(self.home, "pm2.pid"), encoding="ascii") as pid_file:
                return int(pid_file.read())
        for pid in self.processes():
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "pm2d":
                return pid
        raise AssertionError("no pm2d")

    def processes(self):
        return pids_of_home(self.home)

    def log(self, stem):
        try:
            with open(os.path.join(self.home, "logs", stem + ".log"), "rb") as log:
                return log.read()
        except FileNotFoundError:
            return b""

    def close(self):
        for wire in self.wires:
            wire.close()
        try:
            self.pm2("kill", check=False)
            wait_until(lambda: not self.processes(), "end of all processes", 10)
        finally:
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)


class Case(unittest.TestCase):
    """A test with a fresh world; the daemon must be the same process at the end."""

    daemon_survives = True

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.before = self.world.daemon_pid()

    def tearDown(self):
        if self.daemon_survives:
            self.assert_alive()

    def assert_alive(self):
        self.assertEqual(self.world.rpc().call("ping", {}), {"msg": "pong"})
        self.assertEqual(self.world.daemon_pid(), self.before, "the daemon died on the way")

    def status(self, ident=0):
        for process in self.world.rpc().call("getMonitorData", {}):
            if process["pm_id"] == ident:
                return process["pm2_env"]["status"]
        return None
