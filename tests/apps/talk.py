#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Says $SAY on the instance socket and prints what it hears.
# $HOW: by itself, by a child, by a child in another session, or by a child that has ended by then.
import os
import socket
import sys
import time


def say():
    address = os.environ["PM2_INSTANCE_SOCK"]
    s = socket.socket(socket.AF_UNIX)
    s.connect("\0" + address[1:] if address[0] == "@" else address)
    s.sendall(os.environ.get("SAY", '"ready"').encode() + b"\n")
    return s


def hear(s):
    for line in s.makefile(encoding="utf-8"):
        if line.strip():
            print("heard", line, end="", flush=True)
            if line == '"shutdown"\n':
                sys.exit(0)
    print("closed", flush=True)
    time.sleep(1000)


print("socket", os.environ.get("PM2_INSTANCE_SOCK", "none"), flush=True)
how = os.environ.get("HOW", "itself")
if how == "itself":
    hear(say())
elif how in ("child", "session", "ended"):
    pid = os.fork()
    if pid == 0:
        if how == "session":
            os.setsid()
        s = say()
        if how != "ended":
            hear(s)
        os._exit(0)
    if how == "ended":
        os.waitpid(pid, 0)
time.sleep(1000)
