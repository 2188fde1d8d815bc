/* SPDX-License-Identifier: MIT
 * TCP ports of this machine. */
#include "os/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
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
