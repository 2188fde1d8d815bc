/* SPDX-License-Identifier: MIT
 * A growing byte buffer. Invariants: `data` is never NULL and data[len] is always NUL, so that it
 * can be printed at any time; bytes may contain NULs. Growth failure is sticky: the buffer keeps
 * what it has, `oom` is set, later appends do nothing. Callers append freely and test once at the
 * end (buf_oom). */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *data;
    size_t len;
    size_t cap; /* 0 = data points at a shared empty string */
    bool oom;
};

extern char buf_empty_storage[1];
#define BUF_INIT                                                                                   \
    {                                                                                              \
        .data = buf_empty_storage                                                                  \
    }

void buf_init(struct buf *b);
/* Free the contents; the buffer is as after buf_init. NULL is fine. */
void buf_fini(struct buf *b);
static inline void buf_auto(struct buf *b)
{
    buf_fini(b);
}

/* Forget the contents, keep the memory. Clears `oom`. */
void buf_clear(struct buf *b);
/* Give memory back when the buffer is empty and larger than `keep_bytes`. */
void buf_trim(struct buf *b, size_t keep_bytes);
/* Make room for `more` further bytes; false on OOM. */
bool buf_reserve(struct buf *b, size_t more);
void buf_add_growing(struct buf *b, const void *p, size_t n); /* the rare half of buf_add() */
static inline void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || n >= b->cap - b->len || b->oom) {
        buf_add_growing(b, p, n);
        return;
    }
    memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}
static inline void buf_add_byte(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *c);
void buf_add_u32be(struct buf *b, uint32_t v);
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_FORMAT(2, 3);
/* Drop the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* Cut to `len` bytes. */
void buf_truncate(struct buf *b, size_t len);
/* Hand the memory to the caller (free()); the buffer is empty afterwards. NULL after OOM. */
char *buf_detach(struct buf *b);

static inline bool buf_oom(const struct buf *b)
{
    return b->oom;
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->data, b->len};
}
