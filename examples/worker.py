# SPDX-License-Identifier: MIT
"""A worker that counts the words of the files in a folder, one folder scan every few seconds.

worker.py [FOLDER] [SECONDS]
"""

import pathlib
import signal
import sys
import threading

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 2.0
stop = threading.Event()


def on_signal(*_):
    stop.set()


def scan():
    words = files = 0
    for path in folder.glob("*"):
        if path.is_file():
            files += 1
            words += len(path.read_bytes().split())
    print(f"{files} files, {words} words in {folder.resolve()}")


signal.signal(signal.SIGINT, on_signal)
signal.signal(signal.SIGTERM, on_signal)
while not stop.wait(pause):
    try:
        scan()
    except OSError as error:
        print(f"scan failed: {error}", file=sys.stderr)
print("worker done")
