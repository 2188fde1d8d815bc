/* SPDX-License-Identifier: MIT
 * The byte buffer. Allocates; does nothing else to the world. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

char buf_empty_storage[1] = "";

void buf_init(struct buf *b)
{
    *b = (struct buf)BUF_INIT;
}

void buf_fini(struct buf *b)
{
    if (!b)
        return;
    if (b->cap)
        free(b->data);
    buf_init(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->oom = false;
    if (b->cap)
        b->data[0] = '\0';
}

void buf_trim(struct buf *b, size_t keep_bytes)
{
    if (b->len == 0 && b->cap > keep_bytes)
        buf_fini(b);
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->oom)
        return false;
    size_t need;
    if (__builtin_add_overflow(b->len, more, &need) || need > LIMIT_BUF_BYTES) {
        b->oom = true;
        return false;
    }
    if (need < b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap <= need)
        cap += cap / 2;
    if (cap > LIMIT_BUF_BYTES + 1) /* whoever appends within `cap` needs not look at the limit */
        cap = LIMIT_BUF_BYTES + 1;
    char *data = realloc(b->cap ? b->data : NULL, cap);
    if (!data) {
        b->oom = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return true;
}

void buf_add_growing(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_c(struct buf *b, const char *c)
{
    buf_add(b, c, strlen(c));
}

void buf_add_u32be(struct buf *b, uint32_t v)
{
    unsigned char raw[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                            (unsigned char)(v >> 8), (unsigned char)v};
    buf_add(b, raw, sizeof(raw));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0 && buf_reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len < b->len) {
        b->len = len;
        b->data[len] = '\0';
    }
}

char *buf_detach(struct buf *b)
{
    if (b->oom) {
        buf_fini(b);
        return NULL;
    }
    if (!b->cap && !buf_reserve(b, 1))
        return NULL;
    char *data = b->data;
    buf_init(b);
    return data;
}
