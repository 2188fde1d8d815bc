#!/bin/bash
# SPDX-License-Identifier: MIT
# Leaves with the code in $CODE at once, or after $AFTER seconds.
echo "run $$"
[ -z "$AFTER" ] || sleep "$AFTER"
exit "${CODE:-1}"
