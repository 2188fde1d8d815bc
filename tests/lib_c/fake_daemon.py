#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What listens on rpc.sock, and is not a daemon of this release. fake_daemon.py KIND FOLDER

mute    takes connections and says nothing
noise   speaks another protocol
node    Node's PM2: knows none of our methods
older   a release of ours without a protocol number
other   a release of ours with the number of another protocol
ending  closes every other connection at its first request, as a daemon does that is just ending

Says "ready", and ends when its standard input does."""
import json
import os
import select
import socket
import struct
import sys

HELLO = {"version": "7.0.4", "pid": os.getpid(), "keeper": 0}
ANSWERS = {
    "node": {"error": 'method "c.hello" does not exist', "stack": ""},
    "older": {"args": [dict(HELLO, pm2c="0.0.1")]},
    "ending": {"args": [dict(HELLO, pm2c="0.1.0", protocol=1)]},
    "other": {"args": [dict(HELLO, pm2c="9.9.9", protocol=99)]},
}


def take_frame(data):
    """The arguments of a whole AMP frame, or None."""
    args, at = [], 1
    for _ in range(data[0] & 15 if data else 99):
        if len(data) < at + 4:
            return None
        (size,) = struct.unpack(">I", data[at:at + 4])
        args.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return args if len(data) >= at else None


def frame(args):
    return bytes([0x10 | len(args)]) + b"".join(struct.pack(">I", len(a)) + a for a in args)


def serve(kind, conn, data):
    request = take_frame(data)
    if kind == "noise":
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    elif kind in ANSWERS and request:
        conn.sendall(frame([b"j:" + json.dumps(ANSWERS[kind]).encode(), request[-1]]))


def is_cut_off(kind, count=[0]):
    count[0] += 1
    return kind == "ending" and count[0] % 2 == 1


def main():
    kind, home = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(home, "rpc.sock"))
    listener.listen(8)
    print("ready", flush=True)
    conns = []
    while True:
        for ready in select.select([sys.stdin, listener, *conns], [], [])[0]:
            if ready is sys.stdin:
                return
            if ready is listener:
                conns.append(listener.accept()[0])
                continue
            data = ready.recv(65536)
            if not data or is_cut_off(kind):
                conns.remove(ready)
                ready.close()
            else:
                serve(kind, ready, data)


main()
