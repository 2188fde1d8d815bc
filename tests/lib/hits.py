# SPDX-License-Identifier: MIT
"""Clients of a server, for the tests of cluster mode.

hits.py spread PORT COUNT     connect COUNT times; print each pid that answered and how often
hits.py steady PORT FILE      one request after the other from 4 clients, until FILE is there; then
                              print: answered N, cut N (accepted, then closed), refused N
hits.py kept PORT FILE        as steady, but each client keeps its connection for as long as it may
hits.py open PORT PATH FILE   one client that asks for PATH, prints the first line of the answer and
                              then "closed", when it is; until FILE is there
hits.py hang PORT COUNT FILE  COUNT clients that connect and say nothing, until FILE is there
hits.py burst PORT COUNT      COUNT clients connect at once and then ask: answered N of COUNT
hits.py from PORT COUNT       one request from each of COUNT addresses: print address and pid
hits.py crowd PORT COUNT FROM COUNT clients from one address at once, each with a request: print each
                              pid that answered, as they come
hits.py least WHERE           hold connections to two workers, then close those of one: the next ones
                              have to go there; print "fewest first" when they do. A port or a path
hits.py pair PORT             two clients at once: print who answers, as they come
hits.py unix PATH COUNT       as spread
hits.py udp PORT              one datagram: print the answer
"""
import collections
import http.client
import os
import selectors
import socket
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


# A test that fails does not end its clients.
END = time.monotonic() + 60


def is_time_left(until):
    return not os.path.exists(until) and time.monotonic() < END


def ask(address, timeout=20):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(timeout)
        s.connect(address)
        try:
            s.sendall(REQUEST)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        except ConnectionError:
            return ""
    return answer.decode().split("\n")[-2] if answer else ""


def spread(address, count):
    seen = collections.Counter(ask(address) for _ in range(count))
    for who, times in sorted(seen.items()):
        print(who, times)


def ask_from(source, port):
    with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as s:
        s.sendall(REQUEST)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return answer.decode().split("\n")[-2]


def from_many(port, count):
    for i in range(count):
        source = f"127.0.{1 + i // 200}.{1 + i % 200}"
        print(source, ask_from(source, port))


def crowd(port, count, source):
    poll = selectors.DefaultSelector()
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port), 20, (source, 0))
        s.sendall(REQUEST)
        poll.register(s, selectors.EVENT_READ)
    while poll.get_map() and time.monotonic() < END:
        for key, _ in poll.select(1):
            answer = key.fileobj.recv(65536).decode()
            print(answer.split("\n")[-2] if answer else "none", flush=True)
            poll.unregister(key.fileobj)
            key.fileobj.close()


def held(address):
    """A connection that stays open, and who answered on it."""
    s = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    s.settimeout(20)
    s.connect(address)
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"0\r\n\r\n") and b"Content-Length: " not in answer:
        answer += s.recv(65536)
    return s, answer.split(b"\r\n\r\n", 1)[1].strip().splitlines()[-1 if b"Length" in answer else 1]


def least(address):
    clients = [held(address) for _ in range(8)]
    workers = {who for _, who in clients}
    assert len(workers) == 2, workers
    idle = clients[-1][1]
    for s, who in clients:
        if who == idle:
            s.close()
    while time.monotonic() < END:
        batch = [held(address) for _ in range(3)]
        if all(who == idle for _, who in batch):
            print("fewest first")
            return
        for s, _ in batch:
            s.close()


def ask_each_time(port, _):
    return bool(ask(("127.0.0.1", port)))


def ask_kept(port, kept):
    """Over the connection in `kept`, or a new one. A server may close one that it has answered on."""
    if not kept:
        kept.append(http.client.HTTPConnection("127.0.0.1", port, timeout=20))
    try:
        kept[0].request("GET", "/")
        answer = kept[0].getresponse()
        answer.read()
        if answer.will_close:
            kept.pop().close()
        return answer.status == 200
    except (http.client.HTTPException, ConnectionResetError, BrokenPipeError):
        kept.pop().close()
        return False
    except BaseException:
        kept.pop().close()
        raise


def steady(port, until, one=ask_each_time):
    counts = collections.Counter()

    def client():
        kept = []
        while is_time_left(until):
            try:
                counts["answered" if one(port, kept) else "cut"] += 1
            except TimeoutError:
                counts["late"] += 1
            except ConnectionRefusedError:
                counts["refused"] += 1

    threads = [threading.Thread(target=client) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(" ".join(f"{word} {counts[word]}" for word in ("answered", "cut", "late", "refused")))


def open_one(port, path, until):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        print(s.recv(1000).decode().split("\r\n", 1)[0], flush=True)
        s.settimeout(0.02)
        while is_time_left(until):
            try:
                if not s.recv(1000):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        print("closed" if is_time_left(until) else "still open", flush=True)


def hang(port, count, until):
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    while is_time_left(until):
        time.sleep(0.02)
    del clients


def burst(port, count):
    poll = selectors.DefaultSelector()
    for _ in range(count):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", port))
        poll.register(s, selectors.EVENT_WRITE)
    answered, left = 0, count
    while left and time.monotonic() < END:
        for key, _ in poll.select(1):
            s = key.fileobj
            if key.events == selectors.EVENT_WRITE:
                if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    s.send(REQUEST)
                    poll.modify(s, selectors.EVENT_READ)
                    continue
            else:
                try:
                    answered += s.recv(1000).startswith(b"HTTP/1.1 200")
                except ConnectionError:
                    pass
            poll.unregister(s)
            s.close()
            left -= 1
    print(f"answered {answered} of {count}")


def pair(port):
    poll = selectors.DefaultSelector()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    for s in clients:
        s.sendall(REQUEST)
        poll.register(s, selectors.EVENT_READ)
    while poll.get_map():
        for key, _ in poll.select(20) or sys.exit("no answer"):
            answer = key.fileobj.recv(65536).decode()
            print(answer.split("\n")[-2] if answer else "none", flush=True)
            poll.unregister(key.fileobj)


def udp(port):
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(b"?", ("127.0.0.1", port))
        print(s.recv(100).decode().strip())


def main(how, *args):
    if how == "spread":
        spread(("127.0.0.1", int(args[0])), int(args[1]))
    elif how == "steady":
        steady(int(args[0]), args[1])
    elif how == "kept":
        steady(int(args[0]), args[1], ask_kept)
    elif how == "open":
        open_one(int(args[0]), args[1], args[2])
    elif how == "hang":
        hang(int(args[0]), int(args[1]), args[2])
    elif how == "burst":
        burst(int(args[0]), int(args[1]))
    elif how == "from":
        from_many(int(args[0]), int(args[1]))
    elif how == "crowd":
        crowd(int(args[0]), int(args[1]), args[2])
    elif how == "least":
        least(args[0] if "/" in args[0] else ("127.0.0.1", int(args[0])))
    elif how == "pair":
        pair(int(args[0]))
    elif how == "unix":
        spread(args[0], int(args[1]))
    elif how == "udp":
        udp(int(args[0]))


main(*sys.argv[1:])
