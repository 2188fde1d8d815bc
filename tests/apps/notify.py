#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Says $SAY by sd_notify when the file $GO exists, then makes the file $SAID.
# $HOW: by itself, by a child, by a child in another session, or by a child that has ended by then.
import os
import socket
import time


def say():
    address = os.environ["NOTIFY_SOCKET"]
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect("\0" + address[1:] if address[0] == "@" else address)
    s.send(os.environ.get("SAY", "READY=1").encode())
    open(os.environ.get("SAID", "said"), "w").close()


def by_child(how):
    pid = os.fork()
    if pid == 0:
        if how == "session":
            os.setsid()
        say()
        if how != "ended":
            time.sleep(1000)
        os._exit(0)
    if how == "ended":
        os.waitpid(pid, 0)
        open(os.environ.get("SAID", "said") + ".ended", "w").close()


print("socket", os.environ.get("NOTIFY_SOCKET", "none"), flush=True)
while not os.path.exists(os.environ.get("GO", "/")):
    time.sleep(0.02)
how = os.environ.get("HOW", "itself")
if "NOTIFY_SOCKET" not in os.environ or how == "silent":
    pass
elif how == "itself":
    say()
else:
    by_child(how)
print("goes on", flush=True)
time.sleep(1000)
