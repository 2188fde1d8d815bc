#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does nothing for ever; the line below the sleep keeps bash from becoming it.
sleep 100000
:
