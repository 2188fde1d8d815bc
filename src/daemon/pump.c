/* SPDX-License-Identifier: MIT
 * The log pump. Runs in pm2d. */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "os/fd.h"

#define PUMP_MAGIC OBJ_MAGIC('P', 'U', 'M', 'P')

struct pump {
    uint32_t magic;
    uv_poll_t poll;
    int fd;
    struct logfile *file, *combined;
    bool discard, ended, closing;
    struct pump_handler handler;
    char held[4]; /* the begin of a character whose rest has not come yet; only for showing */
    size_t held_len;
};

/* Where duplicates for looking at go; one for the whole process, made when first needed. */
static struct {
    int r, w;
} tap = {-1, -1};
static int null_fd = -1;

static int open_tap(void)
{
    int fds[2];
    if (tap.r >= 0)
        return 0;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    tap.r = fds[0];
    tap.w = fds[1];
    return 0;
}

static ssize_t throw_away(int fd, size_t n)
{
    if (null_fd < 0)
        null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ssize_t r = splice(fd, NULL, null_fd, NULL, n, SPLICE_F_NONBLOCK);
    return r < 0 ? -errno : r;
}

/* Consume n bytes whose duplicate has been seen. */
static ssize_t consume(struct pump *p, size_t n)
{
    size_t left = n;
    while (left > 0) {
        ssize_t r = p->file ? logfile_move(p->file, p->fd, left) : throw_away(p->fd, left);
        if (r <= 0)
            return r;
        left -= (size_t)r;
    }
    return (ssize_t)n;
}

/* How many bytes at the end of `s` are the begin of a character that may still be completed. */
static size_t unfinished_tail(struct str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        if ((c & 0xC0) == 0x80)
            continue; /* inside a character: its first byte is further left */
        size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

/* Show a chunk without cutting a character in two: readers of the bus get text, not bytes. `bytes`
 * begins with what was held back before. */
static void show_text(struct pump *p, char *bytes, size_t n)
{
    size_t tail = unfinished_tail((struct str){bytes, n});
    if (n > tail)
        p->handler.bytes(p->handler.ctx, p, (struct str){bytes, n - tail});
    memcpy(p->held, bytes + n - tail, tail);
    p->held_len = tail;
}

static void show(struct pump *p, size_t n)
{
    static char bytes[sizeof(p->held) + LIMIT_TAP_CHUNK_BYTES];
    while (n > 0) {
        size_t held = p->held_len;
        memcpy(bytes, p->held, held);
        ssize_t r =
            read(tap.r, bytes + held, n < LIMIT_TAP_CHUNK_BYTES ? n : LIMIT_TAP_CHUNK_BYTES);
        if (r <= 0)
            return;
        n -= (size_t)r;
        p->held_len = 0;
        if (p->combined)
            logfile_write(p->combined, bytes + held, (size_t)r);
        if (p->handler.wants(p->handler.ctx))
            show_text(p, bytes, held + (size_t)r);
    }
}

static ssize_t move_seen(struct pump *p)
{
    int rc = open_tap();
    if (rc < 0)
        return rc;
    ssize_t n = tee(p->fd, tap.w, LIMIT_TAP_CHUNK_BYTES, SPLICE_F_NONBLOCK);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    show(p, (size_t)n);
    return consume(p, (size_t)n);
}

/* One step: > 0 bytes moved, 0 at the end of the pipe, -EAGAIN. */
static ssize_t move_some(struct pump *p)
{
    if (p->discard)
        return throw_away(p->fd, LIMIT_PUMP_CHUNK_BYTES);
    if (p->combined || p->handler.wants(p->handler.ctx))
        return move_seen(p);
    if (!p->file)
        return throw_away(p->fd, LIMIT_PUMP_CHUNK_BYTES);
    return logfile_move(p->file, p->fd, LIMIT_PUMP_CHUNK_BYTES);
}

static void reach_end(struct pump *p)
{
    if (p->ended)
        return;
    p->ended = true;
    uv_poll_stop(&p->poll);
    if (p->held_len > 0 && p->handler.wants(p->handler.ctx))
        p->handler.bytes(p->handler.ctx, p, (struct str){p->held, p->held_len});
    p->handler.eof(p->handler.ctx, p);
}

static void move_up_to(struct pump *p, size_t budget)
{
    while (!p->ended && !p->closing) {
        ssize_t n = move_some(p);
        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n < 0)
            log_error("log pipe: %s", err_text((int)n));
        if (n <= 0) {
            reach_end(p);
            return;
        }
        if ((size_t)n >= budget)
            return; /* others have a turn; the poll comes back at once */
        budget -= (size_t)n;
    }
}

static void on_pump_readable(uv_poll_t *h, int status, int events)
{
    (void)status; /* an error condition shows up as EOF of the read */
    (void)events;
    move_up_to(OBJ(h->data, struct pump, PUMP_MAGIC), LIMIT_PUMP_CHUNK_BYTES);
}

static void on_pump_closed(uv_handle_t *h)
{
    struct pump *p = OBJ(h->data, struct pump, PUMP_MAGIC);
    fd_close(&p->fd);
    free(p);
}

struct pump *pump_new(uv_loop_t *loop, int take_pipe_fd, struct logfile *take_file,
                      struct logfile *take_combined, bool discard, const struct pump_handler *h)
{
    struct pump *p = calloc(1, sizeof(*p));
    if (!p || uv_poll_init(loop, &p->poll, take_pipe_fd) < 0) {
        fd_close(&take_pipe_fd);
        logfile_close(take_file);
        logfile_close(take_combined);
        free(p);
        return NULL;
    }
    p->magic = PUMP_MAGIC;
    p->poll.data = p;
    p->fd = take_pipe_fd;
    p->file = take_file;
    p->combined = take_combined;
    p->discard = discard;
    p->handler = *h;
    uv_poll_start(&p->poll, UV_READABLE, on_pump_readable);
    return p;
}

int pump_fd(const struct pump *p)
{
    return p ? p->fd : -1;
}

void pump_drain(struct pump *p)
{
    /* What fits in the pipe is what the dead left behind; a live writer cannot hold us for ever. */
    if (p)
        move_up_to(p, 4 * LIMIT_PUMP_CHUNK_BYTES);
}

void pump_close(struct pump *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    logfile_close(p->file);
    logfile_close(p->combined);
    p->file = p->combined = NULL;
    uv_close((uv_handle_t *)&p->poll, on_pump_closed);
}
