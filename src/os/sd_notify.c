/* SPDX-License-Identifier: MIT
 * The sending side of sd_notify(3). */
#include "os/sd_notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/fd.h"

int sd_notify_send(const char *address, const char *text, struct err *e)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(address);
    if ((address[0] != '/' && address[0] != '@') || n < 2 || n >= sizeof(to.sun_path))
        return err_set(e, -EINVAL, "NOTIFY_SOCKET: %s is no address", address);
    memcpy(to.sun_path, address, n);
    if (address[0] == '@') /* abstract */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent = fd < 0 ? -1
                          : sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
                                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    int rc = sent < 0 ? err_set(e, -errno, "NOTIFY_SOCKET: cannot send to %s: %s", address,
                                err_text(errno))
                      : 0;
    fd_close(&fd);
    return rc;
}
