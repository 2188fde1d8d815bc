#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A web server on $PORT of 127.0.0.1. It answers with the status that the file $ANSWER holds, 200
# without the file; "hang": it does not answer; "nothing": it closes the connection; "junk": it does
# not speak HTTP; "endless": its status line has no end.
import os
import socket

listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
kept = []
print("listening", flush=True)
while True:
    client, _ = listener.accept()
    request = client.recv(4096).decode()
    print("asked", " ".join(request.split("\r\n")[:2]), flush=True)
    try:
        with open(os.environ.get("ANSWER", "answer")) as f:
            answer = f.read().strip()
    except FileNotFoundError:
        answer = "200"
    if answer == "hang":
        kept.append(client)
        continue
    if answer == "junk":
        client.sendall(b"220 mail.example ready\r\n")
    elif answer == "endless":
        client.sendall(b"HTTP/1.1 200 " + b"x" * 20000)
    elif answer != "nothing":
        client.sendall(f"HTTP/1.1 {answer} x\r\nContent-Length: 2\r\n\r\nhi".encode())
    client.close()
