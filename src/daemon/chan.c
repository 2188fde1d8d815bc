/* SPDX-License-Identifier: MIT
 * Node IPC channel and stdin of one run. Runs in pm2d. */
#include "chan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "os/fd.h"
#include "wire/channel.h"

#define CHAN_MAGIC  OBJ_MAGIC('C', 'H', 'A', 'N')
#define MAX_HANDLES 16

/* One direction out: a descriptor with a bounded queue. */
struct sink {
    int fd;
    bool open;
    uv_poll_t poll;
    struct buf out;
};

struct chan {
    uint32_t magic;
    struct sink channel, input;
    struct channel_reader reader;
    struct chan_handler handler;
    unsigned open_handles;
    bool closing;
};

static void on_chan_closed(uv_handle_t *h)
{
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    if (--c->open_handles > 0)
        return;
    fd_close(&c->channel.fd);
    fd_close(&c->input.fd);
    buf_fini(&c->channel.out);
    buf_fini(&c->input.out);
    channel_reader_fini(&c->reader);
    free(c);
}

static void on_channel_event(uv_poll_t *h, int status, int events);
static void on_input_event(uv_poll_t *h, int status, int events);

/* The peer end is closed: stop looking at it (the fd itself stays until the run ends). */
static void sink_shut(struct sink *s)
{
    if (!s->open)
        return;
    s->open = false;
    uv_poll_stop(&s->poll);
    buf_fini(&s->out);
}

static int sink_push(struct sink *s, bool is_socket)
{
    while (s->open && s->out.len > 0) {
        ssize_t n = is_socket ? fd_send(s->fd, s->out.data, s->out.len, NULL, 0)
                              : write(s->fd, s->out.data, s->out.len);
        if (n < 0 && !is_socket)
            n = -errno;
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            return 0;
        if (n < 0) {
            sink_shut(s);
            return (int)n;
        }
        buf_consume(&s->out, (size_t)n);
    }
    buf_trim(&s->out, 4096);
    return 0;
}

static void watch_channel(struct chan *c)
{
    if (c->channel.open)
        uv_poll_start(&c->channel.poll, UV_READABLE | (c->channel.out.len ? UV_WRITABLE : 0),
                      on_channel_event);
}

/* Without something to write a pipe's write end reports only that the reader is gone. */
static void watch_input(struct chan *c)
{
    if (!c->input.open)
        return;
    if (c->input.out.len > 0)
        uv_poll_start(&c->input.poll, UV_WRITABLE, on_input_event);
    else
        uv_poll_stop(&c->input.poll);
}

static void answer_internal(struct chan *c, const struct channel_msg *m)
{
    /* Every handle must be acknowledged exactly once or the app's channel stalls. */
    if (strcmp(m->cmd, "NODE_HANDLE") == 0)
        (void)chan_send(c, STR("{\"cmd\":\"NODE_HANDLE_ACK\"}"));
}

static void take_messages(struct chan *c)
{
    struct channel_msg m;
    while (!c->closing && channel_reader_next(&c->reader, &m) != CHANNEL_NONE) {
        switch (m.kind) {
        case CHANNEL_APP: c->handler.message(c->handler.ctx, m.value, m.line); break;
        case CHANNEL_INTERNAL: answer_internal(c, &m); break;
        case CHANNEL_TOO_LONG: log_warn("an app's message over the cap was dropped"); break;
        case CHANNEL_BAD: log_warn("an app sent something that is not JSON on its channel"); break;
        case CHANNEL_NONE: break;
        }
        json_decref(m.value);
    }
}

/* One read. False when there is nothing more now. */
static bool read_channel(struct chan *c)
{
    char bytes[65536];
    int fds[MAX_HANDLES];
    unsigned nfds = MAX_HANDLES;
    ssize_t n = fd_recv(c->channel.fd, bytes, sizeof(bytes), fds, &nfds);
    if (n == -EAGAIN || n == -EINTR)
        return false;
    if (n <= 0) {
        sink_shut(&c->channel);
        return false;
    }
    for (unsigned i = 0; i < nfds; i++)
        fd_close(&fds[i]);
    if (channel_reader_feed(&c->reader, bytes, (size_t)n) < 0) {
        log_error("out of memory: an app's channel is no longer read");
        sink_shut(&c->channel);
        return false;
    }
    take_messages(c);
    return !c->closing && c->channel.open;
}

static void on_channel_event(uv_poll_t *h, int status, int events)
{
    (void)status;
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    if (events & UV_WRITABLE)
        (void)sink_push(&c->channel, true);
    if (c->channel.open)
        (void)read_channel(c); /* one read a turn: an app that floods leaves the loop to others */
    if (!c->closing)
        watch_channel(c);
}

static void on_input_event(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    (void)sink_push(&c->input, false);
    watch_input(c);
}

static int sink_init(struct chan *c, struct sink *s, uv_loop_t *loop, int fd)
{
    s->fd = fd;
    buf_init(&s->out);
    if (fd < 0)
        return 0;
    int rc = uv_poll_init(loop, &s->poll, fd);
    if (rc < 0)
        return rc;
    s->poll.data = c;
    s->open = true;
    c->open_handles++;
    return 0;
}

struct chan *chan_new(uv_loop_t *loop, int take_channel_fd, int take_stdin_fd,
                      const struct chan_handler *h)
{
    struct chan *c = calloc(1, sizeof(*c));
    if (!c) {
        fd_close(&take_channel_fd);
        fd_close(&take_stdin_fd);
        return NULL;
    }
    c->magic = CHAN_MAGIC;
    c->handler = *h;
    channel_reader_init(&c->reader);
    /* SIGPIPE is ignored process-wide; a full pipe must not block the daemon. */
    if (take_stdin_fd >= 0)
        (void)fd_set_nonblock(take_stdin_fd, true);
    if (sink_init(c, &c->channel, loop, take_channel_fd) < 0)
        log_error("cannot watch an app's channel");
    if (sink_init(c, &c->input, loop, take_stdin_fd) < 0)
        log_error("cannot watch an app's stdin");
    watch_channel(c);
    return c;
}

void chan_drain(struct chan *c)
{
    for (int i = 0; c && i < 1024 && c->channel.open && read_channel(c); i++)
        ;
}

void chan_close(struct chan *c)
{
    if (!c || c->closing)
        return;
    c->closing = true;
    c->channel.open = c->input.open = false;
    c->open_handles = 1; /* recounted: handles that exist, and this call */
    if (c->channel.poll.data) {
        c->open_handles++;
        uv_close((uv_handle_t *)&c->channel.poll, on_chan_closed);
    }
    if (c->input.poll.data) {
        c->open_handles++;
        uv_close((uv_handle_t *)&c->input.poll, on_chan_closed);
    }
    if (--c->open_handles == 0) {
        channel_reader_fini(&c->reader);
        free(c);
    }
}

int chan_channel_fd(const struct chan *c)
{
    return c ? c->channel.fd : -1;
}

int chan_stdin_fd(const struct chan *c)
{
    return c ? c->input.fd : -1;
}

bool chan_connected(const struct chan *c)
{
    return c && c->channel.open;
}

int chan_send(struct chan *c, struct str json)
{
    if (!chan_connected(c))
        return -ENOTCONN;
    if (c->channel.out.len + json.n > LIMIT_CHANNEL_OUT_BYTES)
        return -ENOBUFS;
    channel_write(&c->channel.out, json);
    int rc = sink_push(&c->channel, true);
    if (!c->closing)
        watch_channel(c);
    return rc;
}

int chan_stdin(struct chan *c, struct str bytes)
{
    if (!c || !c->input.open)
        return -EPIPE;
    if (c->input.out.len + bytes.n > LIMIT_STDIN_OUT_BYTES)
        return -ENOBUFS;
    buf_add_str(&c->input.out, bytes);
    int rc = sink_push(&c->input, false);
    watch_input(c);
    return rc;
}
