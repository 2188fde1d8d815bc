/* SPDX-License-Identifier: MIT
 * Room for descriptors. Runs in pm2d. */
#include "fd_room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "os/fd.h"

/* Any descriptor will do: they are copies of the first. */
static int take_place(const struct fd_room *r)
{
    int fd = r->count > 0 ? fcntl(r->fds[0], F_DUPFD_CLOEXEC, 0)
                          : open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int fd_room_grow(struct fd_room *r, size_t count)
{
    size_t before = r->count;
    if (count > r->cap) {
        int *more = realloc(r->fds, 2 * count * sizeof(*more));
        if (!more)
            return -ENOMEM;
        r->fds = more;
        r->cap = 2 * count;
    }
    while (r->count < count) {
        int fd = take_place(r);
        if (fd < 0) {
            fd_room_shrink(r, before);
            return fd;
        }
        r->fds[r->count++] = fd;
    }
    return 0;
}

void fd_room_shrink(struct fd_room *r, size_t count)
{
    while (r->count > count)
        fd_close(&r->fds[--r->count]);
}

void fd_room_fini(struct fd_room *r)
{
    fd_room_shrink(r, 0);
    free(r->fds);
    *r = (struct fd_room){0};
}
