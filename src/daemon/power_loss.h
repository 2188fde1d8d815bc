/* SPDX-License-Identifier: MIT
 * For tests: what a disk may hold after the power was lost. Every call by which a folder's files
 * are changed is recorded (the linker's --wrap brings them here), and can then be cut off at any
 * point:
 *
 * - bytes of a file are sure once it was synced; of those after it, none, half, or all are there,
 * or zeros in their place;
 * - names are sure once the folder was synced; of what was done to them after it, any part is
 * there.
 *
 * To be included by one file of a test program. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PL_OPS     128
#define PL_FILES   32
#define PL_NAMES   16
#define PL_FDS     256
#define PL_PENDING 10

enum pl_type { PL_NAME, PL_MOVE, PL_GONE, PL_WRITE, PL_SYNC, PL_SYNC_NAMES };
/* What is there of the bytes that were not synced. */
enum pl_rest { PL_REST_NONE, PL_REST_HALF, PL_REST_ALL, PL_REST_ZEROS, PL_REST_COUNT };

struct pl_op {
    enum pl_type type;
    int file;
    size_t end; /* of the file, after a write */
    char name[64], from[64];
};

struct pl_names {
    struct {
        char name[64];
        int file;
    } at[PL_NAMES];
    size_t count;
};

static struct {
    bool is_on;
    const char *folder;
    struct pl_op ops[PL_OPS];
    size_t count;
    struct {
        char *data;
        size_t len, synced_first; /* what was there before the recording is sure */
    } files[PL_FILES];
    int file_count;
    struct pl_names first, now; /* before the recording; as programs see them */
    int of_fd[PL_FDS];          /* file + 1; -1 = the folder */
} pl;

/* ---- names ---- */

static int pl_find(const struct pl_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->at[i].name, name) == 0)
            return n->at[i].file;
    return -1;
}

static void pl_remove(struct pl_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->at[i].name, name) == 0)
            n->at[i--] = n->at[--n->count];
}

static void pl_put(struct pl_names *n, const char *name, int file)
{
    pl_remove(n, name);
    assert_true(n->count < PL_NAMES);
    snprintf(n->at[n->count].name, sizeof(n->at[0].name), "%s", name);
    n->at[n->count++].file = file;
}

static void pl_apply(struct pl_names *n, const struct pl_op *op)
{
    if (op->type == PL_GONE || op->type == PL_MOVE)
        pl_remove(n, op->type == PL_MOVE ? op->from : op->name);
    if (op->type != PL_GONE)
        pl_put(n, op->name, op->file);
}

/* ---- recording ---- */

/* The name in the folder, or NULL: not ours. */
static const char *pl_name(const char *path)
{
    size_t n = pl.is_on ? strlen(pl.folder) : 0;
    if (!pl.is_on || strncmp(path, pl.folder, n) != 0 || path[n] != '/' || path[n + 1] == '\0')
        return NULL;
    return path + n + 1;
}

static struct pl_op *pl_add(enum pl_type type, const char *name, int file)
{
    assert_true(pl.count < PL_OPS);
    struct pl_op *op = &pl.ops[pl.count++];
    *op = (struct pl_op){.type = type, .file = file};
    snprintf(op->name, sizeof(op->name), "%s", name);
    return op;
}

static void pl_add_name(enum pl_type type, const char *name, const char *from, int file)
{
    struct pl_op *op = pl_add(type, name, file);
    snprintf(op->from, sizeof(op->from), "%s", from);
    pl_apply(&pl.now, op);
}

static void pl_opened(int fd, const char *path)
{
    size_t n = pl.is_on ? strlen(pl.folder) : 0;
    const char *name = pl_name(path);
    if (fd < 0 || fd >= PL_FDS)
        return;
    if (pl.is_on && strncmp(path, pl.folder, n) == 0 && strspn(path + n, "/") == strlen(path + n))
        pl.of_fd[fd] = -1;
    else if (!name)
        return;
    else if (pl_find(&pl.now, name) >= 0)
        pl.of_fd[fd] = pl_find(&pl.now, name) + 1;
    else {
        assert_true(pl.file_count < PL_FILES);
        pl.of_fd[fd] = ++pl.file_count;
        pl_add_name(PL_NAME, name, "", pl.file_count - 1);
    }
}

int __real_open(const char *path, int flags, ...);
int __real_mkostemp(char *template, int flags);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_close(int fd);
int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_open(const char *path, int flags, ...);
int __wrap_mkostemp(char *template, int flags);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_close(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    assert_false(pl_name(path) && (flags & O_TRUNC)); /* not in the model */
    int fd = __real_open(path, flags, mode);
    pl_opened(fd, path);
    return fd;
}

int __wrap_mkostemp(char *template, int flags)
{
    int fd = __real_mkostemp(template, flags);
    pl_opened(fd, template);
    return fd;
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    ssize_t done = __real_write(fd, p, n);
    int file = fd >= 0 && fd < PL_FDS ? pl.of_fd[fd] - 1 : -1;
    if (done <= 0 || file < 0)
        return done;
    char *data = realloc(pl.files[file].data, pl.files[file].len + (size_t)done);
    assert_non_null(data);
    memcpy(data + pl.files[file].len, p, (size_t)done);
    pl.files[file].data = data;
    pl.files[file].len += (size_t)done;
    pl_add(PL_WRITE, "", file)->end = pl.files[file].len;
    return done;
}

int __wrap_fsync(int fd)
{
    int file = fd >= 0 && fd < PL_FDS ? pl.of_fd[fd] : 0;
    if (file != 0)
        pl_add(file < 0 ? PL_SYNC_NAMES : PL_SYNC, "", file - 1);
    return 0; /* nobody waits for a disk that is a list */
}

int __wrap_close(int fd)
{
    if (fd >= 0 && fd < PL_FDS)
        pl.of_fd[fd] = 0;
    return __real_close(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    const char *old = pl_name(from);
    const char *new = pl_name(to);
    int rc = __real_rename(from, to);
    bool is_same = old && new &&pl_find(&pl.now, old) == pl_find(&pl.now, new);
    if (rc == 0 && old && new && !is_same)
        pl_add_name(PL_MOVE, new, old, pl_find(&pl.now, old));
    return rc;
}

int __wrap_link(const char *from, const char *to)
{
    int rc = __real_link(from, to);
    if (rc == 0 && pl_name(from) && pl_name(to))
        pl_add_name(PL_NAME, pl_name(to), "", pl_find(&pl.now, pl_name(from)));
    return rc;
}

int __wrap_unlink(const char *path)
{
    int rc = __real_unlink(path);
    if (rc == 0 && pl_name(path))
        pl_add_name(PL_GONE, pl_name(path), "", -1);
    return rc;
}

/* ---- of a test ---- */

static void pl_empty(const char *folder)
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static void pl_forget(void)
{
    for (int i = 0; i < PL_FILES; i++)
        free(pl.files[i].data);
    memset(&pl, 0, sizeof(pl));
}

/* Take what is in `folder` (borrowed) for sure, and record from now on. */
static void pl_begin(const char *folder)
{
    pl_forget();
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        struct stat st = {0};
        if (e->d_name[0] == '.')
            continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY);
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        int file = pl.file_count++;
        pl.files[file].len = pl.files[file].synced_first = (size_t)st.st_size;
        pl.files[file].data = malloc((size_t)st.st_size + 1);
        assert_int_equal(read(fd, pl.files[file].data, (size_t)st.st_size), st.st_size);
        __real_close(fd);
        pl_put(&pl.first, e->d_name, file);
    }
    closedir(d);
    pl.now = pl.first;
    pl.folder = folder;
    pl.is_on = true;
}

static void pl_end(void)
{
    pl.is_on = false;
}

/* What is known of a file when the power goes. */
struct pl_lengths {
    size_t written[PL_FILES], synced[PL_FILES];
};

static void pl_write_file(const char *path, int file, const struct pl_lengths *l, enum pl_rest rest)
{
    size_t synced = l->synced[file];
    size_t more = l->written[file] - synced;
    int fd = __real_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    size_t n = synced + (rest == PL_REST_NONE ? 0 : rest == PL_REST_HALF ? more / 2 : more);
    char *data = calloc(1, n + 1);
    assert_non_null(data);
    if (n > 0)
        memcpy(data, pl.files[file].data, rest == PL_REST_ZEROS ? synced : n);
    assert_int_equal(__real_write(fd, data, n), n);
    free(data);
    __real_close(fd);
}

/* The first `cut` calls were made. `mask`: which of the changes to names that are not sure are
 * there. Fills `folder`, which is emptied first. False when there are no such changes any more:
 * all masks have been. */
static bool pl_replay(size_t cut, unsigned mask, enum pl_rest rest, const char *folder)
{
    struct pl_names names = pl.first;
    struct pl_lengths l;
    const struct pl_op *pending[PL_PENDING];
    size_t count = 0;
    for (int i = 0; i < PL_FILES; i++)
        l.written[i] = l.synced[i] = pl.files[i].synced_first;
    for (size_t i = 0; i < cut; i++) {
        const struct pl_op *op = &pl.ops[i];
        if (op->type == PL_WRITE) {
            l.written[op->file] = op->end;
        } else if (op->type == PL_SYNC) {
            l.synced[op->file] = l.written[op->file];
        } else if (op->type == PL_SYNC_NAMES) {
            for (size_t k = 0; k < count; k++)
                pl_apply(&names, pending[k]);
            count = 0;
        } else {
            assert_true(count < PL_PENDING);
            pending[count++] = op;
        }
    }
    if (mask >= 1U << count)
        return false;
    for (size_t k = 0; k < count; k++)
        if (mask & 1U << k)
            pl_apply(&names, pending[k]);
    pl_empty(folder);
    for (size_t i = 0; i < names.count; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", folder, names.at[i].name);
        pl_write_file(path, names.at[i].file, &l, rest);
    }
    return true;
}
