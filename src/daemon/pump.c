/* SPDX-License-Identifier: MIT
 * The log pump. Runs in pm2d. */
#include "pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/log_format.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "os/clock.h"
#include "os/fd.h"
#include "spool.h"
#include "tap.h"

#define PUMP_MAGIC OBJ_MAGIC('P', 'U', 'M', 'P')
#define HOLD_MS    100 /* an open line (a prompt) is written after this */
#define HOLD_LONG_MS                                                                               \
    2000                /* the same, where it is an object of its own, or the other stream's lines \
                           would come into it */
#define RETRY_MS    250 /* a file that cannot be written, and whose policy is to wait */
#define REST_MS     2000 /* quiet: the spool gives memory back */
#define BATCH_BYTES (160UL * 1024)
#define SMALL_BYTES (16UL * 1024) /* a pipe that gave less is empty */

struct pump {
    uint32_t magic;
    uv_poll_t poll;
    uv_timer_t timer; /* an open line, a blocked file or a quiet spool waits */
    unsigned open_handles;
    int fd;
    struct pump_output out;
    struct spool *spool;
    bool ended, closing, blocked;
    bool cut;     /* of logfile_move() */
    size_t shown; /* bytes in the pipe that have been shown, and could not be moved yet */
    struct pump_handler handler;
    char held[4]; /* the begin of a character whose rest has not come yet; only for showing */
    size_t held_len;
};

static bool is_wanted(const struct pump *p)
{
    return !p->closing && p->handler.wants(p->handler.ctx);
}

/* ---- showing ---- */

/* Show a chunk without cutting a character in two: readers of the bus get text, not bytes. */
static void show_chunk(struct pump *p, struct str chunk)
{
    static char bytes[sizeof(p->held) + LIMIT_TAP_CHUNK_BYTES];
    memcpy(bytes, p->held, p->held_len);
    memcpy(bytes + p->held_len, chunk.p, chunk.n);
    struct str whole = {bytes, p->held_len + chunk.n};
    size_t tail = str_unfinished(whole);
    whole.n -= tail;
    memcpy(p->held, whole.p + whole.n, tail);
    p->held_len = tail;
    if (whole.n > 0)
        p->handler.bytes(p->handler.ctx, p, whole);
}

static void show(struct pump *p, struct str text)
{
    const size_t most = LIMIT_TAP_CHUNK_BYTES - sizeof(p->held);
    while (text.n > 0 && is_wanted(p)) {
        struct str chunk = {text.p, text.n < most ? text.n : most};
        show_chunk(p, chunk);
        text.p += chunk.n;
        text.n -= chunk.n;
    }
}

/* ---- as they are ---- */

static ssize_t move(struct pump *p, size_t n)
{
    return p->out.file ? logfile_move(p->out.file, p->fd, n, &p->cut) : tap_throw(p->fd, n);
}

/* What has been seen is moved, no more and no less. */
static ssize_t move_shown(struct pump *p)
{
    ssize_t n = move(p, p->shown);
    if (n > 0)
        p->shown -= (size_t)n;
    return n;
}

static ssize_t move_plain(struct pump *p)
{
    static char bytes[LIMIT_TAP_CHUNK_BYTES];
    if (p->shown > 0)
        return move_shown(p);
    if (!is_wanted(p))
        return move(p, LIMIT_PUMP_CHUNK_BYTES);
    ssize_t n = tap_peek(p->fd, bytes, sizeof(bytes));
    if (n <= 0)
        return n;
    p->shown = (size_t)n;
    show(p, (struct str){bytes, (size_t)n});
    return move_shown(p);
}

/* ---- formatted, or to two files ---- */

/* The piece that uses up the batch may be a whole line of which JSON writes each byte as six. */
_Static_assert(BATCH_BYTES + 6 * (LIMIT_LOG_LINE_BYTES + LIMIT_LOG_STAMP_BYTES + LIMIT_NAME_BYTES) +
                       256 <=
                   SPOOL_TEXT_BYTES,
               "a batch has room in the spool");

static size_t format(const struct pump *p, struct str raw, enum log_flush flush, bool *in_line,
                     struct buf *out)
{
    struct tm local;
    struct tm utc;
    AUTO(buf) stamp = BUF_INIT;
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    (void)localtime_r(&now, &local);
    (void)gmtime_r(&now, &utc);
    log_format_stamp(p->out.format, &local, &utc, (int)(now_ms % 1000), &stamp);
    return log_format_add(p->out.format, buf_str(&stamp), raw, flush, BATCH_BYTES, in_line, out);
}

static int write_pending(struct pump *p)
{
    struct logfile *const files[SPOOL_FILES] = {p->out.file, p->out.combined};
    return spool_write(p->spool, files);
}

/* What can be made of the raw bytes goes to the files. 0, or -EBUSY: it waits. */
static int make_lines(struct pump *p, enum log_flush flush)
{
    static struct buf text = BUF_INIT; /* kept: each batch has about the same size */
    int rc = write_pending(p);
    while (rc == 0) {
        bool in_line;
        struct str raw = spool_raw(p->spool, &in_line);
        struct str out = raw;
        size_t used = raw.n;
        if (p->out.format) {
            buf_clear(&text);
            used = format(p, raw, flush, &in_line, &text);
            out = buf_str(&text);
            if (buf_oom(&text))
                return -ENOMEM;
        }
        if (used == 0 && out.n == 0)
            break;
        spool_commit(p->spool, out, used, in_line);
        show(p, out);
        rc = write_pending(p);
    }
    return rc;
}

static void on_pump_timer(uv_timer_t *t);

static void wait_for_rest(struct pump *p)
{
    bool in_line;
    bool is_open = spool_raw(p->spool, &in_line).n > 0;
    bool holds_long = log_format_is_json(p->out.format) || p->out.combined ||
                      (p->out.file && p->out.file->refs > 1);
    int64_t ms = !is_open ? REST_MS : holds_long ? HOLD_LONG_MS : HOLD_MS;
    uv_timer_start(&p->timer, on_pump_timer, (uint64_t)ms, 0);
}

static ssize_t move_spooled(struct pump *p)
{
    int rc = write_pending(p);
    if (rc < 0)
        return rc;
    ssize_t n = spool_fill(p->spool, p->fd);
    if (n < 0)
        return n;
    rc = make_lines(p, n > 0 ? LOG_WHOLE_LINES : LOG_END);
    if (rc < 0)
        return rc;
    wait_for_rest(p);
    return n;
}

/* ---- all of them ---- */

/* One step: > 0 bytes moved, 0 at the end of the pipe, -EAGAIN, -EBUSY. */
static ssize_t move_some(struct pump *p)
{
    if (p->out.discard)
        return tap_throw(p->fd, LIMIT_PUMP_CHUNK_BYTES);
    return p->spool ? move_spooled(p) : move_plain(p);
}

static void reach_end(struct pump *p)
{
    if (p->ended)
        return;
    p->ended = true;
    uv_poll_stop(&p->poll);
    uv_timer_stop(&p->timer);
    if (p->held_len > 0 && is_wanted(p))
        p->handler.bytes(p->handler.ctx, p, (struct str){p->held, p->held_len});
    p->handler.eof(p->handler.ctx, p);
}

static void block(struct pump *p)
{
    p->blocked = true;
    uv_poll_stop(&p->poll);
    uv_timer_start(&p->timer, on_pump_timer, RETRY_MS, 0);
}

/* A step of less than `least` was the last: one more, to see that the pipe is empty, would cost as
 * much. */
static void move_up_to(struct pump *p, size_t budget, size_t least)
{
    while (!p->ended && !p->closing) {
        ssize_t n = move_some(p);
        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n == -EBUSY) {
            block(p);
            return;
        }
        if (n < 0)
            log_error("log pipe: %s", err_text((int)n));
        if (n <= 0) {
            reach_end(p);
            return;
        }
        if ((size_t)n >= budget || (size_t)n < least)
            return; /* others have a turn; the poll comes back at once */
        budget -= (size_t)n;
    }
}

static void on_pump_readable(uv_poll_t *h, int status, int events)
{
    (void)status; /* an error condition shows up as EOF of the read */
    (void)events;
    move_up_to(OBJ(h->data, struct pump, PUMP_MAGIC), LIMIT_PUMP_CHUNK_BYTES, SMALL_BYTES);
}

static void unblock(struct pump *p)
{
    p->blocked = false;
    uv_poll_start(&p->poll, UV_READABLE, on_pump_readable);
    move_up_to(p, LIMIT_PUMP_CHUNK_BYTES, SMALL_BYTES);
}

static void waited(struct pump *p)
{
    bool in_line;
    if (p->blocked)
        unblock(p);
    else if (spool_raw(p->spool, &in_line).n == 0)
        spool_rest(p->spool);
    else if (make_lines(p, LOG_ALL) == -EBUSY)
        block(p);
}

static void on_pump_timer(uv_timer_t *t)
{
    waited(OBJ(t->data, struct pump, PUMP_MAGIC));
}

/* ---- life ---- */

static void drop_output(struct pump_output *out)
{
    logfile_close(out->file);
    logfile_close(out->combined);
    log_format_free(out->format);
    *out = (struct pump_output){0};
}

static void on_pump_closed(uv_handle_t *h)
{
    struct pump *p = OBJ(h->data, struct pump, PUMP_MAGIC);
    if (--p->open_handles > 0)
        return;
    fd_close(&p->fd);
    spool_free(p->spool);
    free(p);
}

/* Who has only a combined file, has one file. */
static bool needs_spool(struct pump_output *out)
{
    if (!out->file) {
        out->file = out->combined;
        out->combined = NULL;
    }
    return !out->discard && (out->format || out->combined);
}

struct pump *pump_new(uv_loop_t *loop, int take_pipe_fd, struct pump_output *take_out,
                      const struct pump_handler *h)
{
    int rc = 0;
    struct pump *p = calloc(1, sizeof(*p));
    bool is_spooled = needs_spool(take_out);
    if (p && is_spooled)
        p->spool = spool_new(-1, &rc);
    if (rc < 0)
        log_error("log spool: %s", err_text(rc));
    if (!p || rc < 0 || uv_poll_init(loop, &p->poll, take_pipe_fd) < 0) {
        fd_close(&take_pipe_fd);
        drop_output(take_out);
        spool_free(p ? p->spool : NULL);
        free(p);
        return NULL;
    }
    p->magic = PUMP_MAGIC;
    p->open_handles = 2;
    p->poll.data = p->timer.data = p;
    uv_timer_init(loop, &p->timer);
    p->fd = take_pipe_fd;
    p->out = *take_out;
    *take_out = (struct pump_output){0};
    p->handler = *h;
    uv_poll_start(&p->poll, UV_READABLE, on_pump_readable);
    return p;
}

int pump_fd(const struct pump *p)
{
    return p ? p->fd : -1;
}

int pump_spool_fd(const struct pump *p)
{
    return p && p->spool ? spool_fd(p->spool) : -1;
}

void pump_take_spool(struct pump *p, struct spool *take)
{
    spool_free(p->spool);
    p->spool = take;
    if (make_lines(p, LOG_WHOLE_LINES) == -EBUSY)
        block(p);
    else
        wait_for_rest(p);
}

void pump_drain(struct pump *p)
{
    /* What fits in the pipe is what the dead left behind; a live writer cannot hold us for ever. */
    if (p)
        move_up_to(p, 4 * LIMIT_PUMP_CHUNK_BYTES, 0);
}

bool pump_is_blocked(const struct pump *p)
{
    return p && p->blocked;
}

void pump_close(struct pump *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    if (p->spool)
        (void)make_lines(p, LOG_END); /* an open line that waits */
    drop_output(&p->out);
    uv_close((uv_handle_t *)&p->poll, on_pump_closed);
    uv_close((uv_handle_t *)&p->timer, on_pump_closed);
}
