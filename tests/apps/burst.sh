#!/bin/bash
# SPDX-License-Identifier: MIT
# Much output, then the end at once.
seq -f 'line %.0f' 20000
echo "the very last line"
