# SPDX-License-Identifier: MIT
"""Print a TCP port that nobody has, outside of those that the kernel gives to clients."""
import random
import socket


def is_free(port):
    for family, host in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as s:
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((host, port))
        except OSError:
            if family == socket.AF_INET:
                return False  # a machine may have no IPv6
    return True


print(next(port for port in iter(lambda: random.randint(10000, 32000), None) if is_free(port)))
