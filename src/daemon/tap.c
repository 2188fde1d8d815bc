/* SPDX-License-Identifier: MIT
 * A look into pipes. Runs in pm2d. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

/* Where duplicates go; one for the whole process, made when first needed. Always empty between two
 * calls. */
static struct {
    int r, w;
} tap = {-1, -1};
static int null_fd = -1;

static int open_tap(void)
{
    int fds[2];
    if (tap.r >= 0)
        return 0;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    tap.r = fds[0];
    tap.w = fds[1];
    return 0;
}

ssize_t tap_peek(int pipe_fd, char *ret, size_t n)
{
    int rc = open_tap();
    if (rc < 0)
        return rc;
    ssize_t there = tee(pipe_fd, tap.w, n < LIMIT_TAP_CHUNK_BYTES ? n : LIMIT_TAP_CHUNK_BYTES,
                        SPLICE_F_NONBLOCK);
    if (there <= 0)
        return there < 0 ? -errno : 0;
    ssize_t got = 0;
    while (got < there) {
        ssize_t r = read(tap.r, ret + got, (size_t)(there - got));
        if (r <= 0)
            return r < 0 ? -errno : -EIO;
        got += r;
    }
    return got;
}

ssize_t tap_throw(int pipe_fd, size_t n)
{
    if (null_fd < 0)
        null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ssize_t r = splice(pipe_fd, NULL, null_fd, NULL, n, SPLICE_F_NONBLOCK);
    return r < 0 ? -errno : r;
}

ssize_t tap_line(int pipe_fd, bool *ret_found)
{
    static char bytes[LIMIT_TAP_CHUNK_BYTES];
    ssize_t n = tap_peek(pipe_fd, bytes, sizeof(bytes));
    const char *end = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;
    *ret_found = end != NULL;
    return end ? end - bytes + 1 : n;
}
