# SPDX-License-Identifier: MIT
import sys

print("reading", flush=True)
for line in sys.stdin:
    print("GOT", line.rstrip("\n"), flush=True)
