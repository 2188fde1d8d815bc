/* SPDX-License-Identifier: MIT
 * Round robin. */
#include "app/balance.h"

ssize_t balance_pick(const struct balance *b, size_t count, balance_free_fn *is_free, void *ctx)
{
    for (size_t i = 0; i < count; i++) {
        size_t index = (b->next + i) % count;
        if (is_free(ctx, index))
            return (ssize_t)index;
    }
    return -1;
}

void balance_gave(struct balance *b, size_t index)
{
    b->next = index + 1;
}

void balance_removed(struct balance *b, size_t index)
{
    if (b->next > index)
        b->next--;
}
