/* SPDX-License-Identifier: MIT
 * Backwards in blocks until enough newlines (or wanted lines) are seen, then forwards. */
#include "cli/tail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

#define BLOCK_BYTES 65536

/* Read exactly [at, at + n), or what the file still has of it. */
static ssize_t read_at(int fd, char *to, size_t n, off_t at)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, to + got, n - got, at + (off_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

/* Where the `nth` newline before `end` is, counted from 1; -1 when there are fewer. */
static off_t newline_before(int fd, off_t end, size_t nth)
{
    char block[BLOCK_BYTES];
    while (end > 0 && nth > 0) {
        size_t n = end < (off_t)sizeof(block) ? (size_t)end : sizeof(block);
        ssize_t got = read_at(fd, block, n, end - (off_t)n);
        if (got < (ssize_t)n)
            return -1; /* truncated under our feet: from the start, then */
        end -= (off_t)n;
        while (n > 0) {
            const char *nl = memrchr(block, '\n', n);
            if (!nl)
                break;
            n = (size_t)(nl - block);
            if (--nth == 0)
                return end + (off_t)n;
        }
    }
    return -1;
}

off_t tail_line_begin(int fd, off_t at)
{
    return newline_before(fd, at, 1) + 1;
}

struct lines_out {
    const struct tail *tail;
    struct buf text; /* begins at a line's begin */
};

static void give(const struct lines_out *o, struct str line)
{
    if (!o->tail->wants || o->tail->wants(o->tail->ctx, line))
        o->tail->line(o->tail->ctx, line);
}

/* Hand out the complete lines of `text`, and keep the rest in it. */
static void hand_out(struct lines_out *o)
{
    struct str rest = buf_str(&o->text);
    struct str line;
    while (str_cut_line(&rest, &line))
        give(o, line);
    if (rest.n >= LIMIT_CLI_LINE_BYTES) {
        give(o, rest);
        rest.n = 0;
    }
    buf_consume(&o->text, o->text.len - rest.n);
}

static int read_lines(int fd, off_t at, off_t end, struct lines_out *o)
{
    char block[BLOCK_BYTES];
    while (at < end) {
        size_t n = end - at < (off_t)sizeof(block) ? (size_t)(end - at) : sizeof(block);
        ssize_t got = read_at(fd, block, n, at);
        if (got < 0)
            return (int)got;
        buf_add(&o->text, block, (size_t)got);
        hand_out(o);
        if (buf_oom(&o->text))
            return -ENOMEM;
        if ((size_t)got < n)
            break;
        at += (off_t)n;
    }
    return 0;
}

/* ---- wanted lines ---- */

struct counting {
    const struct tail *tail;
    size_t count;
};

static bool counting_wants(void *ctx, struct str line)
{
    const struct counting *c = ctx;
    return c->tail->wants(c->tail->ctx, line);
}

static void counting_line(void *ctx, struct str line)
{
    struct counting *c = ctx;
    (void)line;
    c->count++;
}

/* From where on there are `count` wanted lines, or nearly so: pieces of the file are taken from its
 * end, each twice as large as the one before, until they have enough. */
static int begin_of_wanted(int fd, off_t end, const struct tail *t, off_t *ret_at, size_t *ret_more)
{
    off_t piece = BLOCK_BYTES;
    off_t at = end;
    struct counting c = {.tail = t};
    while (at > 0 && c.count < t->count) {
        struct lines_out o = {
            .tail = &(const struct tail){.line = counting_line, .wants = counting_wants, .ctx = &c},
            .text = BUF_INIT};
        off_t begin = at > piece ? newline_before(fd, at - piece, 1) + 1 : 0;
        int rc = read_lines(fd, begin, at, &o);
        if (o.text.len > 0)
            give(&o, buf_str(&o.text));
        buf_fini(&o.text);
        if (rc < 0)
            return rc;
        at = begin;
        piece *= 2;
    }
    *ret_at = at;
    *ret_more = c.count > t->count ? c.count - t->count : 0;
    return 0;
}

struct skipping {
    const struct tail *tail;
    size_t left; /* wanted lines to be left out */
};

static bool skipping_wants(void *ctx, struct str line)
{
    struct skipping *s = ctx;
    if (!s->tail->wants(s->tail->ctx, line))
        return false;
    if (s->left == 0)
        return true;
    s->left--;
    return false;
}

static void skipping_line(void *ctx, struct str line)
{
    const struct skipping *s = ctx;
    s->tail->line(s->tail->ctx, line);
}

/* ---- both ---- */

static int tail_from(int fd, off_t at, off_t end, const struct tail *t)
{
    struct lines_out o = {.tail = t, .text = BUF_INIT};
    int rc = read_lines(fd, at, end, &o);
    if (rc == 0 && o.text.len > 0) {
        if (t->partial)
            buf_add_str(t->partial, buf_str(&o.text));
        else if (t->count > 0)
            give(&o, buf_str(&o.text));
    }
    buf_fini(&o.text);
    return rc;
}

int tail_lines(int fd, off_t end, const struct tail *t)
{
    off_t last = newline_before(fd, end, 1);
    if (!t->wants || t->count == 0) {
        /* The newline that ends the last line does not count, unless what follows it does not
         * either. */
        size_t nth = t->count + (last + 1 == end || t->partial ? 1 : 0);
        off_t at = t->count > 0 ? newline_before(fd, end, nth) + 1 : last + 1;
        return tail_from(fd, at, end, t);
    }
    struct skipping s = {.tail = t};
    const struct tail some = {.count = t->count,
                              .line = skipping_line,
                              .wants = skipping_wants,
                              .ctx = &s,
                              .partial = t->partial};
    off_t at;
    int rc = begin_of_wanted(fd, t->partial ? last + 1 : end, t, &at, &s.left);
    return rc < 0 ? rc : tail_from(fd, at, end, &some);
}
