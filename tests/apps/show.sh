#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # pm_id comes from pm2
echo "SHOW $# [$1] [$2] in $PWD, answer=$ANSWER, instance=$NODE_APP_INSTANCE, id=$pm_id"
exec sleep 1000
