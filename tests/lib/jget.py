# SPDX-License-Identifier: MIT
"""jlist on stdin: jget.py NAME_OR_ID FIELD.PATH prints a field of the first match, --count the length."""

import json
import sys


def find(processes, which):
    for process in processes:
        if process.get("name") == which or str(process.get("pm_id")) == which:
            return process
    return None


def show(value):
    if value is None:
        return ""
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value)
    return str(value)


def main():
    processes = json.load(sys.stdin)
    if sys.argv[1] == "--count":
        print(len(processes))
        return
    value = find(processes, sys.argv[1])
    for key in sys.argv[2].split("."):
        value = value.get(key) if isinstance(value, dict) else None
    print(show(value))


main()
