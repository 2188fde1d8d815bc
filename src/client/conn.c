/* SPDX-License-Identifier: MIT
 * Non-blocking sockets with deadlines. Touches no file but the socket that it was given. */
#include "conn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/procfs.h"

#define READ_BYTES       65536
#define BACKLOG_RETRY_MS 5 /* pace when the listener's queue is full */

void conn_init(struct conn *c)
{
    c->fd = -1;
    c->peer = 0;
    amp_reader_init(&c->in);
}

void conn_close(struct conn *c)
{
    fd_close(&c->fd);
    amp_reader_fini(&c->in);
    conn_init(c);
}

int conn_ms_left(int64_t deadline)
{
    if (deadline < 0)
        return -1;
    int64_t left = deadline - clock_mono_ms();
    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* PM2's words; root's sockets get the advice that PM2 gives there. */
static int not_ours(const char *path, uid_t owner, struct err *e)
{
    if (owner == 0)
        return err_set(e, -EACCES, "Permission denied, to give access to current user:");
    return err_set(e, -EACCES,
                   "Permission denied, check permissions on %s (it belongs to uid %u, not to %u)",
                   path, (unsigned)owner, (unsigned)geteuid());
}

static int check_owner(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return err_set(e, -ENOENT, "no daemon");
        return err_set(e, -EACCES, "Permission denied, check permissions on %s (%s)", path,
                       err_text(errno));
    }
    return st.st_uid == geteuid() ? 0 : not_ours(path, st.st_uid, e);
}

/* A unix socket connects at once or not at all; EAGAIN means that the queue of the listener is
 * full, and cannot be waited for with poll(2). */
static int connect_until(int fd, const struct sockaddr_un *to, int64_t deadline)
{
    while (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        if (conn_ms_left(deadline) == 0)
            return -ETIMEDOUT;
        nanosleep(&(struct timespec){.tv_nsec = BACKLOG_RETRY_MS * 1000000L}, NULL);
    }
    return 0;
}

static int connect_error(const char *path, int code, struct err *e)
{
    switch (code) {
    case -ENOENT:
    case -ENOTDIR:
    case -ECONNREFUSED:
    case -ENOTSOCK: return err_set(e, -ENOENT, "no daemon");
    case -EACCES:
    case -EPERM: return err_set(e, -EACCES, "Permission denied, check permissions on %s", path);
    case -ETIMEDOUT: return err_set(e, code, "%s: the listener there accepts no connections", path);
    default: return err_set(e, code, "cannot connect to %s: %s", path, err_text(code));
    }
}

static int check_peer(struct conn *c, const char *path, struct err *e)
{
    uid_t uid;
    int rc = sock_peer(c->fd, &uid, &c->peer);
    if (rc < 0)
        return err_set(e, rc, "cannot tell who listens on %s: %s", path, err_text(rc));
    return uid == geteuid() ? 0 : not_ours(path, uid, e);
}

int conn_open(struct conn *c, const char *path, int64_t deadline, struct err *e)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n > LIMIT_SOCKET_PATH)
        return err_set(
            e, -ENAMETOOLONG,
            "the socket path %s has %zu bytes and may have %d: choose a shorter PM2_HOME", path, n,
            LIMIT_SOCKET_PATH);
    memcpy(to.sun_path, path, n);
    int rc = check_owner(path, e);
    if (rc < 0)
        return rc;
    conn_close(c);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return err_set(e, -errno, "cannot make a socket: %s", err_text(errno));
    rc = connect_until(c->fd, &to, deadline);
    rc = rc < 0 ? connect_error(path, rc, e) : check_peer(c, path, e);
    if (rc < 0)
        conn_close(c);
    return rc;
}

int conn_silent(const struct conn *c, const char *path, int timeout_ms, struct err *e)
{
    struct proc_stat st;
    if (c->peer > 0 && procfs_stat(c->peer, &st) == 0 && (st.state == 'T' || st.state == 't'))
        return err_set(e, -ETIMEDOUT,
                       "no answer on %s within %d ms: the daemon (pid %d) was stopped by a signal; "
                       "kill -CONT %d lets it go on",
                       path, timeout_ms, (int)c->peer, (int)c->peer);
    return err_set(e, -ETIMEDOUT,
                   "no answer on %s within %d ms: the daemon (pid %d) hangs, or something else "
                   "listens there; kill -KILL %d ends it",
                   path, timeout_ms, (int)c->peer, (int)c->peer);
}

static int peer_gone(struct err *e)
{
    return err_set(e, -EPIPE, "the daemon closed the connection");
}

/* Send a piece. Bytes sent, 0 when the socket is full, or negative. */
static ssize_t send_some(struct conn *c, struct str bytes, struct err *e)
{
    ssize_t n;
    do
        n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        return 0;
    if (errno == EPIPE || errno == ECONNRESET || errno == EBADF)
        return peer_gone(e);
    return err_set(e, -errno, "cannot write to the daemon: %s", err_text(errno));
}

int conn_send(struct conn *c, struct str bytes, int64_t deadline, struct err *e)
{
    while (bytes.n > 0) {
        ssize_t n = send_some(c, bytes, e);
        if (n < 0)
            return (int)n;
        bytes.p += n;
        bytes.n -= (size_t)n;
        if (n > 0)
            continue;
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (poll(&p, 1, conn_ms_left(deadline)) == 0)
            return err_set(e, -ETIMEDOUT, "the daemon does not read");
    }
    return 0;
}

int conn_write_try(struct conn *c, struct buf *out, struct err *e)
{
    while (out->len > 0) {
        ssize_t n = send_some(c, buf_str(out), e);
        if (n <= 0)
            return n < 0 ? (int)n : 1;
        buf_consume(out, (size_t)n);
    }
    return 0;
}

int conn_read_try(struct conn *c, struct err *e)
{
    char bytes[READ_BYTES];
    ssize_t n = read(c->fd, bytes, sizeof(bytes));
    if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EBADF)))
        return peer_gone(e);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : err_set(e, -errno, "cannot read from the daemon: %s", err_text(errno));
    int rc = amp_reader_feed(&c->in, bytes, (size_t)n);
    return rc < 0 ? err_set(e, rc, "the daemon's answer cannot be taken in: %s", err_text(rc)) : 1;
}

int conn_take(struct conn *c, struct amp_msg *ret, struct err *e)
{
    int rc = amp_reader_next(&c->in, ret);
    return rc < 0 ? err_set(e, rc, "what listens there does not speak PM2's protocol") : rc;
}

int conn_next(struct conn *c, int64_t deadline, int extra_fd, struct amp_msg *ret, struct err *e)
{
    for (;;) {
        int rc = conn_take(c, ret, e);
        if (rc != 0)
            return rc;
        rc = conn_read_try(c, e);
        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = extra_fd, .events = POLLIN}};
        rc = poll(p, 2, conn_ms_left(deadline));
        if (rc == 0 || (rc > 0 && !p[0].revents))
            return 0;
    }
}
