# SPDX-License-Identifier: MIT
import sys
import time

print("python", sys.version_info[0], sys.argv[1:])
while True:
    time.sleep(1)
