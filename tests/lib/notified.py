#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Like a service manager with Type=notify: notified.py UNIT SETTING runs the line SETTING (ExecStart) of the
unit as it stands, with its environment and nothing else, and prints what it said on NOTIFY_SOCKET. Exit
code: that of the command."""

import os
import shlex
import socket
import subprocess
import sys
import tempfile


def settings(unit):
    with open(unit, encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                yield name, value


def words(value):
    return [word.replace("%%", "%") for word in shlex.split(value)]


def main():
    unit, setting = sys.argv[1:]
    environment, command = {}, None
    for name, value in settings(unit):
        if name == "Environment":
            environment.update(word.split("=", 1) for word in words(value))
        elif name == setting:
            command = words(value.replace("$$", "$"))
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        environment["NOTIFY_SOCKET"] = os.path.join(folder, "notify")
        listener.bind(environment["NOTIFY_SOCKET"])
        code = subprocess.run(command, env=environment, cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode
        listener.setblocking(False)
        try:
            while True:
                print(listener.recv(4096).decode(), end="")
        except BlockingIOError:
            pass
    sys.exit(code)


main()
