#!/usr/bin/env bash
# Does nothing for ever; the line below the sleep keeps bash from becoming it.
sleep 100000
:
