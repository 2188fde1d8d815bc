# SPDX-License-Identifier: MIT
"""A server that opens its own socket with SO_REUSEPORT and ends politely; or, when the file "mode" says
so, is deaf."""
import os
import select
import signal
import socket

if os.path.exists("mode"):
    print("deaf", flush=True)
    signal.pause()
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), reuse_port=True)
server.setblocking(False)
quit_r, quit_w = os.pipe()
os.set_blocking(quit_w, False)
signal.set_wakeup_fd(quit_w)
signal.signal(signal.SIGINT, lambda *_: None)
print("listening", os.getpid(), flush=True)
while quit_r not in (ready := select.select([server, quit_r], [], [])[0]) or server in ready:
    try:
        connection, _ = server.accept()
    except BlockingIOError:
        continue
    with connection:
        connection.settimeout(5)
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 200 OK\r\n\r\n{os.getpid()}\n".encode())
