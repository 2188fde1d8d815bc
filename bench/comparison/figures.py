# SPDX-License-Identifier: MIT
"""The figures that we promise, and the tables that are made of them."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`wanted` bounds ours / theirs: from above, or from below where more is better. None: nothing
    is promised, the figure is there to be seen."""

    key: str
    title: str
    unit: str
    wanted: float | None
    more_is_better: bool = False
    reference: str = "pm2"  # what ours is compared with
    at_most: float | None = None  # bounds ours itself, whatever the others do
    is_worst: bool = False  # shown is the largest sample and not the median: not one may be above

    def is_met(self, ours, ratio):
        """None when there is nothing to meet, or nothing measured."""
        if self.at_most is not None:
            return None if ours is None else ours <= self.at_most
        if self.wanted is None or ratio is None:
            return None
        return ratio >= self.wanted if self.more_is_better else ratio <= self.wanted


FIGURES = (
    Figure("ls-1", "ls, 1 process", "ms", 1 / 50),
    Figure("ls-100", "ls, 100 processes", "ms", 1 / 40),
    Figure("jlist-100", "jlist, 100 processes", "ms", 1 / 20),
    Figure("cold-start", "cold start: daemon and first app", "ms", 1 / 15),
    Figure("start-100", "start 100 processes, one call", "ms", 1 / 4),
    Figure("restart-100", "restart all 100 (sleep)", "ms", 1 / 25),
    Figure("revive", "kill -9 until the successor runs", "ms", 1 / 3),
    Figure("memory-idle", "memory of the manager, idle", "MB", 1 / 25),
    Figure("memory-100", "memory with 100 processes", "MB", 1 / 20),
    Figure("cpu-idle", "CPU per minute, 100 idle processes", "s", 1 / 5),
    Figure("log", "log throughput, 128-byte lines", "MB/s", 5, more_is_better=True),
    Figure("log-cat", "the same, PM2 column: cat >file", "MB/s", 0.9, more_is_better=True,
           reference="cat"),
    Figure("log-cpu", "manager CPU per GiB of log", "s", 1 / 7),
    Figure("log-time", "the same with --time", "MB/s", 3, more_is_better=True),
    Figure("log-time-s6", "the same, PM2 column: s6-log T", "MB/s", 1, more_is_better=True,
           reference="s6"),
    Figure("log-time-svlogd", "the same, PM2 column: svlogd -tt", "MB/s", 1, more_is_better=True,
           reference="svlogd"),
    Figure("log-json", "the same with --log-type json", "MB/s", 3, more_is_better=True),
    Figure("logs-100", "CPU: 100 apps, 1,000 lines/s each", "%", 1 / 5),
    Figure("logs-100-growth", "memory that they add in 10 s", "MB", None, at_most=2.0),
    Figure("bus-lost", "bus, 50,000 lines/s: lost to who reads", "%", None, at_most=0.1),
    Figure("bus-memory", "memory for one who does not read", "MB", None, at_most=24.0),
    Figure("rpc-ping", "ping, 10 clients, 32 at a time", "/s", 10, more_is_better=True),
    Figure("rpc-ping-cpu", "CPU of the manager for each", "us", None),
    Figure("rpc-ping-one", "ping, 10 clients, one at a time", "/s", None, more_is_better=True),
    Figure("rpc-list", "list of 10, 10 clients, 32 at a time", "/s", 10, more_is_better=True),
    Figure("rpc-list-cpu", "CPU of the manager for each", "us", None),
    Figure("rpc-list-one", "list of 10, 10 clients, one at a time", "/s", 10, more_is_better=True),
    Figure("rpc-1000", "list of 10, 1,000 clients", "/s", 10, more_is_better=True),
    Figure("bus-msg", "bus, messages of 10 apps", "/s", 3, more_is_better=True),
    Figure("bus-msg-cpu", "CPU of the manager for each", "us", None),
    Figure("state-cpu", "CPU: 1,000 processes, 50 die each second", "%", None),
    Figure("state-bytes", "written for each change", "B", None, at_most=4096),
    Figure("state-record", "the longest record", "B", None, at_most=4096, is_worst=True),
    Figure("logs-large", "last 15 lines of a log of 5 GiB", "ms", 1 / 20),
    Figure("client", "require, connect, list, disconnect", "ms", 1 / 4),
    Figure("client-process", "the same, with the whole of node", "ms", None),
    Figure("file-start-100", "start a JSON file of 100 apps", "ms", 1 / 4),
    Figure("check-100", "check it, PM2 column: its start", "ms", 1 / 20),
    Figure("file-parse-2000", "parse and validate 2,000 apps", "ms", 1 / 10),
    Figure("file-process-2000", "the same, with the whole of node", "ms", 1 / 10),
    Figure("save-200", "save 200 apps", "ms", 1 / 4),
    Figure("resurrect-200", "resurrect 200 apps", "ms", 1 / 4),
    Figure("watch", "change in 20,000 files until restarted", "ms", 1 / 2),
    Figure("watch-cpu", "CPU while nothing changes there", "%", None, at_most=0.01),
    Figure("guard-cpu", "CPU of 1,000 memory limits", "%", None, at_most=1.0),
    Figure("guard-memory", "memory with 1,000 limits", "MB", None),
    Figure("short-pm2", "a connection per request", "/s", 1.6, more_is_better=True),
    Figure("short-node", "the same, PM2 column: Node's cluster", "/s", 1, more_is_better=True,
           reference="node"),
    Figure("short-p99-pm2", "its 99th percentile", "ms", 1),
    Figure("short-p99-node", "the same, PM2 column: Node's cluster", "ms", 1, reference="node"),
    Figure("shared-pm2", "balance shared", "/s", 2.5, more_is_better=True),
    Figure("shared-node", "the same, PM2 column: Node's cluster", "/s", 1.6, more_is_better=True,
           reference="node"),
    Figure("reuseport-pm2", "balance reuseport", "/s", 2.5, more_is_better=True),
    Figure("reuseport-node", "the same, PM2 column: Node's cluster", "/s", 1.6, more_is_better=True,
           reference="node"),
    Figure("keep-pm2", "kept connections", "/s", None, more_is_better=True),
    Figure("keep-node", "the same, PM2 column: Node's cluster", "/s", 1, more_is_better=True,
           reference="node"),
    Figure("reload-kept", "reloads, kept connections: failed", "", None, at_most=0, is_worst=True),
    Figure("reload-short", "reloads, one each: failed", "", None, at_most=0, is_worst=True),
    Figure("reload-time-8", "reload of 8 that boot in 300 ms", "ms", 1 / 2),
    Figure("reload-time-2", "the same, two at a time", "ms", 1 / 2),
    Figure("kill-worker", "failed per SIGKILL of a worker", "", None, at_most=16 / 3,
           is_worst=True),
    Figure("kill-worker-lost", "refused or left waiting then", "", None, at_most=0, is_worst=True),
    Figure("update", "50 updates of the daemon: failed", "", None, at_most=0, is_worst=True),
    Figure("update-time", "the longest of them", "ms", None, at_most=150, is_worst=True),
    Figure("kill-daemon", "SIGKILLs of pm2d: failed", "", None, at_most=0, is_worst=True),
    Figure("kill-daemon-pause", "longest pause then", "ms", None, at_most=50, is_worst=True),
    Figure("kill-keeper", "SIGKILL of the keeper: failed", "", None, at_most=0, is_worst=True),
    Figure("kill-keeper-pause", "longest pause then", "ms", None, is_worst=True),
    Figure("memory-connections", "memory for 1,000 open connections", "MB", None, at_most=0.1),
    Figure("sticky", "sticky clients that a reload moves", "", None, at_most=0, is_worst=True),
    Figure("agent-fork", "agent: CPU for each request, fork mode", "%", None, at_most=1.0),
    Figure("agent-cluster", "the same in cluster mode", "%", None, at_most=1.0),
    Figure("agent-idle", "CPU of its figures, without requests", "%", None),
    Figure("agent-memory", "its memory", "MB", None, at_most=2.0),
    Figure("agent-memory-load", "the same after the requests", "MB", None, at_most=2.0),
    Figure("agent-start", "CPU of its start", "ms", None),
)
BY_KEY = {figure.key: figure for figure in FIGURES}


class Results:
    """All samples, by figure and side."""

    def __init__(self):
        self.samples = {}

    def add(self, key, side, values):
        self.samples.setdefault(key, {}).setdefault(side, []).extend(values)

    def value(self, figure, side):
        values = self.samples.get(figure.key, {}).get(side)
        if not values:
            return None
        return max(values) if figure.is_worst else statistics.median(values)

    def row(self, figure):
        ours = self.value(figure, "ours")
        theirs = self.value(figure, figure.reference)
        ratio = ours / theirs if ours is not None and theirs else None
        return {"key": figure.key, "figure": figure.title, "unit": figure.unit, "pm2": theirs,
                "ours": ours, "ratio": ratio, "wanted": figure.wanted,
                "ok": figure.is_met(ours, ratio),
                "samples": self.samples.get(figure.key, {})}

    def rows(self, keys):
        return [self.row(BY_KEY[key]) for key in keys]


def show_value(value, unit):
    if value is None:
        return "-"
    if value == int(value) and not unit:
        return str(int(value))
    digits = 4 if value < 0.1 else 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}".strip()


def show_ratio(ratio, more_is_better=False):
    if ratio is None:
        return "-"
    if more_is_better:
        return f"{ratio:.2f} x"
    if ratio <= 0:
        return "0"
    return f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f}"


def show_wanted(figure):
    if figure.at_most is not None:
        return f"<= {figure.at_most:.3g} {figure.unit}".strip()
    if figure.wanted is None:
        return "-"
    if figure.more_is_better:
        return f">= {figure.wanted:g} x"
    return f"<= 1/{1 / figure.wanted:.0f}" if figure.wanted < 1 else f"<= {figure.wanted:g}"


def table(rows):
    """The rows as text; the same text is a Markdown table."""
    lines = [["figure", "PM2", "ours", "ratio", "wanted", "ok?"]]
    for row in rows:
        figure = BY_KEY[row["key"]]
        verdict = {True: "yes", False: "MISSED", None: "-"}[row["ok"]]
        lines.append([figure.title, show_value(row["pm2"], figure.unit),
                      show_value(row["ours"], figure.unit),
                      show_ratio(row["ratio"], figure.more_is_better), show_wanted(figure),
                      verdict])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths)) + " |"
                     for line in lines)
