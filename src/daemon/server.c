/* SPDX-License-Identifier: MIT
 * The request/reply server. Runs in pm2d; knows frames and peers, not methods. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/obj.h"
#include "conn_out.h"
#include "os/atomic_file.h"
#include "os/fd.h"

#define SERVER_MAGIC OBJ_MAGIC('S', 'R', 'V', ' ')
#define CONN_MAGIC   OBJ_MAGIC('C', 'O', 'N', 'N')

#define REPLY_BATCH_BYTES (256UL * 1024) /* of answers, before they are written all the same */
#define REPLY_KEEP_BYTES  (256UL * 1024) /* of memory, between two answers */

struct server {
    uint32_t magic;
    uv_loop_t *loop;
    uv_pipe_t listener;
    char *path;
    struct file_id file; /* what we made there */
    bool listening, closed;
    struct list conns;
    unsigned count;
    server_handle_fn *handle;
    void *ctx;
    /* Answers on their way to one connection: those of one batch of requests are written at once,
     * and a connection needs memory of its own only for what its peer does not take. */
    struct buf reply;
    struct conn *reply_to;
    char read_buf[65536]; /* reads are consumed at once: one buffer serves all connections */
};

struct conn {
    uint32_t magic;
    struct list link;
    struct server *server;
    uv_pipe_t pipe;
    struct amp_reader reader;
    struct conn_out out;
    void (*on_close)(void *ctx);
    void *on_close_ctx;
    unsigned calls; /* not answered yet; they keep the struct alive */
    pid_t peer;
    uid_t peer_uid;
    bool closing, closed;
    bool eof;    /* the peer sends no more, but may still read its replies */
    bool corked; /* answers are gathered until the batch of requests is through */
};

struct call {
    struct conn *conn;
    size_t start, mark; /* of the reply that is being built */
    size_t id_len;
    char id[];
};

static void conn_free_if_done(struct conn *c)
{
    if (!c->closed || c->calls > 0)
        return;
    amp_reader_fini(&c->reader);
    free(c);
}

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = OBJ(h->data, struct conn, CONN_MAGIC);
    c->closed = true;
    conn_out_fini(&c->out);
    conn_free_if_done(c);
}

static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    list_del(&c->link);
    c->server->count--;
    if (c->on_close)
        c->on_close(c->on_close_ctx);
    uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

static void on_conn_error(void *ctx, int code)
{
    (void)code;
    conn_close(OBJ(ctx, struct conn, CONN_MAGIC));
}

static bool can_hold(const struct conn *c, const struct buf *more)
{
    return !buf_oom(more) && conn_out_pending(&c->out) + more->len <= LIMIT_RPC_OUT_BYTES;
}

/* Hand the answers on to the connection that they are for. */
static void push_reply(struct server *s)
{
    struct conn *c = s->reply_to;
    if (!c)
        return;
    s->reply_to = NULL;
    if (c->closing) {
        /* what was built goes nowhere */
    } else if (can_hold(c, &s->reply)) {
        conn_out_write(&c->out, &s->reply);
    } else {
        log_warn("rpc.sock: process %d does not read its replies: cut off", (int)c->peer);
        conn_close(c);
    }
    buf_clear(&s->reply);
    buf_trim(&s->reply, REPLY_KEEP_BYTES);
}

/* The buffer to which an answer for this connection is appended. */
static struct buf *reply_for(struct conn *c)
{
    struct server *s = c->server;
    if (s->reply_to != c)
        push_reply(s);
    s->reply_to = c;
    return &s->reply;
}

/* An answer is complete. */
static void end_reply(struct conn *c)
{
    if (!c->corked || c->server->reply.len >= REPLY_BATCH_BYTES)
        push_reply(c->server);
}

/* After the peer's EOF the connection lives until its last reply is out. */
static void finish_after_eof(struct conn *c)
{
    if (c->eof && !c->closing && c->calls == 0 && conn_out_pending(&c->out) == 0)
        conn_close(c);
}

static void on_conn_progress(void *ctx)
{
    finish_after_eof(OBJ(ctx, struct conn, CONN_MAGIC));
}

static struct call *call_new(struct conn *c, struct str id)
{
    struct call *call = malloc(sizeof(*call) + id.n);
    if (!call)
        return NULL;
    call->conn = c;
    call->id_len = id.n;
    memcpy(call->id, id.p, id.n);
    c->calls++;
    return call;
}

void call_drop(struct call *call)
{
    struct conn *c = call->conn;
    c->calls--;
    free(call);
    finish_after_eof(c);
    conn_free_if_done(c);
}

void call_on_close(struct call *call, void (*fn)(void *ctx), void *ctx)
{
    call->conn->on_close = fn;
    call->conn->on_close_ctx = ctx;
}

struct buf *call_begin(struct call *call)
{
    struct buf *out = reply_for(call->conn);
    call->start = out->len;
    call->mark = rpc_reply_open(out);
    return out;
}

void call_end(struct call *call)
{
    struct buf *out = &call->conn->server->reply;
    struct str id = {call->id, call->id_len};
    if (buf_oom(out) || out->len - call->start > LIMIT_FRAME_BYTES) {
        buf_truncate(out, call->start);
        out->oom = false; /* there is room for the error again */
        rpc_reply_error(out, id, "the answer is larger than a frame may be");
    } else {
        rpc_reply_close(out, call->mark, id);
    }
    end_reply(call->conn);
    call_drop(call);
}

typedef void reply_fn(struct buf *out, struct str id, const char *text);

static void answer_error(struct call *call, reply_fn *write, const char *text)
{
    write(reply_for(call->conn), (struct str){call->id, call->id_len}, text);
    end_reply(call->conn);
    call_drop(call);
}

void call_fail(struct call *call, const char *text)
{
    answer_error(call, rpc_reply_error, text);
}

void call_refuse(struct call *call, const char *text)
{
    answer_error(call, rpc_reply_refusal, text);
}

void call_value(struct call *call, struct str json)
{
    struct buf *out = call_begin(call);
    buf_add_c(out, "{\"args\":[");
    buf_add_str(out, json);
    buf_add_c(out, "]}");
    call_end(call);
}

void call_peer(const struct call *c, uid_t *ret_uid, pid_t *ret_pid)
{
    *ret_uid = c->conn->peer_uid;
    *ret_pid = c->conn->peer;
}

/* One request. False when the connection has to go. */
static bool take_request(struct conn *c, const struct amp_msg *m)
{
    struct rpc_request rq;
    struct err e = {0};
    int rc = rpc_request_parse(m, &rq, &e);
    if (rc == -EPROTO || rc == -ENOMEM)
        return false;
    struct call *call = c->calls < LIMIT_RPC_PIPELINE ? call_new(c, rq.id) : NULL;
    if (!call) {
        log_warn("rpc.sock: process %d has too many calls under way: cut off", (int)c->peer);
        rpc_request_fini(&rq);
        return false;
    }
    if (rc < 0)
        call_refuse(call, e.msg);
    else
        c->server->handle(c->server->ctx, call, &rq);
    rpc_request_fini(&rq);
    return true;
}

static void take_bytes(struct conn *c, const char *p, size_t n)
{
    struct amp_msg m;
    int rc = amp_reader_feed(&c->reader, p, n);
    c->calls++; /* the struct must survive what the requests do to the connection */
    c->corked = true;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): calls > 0 keeps it; see conn_free_if_done */
    while (rc == 0 && !c->closing && (rc = amp_reader_next(&c->reader, &m)) == 1)
        rc = take_request(c, &m) ? 0 : -EPROTO;
    c->corked = false;
    if (c->server->reply_to == c)
        push_reply(c->server);
    if (rc < 0 && !c->closing) {
        log_warn("rpc.sock: bad bytes from process %d (%s): cut off", (int)c->peer, err_text(rc));
        conn_close(c);
    }
    c->calls--;
    finish_after_eof(c);
}

static void on_conn_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct conn *c = OBJ(h->data, struct conn, CONN_MAGIC);
    *ret = uv_buf_init(c->server->read_buf, sizeof(c->server->read_buf));
}

static void on_conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = OBJ(stream->data, struct conn, CONN_MAGIC);
    if (n == UV_EOF) {
        c->eof = true;
        uv_read_stop(stream);
        finish_after_eof(c);
    } else if (n < 0) {
        conn_close(c);
    } else if (n > 0) {
        take_bytes(c, b->base, (size_t)n);
    }
}

/* Only the daemon's own user and root may command it. */
static int check_peer(struct conn *c)
{
    int fd;
    uid_t uid = (uid_t)-1;
    int rc = uv_fileno((uv_handle_t *)&c->pipe, &fd);
    if (rc == 0)
        rc = sock_peer(fd, &uid, &c->peer);
    if (rc < 0)
        return rc;
    c->peer_uid = uid;
    if (uid != geteuid() && uid != 0) {
        log_warn("rpc.sock: refused process %d of user %u", (int)c->peer, (unsigned)uid);
        return -EPERM;
    }
    if (c->server->count > LIMIT_RPC_CLIENTS) {
        log_warn("rpc.sock: refused process %d: %d clients already", (int)c->peer,
                 LIMIT_RPC_CLIENTS);
        return -EBUSY;
    }
    return 0;
}

static void accept_conn(struct server *s)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c)
        return;
    c->magic = CONN_MAGIC;
    c->server = s;
    uv_pipe_init(s->loop, &c->pipe, 0);
    c->pipe.data = c;
    amp_reader_init(&c->reader);
    conn_out_init(&c->out, (uv_stream_t *)&c->pipe, on_conn_error, c);
    c->out.on_progress = on_conn_progress;
    list_add_tail(&s->conns, &c->link);
    s->count++;
    int rc = uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->pipe);
    if (rc == 0)
        rc = check_peer(c);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&c->pipe, on_conn_alloc, on_conn_read);
    if (rc < 0)
        conn_close(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        accept_conn(OBJ(listener->data, struct server, SERVER_MAGIC));
}

struct server *server_new(uv_loop_t *loop, server_handle_fn *handle, void *ctx)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->magic = SERVER_MAGIC;
    s->loop = loop;
    s->handle = handle;
    s->ctx = ctx;
    list_init(&s->conns);
    buf_init(&s->reply);
    return s;
}

int server_listen(struct server *s, const char *path, struct err *e)
{
    s->path = strdup(path);
    int fd = s->path ? sock_listen(path, 1024, e) : err_set(e, -ENOMEM, "out of memory");
    if (fd < 0)
        return fd;
    uv_pipe_init(s->loop, &s->listener, 0);
    s->listener.data = s;
    s->listening = true;
    s->file = file_id_at(path);
    int rc = uv_pipe_open(&s->listener, fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, SOMAXCONN, on_connection);
    return rc < 0 ? err_set(e, rc, "%s: %s", path, uv_strerror(rc)) : 0;
}

void server_close(struct server *s)
{
    if (!s || s->closed)
        return;
    s->closed = true;
    if (s->listening) {
        file_unlink_own(s->path, s->file);
        uv_close((uv_handle_t *)&s->listener, NULL);
    }
    push_reply(s); /* the last words: the answer to `kill` is among them */
    list_for_each_safe (it, next, &s->conns)
        conn_close(LIST_ENTRY(it, struct conn, link));
}

void server_free(struct server *s)
{
    if (!s)
        return;
    buf_fini(&s->reply);
    free(s->path);
    free(s);
}
