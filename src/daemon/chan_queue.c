/* SPDX-License-Identifier: MIT
 * Lines and handles on their way to an app. Runs in pm2d. */
#include "chan_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/limits.h"
#include "os/fd.h"

void chan_queue_init(struct chan_queue *q)
{
    *q = (struct chan_queue){.awaited = NULL};
    list_init(&q->lines);
}

static struct chan_line *first_line(const struct chan_queue *q)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): forget() took what was freed off the list */
    return list_empty(&q->lines) ? NULL : LIST_ENTRY(q->lines.next, struct chan_line, link);
}

/* A line is no longer of the queue; it is the caller's. */
static struct chan_line *forget(struct chan_queue *q, struct chan_line *line)
{
    list_del(&line->link);
    q->bytes -= sizeof(*line) + line->len;
    q->handles -= line->fd >= 0;
    return line;
}

void chan_queue_fini(struct chan_queue *q)
{
    assert(q->handles == 0);
    list_for_each_safe (it, next, &q->lines)
        free(forget(q, LIST_ENTRY(it, struct chan_line, link)));
}

/* A line that is in the books and not yet in the list. */
static int new_line(struct chan_queue *q, struct str text, int fd, struct chan_line **ret)
{
    size_t bytes = sizeof(**ret) + text.n + 1;
    assert(text.n > 0); /* an empty line is an uncaught SyntaxError in the app */
    if (q->bytes + bytes > LIMIT_CHANNEL_OUT_BYTES ||
        (fd >= 0 && q->handles >= LIMIT_CHANNEL_HANDLES))
        return -ENOBUFS;
    struct chan_line *line = malloc(bytes);
    if (!line)
        return -ENOMEM;
    *line = (struct chan_line){.fd = fd, .len = text.n + 1};
    list_init(&line->link);
    memcpy(line->text, text.p, text.n);
    line->text[text.n] = '\n';
    q->bytes += bytes;
    q->handles += fd >= 0;
    *ret = line;
    return 0;
}

int chan_queue_add(struct chan_queue *q, struct str text, int fd, chan_handle_fn *done, void *ctx)
{
    struct chan_line *line;
    int rc = new_line(q, text, fd, &line);
    if (rc < 0)
        return rc;
    line->done = done;
    line->ctx = ctx;
    list_add_tail(&q->lines, &line->link);
    return 0;
}

int chan_queue_add_urgent(struct chan_queue *q, struct str text)
{
    struct chan_line *line;
    int rc = new_line(q, text, -1, &line);
    if (rc < 0)
        return rc;
    line->is_urgent = true;
    struct chan_line *first = first_line(q);
    if (!first)
        list_add_tail(&q->lines, &line->link);
    else /* a line that has begun goes on; ours comes next */
        list_add_tail(first->sent > 0 ? first->link.next : &first->link, &line->link);
    return 0;
}

bool chan_queue_can_go(const struct chan_queue *q)
{
    const struct chan_line *first = first_line(q);
    return first && (!q->awaited || first->is_urgent);
}

/* Errors after which the socket is as good as before. */
static bool is_full(ssize_t rc)
{
    return rc == -EAGAIN || rc == -ENOBUFS || rc == -ENOMEM;
}

int chan_queue_push(struct chan_queue *q, int sock)
{
    while (chan_queue_can_go(q)) {
        struct chan_line *line = first_line(q);
        unsigned nfds = line->fd >= 0 && line->sent == 0;
        ssize_t n = fd_send(sock, line->text + line->sent, line->len - line->sent, &line->fd, nfds);
        if (n < 0)
            return is_full(n) ? 0 : (int)n;
        line->sent += (size_t)n;
        if (line->sent < line->len)
            continue;
        if (line->fd < 0) {
            free(forget(q, line));
        } else {
            list_del(&line->link);
            q->awaited = line;
        }
    }
    return 0;
}

struct chan_line *chan_queue_answered(struct chan_queue *q)
{
    struct chan_line *line = q->awaited;
    q->awaited = NULL;
    return line ? forget(q, line) : NULL;
}

struct chan_line *chan_queue_refused(struct chan_queue *q)
{
    struct chan_line *line = first_line(q);
    assert(line && line->fd >= 0 && line->sent == 0);
    return forget(q, line);
}

struct chan_line *chan_queue_take(struct chan_queue *q)
{
    if (q->awaited)
        return chan_queue_answered(q);
    list_for_each (it, &q->lines) {
        struct chan_line *line = LIST_ENTRY(it, struct chan_line, link);
        if (line->fd >= 0)
            return forget(q, line);
    }
    return NULL;
}
