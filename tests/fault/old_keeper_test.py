#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A keeper of an earlier release under a pm2d of this one, as after both programs on the disk were replaced by
hand and pm2d died: here the test is that keeper, and speaks an older version of the link."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import amp, wait_until  # noqa: E402
from world import PM2  # noqa: E402

LINK_FD = 3
HELLO, READY, LIST, HELLO_OK, LIST_END = 1, 2, 4, 64, 71  # enum link_type


class OldKeeper:

    def __init__(self, version):
        self.folder = tempfile.mkdtemp(prefix="pm2k.")
        self.home = os.path.join(self.folder, "h")
        for name in ("", "logs", "pids"):
            os.mkdir(os.path.join(self.home, name), 0o700)
        self.link, end = socket.socketpair()
        self.link.settimeout(15)
        env = dict(os.environ, HOME=self.folder, PM2_HOME=self.home)
        program = os.path.join(os.path.dirname(os.path.realpath(PM2)), "pm2d")
        with open(os.path.join(self.home, "pm2.log"), "wb") as log, end:
            self.pm2d = subprocess.Popen(["/bin/sh", "-c", f'exec "$0" "$@" {LINK_FD}<&{end.fileno()}', program, "--home",
                                          self.home], env=env, pass_fds=(end.fileno(),), stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=log)
        self.greet(version)

    def receive(self):
        header = self.link.recv(12, socket.MSG_WAITALL)
        length, kind, _, seq = struct.unpack("=IHHI", header)
        if length:
            self.link.recv(length, socket.MSG_WAITALL)
        return kind, seq

    def send(self, kind, seq, payload=b""):
        self.link.sendall(struct.pack("=IHHI", len(payload), kind, 0, seq) + payload)

    def greet(self, version):
        kind = None
        while kind != READY:
            kind, seq = self.receive()
            if kind == HELLO:
                self.send(HELLO_OK, seq, struct.pack("=IIIIQ", version, os.getpid(), 1, 0o22, 1024))
            elif kind == LIST:
                self.send(LIST_END, seq)

    def close(self):
        self.pm2d.kill()
        self.pm2d.wait()
        self.link.close()
        shutil.rmtree(self.folder)


class OldKeeperTest(unittest.TestCase):

    def test_update(self):
        """It does not know the request; the user is told how it goes without."""
        for version in (1, 2, 3):
            with self.subTest(version=version):
                keeper = OldKeeper(version)
                self.addCleanup(keeper.close)
                path = os.path.join(keeper.home, "rpc.sock")
                wait_until(lambda: os.path.exists(path), "the socket")  # noqa: B023
                rpc = amp.Rpc(path)
                with self.assertRaises(amp.RemoteError) as caught:
                    rpc.call("c.update", {})
                self.assertIn("pm2-keeper is too old to be replaced while apps run: pm2 save, pm2 kill, pm2 resurrect",
                              str(caught.exception))
                self.assertEqual(rpc.call("getMonitorData", {}), [])
                rpc.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
