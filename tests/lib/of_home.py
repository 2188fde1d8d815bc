# SPDX-License-Identifier: MIT
"""The live processes of a PM2_HOME: those that have it in their environment."""

import os


def pids_of_home(home):
    mark = b"PM2_HOME=" + os.fsencode(home)
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as environ:
                if mark in environ.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            pass
    return found
