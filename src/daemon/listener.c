/* SPDX-License-Identifier: MIT
 * Sockets for apps. Runs in pm2d. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"

/* What Node sends in `flags`. */
#define FLAG_IPV6_ONLY  1u
#define FLAG_REUSE_ADDR 4u

/* <netinet/tcp.h> has these, and a struct tcp_info that is too old. */
enum { STATE_CLOSE_WAIT = 8, STATE_LAST_ACK = 9 };

#define ACCEPT_TRIES 64 /* connections that broke while they waited, in a row */

struct address {
    struct sockaddr_storage any;
    socklen_t size;
};

static bool is_udp(const struct cluster_query *q)
{
    return q->type == CLUSTER_UDP4 || q->type == CLUSTER_UDP6;
}

static bool is_v6(const struct cluster_query *q)
{
    return q->type == CLUSTER_TCP6 || q->type == CLUSTER_UDP6;
}

/* getaddrinfo and not inet_pton: "fe80::1%eth0" has a scope. */
static int parse_address(const char *text, int port, int family, struct address *ret)
{
    char service[16];
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_family = family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(text, service, &hints, &found) != 0 || !found)
        return -EINVAL;
    memcpy(&ret->any, found->ai_addr, found->ai_addrlen);
    ret->size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int set_options(int fd, const struct cluster_query *q, int family)
{
    int on = 1;
    int only = (q->flags & FLAG_IPV6_ONLY) ? 1 : 0;
    bool reuse = !is_udp(q) || (q->flags & FLAG_REUSE_ADDR);
    if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -errno;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
        return -errno;
    return 0;
}

static int start_listening(int fd, const struct cluster_query *q)
{
    if (is_udp(q))
        return 0;
    return listen(fd, q->backlog > 0 ? q->backlog : SOMAXCONN) < 0 ? -errno : 0;
}

/* `is_one_of_many`: with SO_REUSEPORT. */
static int open_inet(const struct cluster_query *q, const char *text, int family,
                     bool is_one_of_many)
{
    int on = 1;
    struct address a = {0};
    int rc = parse_address(text, q->port, family, &a);
    if (rc < 0)
        return rc;
    int type = (is_udp(q) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(family, type, 0);
    if (fd < 0)
        return -errno;
    rc = set_options(fd, q, family);
    if (rc == 0 && is_one_of_many && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        rc = -errno;
    if (rc == 0 && bind(fd, (struct sockaddr *)&a.any, a.size) < 0)
        rc = -errno;
    if (rc == 0)
        rc = start_listening(fd, q);
    if (rc == 0)
        return fd;
    fd_close(&fd);
    return rc;
}

/* A worker says type 4 when it has no address; what is meant is any address of any family. */
static int open_any(const struct cluster_query *q, bool is_one_of_many)
{
    int fd = is_udp(q) && !is_v6(q) ? -EAFNOSUPPORT : open_inet(q, "::", AF_INET6, is_one_of_many);
    return fd >= 0 || (is_udp(q) && is_v6(q)) ? fd
                                              : open_inet(q, "0.0.0.0", AF_INET, is_one_of_many);
}

static int open_place(const struct cluster_query *q, bool is_one_of_many)
{
    return q->address ? open_inet(q, q->address, is_v6(q) ? AF_INET6 : AF_INET, is_one_of_many)
                      : open_any(q, is_one_of_many);
}

/* ---- UNIX sockets ---- */

/* Nobody listens there any more: remove it. */
static int clear_the_way(const struct sockaddr_un *sa)
{
    struct stat st;
    if (lstat(sa->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? -errno : 0;
    fd_close(&fd);
    if (rc != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(sa->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_unix(int fd, const struct sockaddr_un *sa)
{
    if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    int rc = clear_the_way(sa);
    if (rc == 0 && bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
        rc = -errno;
    return rc;
}

static mode_t mode_of(const struct cluster_query *q, mode_t app_umask)
{
    mode_t mode = 0777 & ~app_umask;
    if (q->readable_all)
        mode |= S_IRUSR | S_IRGRP | S_IROTH;
    if (q->writable_all)
        mode |= S_IWUSR | S_IWGRP | S_IWOTH;
    return mode;
}

static int open_unix(const struct cluster_query *q, mode_t app_umask, struct listener *ret)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t n = q->address ? strlen(q->address) : 0;
    if (n == 0)
        return -EINVAL; /* Node 18: listen(handle) asks like this */
    if (n > LIMIT_SOCKET_PATH)
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, q->address, n);
    ret->path = strdup(q->address);
    if (!ret->path)
        return -ENOMEM;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -errno : bind_unix(fd, &sa);
    if (rc == 0) {
        ret->own = file_id_at(ret->path);
        if (chmod(ret->path, mode_of(q, app_umask)) < 0 || (rc = start_listening(fd, q)) < 0) {
            rc = rc < 0 ? rc : -errno;
            file_unlink_own(ret->path, ret->own);
        }
    }
    if (rc == 0)
        return fd;
    fd_close(&fd);
    free(ret->path);
    ret->path = NULL;
    return rc;
}

/* ---- for all ---- */

int listener_open(const struct cluster_query *q, mode_t app_umask, struct listener *ret)
{
    *ret = (struct listener){.fd = -1, .is_udp = is_udp(q)};
    int fd = -EBADF;
    if (q->type == CLUSTER_UNIX)
        fd = open_unix(q, app_umask, ret);
    else if (q->type != CLUSTER_FD)
        fd = open_place(q, false);
    if (fd < 0)
        return fd;
    ret->fd = fd;
    return 0;
}

int listener_open_anyway(const struct cluster_query *q, struct listener *ret)
{
    *ret = (struct listener){.fd = -1};
    int fd = open_place(q, true);
    if (fd < 0)
        return fd;
    ret->fd = fd;
    return 0;
}

int listener_open_first(const struct cluster_query *q, struct listener *ret)
{
    *ret = (struct listener){.fd = -1};
    if (q->type != CLUSTER_TCP4 && q->type != CLUSTER_TCP6)
        return -EINVAL;
    if (q->port > 0) { /* the kernel lets any program of this user into a group */
        int alone = open_place(q, false);
        if (alone < 0)
            return alone;
        fd_close(&alone);
    }
    return listener_open_anyway(q, ret);
}

static int copy_option(int from, int to, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);
    if (getsockopt(from, level, option, &value, &size) < 0 ||
        setsockopt(to, level, option, &value, size) < 0)
        return -errno;
    return 0;
}

int listener_open_beside(const struct listener *first, int backlog, struct listener *ret)
{
    struct address a = {.size = sizeof(a.any)};
    *ret = (struct listener){.fd = -1, .is_shared = first->is_shared};
    if (getsockname(first->fd, (struct sockaddr *)&a.any, &a.size) < 0)
        return -errno;
    int fd = socket(a.any.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int rc = copy_option(first->fd, fd, SOL_SOCKET, SO_REUSEADDR);
    if (rc == 0)
        rc = copy_option(first->fd, fd, SOL_SOCKET, SO_REUSEPORT);
    if (rc == 0 && a.any.ss_family == AF_INET6)
        rc = copy_option(first->fd, fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (rc == 0 && (bind(fd, (struct sockaddr *)&a.any, a.size) < 0 ||
                    listen(fd, backlog > 0 ? backlog : SOMAXCONN) < 0))
        rc = -errno;
    if (rc < 0)
        fd_close(&fd);
    ret->fd = fd;
    return rc;
}

void listener_release(struct listener *l)
{
    fd_close(&l->fd);
    free(l->path);
    l->path = NULL;
}

void listener_close(struct listener *l)
{
    /* The keeper has a copy for a moment still, with which the port would stay taken. */
    if (l->fd >= 0 && !l->is_udp && !l->is_shared)
        (void)shutdown(l->fd, SHUT_RDWR);
    if (l->path && l->own.inode)
        file_unlink_own(l->path, l->own);
    listener_release(l);
}

int listener_name(const struct listener *l, struct listener_name *ret)
{
    struct sockaddr_storage any = {0};
    socklen_t size = sizeof(any);
    *ret = (struct listener_name){0};
    if (getsockname(l->fd, (struct sockaddr *)&any, &size) < 0)
        return -errno;
    if (any.ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)&any;
        ret->family = 4;
        ret->port = ntohs(a->sin_port);
        inet_ntop(AF_INET, &a->sin_addr, ret->address, sizeof(ret->address));
    } else if (any.ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&any;
        ret->family = 6;
        ret->port = ntohs(a->sin6_port);
        inet_ntop(AF_INET6, &a->sin6_addr, ret->address, sizeof(ret->address));
    }
    return 0;
}

/* What accept(2) reports of a connection and not of the listener. */
static bool is_of_connection(int code)
{
    return code == ECONNABORTED || code == EPROTO || code == EINTR || code == ENETDOWN ||
           code == ENOPROTOOPT || code == EHOSTDOWN || code == ENONET || code == EHOSTUNREACH ||
           code == EOPNOTSUPP || code == ENETUNREACH || code == EPERM;
}

static void read_peer(const struct sockaddr_storage *any, struct listener_peer *ret)
{
    const unsigned char *bytes = NULL;
    ret->n = 0;
    if (any->ss_family == AF_INET) {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)any)->sin_addr;
        ret->n = 4;
    } else if (any->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)any)->sin6_addr;
        bytes = v6->s6_addr;
        ret->n = 16;
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            bytes += 12;
            ret->n = 4;
        }
    }
    if (bytes)
        memcpy(ret->bytes, bytes, ret->n);
}

int listener_accept(const struct listener *l, struct listener_peer *ret_peer)
{
    for (int i = 0; i < ACCEPT_TRIES; i++) {
        struct sockaddr_storage any = {0};
        socklen_t size = sizeof(any);
        /* A worker does not make it non-blocking, and stands still at the first full buffer. */
        int fd = accept4(l->fd, (struct sockaddr *)&any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            read_peer(&any, ret_peer);
            return fd;
        }
        if (!is_of_connection(errno))
            return -errno;
    }
    return -EAGAIN;
}

bool listener_is_touched(int connection)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    int unread = 0;
    memset(&info, 0, sizeof(info));
    if (getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        ioctl(connection, FIONREAD, &unread) < 0)
        return false;
    /* The end of the client's data counts as a byte, and so does the handshake among the acked. */
    bool has_end = info.tcpi_state == STATE_CLOSE_WAIT || info.tcpi_state == STATE_LAST_ACK;
    uint64_t seen = info.tcpi_bytes_received - (has_end && info.tcpi_bytes_received > 0);
    return seen > (uint64_t)unread || info.tcpi_bytes_acked > 1 || info.tcpi_data_segs_out > 0;
}
