/* SPDX-License-Identifier: MIT
 * Backwards in blocks until enough newlines are seen, then forwards. */
#include "cli/tail.h"

#include <errno.h>
#include <stdbool.h>
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

/* Hand out the complete lines of `text`, and keep the rest in it. */
static void hand_out(struct buf *text, tail_fn *fn, void *ctx)
{
    struct str rest = buf_str(text);
    struct str line;
    while (str_cut_line(&rest, &line))
        fn(ctx, line);
    if (rest.n >= LIMIT_CLI_LINE_BYTES) {
        fn(ctx, rest);
        rest.n = 0;
    }
    buf_consume(text, text->len - rest.n);
}

int tail_lines(int fd, off_t end, size_t count, tail_fn *fn, void *ctx, struct buf *partial)
{
    AUTO(buf) text = BUF_INIT;
    char block[BLOCK_BYTES];
    off_t last = newline_before(fd, end, 1);
    bool complete = last + 1 == end;
    /* The newline that ends the last line does not count, unless what follows it does not either.
     */
    size_t nth = count + (complete || partial ? 1 : 0);
    off_t at = count > 0 ? newline_before(fd, end, nth) + 1 : last + 1;
    while (at < end) {
        size_t n = end - at < (off_t)sizeof(block) ? (size_t)(end - at) : sizeof(block);
        ssize_t got = read_at(fd, block, n, at);
        if (got < 0)
            return (int)got;
        buf_add(&text, block, (size_t)got);
        hand_out(&text, fn, ctx);
        if (buf_oom(&text))
            return -ENOMEM;
        if ((size_t)got < n)
            break;
        at += (off_t)n;
    }
    if (text.len == 0)
        return 0;
    if (partial)
        buf_add_str(partial, buf_str(&text));
    else if (count > 0)
        fn(ctx, buf_str(&text));
    return 0;
}
