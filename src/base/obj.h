/* SPDX-License-Identifier: MIT
 * Cheap type safety for void * contexts: each such struct starts with a magic number, and OBJ()
 * checks it on every cast. A mismatch is a programming error and aborts. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#define OBJ_MAGIC(a, b, c, d)                                                                      \
    (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))

static inline void *obj_check(void *p, uint32_t magic)
{
    if (!p || *(const uint32_t *)p != magic)
        abort();
    return p;
}

/* `type` must have `uint32_t magic` as its first member. */
#define OBJ(ptr, type, magic) ((type *)obj_check((ptr), (magic)))
