/* SPDX-License-Identifier: MIT
 * Room for descriptors that are on their way. The kernel drops what does not fit under the limit of
 * open files, in silence; so whoever asks for some takes their places first. Runs in pm2d. */
#pragma once

#include <stddef.h>

struct fd_room {
    int *fds; /* stand for nothing */
    size_t count, cap;
};

/* Take places until there are `count`. 0, or -EMFILE, -ENFILE, -ENOMEM: then it is as it was. */
int fd_room_grow(struct fd_room *r, size_t count);
/* Give places up until there are `count` at most. */
void fd_room_shrink(struct fd_room *r, size_t count);
void fd_room_fini(struct fd_room *r);
