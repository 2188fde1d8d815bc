# SPDX-License-Identifier: MIT
"""Starts a daemon of its own the classical way (fork, setsid, fork) and writes its pid to argv[1]."""

import os
import sys
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    for fd in (0, 1, 2):
        os.close(fd)
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as out:
        out.write(str(os.getpid()))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while True:
        time.sleep(1)
os.wait()
print("escaped", flush=True)
while True:
    time.sleep(1)
