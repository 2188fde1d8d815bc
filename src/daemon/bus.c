/* SPDX-License-Identifier: MIT
 * The event bus. Runs in pm2d. One function writes to subscribers; closing is deferred to libuv's
 * close callbacks, so no iterator is ever invalidated. */
#include "bus.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/obj.h"
#include "conn_out.h"
#include "os/atomic_file.h"
#include "os/clock.h"
#include "os/fd.h"
#include "wire/rpc.h"
#include "json/write.h"

#define SUB_MAGIC OBJ_MAGIC('S', 'U', 'B', 'S')
#define BUS_MAGIC OBJ_MAGIC('B', 'U', 'S', ' ')

struct bus {
    uint32_t magic;
    uv_pipe_t listener;
    uv_loop_t *loop;
    char *path;
    struct file_id file; /* what we made there */
    bool listening, closed;
    struct list subs;
    unsigned count;
    struct buf event;
    size_t mark;
};

struct sub {
    uint32_t magic;
    struct list link;
    struct bus *bus;
    uv_pipe_t pipe;
    struct conn_out out;
    char discard[512]; /* subscribers say nothing; what they say is thrown away */
    uint64_t missed;   /* events, since it has read all that was kept for it */
    bool closing, counted;
};

static void on_sub_closed(uv_handle_t *h)
{
    struct sub *s = OBJ(h->data, struct sub, SUB_MAGIC);
    conn_out_fini(&s->out);
    free(s);
}

static void sub_close(struct sub *s)
{
    if (s->closing)
        return;
    s->closing = true;
    list_del(&s->link);
    if (s->counted)
        s->bus->count--;
    uv_close((uv_handle_t *)&s->pipe, on_sub_closed);
}

static void on_sub_error(void *ctx, int code)
{
    (void)code;
    sub_close(OBJ(ctx, struct sub, SUB_MAGIC));
}

static void on_sub_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct sub *s = OBJ(h->data, struct sub, SUB_MAGIC);
    *ret = uv_buf_init(s->discard, sizeof(s->discard));
}

static void on_sub_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    (void)b;
    if (n < 0)
        sub_close(OBJ(stream->data, struct sub, SUB_MAGIC));
}

/* It has read everything: from here on it gets events again. */
static void on_sub_drained(void *ctx)
{
    struct sub *s = OBJ(ctx, struct sub, SUB_MAGIC);
    if (s->missed == 0 || s->closing)
        return;
    size_t mark = pub_event_open(&s->out.queued, STR("pm2:gap"));
    struct jw w = jw_to(&s->out.queued);
    jw_obj_begin(&w);
    jw_kint(&w, "missed", (int64_t)s->missed);
    jw_kint(&w, "at", clock_wall_ms());
    jw_obj_end(&w);
    pub_event_close(&s->out.queued, mark);
    s->missed = 0;
    conn_out_flush(&s->out);
}

static int accept_sub(struct bus *b)
{
    struct sub *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->magic = SUB_MAGIC;
    s->bus = b;
    uv_pipe_init(b->loop, &s->pipe, 0);
    s->pipe.data = s;
    conn_out_init(&s->out, (uv_stream_t *)&s->pipe, on_sub_error, s);
    s->out.on_drained = on_sub_drained;
    list_init(&s->link);

    int fd;
    uid_t uid = (uid_t)-1;
    pid_t pid = 0;
    int rc = uv_accept((uv_stream_t *)&b->listener, (uv_stream_t *)&s->pipe);
    if (rc == 0)
        rc = uv_fileno((uv_handle_t *)&s->pipe, &fd);
    if (rc == 0)
        rc = sock_peer(fd, &uid, &pid);
    if (rc == 0 && uid != geteuid() && uid != 0) {
        log_warn("pub.sock: refused process %d of user %u", (int)pid, (unsigned)uid);
        rc = -EPERM;
    }
    if (rc == 0 && b->count >= LIMIT_SUB_CLIENTS) {
        log_warn("pub.sock: refused process %d: %d subscribers already", (int)pid,
                 LIMIT_SUB_CLIENTS);
        rc = -EBUSY;
    }
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&s->pipe, on_sub_alloc, on_sub_read);
    if (rc < 0) {
        sub_close(s);
        return rc;
    }
    /* Only now: what is logged about a stranger must not be sent to him. */
    list_add_tail(&b->subs, &s->link);
    b->count++;
    s->counted = true;
    return 0;
}

static void on_sub_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        (void)accept_sub(OBJ(listener->data, struct bus, BUS_MAGIC));
}

struct bus *bus_new(uv_loop_t *loop)
{
    struct bus *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    b->magic = BUS_MAGIC;
    b->loop = loop;
    list_init(&b->subs);
    buf_init(&b->event);
    return b;
}

int bus_listen(struct bus *b, const char *path, struct err *e)
{
    b->path = strdup(path);
    int fd = b->path ? sock_listen(path, 128, e) : err_set(e, -ENOMEM, "out of memory");
    if (fd < 0)
        return fd;
    uv_pipe_init(b->loop, &b->listener, 0);
    b->listener.data = b;
    b->listening = true;
    b->file = file_id_at(path);
    int rc = uv_pipe_open(&b->listener, fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&b->listener, 128, on_sub_connection);
    return rc < 0 ? err_set(e, rc, "%s: %s", path, uv_strerror(rc)) : 0;
}

void bus_close(struct bus *b)
{
    if (!b || b->closed)
        return;
    b->closed = true;
    if (b->listening) {
        file_unlink_own(b->path, b->file);
        uv_close((uv_handle_t *)&b->listener, NULL);
    }
    list_for_each_safe (it, next, &b->subs)
        sub_close(LIST_ENTRY(it, struct sub, link));
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    buf_fini(&b->event);
    free(b->path);
    free(b);
}

bool bus_wants(const struct bus *b)
{
    return b->count > 0;
}

struct buf *bus_begin(struct bus *b, struct str topic)
{
    buf_clear(&b->event);
    b->mark = pub_event_open(&b->event, topic);
    return &b->event;
}

void bus_end(struct bus *b)
{
    pub_event_close(&b->event, b->mark);
    if (buf_oom(&b->event)) {
        log_error("bus: event dropped, out of memory");
        buf_fini(&b->event);
        return;
    }
    list_for_each_safe (it, next, &b->subs) {
        struct sub *s = LIST_ENTRY(it, struct sub, link);
        if (s->missed > 0 || conn_out_pending(&s->out) + b->event.len > LIMIT_SUB_OUT_BYTES) {
            s->missed++; /* not logged: that would be an event, and the next to be missed */
            continue;
        }
        buf_add_str(&s->out.queued, buf_str(&b->event));
        conn_out_flush(&s->out);
    }
    buf_clear(&b->event);
    buf_trim(&b->event, 65536);
}
