# SPDX-License-Identifier: MIT
"""Print the pids of all live processes whose environment has PM2_HOME=<argument>."""

import os
import sys


def main():
    mark = b"PM2_HOME=" + os.fsencode(sys.argv[1])
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as environ:
                found = mark in environ.read().split(b"\0")
        except OSError:
            continue
        if found:
            print(entry)


main()
