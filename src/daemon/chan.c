/* SPDX-License-Identifier: MIT
 * Node IPC channel and stdin of one run. Runs in pm2d. */
#include "chan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "chan_queue.h"
#include "os/fd.h"
#include "wire/channel.h"

#define CHAN_MAGIC  OBJ_MAGIC('C', 'H', 'A', 'N')
#define MAX_HANDLES 16
#define MUCH_BYTES  8192 /* of one read; those who talk with the cluster primary say less */

/* stdin: a pipe with a bounded queue. */
struct input {
    int fd;
    bool open;
    uv_poll_t poll;
    struct buf out;
};

struct chan {
    uint32_t magic;
    int fd;
    bool open;    /* until its end has been read */
    bool is_mute; /* nothing can be written any more; what the app has said is still to be read */
    bool is_bun;
    bool is_paused;
    bool closing;
    int watched; /* events of `poll` */
    uv_poll_t poll;
    struct chan_queue queue;
    struct channel_reader reader;
    struct chan_handler handler;
    struct input input;
    unsigned open_handles;
};

static void chan_free(struct chan *c)
{
    fd_close(&c->fd);
    fd_close(&c->input.fd);
    chan_queue_fini(&c->queue);
    buf_fini(&c->input.out);
    channel_reader_fini(&c->reader);
    free(c);
}

static void on_chan_closed(uv_handle_t *h)
{
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    if (--c->open_handles == 0)
        chan_free(c);
}

/* ---- out ---- */

static void on_channel_event(uv_poll_t *h, int status, int events);
static void on_input_event(uv_poll_t *h, int status, int events);

static void watch_channel(struct chan *c)
{
    int events = c->open && !c->is_paused ? UV_READABLE : 0;
    if (c->open && !c->is_mute && chan_queue_can_go(&c->queue))
        events |= UV_WRITABLE;
    if (c->closing || events == c->watched)
        return; /* to start it again costs two system calls */
    c->watched = events;
    if (events)
        uv_poll_start(&c->poll, events, on_channel_event);
    else
        uv_poll_stop(&c->poll);
}

/* Call back for a handle that has left the queue. It may close the chan, which stays in memory
 * until the loop turns. */
static void settle(struct chan_line *take_line, int code)
{
    if (!take_line)
        return;
    take_line->done(take_line->ctx, code);
    free(take_line);
}

static void fail_handles(struct chan *c)
{
    struct chan_line *line;
    while ((line = chan_queue_take(&c->queue)))
        settle(line, -EPIPE);
}

/* -ETOOMANYREFS, else 0: when the peer is gone, the reading side tells. */
static int push(struct chan *c)
{
    int rc = c->open && !c->is_mute ? chan_queue_push(&c->queue, c->fd) : 0;
    if (rc < 0 && rc != -ETOOMANYREFS) {
        c->is_mute = true;
        rc = 0;
    }
    watch_channel(c);
    return rc;
}

/* ---- in ---- */

/* Nothing more is to be read: stop looking (the fd itself stays until the run ends). */
static void end_channel(struct chan *c)
{
    c->open = false;
    watch_channel(c);
    fail_handles(c);
    if (!c->closing && c->handler.closed)
        c->handler.closed(c->handler.ctx);
}

/* Every handle must be acknowledged exactly once or the app's channel stalls. Without the 0x02 in
 * both dialects. */
static void answer_handle(struct chan *c, const json_t *value)
{
    (void)value;
    if (chan_queue_add_urgent(&c->queue, STR("{\"cmd\":\"NODE_HANDLE_ACK\"}")) < 0)
        log_warn("an app's handle could not be acknowledged");
    (void)push(c);
}

/* One that answers nothing finds nothing: an earlier pm2d may have sent what it is for. */
static void take_ack(struct chan *c, const json_t *value)
{
    (void)value;
    settle(chan_queue_answered(&c->queue), 0);
    (void)push(c);
}

static void take_nack(struct chan *c, const json_t *value)
{
    (void)value;
    settle(chan_queue_answered(&c->queue), -EMFILE);
    (void)push(c);
}

static void take_cluster(struct chan *c, const json_t *value)
{
    if (c->handler.cluster)
        c->handler.cluster(c->handler.ctx, value, c->is_bun);
}

/* What else there is (bookkeeping of sockets, debugging) is for nobody here. */
static const struct {
    const char *cmd;
    void (*take)(struct chan *c, const json_t *value);
} internals[] = {
    {"NODE_CLUSTER", take_cluster},
    {"NODE_HANDLE", answer_handle},
    {"NODE_HANDLE_ACK", take_ack},
    {"NODE_HANDLE_NACK", take_nack},
};

#define AGENT_PREFIX "NODE_PM2_"

static bool take_agent(struct chan *c, struct str cmd, const json_t *value)
{
    const size_t prefix_bytes = sizeof(AGENT_PREFIX) - 1;
    if (!str_starts(cmd, STR(AGENT_PREFIX)))
        return false;
    if (c->handler.agent)
        c->handler.agent(c->handler.ctx, (struct str){cmd.p + prefix_bytes, cmd.n - prefix_bytes},
                         value);
    return true;
}

static void take_internal(struct chan *c, const struct channel_msg *m)
{
    if (c->handler.bad) {
        c->handler.bad(c->handler.ctx, "that is a message of Node's own; it means nothing here",
                       m->line);
        return;
    }
    if (str_starts(m->line, STR("\x02")))
        c->is_bun = true;
    if (take_agent(c, str_from(m->cmd), m->value))
        return;
    for (size_t i = 0; i < ARRAY_LEN(internals); i++) {
        if (strcmp(m->cmd, internals[i].cmd) == 0) {
            internals[i].take(c, m->value);
            return;
        }
    }
}

static void report_bad(struct chan *c, const struct channel_msg *m, const char *why,
                       const char *log_text)
{
    if (c->handler.bad)
        c->handler.bad(c->handler.ctx, why, m->line);
    else
        log_warn("%s", log_text);
}

static void take_messages(struct chan *c)
{
    struct channel_msg m;
    while (!c->closing && channel_reader_next(&c->reader, &m) != CHANNEL_NONE) {
        switch (m.kind) {
        case CHANNEL_APP:
            if (c->handler.message)
                c->handler.message(c->handler.ctx, m.value, m.line);
            break;
        case CHANNEL_INTERNAL: take_internal(c, &m); break;
        case CHANNEL_TOO_LONG:
            report_bad(c, &m, "the line is too long", "an app's message over the cap was dropped");
            break;
        case CHANNEL_BAD:
            report_bad(c, &m, "that is not JSON",
                       "an app sent something that is not JSON on its channel");
            break;
        case CHANNEL_NONE: break;
        }
        json_decref(m.value);
    }
}

/* One read: how many bytes, 0 when there is nothing more now or ever. */
static size_t read_channel(struct chan *c)
{
    char bytes[65536];
    int fds[MAX_HANDLES];
    unsigned nfds = MAX_HANDLES;
    if (c->closing || !c->open)
        return 0;
    ssize_t n = fd_recv(c->fd, bytes, sizeof(bytes), fds, &nfds);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0) {
        if (c->handler.bad && channel_reader_feed(&c->reader, "\n", 1) == 0)
            take_messages(c);
        end_channel(c);
        return 0;
    }
    for (unsigned i = 0; i < nfds; i++)
        fd_close(&fds[i]);
    if (channel_reader_feed(&c->reader, bytes, (size_t)n) < 0) {
        log_error("out of memory: an app's channel is no longer read");
        end_channel(c);
        return 0;
    }
    take_messages(c);
    return (size_t)n;
}

static void on_channel_event(uv_poll_t *h, int status, int events)
{
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    if (status < 0)
        c->watched = 0; /* libuv has stopped it; what is there can be read all the same */
    if ((events & UV_WRITABLE) && push(c) == -ETOOMANYREFS)
        settle(chan_queue_refused(&c->queue), -EMFILE);
    /* One a turn: an app that floods leaves the loop to others. */
    size_t n = c->is_paused && status == 0 ? 0 : read_channel(c);
    if (n >= MUCH_BYTES && !c->closing && c->handler.pause)
        c->is_paused = c->handler.pause(c->handler.ctx);
    watch_channel(c);
}

void chan_go_on(struct chan *c)
{
    if (!c)
        return;
    c->is_paused = false;
    watch_channel(c);
}

/* ---- stdin ---- */

static void shut_input(struct input *in)
{
    in->open = false;
    uv_poll_stop(&in->poll);
    buf_fini(&in->out);
}

static int push_input(struct input *in)
{
    while (in->open && in->out.len > 0) {
        ssize_t n = write(in->fd, in->out.data, in->out.len);
        int rc = n < 0 ? -errno : 0;
        if (rc == -EINTR)
            continue;
        if (rc == -EAGAIN)
            break;
        if (rc < 0) {
            shut_input(in);
            return rc;
        }
        buf_consume(&in->out, (size_t)n);
    }
    buf_trim(&in->out, 4096);
    return 0;
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

static void on_input_event(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct chan *c = OBJ(h->data, struct chan, CHAN_MAGIC);
    (void)push_input(&c->input);
    watch_input(c);
}

/* ---- life ---- */

static bool watch_fd(struct chan *c, uv_loop_t *loop, int fd, uv_poll_t *poll, const char *what)
{
    if (fd < 0)
        return false;
    int rc = uv_poll_init(loop, poll, fd); /* makes it non-blocking, too */
    if (rc < 0) {
        log_error("cannot watch an app's %s: %s", what, uv_strerror(rc));
        return false;
    }
    poll->data = c;
    c->open_handles++;
    return true;
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
    c->fd = take_channel_fd;
    c->input.fd = take_stdin_fd;
    chan_queue_init(&c->queue);
    channel_reader_init(&c->reader);
    buf_init(&c->input.out);
    c->open = watch_fd(c, loop, c->fd, &c->poll, "channel");
    c->input.open = watch_fd(c, loop, c->input.fd, &c->input.poll, "stdin");
    watch_channel(c);
    return c;
}

void chan_drain(struct chan *c)
{
    int there = 0;
    if (!c || !c->open || ioctl(c->fd, FIONREAD, &there) < 0)
        return;
    /* What was there as we began, and the end behind it: whoever has inherited the channel and
     * goes on talking does not keep us here. */
    for (size_t got = 0, n = 1; n > 0 && got <= (size_t)there; got += n)
        n = read_channel(c);
}

void chan_close(struct chan *c)
{
    if (!c || c->closing)
        return;
    c->closing = true;
    c->open = c->input.open = false;
    fail_handles(c);
    if (c->poll.data)
        uv_close((uv_handle_t *)&c->poll, on_chan_closed);
    if (c->input.poll.data)
        uv_close((uv_handle_t *)&c->input.poll, on_chan_closed);
    if (c->open_handles == 0)
        chan_free(c);
}

int chan_channel_fd(const struct chan *c)
{
    return c ? c->fd : -1;
}

int chan_stdin_fd(const struct chan *c)
{
    return c ? c->input.fd : -1;
}

bool chan_connected(const struct chan *c)
{
    return c && c->open && !c->is_mute;
}

bool chan_is_bun(const struct chan *c)
{
    return c && c->is_bun;
}

/* ---- what users send ---- */

size_t chan_waiting_bytes(const struct chan *c)
{
    return c ? c->queue.bytes : 0;
}

static int send_line(struct chan *c, struct str line, int fd, chan_handle_fn *done, void *ctx)
{
    if (!chan_connected(c))
        return -ENOTCONN;
    int rc = chan_queue_add(&c->queue, line, fd, done, ctx);
    if (rc == 0)
        (void)push(c);
    return rc;
}

int chan_send(struct chan *c, struct str line)
{
    int rc = send_line(c, line, -1, NULL, NULL);
    return rc == 0 && c->is_mute ? -ENOTCONN : rc;
}

/* Regular files abort a Node process, other sockets stay in its queue of descriptors for good. */
static bool is_passable(int fd)
{
    struct stat st;
    int type = 0;
    int domain = 0;
    socklen_t size = sizeof(int);
    if (fstat(fd, &st) < 0)
        return false;
    if (S_ISFIFO(st.st_mode))
        return true;
    if (!S_ISSOCK(st.st_mode) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
        return false;
    if (domain == AF_UNIX)
        return type == SOCK_STREAM;
    return (domain == AF_INET || domain == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM);
}

int chan_send_handle(struct chan *c, struct str line, int fd, chan_handle_fn *done, void *ctx)
{
    return is_passable(fd) ? send_line(c, line, fd, done, ctx) : -EINVAL;
}

int chan_send_connection(struct chan *c, struct str line, int fd, chan_handle_fn *done, void *ctx)
{
    return send_line(c, line, fd, done, ctx);
}

int chan_stdin(struct chan *c, struct str bytes)
{
    if (!c || !c->input.open)
        return -EPIPE;
    if (c->input.out.len + bytes.n > LIMIT_STDIN_OUT_BYTES)
        return -ENOBUFS;
    buf_add_str(&c->input.out, bytes);
    int rc = push_input(&c->input);
    watch_input(c);
    return rc;
}
