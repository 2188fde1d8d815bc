/* SPDX-License-Identifier: MIT
 * Running another program to its end, by its arguments and never by a shell. */
#pragma once

#include "base/err.h"

/* Run argv[0], found in PATH, in the folder `cwd` (NULL: ours); it has our streams. Its exit code
 * (128 + the number of the signal that ended it), or negative with `e` when it cannot be run. */
int child_run(char *const *argv, const char *cwd, struct err *e);
