/* SPDX-License-Identifier: MIT
 * Shared by places.c and places_wait.c. */
#pragma once

#include "places.h"

struct claim;

/* "[::]:8080", "127.0.0.1:53/udp", a path. */
void places_name(const struct gate *g, struct buf *out);
/* The part that the process has in the gate; NULL = none. */
const struct claim *places_claim(const struct gate *g, const struct proc *p);
