#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Apps of the kill tests: app.py ROLE FOLDER [ARGUMENT...]. Each keeps its own record in FOLDER, so that
nothing has to be believed of the daemon: NAME.starts gets one line (the pid) per start.

  writer PERIOD        numbered lines on stdout and stderr until FOLDER/calm is there
  channel              NAME.got gets the number of every message; each is echoed
  ends SECONDS CODE    ends by itself; a negative code is a signal
  crashes SECONDS      the same with code 1, again and again; stays once FOLDER/calm is there
  forks SECONDS        like crashes, and each time leaves a daemon behind that writes lines
  still [SECONDS]      stays; needs so long to end when it is told to
  torrent PERIOD SEED   numbered lines of all lengths on stdout, in writes that end anywhere; now and
                       then one on stderr, until FOLDER/calm is there
  speaks PERIOD        numbered lines on stdout for as long as somebody reads them; stays then
  obeys                stays; ends with the code that FOLDER/NAME.end holds
"""

import json
import os
import random
import signal
import sys
import time

ROLE, FOLDER, *ARGS = sys.argv[1:]
NAME = os.path.join(FOLDER, os.environ["name"])


def record(kind, text):
    """One write, so that lines of several processes do not mix."""
    fd = os.open(f"{NAME}.{kind}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, f"{text}\n".encode())
    os.close(fd)


def is_calm():
    return os.path.exists(os.path.join(FOLDER, "calm"))


def stay():
    while True:
        time.sleep(3600)


def writer(period):
    count = 0
    while not is_calm():
        count += 1
        os.write(1, f"out {count}\n".encode())
        os.write(2, f"err {count}\n".encode())
        time.sleep(float(period))
    record("written", count)
    stay()


def torrent(period, seed):
    chance, count, errors, waiting = random.Random(int(seed)), 0, 0, b""
    while count == 0 or not is_calm():
        for _ in range(chance.choice((1, 3, 60))):
            count += 1
            waiting += b"%d %s\n" % (count, b"x" * chance.choice((0, 5, 80, 120, 1000, 9000)))
        end = chance.randrange(len(waiting)) + 1
        os.write(1, waiting[:end])
        waiting = waiting[end:]
        if chance.random() < 0.1:
            errors += 1
            os.write(2, b"err %d\n" % errors)
        time.sleep(float(period))
    os.write(1, waiting)
    record("written", f"{count} {errors}")
    stay()


def channel():
    with os.fdopen(int(os.environ["NODE_CHANNEL_FD"]), "r+b", buffering=0) as pipe:
        pending = b""
        while chunk := pipe.read(65536):
            *lines, pending = (pending + chunk).split(b"\n")
            for number in (json.loads(line)["data"]["n"] for line in lines):
                record("got", number)
                pipe.write(json.dumps({"type": "echo", "data": {"n": number}}).encode() + b"\n")
    record("got", "closed")
    stay()


def ends(seconds, code):
    time.sleep(float(seconds))
    if int(code) < 0:
        os.kill(os.getpid(), -int(code))
    sys.exit(int(code))


def crashes(seconds):
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end or is_calm():
        time.sleep(0.01)
    sys.exit(1)


def forks(seconds):
    if os.fork() == 0:
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, __file__, "grandchild", FOLDER])
        os._exit(0)
    os.wait()
    crashes(seconds)


def grandchild():
    os.setsid()
    for number in range(1, 31):
        os.write(1, f"{os.getpid()} {number}\n".encode())
        time.sleep(0.01)
    record("wrote", os.getpid())


def still(seconds="0"):
    def end(*_):
        time.sleep(float(seconds))
        os._exit(0)

    signal.signal(signal.SIGINT, end)
    stay()


def speaks(period):
    count = 0
    try:
        while True:
            count += 1
            os.write(1, f"out {count}\n".encode())
            time.sleep(float(period))
    except BrokenPipeError:
        record("unheard", count)
    stay()


def obeys():
    while not os.path.exists(NAME + ".end"):
        time.sleep(0.01)
    with open(NAME + ".end", encoding="ascii") as code:
        sys.exit(int(code.read()))


ROLES = {role.__name__: role for role in (writer, torrent, channel, ends, crashes, forks, grandchild, still,
                                           speaks, obeys)}
if ROLE != "grandchild":
    record("starts", os.getpid())
ROLES[ROLE](*ARGS)
