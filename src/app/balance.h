/* SPDX-License-Identifier: MIT
 * Who of several workers gets the next connection: each in turn, the ones that are not free left
 * out. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct balance {
    size_t next; /* whose turn it is */
};

/* Whether the worker at `index` can take a connection now. */
typedef bool balance_free_fn(void *ctx, size_t index);

/* Index of the worker that is to get it, of `count`; -1 when none is free. */
ssize_t balance_pick(const struct balance *b, size_t count, balance_free_fn *is_free, void *ctx);
/* The worker at `index` got one. */
void balance_gave(struct balance *b, size_t index);
/* The worker at `index` was taken out of the list, those behind it moved up: nobody's turn is lost
 * by that. */
void balance_removed(struct balance *b, size_t index);
