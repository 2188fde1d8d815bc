# SPDX-License-Identifier: MIT
"""PM2's wire protocol, a second time: an implementation that shares nothing with the C code.

For tests that want to see raw bytes. Python's standard library only; blocking sockets.

    rpc = Rpc("/home/me/.pm2/rpc.sock")
    rpc.call("getMonitorData", {})                  -> args[0] of the reply, or RemoteError
    for topic, data in subscribe("/home/me/.pm2/pub.sock"):

A frame is one byte (version 1 << 4 | argument count), then per argument a big-endian u32 length and
that many bytes. Arguments start with "s:" (a string), "j:" (JSON) or are raw bytes.
"""

import contextlib
import json
import os
import socket
import struct
import time

VERSION = 1


class ProtocolError(Exception):
    """The peer sent what is no frame, or what no request or reply looks like."""


class RemoteError(Exception):
    """The reply had an "error" key; `body` is all of it."""

    def __init__(self, body):
        super().__init__(body["error"])
        self.body = body


def encode_arg(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return b"s:" + value.encode()
    return b"j:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def decode_arg(raw):
    if raw[:2] == b"s:":
        return raw[2:].decode()
    if raw[:2] == b"j:":
        return json.loads(raw[2:])
    return raw


def encode(*values):
    """One frame: str becomes a string, bytes go as they are, anything else becomes JSON."""
    frame = bytes([VERSION << 4 | len(values)])
    for value in values:
        raw = encode_arg(value)
        frame += struct.pack(">I", len(raw)) + raw
    return frame


def take_frame(data):
    """(raw arguments, bytes used) of the frame at the front of `data`, or None when more is needed."""
    if not data:
        return None
    version, count = data[0] >> 4, data[0] & 15
    if version != VERSION or count == 0:
        raise ProtocolError(f"bad first byte 0x{data[0]:02x}")
    args, at = [], 1
    for _ in range(count):
        if len(data) < at + 4:
            return None
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
        if len(data) < at + size:
            return None
        args.append(bytes(data[at:at + size]))
        at += size
    return args, at


def connect(sock, path):
    """Unix sockets do not wait for room in a full queue when they have a time limit."""
    for _ in range(1000):
        try:
            sock.connect(path)
            return
        except BlockingIOError:
            time.sleep(0.01)
    sock.connect(path)


class Connection:
    """Frames over a unix socket."""

    def __init__(self, path, timeout=10.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        try:
            connect(self.sock, path)
        except OSError:
            self.sock.close()
            raise
        self.pending = bytearray()

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """The raw arguments of the next frame; None when the peer has closed."""
        while (frame := take_frame(self.pending)) is None:
            chunk = self.sock.recv(65536)
            if not chunk:
                if self.pending:
                    raise ProtocolError(f"closed inside a frame: {bytes(self.pending[:60])!r}")
                return None
            self.pending += chunk
        args, used = frame
        del self.pending[:used]
        return args

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Rpc(Connection):
    """Calls, one at a time or pipelined: `start` returns an id that `finish` waits for."""

    def __init__(self, path, timeout=10.0):
        super().__init__(path, timeout)
        self.counter = 0
        self.replies = {}

    def start(self, method, *args):
        return self.request({"type": "call", "method": method, "args": list(args)})

    def request(self, body):
        ident = f"{os.getpid()}:{self.counter}"
        self.counter += 1
        self.send(encode(body, ident))
        return ident

    def finish(self, ident):
        """The body of the reply to `ident`. Replies come in any order."""
        while ident not in self.replies:
            args = self.receive()
            if args is None:
                raise ProtocolError(f"closed before the reply to {ident}")
            if len(args) < 2 or not args[0].startswith(b"j:"):
                raise ProtocolError(f"not a reply: {args!r}")
            self.replies[decode_arg(args[-1])] = decode_arg(args[0])
        return self.replies.pop(ident)

    def call(self, method, *args):
        body = self.finish(self.start(method, *args))
        if "error" in body:
            raise RemoteError(body)
        return body["args"][0] if body["args"] else None

    def methods(self):
        return self.finish(self.request({"type": "methods"}))["methods"]


def subscribe(path, timeout=10.0):
    """Yield (topic, payload) until the daemon closes. Connected as soon as the call returns."""
    connection = Connection(path, timeout)

    def events():
        with contextlib.closing(connection):
            while (args := connection.receive()) is not None:
                yield decode_arg(args[0]), decode_arg(args[1])

    return events()
