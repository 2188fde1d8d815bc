/* SPDX-License-Identifier: MIT
 * Unix datagram sockets with credentials. */
#include "notify_socket.h"

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

#include "os/fd.h"

#define ABSTRACT_PREFIX "pm2c-notify-"

/* SO_PASSCRED before bind: the kernel notes the sender as a message arrives, not as it is read. */
static int bind_socket(const struct sockaddr_un *where, socklen_t length)
{
    int on = 1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)where, length) < 0) {
        int rc = -errno;
        fd_close(&fd);
        return rc;
    }
    return fd;
}

int notify_socket_at(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(where.sun_path))
        return -ENAMETOOLONG;
    memcpy(where.sun_path, path, strlen(path) + 1);
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    mode_t before = umask(0177);
    int fd = bind_socket(&where, sizeof(where));
    (void)umask(before);
    return fd;
}

int notify_socket_abstract(char ret[NOTIFY_ADDRESS_MAX])
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    uint64_t number;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EAGAIN;
    int n = snprintf(ret, NOTIFY_ADDRESS_MAX, "@" ABSTRACT_PREFIX "%016llx",
                     (unsigned long long)number);
    memcpy(where.sun_path + 1, ret + 1, (size_t)n - 1); /* the first byte is NUL, not '@' */
    return bind_socket(&where, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
}

/* Whether something can be sent to the address of this socket. */
static bool is_reachable(const struct sockaddr_un *where, socklen_t length)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)where, length) == 0;
    fd_close(&fd);
    return ok;
}

int notify_socket_address(int fd, char ret[NOTIFY_ADDRESS_MAX])
{
    struct sockaddr_un where = {0};
    socklen_t length = sizeof(where);
    if (getsockname(fd, (struct sockaddr *)&where, &length) < 0)
        return -errno;
    size_t n = length - offsetof(struct sockaddr_un, sun_path);
    if (where.sun_family != AF_UNIX || length <= offsetof(struct sockaddr_un, sun_path) ||
        n > NOTIFY_ADDRESS_MAX)
        return -EINVAL;
    if (!is_reachable(&where, length))
        return -ESTALE;
    if (where.sun_path[0] == '\0') {
        if (n == NOTIFY_ADDRESS_MAX)
            return -EINVAL; /* no room for the end of the text */
        where.sun_path[0] = '@';
    }
    memcpy(ret, where.sun_path, n);
    ret[n < NOTIFY_ADDRESS_MAX ? n : NOTIFY_ADDRESS_MAX - 1] = '\0';
    return 0;
}

static void close_passed(const struct cmsghdr *c)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        fd_close(&fd);
    }
}

ssize_t notify_socket_receive(int fd, char *bytes, size_t size, pid_t *ret_pid, uid_t *ret_uid)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(LIMIT_NOTIFY_FDS * sizeof(int))];
    } control;
    struct iovec part = {bytes, size};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -errno;
    struct ucred sender = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            close_passed(c);
        else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
            memcpy(&sender, CMSG_DATA(c), sizeof(sender));
    }
    *ret_pid = sender.pid;
    *ret_uid = sender.uid;
    if (sender.pid <= 0)
        return -EPROTO;
    return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}
