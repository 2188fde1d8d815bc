# SPDX-License-Identifier: MIT
"""A rig whose programs have shim.c before their libc: calls fail when a test says so."""

import contextlib
import ctypes
import errno
import mmap
import os
import shutil
import tempfile
import unittest

from rig import Rig
from world import PM2

SHIM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(PM2))), "tests", "fault_shim.so")
OPEN, WRITE, SYNC, NAME, READ = 1, 2, 4, 8, 16
CODES = ("ENOSPC", "EDQUOT", "EIO", "EROFS")

# A sanitizer has to be first itself, and has its own memory.
needs_shim = unittest.skipUnless(os.path.exists(SHIM), "no library that makes calls fail: a build with sanitizers")


class Control(ctypes.Structure):
    _fields_ = [("programs", ctypes.c_char * 64), ("prefix", ctypes.c_char * 256), ("code", ctypes.c_int32),
                ("calls", ctypes.c_int32), ("hits", ctypes.c_int32), ("storm_us", ctypes.c_int32),
                ("alloc_in", ctypes.c_int64), ("alloc_all", ctypes.c_int32), ("alloc_hits", ctypes.c_int32)]


class Faulty(Rig):
    """`programs`: whose calls may fail. `storm_us`: how often a signal interrupts what they wait for."""

    def __init__(self, *programs, storm_us=0):
        self.programs = tempfile.mkdtemp(prefix="pm2f.")
        self.program = os.path.join(self.programs, "pm2")
        path = os.path.join(self.programs, "control")
        with open(path, "w+b") as file:
            file.truncate(4096)
            self.control = Control.from_buffer(mmap.mmap(file.fileno(), 4096))
        self.control.programs = f",{','.join(programs)},".encode()
        self.control.storm_us = storm_us
        self.install()
        super().__init__(LD_PRELOAD=SHIM, PM2_FAULT_CONTROL=path)

    def install(self):
        """pm2 starts what lies beside it, with hardly any of its own environment."""
        real = os.path.dirname(os.path.realpath(PM2))
        shutil.copy(os.path.join(real, "pm2"), self.programs)
        os.symlink(os.path.join(real, "pm2d"), os.path.join(self.programs, "pm2d"))
        keeper = os.path.join(self.programs, "pm2-keeper")
        with open(keeper, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\nLD_PRELOAD="{SHIM}" exec "{real}/pm2-keeper" "$@"\n')
        os.chmod(keeper, 0o700)

    @contextlib.contextmanager
    def failing(self, name, code, calls=OPEN | WRITE | SYNC | NAME):
        """These calls fail on all files of PM2_HOME whose name begins so. What went by must have."""
        self.control.prefix = os.path.join(self.home, name).encode()
        self.control.calls, self.control.hits = calls, 0
        self.control.code = getattr(errno, code)
        try:
            yield
            assert self.control.hits > 0, "nothing has failed"
        finally:
            self.control.code = 0

    def fail_allocation(self, number, and_all_after=False):
        self.control.alloc_hits = 0
        self.control.alloc_all = int(and_all_after)
        self.control.alloc_in = number

    def heal(self):
        """How many allocations have failed."""
        self.control.alloc_in = self.control.alloc_all = 0
        return self.control.alloc_hits

    def close(self):
        self.control.code = self.control.alloc_in = 0
        try:
            super().close()
        finally:
            shutil.rmtree(self.programs)
