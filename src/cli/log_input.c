/* SPDX-License-Identifier: MIT
 * zlib and libzstd behind one read(). */
#include "cli/log_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/str.h"
#include "cli/mem.h"
#include "os/fd.h"

#define PACKED_BYTES 65536

struct log_input {
    int fd;
    gzFile gz;
    ZSTD_DStream *zstd;
    ZSTD_inBuffer in;
    bool is_between; /* zstd: a frame has ended, another may follow */
    char packed[PACKED_BYTES];
};

struct log_input *log_input_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct log_input *in = mem_alloc(sizeof(*in));
    memset(in, 0, offsetof(struct log_input, packed));
    in->fd = fd;
    in->is_between = true;
    if (str_ends(str_from(path), STR(".gz"))) {
        in->gz = gzdopen(fd, "rb"); /* owns the descriptor */
        in->fd = in->gz ? -1 : fd;
    } else if (str_ends(str_from(path), STR(".zst"))) {
        in->zstd = ZSTD_createDStream();
        in->in.src = in->packed;
    } else {
        return in;
    }
    if (in->gz || in->zstd)
        return in;
    log_input_close(in);
    errno = ENOMEM;
    return NULL;
}

static ssize_t read_gz(struct log_input *in, void *to, size_t n)
{
    int got = gzread(in->gz, to, (unsigned)n);
    int error = Z_OK;
    if (got == 0)
        (void)gzerror(in->gz, &error); /* an archive without its end */
    return got < 0 || error != Z_OK ? -EBADMSG : got;
}

static ssize_t read_fd(const struct log_input *in, void *to, size_t n)
{
    ssize_t got;
    do
        got = read(in->fd, to, n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static ssize_t read_zstd(struct log_input *in, void *to, size_t n)
{
    ZSTD_outBuffer out = {.dst = to, .size = n};
    while (out.pos == 0) {
        if (in->in.pos == in->in.size) {
            ssize_t got = read_fd(in, in->packed, sizeof(in->packed));
            if (got < 0)
                return got;
            if (got == 0)
                return in->is_between ? 0 : -EBADMSG;
            in->in.size = (size_t)got;
            in->in.pos = 0;
        }
        size_t rc = ZSTD_decompressStream(in->zstd, &out, &in->in);
        if (ZSTD_isError(rc))
            return -EBADMSG;
        in->is_between = rc == 0;
    }
    return (ssize_t)out.pos;
}

ssize_t log_input_read(struct log_input *in, void *to, size_t n)
{
    if (in->gz)
        return read_gz(in, to, n);
    return in->zstd ? read_zstd(in, to, n) : read_fd(in, to, n);
}

void log_input_close(struct log_input *in)
{
    if (!in)
        return;
    if (in->gz)
        (void)gzclose(in->gz);
    if (in->zstd)
        ZSTD_freeDStream(in->zstd);
    fd_close(&in->fd);
    free(in);
}
