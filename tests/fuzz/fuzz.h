/* SPDX-License-Identifier: MIT
 * What the fuzz targets share: cutting the input into reads, and a check that stays on in every
 * build. The cuts follow from the input itself, so that a seed is nothing but recorded traffic. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct cuts {
    struct str rest;
    uint32_t seed;
};

static inline struct cuts cuts_of(const uint8_t *data, size_t size)
{
    struct cuts c = {.rest = {(const char *)data, size}, .seed = 2166136261u};
    for (size_t i = 0; i < size; i++)
        c.seed = (c.seed ^ data[i]) * 16777619u; /* FNV-1a */
    return c;
}

/* The next piece: mostly small, now and then large; empty at the end. */
static inline struct str cuts_next(struct cuts *c)
{
    c->seed = c->seed * 1664525u + 1013904223u;
    size_t n = 1 + ((c->seed >> 16) & (c->seed >> 31 ? 0x3FF : 0x7));
    struct str piece = {c->rest.p, n < c->rest.n ? n : c->rest.n};
    c->rest = (struct str){c->rest.p + piece.n, c->rest.n - piece.n};
    return piece;
}
