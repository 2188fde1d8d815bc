/* SPDX-License-Identifier: MIT
 * The keeper link on the event loop. Runs in pm2d; translates frames to calls, nothing else. */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/obj.h"
#include "fd_room.h"
#include "os/fd.h"
#include "os/pidfd.h"

#define LINK_MAGIC OBJ_MAGIC('L', 'I', 'N', 'K')

#define LINK_VERSION_SPAWN_FDS 3
#define LINK_VERSION_UPDATE    4

/* Descriptors of a frame in `out`, to go with its first byte. */
struct cargo {
    size_t at; /* of that byte */
    int fds[LIMIT_LINK_FDS];
    unsigned n;
};

struct link {
    uint32_t magic;
    int fd;
    const struct link_handler *handler;
    struct link_reader reader;
    struct buf out;
    struct cargo *cargo; /* in order */
    size_t cargo_count, cargo_cap;
    int fds[4 * LIMIT_LINK_FDS]; /* received, not yet claimed by a frame */
    unsigned nfds;
    size_t spawns;       /* asked for and not answered */
    struct fd_room room; /* for what will come with the answers */
    uint32_t seq;
    pid_t keeper_pid;
    int keeper_pidfd;
    unsigned starts, version;
    uint32_t app_umask;
    uint64_t app_nofile;
    bool listing;   /* LIST_END has not come yet */
    bool left_over; /* there may be frames behind LIST_END in the reader */
    bool lost;
    bool started;
    uv_poll_t poll;
};

static void take_fds(struct link *l, unsigned n, uint32_t mask, int *ret)
{
    unsigned used = 0;
    for (unsigned i = 0; i < LINK_FD_COUNT; i++) {
        ret[i] = -1;
        if ((mask & (1u << i)) && used < n && used < l->nfds)
            ret[i] = l->fds[used++];
    }
    for (unsigned i = used; i < n && i < l->nfds; i++)
        fd_close(&l->fds[i]);
    unsigned drop = n < l->nfds ? n : l->nfds;
    for (unsigned i = drop; i < l->nfds; i++)
        l->fds[i - drop] = l->fds[i];
    l->nfds -= drop;
}

typedef void frame_fn(struct link *l, const struct link_frame *f, struct link_fields *in);

static void frame_hello_ok(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    l->version = link_get_u32(in);
    l->keeper_pid = (pid_t)link_get_u32(in);
    l->starts = link_get_u32(in);
    l->app_umask = link_get_u32(in);
    l->app_nofile = link_get_u64(in);
    l->keeper_pidfd = pidfd_open_process(l->keeper_pid);
    log_debug("keeper %d speaks link version %u", (int)l->keeper_pid, l->version);
}

static void frame_child(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    struct link_child child;
    int fds[LINK_FD_COUNT];
    link_get_child(in, &child);
    take_fds(l, f->nfds, child.fd_mask, fds);
    if (f->type == LINK_SPAWNED) {
        l->spawns -= l->spawns > 0;
        l->handler->spawned(l->handler->ctx, &child, fds);
    } else {
        l->handler->child(l->handler->ctx, &child, fds);
    }
}

static void frame_spawn_failed(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    uint64_t handle = link_get_u64(in);
    int code = link_get_i32(in);
    l->spawns -= l->spawns > 0;
    l->handler->spawn_failed(l->handler->ctx, handle, code, (enum link_stage)link_get_u32(in));
}

static void frame_exited(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    uint64_t handle = link_get_u64(in);
    (void)link_get_u32(in); /* pid */
    int status = link_get_i32(in);
    l->handler->exited(l->handler->ctx, handle, status, (int64_t)link_get_u64(in));
}

static void frame_list_end(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    (void)in;
    l->listing = false;
}

static void frame_terminate(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    l->handler->terminate(l->handler->ctx, link_get_i32(in));
}

static void frame_reopen(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    (void)in;
    l->handler->reopen(l->handler->ctx);
}

static void frame_updating(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)f;
    l->handler->updating(l->handler->ctx, link_get_str(in));
}

static void frame_stored(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    int fds[LINK_FD_COUNT];
    struct str name = link_get_str(in);
    take_fds(l, f->nfds, 1, fds);
    l->handler->stored(l->handler->ctx, name, fds[0]);
}

static void frame_error(struct link *l, const struct link_frame *f, struct link_fields *in)
{
    (void)l;
    (void)f;
    struct str text = link_get_str(in);
    log_error("keeper: %.*s", STR_ARG(text));
}

static const struct {
    enum link_type type;
    frame_fn *run;
} frame_table[] = {
    {LINK_HELLO_OK, frame_hello_ok},
    {LINK_SPAWNED, frame_child},
    {LINK_SPAWN_FAILED, frame_spawn_failed},
    {LINK_EXITED, frame_exited},
    {LINK_CHILD, frame_child},
    {LINK_STORED, frame_stored},
    {LINK_LIST_END, frame_list_end},
    {LINK_TERMINATE, frame_terminate},
    {LINK_REOPEN, frame_reopen},
    {LINK_ERROR, frame_error},
    {LINK_UPDATING, frame_updating},
};

static void dispatch(struct link *l, const struct link_frame *f)
{
    struct link_fields in = {.rest = f->payload};
    for (size_t i = 0; i < ARRAY_LEN(frame_table); i++) {
        if (frame_table[i].type != (enum link_type)f->type)
            continue;
        frame_table[i].run(l, f, &in);
        if (in.bad)
            log_error("keeper link: short frame of type %u", f->type);
        return;
    }
    int fds[LINK_FD_COUNT];
    take_fds(l, f->nfds, 0, fds); /* a newer keeper's frame: ignored, its fds closed */
}

/* Act on every complete frame. What comes behind the list waits for the loop: until then nobody has
 * this link, and what was listed has not taken effect. 0, or negative when the keeper is lost. */
static int run_frames(struct link *l)
{
    struct link_frame f;
    bool was_listing = l->listing;
    int rc;
    l->left_over = false;
    while ((rc = link_reader_next(&l->reader, &f)) == 1) {
        dispatch(l, &f);
        if (was_listing && !l->listing) {
            l->left_over = true;
            return 0;
        }
    }
    return rc;
}

/* Read once and act on what is complete. 0, or negative when the keeper is lost. */
static int receive(struct link *l)
{
    char bytes[65536];
    unsigned room = (unsigned)ARRAY_LEN(l->fds) - l->nfds;
    /* One reading never takes in descriptors of two frames. */
    fd_room_shrink(&l->room, l->room.count > LINK_FD_COUNT ? l->room.count - LINK_FD_COUNT : 0);
    ssize_t n = fd_recv(l->fd, bytes, sizeof(bytes), l->fds + l->nfds, &room);
    l->nfds += room;
    int rc = n <= 0 ? (int)n : link_reader_feed(&l->reader, bytes, (size_t)n);
    if (n > 0 && rc == 0)
        rc = run_frames(l);
    (void)fd_room_grow(&l->room, l->spawns * LINK_FD_COUNT);
    fd_room_shrink(&l->room, l->spawns * LINK_FD_COUNT);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    return n == 0 ? -EPIPE : rc;
}

static void become_lost(struct link *l)
{
    if (l->lost)
        return;
    l->lost = true;
    if (l->started)
        uv_poll_stop(&l->poll);
    l->handler->lost(l->handler->ctx);
}

static void cargo_close(struct cargo *c)
{
    for (unsigned i = 0; i < c->n; i++)
        fd_close(&c->fds[i]);
    c->n = 0;
}

/* For the frame that begins at the end of `out`. Duplicates: the caller may close its own before
 * they are sent. 0 or -errno. */
static int cargo_add(struct link *l, const int *fds, unsigned n)
{
    if (l->cargo_count == l->cargo_cap) {
        size_t cap = l->cargo_cap ? l->cargo_cap * 2 : 8;
        struct cargo *more = realloc(l->cargo, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        l->cargo = more;
        l->cargo_cap = cap;
    }
    struct cargo *c = &l->cargo[l->cargo_count];
    *c = (struct cargo){.at = l->out.len};
    for (; c->n < n; c->n++) {
        c->fds[c->n] = fcntl(fds[c->n], F_DUPFD_CLOEXEC, 0);
        if (c->fds[c->n] < 0) {
            int rc = -errno;
            cargo_close(c);
            return rc;
        }
    }
    l->cargo_count++;
    return 0;
}

/* The frame of the last cargo is not sent after all. */
static void cargo_drop_last(struct link *l)
{
    cargo_close(&l->cargo[--l->cargo_count]);
}

static void cargo_drop_all(struct link *l)
{
    while (l->cargo_count > 0)
        cargo_drop_last(l);
    free(l->cargo);
    l->cargo = NULL;
    l->cargo_cap = 0;
}

/* `n` bytes were sent, and with them the first cargo if it was due. */
static void cargo_sent(struct link *l, size_t n)
{
    if (l->cargo_count > 0 && l->cargo[0].at == 0) {
        cargo_close(&l->cargo[0]);
        l->cargo_count--;
        memmove(l->cargo, l->cargo + 1, l->cargo_count * sizeof(*l->cargo));
    }
    for (size_t i = 0; i < l->cargo_count; i++)
        l->cargo[i].at -= n;
}

/* Up to the next cargo, which begins a message of its own. */
static ssize_t send_piece(struct link *l)
{
    bool is_due = l->cargo_count > 0 && l->cargo[0].at == 0;
    size_t next = is_due ? 1 : 0;
    size_t n = next < l->cargo_count ? l->cargo[next].at : l->out.len;
    return fd_send(l->fd, l->out.data, n, is_due ? l->cargo[0].fds : NULL,
                   is_due ? l->cargo[0].n : 0);
}

static void send_queued(struct link *l)
{
    while (l->out.len > 0) {
        ssize_t n = send_piece(l);
        if (n < 0)
            break; /* -EAGAIN: the poll goes on; a dead keeper shows up on the read side */
        buf_consume(&l->out, (size_t)n);
        cargo_sent(l, (size_t)n);
    }
    buf_trim(&l->out, 65536);
}

static void on_link_event(uv_poll_t *h, int status, int events);

static void watch(struct link *l)
{
    if (l->started && !l->lost)
        uv_poll_start(&l->poll, UV_READABLE | (l->out.len || l->left_over ? UV_WRITABLE : 0),
                      on_link_event);
}

static void on_link_event(uv_poll_t *h, int status, int events)
{
    struct link *l = OBJ(h->data, struct link, LINK_MAGIC);
    if (events & UV_WRITABLE)
        send_queued(l);
    if (status < 0 || (l->left_over && run_frames(l) < 0) ||
        ((events & UV_READABLE) && receive(l) < 0))
        become_lost(l);
    else
        watch(l);
}

static int await_list(struct link *l, struct err *e)
{
    while (l->listing) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        int rc = poll(&p, 1, 10000);
        if (rc == 0)
            return err_set(e, -ETIMEDOUT, "the keeper does not answer");
        rc = rc < 0 ? -errno : receive(l);
        if (rc < 0 && rc != -EINTR)
            return err_set(e, rc, "keeper link: %s", err_text(rc));
    }
    return 0;
}

struct link *link_connect(int fd, const struct link_handler *handler, struct err *e)
{
    struct link *l = calloc(1, sizeof(*l));
    if (!l) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    l->magic = LINK_MAGIC;
    l->fd = fd;
    l->keeper_pidfd = -1;
    l->handler = handler;
    l->listing = true;
    buf_init(&l->out);
    link_reader_init(&l->reader);
    int rc = fd_set_nonblock(fd, true);
    if (rc == 0)
        rc = fd_set_cloexec(fd, true);
    if (rc < 0) {
        err_set(e, rc, "keeper link on fd %d: %s (pm2d is started by pm2-keeper, not by hand)", fd,
                err_text(rc));
        link_free(l);
        return NULL;
    }
    size_t mark = link_open(&l->out, LINK_HELLO, ++l->seq, 0);
    link_put_u32(&l->out, LINK_VERSION);
    link_close(&l->out, mark);
    link_close(&l->out, link_open(&l->out, LINK_LIST, ++l->seq, 0));
    send_queued(l);
    if (await_list(l, e) < 0) {
        link_free(l);
        return NULL;
    }
    return l;
}

int link_start(struct link *l, uv_loop_t *loop)
{
    int rc = uv_poll_init(loop, &l->poll, l->fd);
    if (rc < 0)
        return rc;
    l->poll.data = l;
    l->started = true;
    watch(l);
    return 0;
}

void link_stop(struct link *l)
{
    if (l && l->started && !uv_is_closing((uv_handle_t *)&l->poll))
        uv_close((uv_handle_t *)&l->poll, NULL);
    if (l)
        l->started = false;
}

static void on_link_closed(uv_handle_t *h)
{
    struct link *l = OBJ(h->data, struct link, LINK_MAGIC);
    fd_close(&l->fd);
    link_free(l);
}

void link_discard(struct link *l)
{
    uv_close((uv_handle_t *)&l->poll, on_link_closed);
}

void link_free(struct link *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->nfds; i++)
        fd_close(&l->fds[i]);
    fd_room_fini(&l->room);
    link_reader_fini(&l->reader);
    cargo_drop_all(l);
    buf_fini(&l->out);
    fd_close(&l->keeper_pidfd);
    free(l);
}

pid_t link_keeper_pid(const struct link *l)
{
    return l->keeper_pid;
}

unsigned link_version(const struct link *l)
{
    return l->version;
}

unsigned link_starts(const struct link *l)
{
    return l->starts;
}

void link_await_end(const struct link *l)
{
    struct pollfd p = {.fd = l->keeper_pidfd, .events = POLLIN};
    if (l->keeper_pidfd >= 0)
        (void)poll(&p, 1, 1000);
}

void link_app_world(const struct link *l, uint32_t *ret_umask, uint64_t *ret_nofile)
{
    *ret_umask = l->app_umask;
    *ret_nofile = l->app_nofile;
}

/* A frame with descriptors, ahead of nothing: descriptors travel with a first byte. */
static int send_with_fds(struct link *l, const struct buf *frame, const int *fds, unsigned n)
{
    if (buf_oom(frame))
        return -ENOMEM;
    link_flush(l);
    for (size_t sent = 0; sent < frame->len;) {
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        if (poll(&p, 1, 5000) <= 0)
            return -ETIMEDOUT;
        ssize_t w = fd_send(l->fd, frame->data + sent, frame->len - sent, fds, sent == 0 ? n : 0);
        if (w < 0 && w != -EAGAIN)
            return (int)w;
        sent += w > 0 ? (size_t)w : 0;
    }
    return 0;
}

int link_adopt(struct link *l, const struct link_child *c, const int *fds)
{
    AUTO(buf) frame = BUF_INIT;
    unsigned n = (unsigned)__builtin_popcount(c->fd_mask);
    size_t mark = link_open(&frame, LINK_ADOPT, ++l->seq, n);
    link_put_child(&frame, c);
    link_close(&frame, mark);
    return send_with_fds(l, &frame, fds, n);
}

int link_store(struct link *l, const char *name, int fd)
{
    if (l->lost)
        return -EPIPE;
    AUTO(buf) frame = BUF_INIT;
    size_t mark = link_open(&frame, LINK_STORE, ++l->seq, 1);
    link_put_str(&frame, str_from(name));
    link_close(&frame, mark);
    return send_with_fds(l, &frame, &fd, 1);
}

static void push(struct link *l)
{
    if (l->lost) {
        buf_clear(&l->out);
        cargo_drop_all(l);
        return;
    }
    send_queued(l);
    watch(l);
}

int link_spawn(struct link *l, const struct link_spawn *s, const int *fds, unsigned n)
{
    if (l->lost)
        return -EPIPE;
    if (n > 0 && l->version < LINK_VERSION_SPAWN_FDS)
        return -EPROTONOSUPPORT;
    int room = fd_room_grow(&l->room, (l->spawns + 1) * LINK_FD_COUNT);
    if (room < 0)
        return room;
    int added = n > 0 ? cargo_add(l, fds, n) : 0;
    if (added < 0) {
        fd_room_shrink(&l->room, l->spawns * LINK_FD_COUNT);
        return added;
    }
    size_t before = l->out.len;
    size_t mark = link_open(&l->out, LINK_SPAWN, ++l->seq, n);
    link_put_spawn(&l->out, s);
    link_close(&l->out, mark);
    if (buf_oom(&l->out) || l->out.len - before > LIMIT_LINK_FRAME_BYTES) {
        int rc = buf_oom(&l->out) ? -ENOMEM : -E2BIG;
        l->out.oom = false;
        buf_truncate(&l->out, before);
        if (n > 0)
            cargo_drop_last(l);
        fd_room_shrink(&l->room, l->spawns * LINK_FD_COUNT);
        return rc;
    }
    l->spawns++;
    push(l);
    return 0;
}

static void send_handle(struct link *l, enum link_type type, uint64_t handle)
{
    size_t mark = link_open(&l->out, type, ++l->seq, 0);
    link_put_u64(&l->out, handle);
    link_close(&l->out, mark);
    push(l);
}

void link_forget(struct link *l, uint64_t handle)
{
    send_handle(l, LINK_FORGET, handle);
}

static void send_text(struct link *l, enum link_type type, const char *text)
{
    size_t mark = link_open(&l->out, type, ++l->seq, 0);
    link_put_str(&l->out, str_from(text));
    link_close(&l->out, mark);
    push(l);
}

void link_ready(struct link *l)
{
    send_text(l, LINK_READY, PM2C_VERSION);
}

void link_fatal(struct link *l, const char *text)
{
    send_text(l, LINK_FATAL, text);
}

void link_unstore(struct link *l, const char *name)
{
    send_text(l, LINK_UNSTORE, name);
}

void link_quit(struct link *l)
{
    link_close(&l->out, link_open(&l->out, LINK_QUIT, ++l->seq, 0));
    push(l);
}

int link_update(struct link *l, const char *folder)
{
    if (l->version < LINK_VERSION_UPDATE)
        return -EPROTONOSUPPORT;
    send_text(l, LINK_UPDATE, folder);
    return 0;
}

void link_flush(struct link *l)
{
    while (l->out.len > 0 && !l->lost) {
        struct pollfd p = {.fd = l->fd, .events = POLLOUT};
        if (poll(&p, 1, 5000) <= 0)
            return;
        size_t before = l->out.len;
        send_queued(l);
        if (l->out.len == before && (p.revents & (POLLERR | POLLHUP)))
            return;
    }
}
