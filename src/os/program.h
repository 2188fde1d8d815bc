/* SPDX-License-Identifier: MIT
 * Where our programs lie: in one folder. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* The path of the program `name` in the folder of this one, into `path`. 0, or -errno with `e`. */
int program_beside_own(const char *name, char *path, size_t size, struct err *e);
