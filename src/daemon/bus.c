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

#define FLUSH_BYTES (256UL * 1024) /* of one turn, before they are written all the same */

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
    uint64_t number;     /* of the last event; not counted while nobody listens */
    int64_t since;       /* names the counting: another one each time somebody begins to listen */
    bool has_unwritten;  /* events since the last turn */
    uv_prepare_t turn;   /* of the loop: before it waits */
    struct list paused;  /* sources */
    uv_timer_t patience; /* runs while there are any */
};

struct sub {
    uint32_t magic;
    struct list link;
    struct bus *bus;
    uv_pipe_t pipe;
    struct conn_out out;
    char said[512];
    struct amp_reader in; /* its wish; what it says after that is thrown away */
    uint64_t missed;      /* events, since it has read all that was kept for it */
    bool closing, counted;
    bool is_deaf;   /* nothing it could say matters any more */
    bool numbered;  /* it has asked for the numbers of events */
    bool has_taken; /* some, since `patience` began */
    bool is_stuck;  /* nobody waits for it until it takes something */
};

static void on_sub_closed(uv_handle_t *h)
{
    struct sub *s = OBJ(h->data, struct sub, SUB_MAGIC);
    conn_out_fini(&s->out);
    amp_reader_fini(&s->in);
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
    *ret = uv_buf_init(s->said, sizeof(s->said));
}

/* From here on its events have numbers; what it compares them with. */
static void begin_numbers(struct sub *s)
{
    size_t mark = pub_event_open(&s->out.queued, STR("pm2:numbers"));
    struct jw w = jw_to(&s->out.queued);
    jw_obj_begin(&w);
    jw_kint(&w, "since", s->bus->since);
    jw_kint(&w, "last", (int64_t)s->bus->number);
    jw_obj_end(&w);
    pub_event_close(&s->out.queued, mark);
    s->numbered = true;
    conn_out_flush(&s->out);
}

/* One frame, and a short one; nothing else is of interest. */
static void take_wish(struct sub *s, const char *bytes, size_t n)
{
    struct amp_msg m;
    if (s->is_deaf)
        return;
    int rc =
        s->in.in.len + n > LIMIT_SUB_WISH_BYTES ? -EMSGSIZE : amp_reader_feed(&s->in, bytes, n);
    rc = rc < 0 ? rc : amp_reader_next(&s->in, &m);
    if (rc > 0 && pub_numbers_is(&m))
        begin_numbers(s);
    if (rc == 0)
        return;
    s->is_deaf = true;
    amp_reader_fini(&s->in);
}

static void on_sub_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct sub *s = OBJ(stream->data, struct sub, SUB_MAGIC);
    if (n < 0)
        sub_close(s);
    else
        take_wish(s, b->base, (size_t)n);
}

/* ---- sources that pause ---- */

static bool is_waited_for(const struct sub *s)
{
    return s->missed == 0 && !s->is_stuck && conn_out_pending(&s->out) > LIMIT_SUB_BEHIND_BYTES;
}

static bool is_behind(const struct bus *b)
{
    list_for_each (it, &b->subs)
        if (is_waited_for(LIST_ENTRY(it, struct sub, link)))
            return true;
    return false;
}

static void go_on_all(struct bus *b)
{
    uv_timer_stop(&b->patience);
    while (!list_empty(&b->paused)) {
        struct bus_pause *p = LIST_ENTRY(b->paused.next, struct bus_pause, link);
        bus_pause_end(p);
        p->go_on(p->ctx);
    }
}

static void be_patient(struct bus *b);

/* Those that read are waited for on and on, those that do not are not. */
static void on_patience_end(uv_timer_t *t)
{
    struct bus *b = OBJ(t->data, struct bus, BUS_MAGIC);
    list_for_each (it, &b->subs) {
        struct sub *s = LIST_ENTRY(it, struct sub, link);
        s->is_stuck = s->is_stuck || (is_waited_for(s) && !s->has_taken);
        s->has_taken = false;
    }
    if (is_behind(b))
        be_patient(b);
    else
        go_on_all(b);
}

static void be_patient(struct bus *b)
{
    uv_timer_start(&b->patience, on_patience_end, LIMIT_SUB_WAIT_MS, 0);
}

bool bus_pause(struct bus *b, struct bus_pause *p)
{
    if (p->is_on)
        return true;
    if (b->closed || !is_behind(b))
        return false;
    if (list_empty(&b->paused))
        be_patient(b);
    p->is_on = true;
    list_add_tail(&b->paused, &p->link);
    return true;
}

void bus_pause_end(struct bus_pause *p)
{
    if (p->is_on)
        list_del(&p->link);
    p->is_on = false;
}

/* ---- subscribers ---- */

static void tell_gap(struct sub *s)
{
    size_t start = s->out.queued.len;
    size_t mark = pub_event_open(&s->out.queued, STR("pm2:gap"));
    struct jw w = jw_to(&s->out.queued);
    jw_obj_begin(&w);
    jw_kint(&w, "missed", (int64_t)s->missed);
    jw_kint(&w, "at", clock_wall_ms());
    jw_obj_end(&w);
    pub_event_close(&s->out.queued, mark);
    if (s->numbered) /* that of the last one left out */
        pub_event_number(&s->out.queued, start, s->bus->number);
    s->missed = 0;
    conn_out_flush(&s->out);
}

/* While nobody listened events were not made, and so not counted. */
static void count_anew(struct bus *b)
{
    int64_t now = clock_wall_ms();
    b->since = now > b->since ? now : b->since + 1;
    b->number = 0;
}

/* One that has read everything gets events again. */
static void on_sub_progress(void *ctx)
{
    struct sub *s = OBJ(ctx, struct sub, SUB_MAGIC);
    s->has_taken = true;
    s->is_stuck = false;
    if (s->missed > 0 && !s->closing && conn_out_pending(&s->out) == 0)
        tell_gap(s);
}

static void flush_all(struct bus *b)
{
    b->has_unwritten = false;
    list_for_each_safe (it, next, &b->subs)
        conn_out_flush(&LIST_ENTRY(it, struct sub, link)->out);
}

static void on_turn(uv_prepare_t *h)
{
    struct bus *b = OBJ(h->data, struct bus, BUS_MAGIC);
    if (b->has_unwritten)
        flush_all(b);
    if (!list_empty(&b->paused) && !is_behind(b))
        go_on_all(b);
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
    s->out.on_progress = on_sub_progress;
    list_init(&s->link);
    amp_reader_init(&s->in);

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
    if (b->count == 0)
        count_anew(b);
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
    list_init(&b->paused);
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
    uv_timer_init(b->loop, &b->patience);
    b->patience.data = b;
    uv_prepare_init(b->loop, &b->turn);
    b->turn.data = b;
    uv_prepare_start(&b->turn, on_turn);
    uv_unref((uv_handle_t *)&b->turn);
    b->file = file_id_at(path);
    int rc = uv_pipe_open(&b->listener, fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&b->listener, SOMAXCONN, on_sub_connection);
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
        uv_close((uv_handle_t *)&b->patience, NULL);
        uv_close((uv_handle_t *)&b->turn, NULL);
    }
    flush_all(b);
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
    b->number++;
    list_for_each_safe (it, next, &b->subs) {
        struct sub *s = LIST_ENTRY(it, struct sub, link);
        size_t start = s->out.queued.len;
        size_t unread = conn_out_pending(&s->out);
        if (s->missed > 0 || (unread > 0 && unread + b->event.len > LIMIT_SUB_OUT_BYTES)) {
            s->missed++; /* not logged: that would be an event, and the next to be missed */
            continue;
        }
        buf_add_str(&s->out.queued, buf_str(&b->event));
        if (s->numbered)
            pub_event_number(&s->out.queued, start, b->number);
        if (s->out.queued.len >= FLUSH_BYTES)
            conn_out_flush(&s->out);
    }
    b->has_unwritten = true;
    buf_clear(&b->event);
    buf_trim(&b->event, 65536);
}
