#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts, and talks with pm2 about it: ready, a metric, two actions, messages both ways.

    pm2 start counter.py --wait-ready
    pm2 describe counter
    pm2 trigger counter add 5
"""
import json
import os
import signal
import socket
import threading
import time


class Pm2:
    """Lines of JSON to pm2 and back. Without pm2 nothing is said, and nothing fails."""

    def __init__(self, actions, on_message):
        self.actions, self.on_message = actions, on_message
        self.address, self.file = os.environ.get("PM2_INSTANCE_SOCK"), None
        self.lock = threading.Lock()
        if self.address and self.connect():
            threading.Thread(target=self.listen, daemon=True).start()

    def connect(self):
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect("\0" + self.address[1:] if self.address[0] == "@" else self.address)
        except OSError:
            return False
        self.file = s.makefile("rw", encoding="utf-8")
        for name in self.actions:
            self.tell({"type": "axm:action", "data": {"action_name": name}})
        return True

    def tell(self, message):
        try:
            with self.lock:
                if self.file:
                    print(json.dumps(message), file=self.file, flush=True)
        except OSError:
            pass  # listen() sees it, too, and connects again

    def listen(self):
        while True:
            try:
                for line in self.file:
                    self.take(line)
            except OSError:
                pass
            while not self.connect():
                time.sleep(0.5)

    def take(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            return  # empty, or cut when pm2 was killed
        word = message["msg"] if isinstance(message, dict) and "msg" in message else message
        if isinstance(word, str) and word in self.actions:
            options = message.get("opts") if isinstance(message, dict) else None
            result = self.actions[word](options)
            self.tell({"type": "axm:reply", "data": {"action_name": word, "return": result}})
        else:
            self.on_message(message)


class Counter:
    value = 0

    def add(self, options):
        self.value += int(options or 1)
        return self.value

    def reset(self, _):
        self.value = 0
        return self.value


counter, stop = Counter(), threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())


def on_message(message):
    print("received", message, flush=True)
    if message == "shutdown":  # --shutdown-with-message
        stop.set()


pm2 = Pm2({"add": counter.add, "reset": counter.reset}, on_message)
pm2.tell("ready")
while not stop.wait(1):
    counter.value += 1
    pm2.tell({"type": "axm:monitor", "data": {"count": {"value": counter.value}}})
pm2.tell({"type": "process:msg", "data": {"counted": counter.value}})
