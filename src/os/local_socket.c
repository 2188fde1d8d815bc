/* SPDX-License-Identifier: MIT
 * Addresses of AF_UNIX sockets. */
#include "local_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"

/* SO_PASSCRED before bind: the kernel notes the sender of a datagram as it arrives, not as it is
 * read. A connection has its credentials from connect(2) anyway. */
static int bind_socket(const struct sockaddr_un *where, socklen_t length, int type)
{
    int on = 1;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if ((type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) ||
        bind(fd, (const struct sockaddr *)where, length) < 0 ||
        (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)) {
        int rc = -errno;
        fd_close(&fd);
        return rc;
    }
    return fd;
}

int local_socket_at(const char *path, int type)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(where.sun_path))
        return -ENAMETOOLONG;
    memcpy(where.sun_path, path, strlen(path) + 1);
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    mode_t before = umask(0177);
    int fd = bind_socket(&where, sizeof(where), type);
    (void)umask(before);
    return fd;
}

int local_socket_abstract(const char *prefix, int type, char ret[LOCAL_ADDRESS_MAX])
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    uint64_t number;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EAGAIN;
    int n = snprintf(ret, LOCAL_ADDRESS_MAX, "@%s%016llx", prefix, (unsigned long long)number);
    if (n < 0 || n >= LOCAL_ADDRESS_MAX)
        return -ENAMETOOLONG;
    memcpy(where.sun_path + 1, ret + 1, (size_t)n - 1); /* the first byte is NUL, not '@' */
    return bind_socket(&where, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n),
                       type);
}

static int type_of(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ? -errno : type;
}

/* Whether an address of this socket leads to one. A full backlog is one, too. */
static bool is_reachable(const char *address, int type)
{
    int fd = local_socket_connect(address, type | SOCK_NONBLOCK);
    bool ok = fd >= 0 || fd == -EAGAIN;
    fd_close(&fd);
    return ok;
}

int local_socket_address(int fd, char ret[LOCAL_ADDRESS_MAX])
{
    struct sockaddr_un where = {0};
    socklen_t length = sizeof(where);
    if (getsockname(fd, (struct sockaddr *)&where, &length) < 0)
        return -errno;
    size_t n = length - offsetof(struct sockaddr_un, sun_path);
    if (where.sun_family != AF_UNIX || length <= offsetof(struct sockaddr_un, sun_path) ||
        n > LOCAL_ADDRESS_MAX)
        return -EINVAL;
    if (where.sun_path[0] == '\0') {
        if (n == LOCAL_ADDRESS_MAX)
            return -EINVAL; /* no room for the end of the text */
        where.sun_path[0] = '@';
    }
    memcpy(ret, where.sun_path, n);
    ret[n < LOCAL_ADDRESS_MAX ? n : LOCAL_ADDRESS_MAX - 1] = '\0';
    int type = type_of(fd);
    return type >= 0 && is_reachable(ret, type) ? 0 : -ESTALE;
}

int local_socket_connect(const char *address, int type)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t n = strlen(address);
    if (n == 0 || n >= sizeof(where.sun_path))
        return -EINVAL;
    memcpy(where.sun_path, address, n);
    if (address[0] == '@')
        where.sun_path[0] = '\0';
    else
        n++; /* the NUL of a path is part of it */
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&where,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0)
        return fd;
    int rc = -errno;
    fd_close(&fd);
    return rc;
}

int local_socket_accept(int fd, pid_t *ret_pid, uid_t *ret_uid)
{
    int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int rc = conn < 0 ? -errno : sock_peer(conn, ret_uid, ret_pid);
    if (rc < 0)
        fd_close(&conn);
    return rc < 0 ? rc : conn;
}
