# SPDX-License-Identifier: MIT
"""What we do differently from PM2 on purpose: everything else is a failure.

Each difference names a text of its row in docs/COMPAT.md. RULES are about single values: a case, the
place in the result (rig.differences) and, where it matters, the two values. REWRITES make lines
comparable that carry more, or less, than PM2's.
"""

import re
import threading
from dataclasses import dataclass

ABSENT = None


@dataclass(frozen=True)
class Rule:
    row: str  # text in docs/COMPAT.md
    path: str  # regular expression, the whole of it
    case: str = ".*"
    accept: object = None  # function of (PM2's value, ours)


APP = r"/apps/[^/]*"
ENV = rf"{APP}/(jlist/pm2_env(/env)?|environment)"
STORED = rf"{APP}/(jlist/pm2_env|environment)"

RULES = [
    # What the daemon knows of an earlier run.
    Rule("`exit_code` 0 after death by signal", rf"{APP}/jlist/pm2_env/exit_code",
         accept=lambda real, ours: real == 0 and ours > 128),
]

used = set()
lock = threading.Lock()


def is_expected(case, path, real, ours):
    for rule in RULES:
        if (re.fullmatch(rule.path, path) and re.fullmatch(rule.case, case)
                and (rule.accept is None or rule.accept(real, ours))):
            with lock:
                used.add(rule)
            return True
    return False


# ---- lines ----

NOTE = re.compile(r"^(\[PM2\]\[WARN\] .*?) \((apps\[(\d+)\][^ ,]*)(?:, [^ ]+:\d+)?\)$")


def drop_host_metrics(_, __, real, ours):
    """The line under the table."""
    return [line for line in real if not line.startswith("host metrics |")], ours


def only_first_app(_, __, real, ours):
    """PM2 stops at the first app with an error, and says nothing of the place."""
    lines, first = [], None
    for line in ours:
        note = NOTE.match(line)
        if note and is_error_note(line):
            if first is None:
                first = note[3]
            if note[3] != first:
                continue
        lines.append(note[1] if note else line)
    return real, lines


def is_error_note(line):
    return "is kept" not in line and "Folder does not exist" not in line


@dataclass(frozen=True)
class Rewrite:
    row: str
    stream: str
    change: object  # function of (case, step, PM2's lines, our lines), gives both


REWRITES = [
    Rewrite("`host metrics` line under the table", "stdout", drop_host_metrics),
    Rewrite("All errors of all apps are told", "stdout", only_first_app),
]


def rewrite(case, step, real, ours):
    real, ours = dict(real), dict(ours)
    for it in REWRITES:
        if it.stream not in real:
            continue
        before = (real[it.stream], ours[it.stream])
        after = it.change(case, step, *before)
        if tuple(after) != before:
            with lock:
                used.add(it)
        real[it.stream], ours[it.stream] = after
    return real, ours


def rows():
    return sorted({it.row for it in RULES + REWRITES})


def unused():
    return [f"{it.row} ({getattr(it, 'path', '') or it.stream})" for it in RULES + REWRITES
            if it not in used]
