#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A web server that gets its socket from pm2, or from systemd; started by hand it opens one itself.

    pm2 start hello.py -i 4 --listen 8080
    ./hello.py
"""
import http.server
import os
import signal
import socket
import threading


def get_socket():
    # The variables are inherited by whatever we start; the sockets are meant for one process only.
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)  # the first of LISTEN_FDS
    return socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8080"))))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"hello from\n{os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(None, Handler, bind_and_activate=False)
server.socket.close()
server.socket = get_socket()
# Processes may share a UNIX socket: another one can be faster than we.
server.socket.setblocking(False)

# The request under way is answered; who waits in the socket's queue is answered by our successor.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.05)
