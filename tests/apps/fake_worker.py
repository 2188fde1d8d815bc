# SPDX-License-Identifier: MIT
"""A worker of a cluster, by hand: speaks the channel of Node on descriptor 3, and does what a real
one does only when it is unlucky. MODE says what it does with the first connection; the next ones,
and those of later runs (the file MODE.done is there), it serves.

die      takes it and dies before it says so
read     takes it, reads the request, and dies
refuse   does not want it
nack     could not take the descriptor
quiet    dies before it reads the message
noise    sends lines that are no JSON, and messages that no worker sends, all the time
"""
import array
import json
import os
import signal
import socket
import sys

mode = os.environ["MODE"]
port = int(os.environ["PORT"])
channel = socket.socket(fileno=3)
seq = 0


def send(message):
    channel.sendall(json.dumps(message).encode() + b"\n")


def say(**members):
    global seq
    send({"cmd": "NODE_CLUSTER", **members, "seq": seq})
    seq += 1


NOISE = [
    b"",
    b"{",
    b'{"cmd":"NODE_CLUSTER"',
    b"\xff\xfe\x00\x80",
    b"[" * 5000,
    b'"NODE_CLUSTER"',
    b'{"cmd":"NODE_CLUSTER","act":"newconn","seq":1}',
    b'{"cmd":"NODE_CLUSTER","ack":1,"accepted":true,"seq":1}',
    b'{"cmd":"NODE_CLUSTER","act":"close","key":"no such key","seq":1}',
    b'{"cmd":"NODE_CLUSTER","act":"listening","seq":1}',
    b'{"cmd":"NODE_CLUSTER","act":"queryServer","port":1e99,"addressType":4,"seq":1}',
    b'{"cmd":"NODE_CLUSTER","act":"queryServer","address":"no address","port":1,"addressType":4,"seq":1}',
    b'{"cmd":"NODE_CLUSTER","act":"queryServer","address":"/' + b"x" * 500 + b'","port":-1,"addressType":-1,"seq":1}',
    b'{"cmd":"NODE_HANDLE","type":"net.Native","msg":{}}',
]


def make_noise():
    if mode == "noise":
        channel.sendall(b"\n".join(NOISE) + b"\n")


def is_first():
    try:
        os.close(os.open(mode + ".done", os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def serve(connection):
    connection.setblocking(True)
    connection.recv(1000)
    connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{os.getpid()}\n".encode())
    connection.close()


def take(message, fd):
    first = is_first()
    if first and mode == "nack":
        os.close(fd)
        send({"cmd": "NODE_HANDLE_NACK"})
        return
    make_noise()
    send({"cmd": "NODE_HANDLE_ACK"})
    connection = socket.socket(fileno=fd)
    if first and mode == "read":
        connection.setblocking(True)
        connection.recv(1000)
    if first and mode in ("die", "read"):
        os.kill(os.getpid(), signal.SIGKILL)
    accepted = not (first and mode == "refuse")
    say(ack=message["seq"], accepted=accepted)
    if accepted:
        serve(connection)
    else:
        connection.close()


say(act="online")
make_noise()
say(act="queryServer", index=0, data=None, address="127.0.0.1", port=port, addressType=4, flags=0)
pending, fds, listens = b"", array.array("i"), False
while True:
    if listens and mode == "quiet" and not os.path.exists("quiet.done"):
        channel.recvmsg(1, 0, socket.MSG_PEEK)  # it is there, and is not read
        is_first()
        os.kill(os.getpid(), signal.SIGKILL)
    data, ancillary, _, _ = channel.recvmsg(65536, socket.CMSG_SPACE(4))
    for _, _, passed in ancillary:
        fds.frombytes(passed[: len(passed) - len(passed) % fds.itemsize])
    if not data:
        sys.exit(0)
    *lines, pending = (pending + data).split(b"\n")
    for line in map(json.loads, lines):
        if line["cmd"] == "NODE_HANDLE":
            take(line["msg"], fds.pop(0))
        elif line.get("key"):
            listens = True
            say(act="listening", address="127.0.0.1", port=port, addressType=4)
            print("listening", flush=True)
