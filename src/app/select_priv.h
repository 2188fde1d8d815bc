/* SPDX-License-Identifier: MIT
 * Shared by the select*.c files only. */
#pragma once

#include "app/select.h"

/* The target is `/regex/`; results as of select_targets(). */
int select_by_regex(const struct select_item *items, size_t count, const char *target, int *ret_ids,
                    struct err *e);
