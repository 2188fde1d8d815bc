/* SPDX-License-Identifier: MIT
 * The version that a script's nearest package.json states. */
#pragma once

#include <stddef.h>

/* Looks in the script's folder and upwards. `ret` gets the version, or "" when there is none. */
void pkgversion_find(const char *script, char *ret, size_t size);
