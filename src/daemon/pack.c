/* SPDX-License-Identifier: MIT
 * gzip and zstd. Runs in a thread of pm2d; touches nothing but the files. */
#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "logindex.h"
#include "os/fd.h"

#define CHUNK_BYTES (128 * 1024)
#define GZIP_LEVEL  6
#define ZSTD_LEVEL  3

struct pack {
    int in, out;
    const _Atomic bool *stop;
    z_stream z;
    ZSTD_CCtx *zstd;
    char from[CHUNK_BYTES], to[CHUNK_BYTES];
};

typedef int pack_fn(struct pack *p, size_t n, bool is_last);

static int gzip_chunk(struct pack *p, size_t n, bool is_last)
{
    p->z.next_in = (unsigned char *)p->from;
    p->z.avail_in = (unsigned)n;
    do {
        p->z.next_out = (unsigned char *)p->to;
        p->z.avail_out = sizeof(p->to);
        if (deflate(&p->z, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
            return -EIO;
        int rc = fd_write_all(p->out, p->to, sizeof(p->to) - p->z.avail_out);
        if (rc < 0)
            return rc;
    } while (p->z.avail_out == 0);
    return 0;
}

static int zstd_chunk(struct pack *p, size_t n, bool is_last)
{
    ZSTD_inBuffer in = {p->from, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {p->to, sizeof(p->to), 0};
        left = ZSTD_compressStream2(p->zstd, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return -EIO;
        int rc = fd_write_all(p->out, p->to, out.pos);
        if (rc < 0)
            return rc;
    } while (is_last ? left > 0 : in.pos < in.size);
    return 0;
}

static int pump_through(struct pack *p, pack_fn *fn)
{
    for (;;) {
        ssize_t n = read(p->in, p->from, sizeof(p->from));
        if (n < 0 && errno == EINTR)
            continue;
        int rc = n < 0 ? -errno : *p->stop ? -ECANCELED : fn(p, (size_t)n, n == 0);
        if (rc < 0 || n == 0)
            return rc;
    }
}

static int gzip_all(struct pack *p)
{
    if (deflateInit2(&p->z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    int rc = pump_through(p, gzip_chunk);
    (void)deflateEnd(&p->z);
    return rc;
}

static int zstd_all(struct pack *p)
{
    p->zstd = ZSTD_createCCtx();
    if (!p->zstd)
        return -ENOMEM;
    (void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
    int rc = pump_through(p, zstd_chunk);
    (void)ZSTD_freeCCtx(p->zstd);
    return rc;
}

static int copy_attributes(const struct pack *p)
{
    struct stat st;
    if (fstat(p->in, &st) < 0)
        return -errno;
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    if (geteuid() == 0 && fchown(p->out, st.st_uid, st.st_gid) < 0)
        return -errno;
    if (fchmod(p->out, st.st_mode & 0777) < 0 || futimens(p->out, times) < 0)
        return -errno;
    return 0;
}

/* The temporary file is the old files' of that name only: one thread works at a time. */
static int make(struct pack *p, int folder, const char *name, const char *temporary,
                enum log_compress how)
{
    p->in = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (p->in < 0)
        return -errno;
    (void)unlinkat(folder, temporary, 0);
    p->out = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->out < 0)
        return -errno;
    int rc = how == LOG_COMPRESS_ZSTD ? zstd_all(p) : gzip_all(p);
    if (rc == 0)
        rc = copy_attributes(p);
    /* The original goes when it is done: what is in its place has to be on the disk by then. */
    return rc == 0 && fsync(p->out) < 0 ? -errno : rc;
}

static void rename_index(int folder, const char *name, const char *packed)
{
    char from[NAME_MAX + 16];
    char to[NAME_MAX + 16];
    if (logindex_path(name, from, sizeof(from)) && logindex_path(packed, to, sizeof(to)))
        (void)renameat(folder, from, folder, to);
}

int pack_file(int folder, const char *name, enum log_compress how, const _Atomic bool *stop)
{
    char packed[NAME_MAX + 8];
    char temporary[NAME_MAX + 16];
    snprintf(packed, sizeof(packed), "%s%s", name, how == LOG_COMPRESS_ZSTD ? ".zst" : ".gz");
    snprintf(temporary, sizeof(temporary), ".%s.tmp", packed);
    struct pack *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->in = p->out = -1;
    p->stop = stop;
    int rc = make(p, folder, name, temporary, how);
    fd_close(&p->in);
    fd_close(&p->out);
    free(p);
    if (rc == 0 && renameat(folder, temporary, folder, packed) < 0)
        rc = -errno;
    if (rc < 0) {
        (void)unlinkat(folder, temporary, 0);
        return rc;
    }
    rename_index(folder, name, packed);
    return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}
