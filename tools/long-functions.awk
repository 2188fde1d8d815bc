# SPDX-License-Identifier: MIT
# Functions of more than 60 lines, braces not counted. clang-format puts the opening brace of a
# function, and only that one, alone into column 0.
FNR == 1 { start = 0 }
/^\{$/ { start = FNR }
/^\}$/ {
    if (start && FNR - start - 1 > 60)
        printf "%s:%d: %d lines\n", FILENAME, start, FNR - start - 1
    start = 0
}
