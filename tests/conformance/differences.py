# SPDX-License-Identifier: MIT
"""What we do differently from PM2 on purpose: everything else is a failure.

Each difference names a text of its row in docs/COMPAT.md. RULES are about single values: a case, the
place in the result (rig.differences) and, where it matters, the two values. REWRITES make lines
comparable that carry more, or less, than PM2's.
"""

import os
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
    is_a_matter_of_time: bool = False  # no run has to show it


APP = r"/apps/.*?#\d+"  # a name may have any character
LISTED = rf"{APP}/jlist/pm2_env"
STORED = rf"({LISTED}|{APP}/environment)"
ANYWHERE = rf"({LISTED}|{LISTED}/env|{APP}/environment)"


def only_pm2(_, ours):
    return ours is ABSENT


def only_ours(real, _):
    return real is ABSENT


def is_falsy(_, ours):
    return ours in (0, False, "0", "false")


def is_wrapped(real, ours):
    """The wrapper's name is among the arguments, until it puts a title in place of them all."""
    if not ours[-1].endswith("/app.js"):
        return False
    if not any(real[1:]):
        return ours[0] == "node" and real[0] == f"node {ours[-1]}"
    return real[-1].endswith("/ProcessContainerFork.js") and real[:-1] == ours[:-1]


RULES = [
    # The process itself.
    Rule("Node apps are run through a wrapper", rf"{APP}/process/argv", accept=is_wrapped),
    Rule("`node_version` comes from the wrapper", rf"{LISTED}/node_version", accept=only_ours),
    Rule("Node apps run in a wrapper", rf"{APP}/environment/NODE_OPTIONS",
         accept=lambda real, ours: real is ABSENT and "/agent-" in ours),
    Rule("Supplementary groups are emptied", rf"{APP}/process/groups", "user.json",
         lambda real, ours: real == [] and len(ours) == 1),
    # What an app has said of itself by the moment of looking; tests/node/agent.test.mjs has it.
    Rule("Node apps are run through a wrapper", rf"{LISTED}/axm_(actions|monitor|options)(/.*)?",
         is_a_matter_of_time=True),
    Rule("All apps get `PM2_INSTANCE_SOCK`", rf"{APP}/environment/PM2_INSTANCE_SOCK",
         accept=only_ours),
    Rule("`NOTIFY_SOCKET`", rf"{APP}/environment/NOTIFY_SOCKET", "wait_ready.json", only_ours),
    # Attributes.
    Rule("Zero and false are lost for options with `_`", rf"{STORED}/\w+_\w+",
         "zero.json|zero_camel.json|false_words.json|log_style.json|switches.json"
         "|append_env_to_name.json|--env, name|filter_env_false.json", is_falsy),
    Rule("Zero and false are lost for options with `_`", rf"{STORED}/pm_(out|err)_log_path",
         "zero_camel.json"),
    Rule("`filter_env: true` has no effect", rf"{ANYWHERE}/[A-Z0-9_]+", "filter_env_true.json",
         only_pm2),
    Rule("Each alias has its camelCase form", rf"{STORED}/pm_(out|err)_log_path",
         "alias_camel.json"),
    Rule("Each alias has its camelCase form", rf"{STORED}/(execute_command|disable_trace|trace)",
         "(execute|disable_trace)_camel.json"),
    Rule("is the number 0 in the list", rf"{LISTED}/cron_restart", "cron_zero_text.json"),
    Rule("Zero and false are lost for options with `_`", rf"{STORED}/cron_restart",
         "cron_zero.json", only_ours),
    Rule("Numbers in `args`", rf"{LISTED}/args", "args.json",
         lambda real, ours: [str(word) for word in real] == ours),
    Rule("Numbers in `args`", rf"{LISTED}/stop_exit_codes", "stop_exit_codes.json",
         lambda real, ours: [int(word) for word in real] == ours),
    Rule("Every delay takes `400ms`", r"/(exit|stdout|apps/a#0)", "delays_units.json"),
    Rule("Negative delays and sizes are taken", "/stdout", "bounds.json",
         lambda real, ours: all(line in ours for line in real)),
    Rule("Texts for numbers", "/stdout", "types_numbers.json",
         lambda real, ours: all(line in ours for line in real)),
    Rule("A bad cron pattern of a file", r"/(exit|stdout|apps/a#0)",
         "cron_(list|type).json"),
    Rule("A bad cron pattern of a file", "/stdout", "cron_(short|range|word|number).json"),
    Rule("Some attributes are not checked", "/stdout", "types_(object|number|boolean|array|aliases).json",
         lambda real, ours: all(line in ours for line in real) and len(ours) - len(real) <= 4),
    Rule("`--no-autostart` makes an app", rf"{LISTED}/(created_at|pm_uptime|version)",
         "autostart.json"),
    Rule("Unknown attributes are warnings", "/stdout", "unknown.json",
         lambda real, ours: all(line in ours for line in real)),
    Rule("The same name twice in a file", r"/(exit|stdout|apps/a#[01])", "name_twice.json"),
    # The environment.
    Rule("`PWD` is the text of `cwd`", rf"{ANYWHERE}/PWD",
         accept=lambda real, ours: ours is ABSENT or ours.startswith(("/", "<dir>/w"))),
    Rule("Variables of `env` called like an attribute", r"/(apps/.*|stdout)",
         "env_called_name.json|env_own_names.json"),
    Rule("Variables of `env` called like an attribute", rf"{LISTED}/io", "variables.json"),
    Rule("`__proto__`", rf"{ANYWHERE}/__proto__", "proto.json", only_ours),
    Rule("Dates in `env`", rf"{ANYWHERE}/(DAY|DATE)", "plain.yaml|values.config.js",
         lambda real, ours: real == f'"{ours}"'),
    Rule("Dates in `env`", rf"{ANYWHERE}/(NAN|INFINITY)", "values.config.js",
         lambda real, ours: ours == "null"),
    Rule('`env: "A=1"` becomes the variables', r"/(exit|stdout|apps/a#0)", "--env, as text"),
    Rule('`env: "A=1"` becomes the variables', "/stdout", "env_string.json"),
    Rule("Objects in `env_NAME`", rf"{ANYWHERE}/O", "--env.*"),
    # Files.
    Rule("A file without apps", "/(stdout|stderr)",
         "form_empty_object.json|form_number.json|form_strings.json|empty.yaml"
         "|standard input, broken"),
    Rule("print a stack trace", "/stdout", "types_(script|exec_mode|alias_user).json"),
    Rule("A function as an attribute", "/stdout", "wrong.config.js"),
    Rule("What a module exports as default, a function, a promise", r"/(exit|stdout|stderr|apps/a#0)",
         "(function|promise).config.js|default.config.mjs"),
    Rule("`script` is looked for from the caller's folder only",
         r"/(exit|stdout|stderr|apps/a#0)", "deep/beside.json"),
    Rule("`--uid` with a file fails after the launch", r"/(exit|stdout|stderr|apps/.*)",
         "--uid.*|(user|group)_unknown.json|types_alias_user.json"),
    Rule("is told once per app", "/stdout", "--env, unknown|--env, second start",
         lambda real, ours: sorted(set(real)) == sorted(set(ours))),
    Rule("`--only` that names no app", "/stdout", "--only, none", lambda real, ours: real == []),
    # After a restart.
    Rule("raw attributes of the file", rf"{STORED}/(script|out_file|error_file)", accept=only_pm2),
    Rule("raw attributes of the file", rf"{ANYWHERE}/updateEnv", accept=only_pm2),
    Rule("raw attributes of the file", rf"{LISTED}/(_tree_pids|prev_restart_delay)",
         accept=only_pm2),
    Rule("raw attributes of the file", rf"{STORED}/watch",
         accept=lambda real, ours: real in (False, "false") and ours is ABSENT),
    Rule("rewrites merge_logs", rf"{LISTED}/filter_env", "restart by name", only_pm2),
    Rule("`--update-env` adds and changes variables", rf"{ANYWHERE}/PM2_JSON_PROCESSING",
         "restart by name", only_pm2),
    Rule("`pm2_env.env` of a process", rf"{LISTED}/env/[^/]+", "(second|--env|standard|start).*",
         only_ours),
    Rule("state of the run before", rf"{APP}/environment/(exit_code|version|prev_restart_delay)",
         accept=only_pm2),
    Rule("`exit_code` 0 after death by signal", rf"{LISTED}/exit_code",
         accept=lambda real, ours: real == 0 and ours > 128),
    Rule("An ordered stop counts as an unstable restart", rf"{STORED}/unstable_restarts",
         accept=lambda real, ours: int(real) > int(ours)),
    Rule("variables and attributes that left the file stay", rf"{STORED}/(GONE|max_restarts)",
         "second start", only_pm2),
    Rule("variables and attributes that left the file stay", rf"{ANYWHERE}/FROM_SHELL", "second start"),
    Rule("variables and attributes that left the file stay", rf"{ANYWHERE}/[BCNO]",
         "--env, second start", only_pm2),
    Rule("Restart stores new log paths", rf"{STORED}/pm_.*", "second start, (paths|script)"),
    Rule("Restart stores new log paths", rf"{APP}/process/(argv|cwd)",
         "second start, (paths|script)"),
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

NOTE = re.compile(r"^(\[PM2\]\[WARN\] .*?) \(((?:apps|pm2)?\[(\d+)\][^ ,]*)(?:, [^ ]+:\d+)?\)$")
SUMMARY = re.compile(r"^\[PM2\]\[ERROR\] .*: \d+ errors?, nothing was done$")
REMARKS = ("is kept without", "Unknown attribute", "using the folder of the file")


def drop_host_metrics(real, ours):
    """The line under the table."""
    return [line for line in real if not line.startswith("host metrics |")], ours


def drop_restarted(real, ours):
    return real, [line for line in ours if "was restarted, not reloaded" not in line]


def drop_probe_remarks(real, ours):
    return real, [line for line in ours if "is kept without" not in line]


def only_first_app(real, ours):
    """PM2 stops at the first app with an error, and says nothing of the place."""
    lines, first = [], None
    for line in ours:
        note = NOTE.match(line)
        if note and not any(remark in line for remark in REMARKS):
            first = first or note[3]
            if note[3] != first:
                continue
        lines.append(note[1] if note else line)
    return real, lines


def drop_summary(real, ours):
    return real, [line for line in ours if not SUMMARY.match(line)]


def drop_stack(real, ours):
    """An exception is some lines and a stack; what we say instead is behind our own line."""
    if not any(line.startswith("    at ") for line in real):
        return real, ours
    return tuple([line for line in lines if line.startswith("[PM2]")] for lines in (real, ours))


@dataclass(frozen=True)
class Rewrite:
    row: str
    stream: str
    change: object  # function of PM2's lines and ours, gives both


REWRITES = [
    Rewrite("`host metrics` line under the table", "stdout", drop_host_metrics),
    Rewrite("In fork mode a silent restart", "stdout", drop_restarted),
    Rewrite("Kept without effect, with a warning", "stdout", drop_probe_remarks),
    Rewrite("All errors of all apps are told", "stdout", only_first_app),
    Rewrite("All errors of all apps are told", "stderr", drop_summary),
    Rewrite("`File X malformated` and a stack trace", "stderr", drop_stack),
]


def rewrite(real, ours):
    real, ours = dict(real), dict(ours)
    for it in REWRITES:
        if it.stream not in real:
            continue
        before = (real[it.stream], ours[it.stream])
        after = it.change(*before)
        if tuple(after) != before:
            with lock:
                used.add(it)
        real[it.stream], ours[it.stream] = after
    return real, ours


def rows():
    return sorted({it.row for it in RULES + REWRITES})


def unused():
    """Differences that no case showed; those of other users show only to root."""
    return [f"{it.row} ({it.stream if isinstance(it, Rewrite) else it.path})"
            for it in RULES + REWRITES if it not in used
            and not getattr(it, "is_a_matter_of_time", False)
            and (os.geteuid() == 0 or not re.search("user|uid", getattr(it, "case", "")))]
