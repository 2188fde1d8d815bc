# SPDX-License-Identifier: MIT
"""The live processes of a PM2_HOME: those that have it in their environment. As a program it prints
the pids for the home that is its argument."""

import os
import sys


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


if __name__ == "__main__":
    for pid in pids_of_home(sys.argv[1]):
        print(pid)
