/* SPDX-License-Identifier: MIT
 * Running another program to its end, by its arguments and never by a shell. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* Run argv[0], found in PATH, in the folder `cwd` (NULL: ours); it has our streams. Its exit code
 * (128 + the number of the signal that ended it), or negative with `e` when it cannot be run. */
int child_run(char *const *argv, const char *cwd, struct err *e);

/* The same without waiting: the caller does. No signal is blocked in it. 0, or negative with `e`.
 */
int child_begin(char *const *argv, const char *cwd, pid_t *ret, struct err *e);
/* The exit code as above, from a status of waitpid(2). */
int child_code(int status);
