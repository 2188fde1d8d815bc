/* SPDX-License-Identifier: MIT
 * TCP ports of this machine. */
#include "os/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

static bool accepts(const struct sockaddr *sa, socklen_t size)
{
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int rc = connect(fd, sa, size) < 0 ? errno : 0;
    if (rc == EINPROGRESS) {
        struct pollfd pfd = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof(rc);
        if (poll(&pfd, 1, 0) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &rc, &len) < 0)
            rc = errno;
    }
    close(fd);
    return rc == 0;
}

bool port_accepts(int port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)port),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return accepts((struct sockaddr *)&v4, sizeof(v4)) ||
           accepts((struct sockaddr *)&v6, sizeof(v6));
}

static bool can_bind(int fd, int family, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
        return false;
    return family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0
                              : bind(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0;
}

/* A socket is its maker's by file system id, which is one of the thread. It does not listen, so
 * that it gets no connection. */
bool port_is_shareable(int family, uint16_t port, uid_t uid)
{
    int before = setfsuid(uid);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setfsuid((uid_t)before);
    if (fd < 0)
        return false;
    bool shareable = can_bind(fd, family, port);
    close(fd);
    return shareable;
}
