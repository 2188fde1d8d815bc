/* SPDX-License-Identifier: MIT
 * Datagrams with credentials. */
#include "notify_receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "os/fd.h"

static void close_passed(const struct cmsghdr *c)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        fd_close(&fd);
    }
}

ssize_t notify_receive(int fd, char *bytes, size_t size, pid_t *ret_pid, uid_t *ret_uid)
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
