/* SPDX-License-Identifier: MIT
 * Small files that are read whole and replaced whole; and the end of a file that is ours. */
#include "os/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"

#define READ_CHUNK 65536

static int cannot(struct err *e, const char *what, const char *path, int code)
{
    return err_set(e, -code, "cannot %s %s: %s", what, path, err_text(code));
}

static int read_all(int fd, const char *path, size_t limit, struct buf *out, struct err *e)
{
    size_t start = out->len;
    for (;;) {
        if (!buf_reserve(out, READ_CHUNK))
            return err_set(e, -ENOMEM, "out of memory");
        ssize_t n = read(fd, out->data + out->len, READ_CHUNK);
        if (n < 0 && errno != EINTR)
            return cannot(e, "read", path, errno);
        if (n == 0)
            return 0;
        if (n > 0)
            out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len - start > limit)
            return err_set(e, -EFBIG, "%s is longer than %zu bytes", path, limit);
    }
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cannot(e, "read", path, errno);
    int rc = fstat(fd, &st) < 0 ? cannot(e, "read", path, errno) : 0;
    if (rc == 0 && S_ISDIR(st.st_mode))
        rc = cannot(e, "read", path, EISDIR);
    else if (rc == 0 && !S_ISREG(st.st_mode))
        rc = err_set(e, -EINVAL, "%s is not a regular file", path);
    if (rc == 0)
        rc = read_all(fd, path, limit, out, e);
    close(fd);
    return rc;
}

/* There are folders that we may write to and not read, and file systems that sync no folders: then
 * nobody can do more. */
static bool cannot_be_asked(int code)
{
    return code == EACCES || code == EINVAL || code == EOPNOTSUPP;
}

/* The name in its folder, durable. */
static int sync_name(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
    if (!folder)
        return err_set(e, -ENOMEM, "out of memory");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 || fsync(fd) < 0 ? errno : 0;
    fd_close(&fd);
    int rc = code == 0 || cannot_be_asked(code)
                 ? 0
                 : err_set(e, -code, "%s is written, but its folder %s cannot be synced: %s", path,
                           folder, err_text(code));
    free(folder);
    return rc;
}

static int write_temp(int fd, const char *path, struct str content, struct err *e)
{
    int rc = fd_write_all(fd, content.p, content.n);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    return rc < 0 ? cannot(e, "write", path, -rc) : 0;
}

int file_replace(const char *path, struct str content, struct err *e)
{
    AUTO(buf) temp = BUF_INIT;
    buf_printf(&temp, "%s.XXXXXX", path);
    if (buf_oom(&temp))
        return err_set(e, -ENOMEM, "out of memory");
    int fd = mkostemp(temp.data, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return cannot(e, "write", path, errno);
    int rc = write_temp(fd, path, content, e);
    if (close(fd) < 0 && rc == 0)
        rc = cannot(e, "write", path, errno);
    if (rc == 0 && rename(temp.data, path) < 0)
        rc = cannot(e, "replace", path, errno);
    if (rc == 0)
        return sync_name(path, e);
    (void)unlink(temp.data);
    return rc;
}

/* The name of the file that is to become `path`. */
static int name_new(const char *path, struct buf *out, struct err *e)
{
    buf_printf(out, "%s.new", path);
    return buf_oom(out) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int file_write_new(const char *path, struct str content, struct err *e)
{
    AUTO(buf) temp = BUF_INIT;
    int rc = name_new(path, &temp, e);
    if (rc < 0)
        return rc;
    (void)unlink(temp.data); /* left by one that died; never written through: it may be a link */
    int fd = open(temp.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return cannot(e, "write", path, errno);
    rc = write_temp(fd, path, content, e);
    if (close(fd) < 0 && rc == 0)
        rc = cannot(e, "write", path, errno);
    if (rc < 0)
        (void)unlink(temp.data);
    return rc;
}

int file_put_new(const char *path, struct err *e)
{
    AUTO(buf) temp = BUF_INIT;
    int rc = name_new(path, &temp, e);
    if (rc < 0)
        return rc;
    if (rename(temp.data, path) < 0) {
        rc = cannot(e, "replace", path, errno);
        (void)unlink(temp.data);
        return rc;
    }
    (void)unlink(temp.data); /* two links to one file: rename(2) does nothing, and succeeds */
    return sync_name(path, e);
}

void file_drop_new(const char *path)
{
    AUTO(buf) temp = BUF_INIT;
    if (name_new(path, &temp, NULL) == 0)
        (void)unlink(temp.data);
}

static int keep_copy(const char *from, const char *path, struct err *e)
{
    AUTO(buf) content = BUF_INIT;
    int rc = file_read(from, LIMIT_BUF_BYTES, &content, e);
    return rc < 0 ? rc : file_replace(path, buf_str(&content), e);
}

int file_keep_as(const char *from, const char *path, struct err *e)
{
    AUTO(buf) temp = BUF_INIT;
    struct stat st;
    int rc = name_new(path, &temp, e);
    if (rc < 0)
        return rc;
    (void)unlink(temp.data);
    /* A link keeps the mode, and PM2 leaves its file to everybody's eyes. */
    if (lstat(from, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) ||
        link(from, temp.data) < 0)
        return keep_copy(from, path, e);
    return file_put_new(path, e);
}

int file_create(const char *path, struct str content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int rc = fd < 0 ? -errno : fd_write_all(fd, content.p, content.n);
    if (fd >= 0 && close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

struct file_id file_id_at(const char *path)
{
    struct stat st;
    struct file_id none = {0};
    if (lstat(path, &st) < 0)
        return none;
    return (struct file_id){st.st_dev, st.st_ino};
}

struct file_id file_id_of(int fd)
{
    struct stat st;
    struct file_id none = {0};
    if (fstat(fd, &st) < 0)
        return none;
    return (struct file_id){st.st_dev, st.st_ino};
}

/* Between the look and the removal a successor would have to remove our file and make its own; it
 * does the former only after it has found nobody who serves it. */
void file_unlink_own(const char *path, struct file_id own)
{
    struct file_id now = file_id_at(path);
    if (own.inode != 0 && now.device == own.device && now.inode == own.inode)
        (void)unlink(path);
}

int lock_folder(const char *folder, struct err *e)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot(e, "open", folder, errno);
    while (flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        int rc = cannot(e, "lock", folder, errno);
        close(fd);
        return rc;
    }
    return fd;
}

void lock_free(int fd)
{
    if (fd >= 0)
        close(fd);
}
