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
  parent [SECONDS]     like still, with a child in its session that does the same (NAME.child)
  rests                stops itself, and does it again whenever it goes on
  speaks PERIOD        numbered lines on stdout for as long as somebody reads them; stays then
  bomb NUMBER          forks, and what it forks does, up to so many in its session; SIGINT is ignored
  leaves HOW           stays; before that it leaves a daemon behind that detached itself so (NAME.left)
  orphans NUMBER       stays; before that so many are orphaned, and end
  floods WHAT          writes as fast as it can: out (lines), channel (messages), metrics (axm:monitor)
  hears                answers each line of its stdin on stdout and stderr
  fills NUMBER         writes so many lines of 4 KiB once FOLDER/NAME.go is there, and stays
  obeys                stays; ends with the code that FOLDER/NAME.end holds, which is gone then
"""

import os
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
    import random  # here, as all that only some roles need: hundreds of these apps are started
    chance, count, errors, size, waiting = random.Random(int(seed)), 0, 0, 0, b""
    while count == 0 or not is_calm():
        for _ in range(chance.choice((1, 3, 60))):
            count += 1
            length = 9000 if chance.random() < 0.02 else chance.choice((0, 5, 80, 120, 1000))
            waiting += b"%d %s\n" % (count, b"x" * length)
        end = chance.randrange(len(waiting)) + 1
        os.write(1, waiting[:end])
        waiting = waiting[end:]
        if chance.random() < 0.1:
            errors += 1
            os.write(2, b"err %d\n" % errors)
        size += end
        time.sleep(float(period) * (1 if size < 4e6 else 20))  # however long that takes, it can be read again
    os.write(1, waiting)
    record("written", f"{count} {errors}")
    stay()


def channel():
    import json
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


def parent(seconds="0"):
    pid = os.fork()
    if pid == 0:
        record("child", os.getpid())
    still(seconds)


def rests():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


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


def session_size(session):
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            count += os.getsid(int(pid)) == session
        except OSError:
            pass
    return count


def bomb(number):
    """Bounded, whatever happens to it: each looks how many there are, and a lock lets one at a time fork."""
    import fcntl
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    session = os.getsid(0)
    while True:
        lock = os.open(NAME + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        pid = os.fork() if session_size(session) < int(number) else -1
        os.close(lock)
        if pid < 0:
            time.sleep(0.1)


def leaves(how):
    pid = os.fork()
    if pid == 0:
        if how in ("setsid", "setsid-double", "stopped", "deaf"):
            os.setsid()
        if how == "group":
            os.setpgid(0, 0)
        if how in ("double", "setsid-double") and os.fork() > 0:
            os._exit(0)
        if how == "deaf":
            for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signo, signal.SIG_IGN)
        record("left", os.getpid())
        if how == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        stay()
    if how in ("double", "setsid-double"):
        os.waitpid(pid, 0)
    still()


def orphans(number):
    for _ in range(int(number)):
        if os.fork() == 0:
            if os.fork() == 0:
                time.sleep(0.05)
            os._exit(0)
        os.wait()
    record("orphaned", number)
    still()


def floods(what):
    import json
    texts = {"out": b"x" * 4095 + b"\n",
             "channel": json.dumps({"type": "noise", "data": {"text": "x" * 200}}).encode() + b"\n",
             "metrics": json.dumps({"type": "axm:monitor",
                                    "data": {f"m{n}": {"value": n, "type": "x"} for n in range(20)}}).encode() + b"\n"}
    fd = 1 if what == "out" else int(os.environ["NODE_CHANNEL_FD"])
    while True:
        os.write(fd, texts[what])


def hears():
    for line in sys.stdin:
        for fd in (2, 1):
            os.write(fd, f"heard {line}".encode())


def fills(number):
    while not os.path.exists(NAME + ".go"):
        time.sleep(0.01)
    for _ in range(int(number)):
        os.write(1, b"x" * 4095 + b"\n")
    record("filled", number)
    stay()


def obeys():
    while not os.path.exists(NAME + ".end"):
        time.sleep(0.01)
    with open(NAME + ".end", encoding="ascii") as file:
        code = int(file.read())
    os.unlink(NAME + ".end")
    sys.exit(code)


ROLES = {role.__name__: role for role in (writer, torrent, channel, ends, crashes, forks, grandchild, still,
                                           parent, rests, bomb, leaves,
                                           orphans, floods, speaks, hears,
                                           fills, obeys)}
if ROLE != "grandchild":
    record("starts", os.getpid())
ROLES[ROLE](*ARGS)
