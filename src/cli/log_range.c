/* SPDX-License-Identifier: MIT
 * One file after the other. In a plain file the search begins where the index says; a compressed
 * one is read from its begin. */
#include "cli/log_range.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/log_index.h"
#include "cli/log_input.h"
#include "cli/log_time.h"
#include "cli/tail.h"
#include "os/fd.h"

#define BLOCK_BYTES   65536
#define PROBE_BYTES   65536 /* a line with a date is that near, or the dates are not relied upon */
#define MTIME_LATE_MS 20    /* the kernel's clock for files goes in such steps */
#define OFFSET_MAX    INT64_MAX

/* A file on its way. */
struct part {
    const struct log_range *range;
    const char *path;
    struct log_index index;
    off_t indexed; /* from here on the index tells the time; OFFSET_MAX = nowhere */
    off_t from, to;
    off_t at;         /* of the first byte of `open` */
    int64_t line_ms;  /* of the last line that had a date; 0 = none yet */
    int64_t mtime_ms; /* when the file was last written */
    bool is_blind;    /* no line had a date, and some were given */
    struct buf open;
};

/* ---- lines ---- */

static bool is_within(const struct log_range *r, int64_t at_ms)
{
    return at_ms >= r->since_ms && at_ms <= r->until_ms;
}

/* A line of the part of the file that the index does not know. One without a date belongs to the
 * one before. */
static void take_undated(struct part *p, struct str line)
{
    int64_t at_ms;
    if (log_time_of_line(line, &at_ms))
        p->line_ms = at_ms;
    if (p->line_ms != 0) {
        if (is_within(p->range, p->line_ms))
            p->range->line(p->range->ctx, p->line_ms, line);
        return;
    }
    p->is_blind = true;
    p->range->line(p->range->ctx, p->mtime_ms, line);
}

/* `end`: of its last byte, which is its newline unless that is still to come. */
static void take_line(struct part *p, struct str line, off_t end)
{
    off_t begin = p->at;
    int64_t at_ms = 0;
    if (begin >= p->to || end < p->from)
        return;
    if (end < p->indexed) {
        take_undated(p, line);
        return;
    }
    (void)log_index_time(&p->index, end, &at_ms);
    p->range->line(p->range->ctx, at_ms, line);
}

static void take_open(struct part *p)
{
    take_line(p, buf_str(&p->open), p->at + (off_t)p->open.len - 1);
}

static void feed(struct part *p, struct str chunk)
{
    struct str line;
    while (str_cut_line(&chunk, &line)) {
        if (p->open.len > 0) {
            buf_add_str(&p->open, line);
            line = buf_str(&p->open);
        }
        take_line(p, line, p->at + (off_t)line.n);
        p->at += (off_t)line.n + 1;
        buf_clear(&p->open);
    }
    buf_add_str(&p->open, chunk);
    if (p->open.len >= LIMIT_CLI_LINE_BYTES) {
        take_open(p);
        p->at += (off_t)p->open.len;
        buf_clear(&p->open);
    }
}

static void end_of_part(struct part *p, struct buf *partial)
{
    if (p->open.len == 0)
        return;
    if (partial)
        buf_add_str(partial, buf_str(&p->open));
    else
        take_open(p);
}

/* ---- where to begin ---- */

/* What the index says. `size`: of the file; OFFSET_MAX when nobody knows. */
static void find_bounds(struct part *p, off_t size)
{
    const struct log_range *r = p->range;
    log_index_read(&p->index, p->path, size);
    p->from = 0;
    p->to = size;
    p->indexed = OFFSET_MAX;
    if (p->index.count == 0)
        return;
    p->indexed = p->index.at[0].offset;
    /* What is before the first record was written before it. */
    if (r->since_ms >= p->index.at[0].at_ms)
        p->from = log_index_since(&p->index, r->since_ms, size);
    if (r->until_ms >= p->index.at[0].at_ms)
        p->to = log_index_until(&p->index, r->until_ms, size);
    else
        p->to = p->indexed;
}

/* The time of the first dated line behind `at`, and where that line begins. */
static bool probe(int fd, off_t at, off_t end, int64_t *ret_ms, off_t *ret_at)
{
    static char block[PROBE_BYTES];
    if (at >= end)
        return false;
    size_t room = end - at < (off_t)sizeof(block) ? (size_t)(end - at) : sizeof(block);
    ssize_t n = pread(fd, block, room, at);
    struct str rest = {block, n > 0 ? (size_t)n : 0};
    struct str line;
    if (at > 0 && !str_cut_line(&rest, &line)) /* the rest of the line that `at` is in */
        return false;
    for (const char *begin = rest.p; str_cut_line(&rest, &line); begin = rest.p) {
        if (!log_time_of_line(line, ret_ms))
            continue;
        *ret_at = at + (begin - block);
        return true;
    }
    return false;
}

/* By the dates of the lines: an offset before which all is earlier. Halving, as long as what is
 * left is worth it and dates are where they are looked for. */
static off_t search_dates(int fd, off_t end, int64_t since_ms)
{
    off_t low = 0;
    off_t high = end;
    while (high - low > 4 * PROBE_BYTES) {
        off_t middle = low + (high - low) / 2;
        int64_t at_ms;
        off_t at;
        if (!probe(fd, middle, high, &at_ms, &at))
            return low;
        if (at_ms < since_ms)
            low = at;
        else
            high = middle;
    }
    return low;
}

/* ---- one file ---- */

/* Nothing in it can be meant: it was last written before. */
static bool is_before(const struct part *p)
{
    return p->mtime_ms + MTIME_LATE_MS < p->range->since_ms;
}

static int read_plain(struct part *p, int fd, off_t size)
{
    char block[BLOCK_BYTES];
    off_t undated = size < p->indexed ? size : p->indexed;
    off_t ignored;
    if (p->from == 0 && undated > 0 && p->range->since_ms != INT64_MIN)
        p->from = search_dates(fd, undated, p->range->since_ms);
    p->at = tail_line_begin(fd, p->from);
    /* Lines before the first with a date are as old as that. */
    (void)probe(fd, p->at, undated, &p->line_ms, &ignored);
    for (off_t at = p->at; at < size && p->at < p->to;) {
        size_t n = size - at < (off_t)sizeof(block) ? (size_t)(size - at) : sizeof(block);
        ssize_t got = pread(fd, block, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        feed(p, (struct str){block, (size_t)got});
        at += got;
    }
    return 0;
}

static int read_packed(struct part *p, struct log_input *in)
{
    char block[BLOCK_BYTES];
    ssize_t got;
    while (p->at < p->to && p->from < OFFSET_MAX &&
           (got = log_input_read(in, block, sizeof(block))) != 0) {
        if (got < 0)
            return (int)got;
        feed(p, (struct str){block, (size_t)got});
    }
    return 0;
}

static void part_end(struct part *p, struct buf *partial, int rc)
{
    end_of_part(p, partial);
    if (rc < 0)
        p->range->failed(p->range->ctx, p->path, rc);
    if (p->is_blind)
        p->range->unknown(p->range->ctx, p->path);
    log_index_fini(&p->index);
    buf_fini(&p->open);
}

static int64_t mtime_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return INT64_MAX;
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

static void show_plain(const struct log_range *r, const char *path, int fd, off_t size,
                       struct buf *partial)
{
    struct part p = {.range = r, .path = path, .mtime_ms = mtime_of(fd), .open = BUF_INIT};
    find_bounds(&p, size);
    if (is_before(&p)) {
        if (partial) /* a line is open all the same */
            p.from = p.to = size;
        else
            p.from = p.to = size = 0;
    }
    int rc = read_plain(&p, fd, size);
    part_end(&p, partial, rc);
}

static void show_packed(const struct log_range *r, const char *path, int64_t mtime_ms)
{
    struct log_input *in = log_input_open(path);
    if (!in) {
        r->failed(r->ctx, path, -errno);
        return;
    }
    struct part p = {.range = r, .path = path, .mtime_ms = mtime_ms, .open = BUF_INIT};
    find_bounds(&p, OFFSET_MAX);
    part_end(&p, NULL, read_packed(&p, in));
    log_input_close(in);
}

/* A rotated file may have been compressed since it was listed. */
static void show_rotated(const struct log_range *r, const struct rotated_file *f)
{
    for (size_t form = 0; form < ROTATED_FORMS; form++) {
        AUTO(buf) path = BUF_INIT;
        struct stat st;
        rotated_path(&path, f, form);
        int fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || fstat(fd, &st) < 0)
            r->failed(r->ctx, path.data, -errno);
        else if (form == 0)
            show_plain(r, path.data, fd, st.st_size, NULL);
        else
            show_packed(r, path.data, mtime_of(fd));
        fd_close(&fd);
        return;
    }
}

/* When the file behind the rotated one was begun; late when nobody knows. */
static int64_t begin_of_next(const struct growth *g, size_t i)
{
    int64_t begin_ms = INT64_MAX;
    if (i + 1 < g->known.count)
        return g->known.at[i + 1].begin_ms;
    (void)log_index_begin(g->path, &begin_ms);
    return begin_ms;
}

void log_range_show(const struct log_range *r, const struct growth *g, struct buf *partial)
{
    for (size_t i = 0; i < g->known.count; i++) {
        if (begin_of_next(g, i) < r->since_ms)
            continue; /* all of this is older than that */
        show_rotated(r, &g->known.at[i]);
    }
    if (g->fd >= 0)
        show_plain(r, g->path, g->fd, g->at, partial);
}
