# SPDX-License-Identifier: MIT
"""What the helper `stamp` leaves: one line for each life of an app."""

from .procs import wait_until


def stamps(path):
    """The whole lines of a file that `stamp` writes: (pid, nanosecond) of each life."""
    try:
        lines = path.read_text().split("\n")[:-1]
    except OSError:
        return []
    return [tuple(map(int, line.split())) for line in lines]


def wait_for_life(side, path, number):
    """(pid, nanosecond) of this life, counted from 1, once it has begun."""
    wait_until(lambda: len(stamps(path)) >= number, f"{side.title}: life {number}")
    return stamps(path)[number - 1]
