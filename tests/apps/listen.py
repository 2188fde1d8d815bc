# SPDX-License-Identifier: MIT
"""A server on the sockets that it is given. LISTEN_KIND: serve (default), leave (calls shutdown() on
its socket as it ends, which ends the socket itself), crash (dies of the first request), slow (boots
for half a second and says READY=1 then), fail (does not get as far as that),
busy (says READY=1 and needs 50 ms for an answer)."""
import os
import select
import signal
import socket
import time

kind = os.environ.get("LISTEN_KIND", "serve")
count = int(os.environ["LISTEN_FDS"]) if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
if kind == "fail":
    raise SystemExit("no server today")
if kind in ("slow", "busy"):
    time.sleep(0.5 if kind == "slow" else 0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0"))
print("sockets", count, "names", os.environ.get("LISTEN_FDNAMES"), "blocking",
      [os.get_blocking(3 + i) for i in range(count)], flush=True)
sockets = [socket.socket(fileno=3 + i) for i in range(count)]
for s in sockets:
    s.setblocking(False)
quit_r, quit_w = os.pipe()
os.set_blocking(quit_w, False)
signal.set_wakeup_fd(quit_w)
signal.signal(signal.SIGINT, lambda *_: None)

while True:
    ready, _, _ = select.select([*sockets, quit_r], [], [])
    if quit_r in ready:
        if kind == "leave":
            for s in sockets:
                s.shutdown(socket.SHUT_RDWR)
        break
    for s in ready:
        try:
            connection, _ = s.accept()
        except BlockingIOError:
            continue
        with connection:
            connection.settimeout(5)
            connection.recv(65536)
            if kind == "busy":
                time.sleep(0.05)
            if kind == "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            connection.sendall(f"HTTP/1.1 200 OK\r\n\r\n{os.getpid()}\n".encode())
