/* SPDX-License-Identifier: MIT
 * Where process files come from: a regular file, or standard input to its end. */
#include "procfile/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "os/fd.h"

#define CHUNK_BYTES (64UL * 1024)

static int oom(struct err *e)
{
    return err_set(e, -ENOMEM, "out of memory");
}

static int name_it(const char *target, const char *cwd, struct source *s)
{
    bool is_stdin = strcmp(target, "-") == 0;
    if (asprintf(&s->subject, "%s%s", is_stdin ? "Standard input" : "File ",
                 is_stdin ? "" : target) < 0) {
        s->subject = NULL;
        return -ENOMEM;
    }
    if (is_stdin)
        return 0;
    bool absolute = target[0] == '/';
    if (asprintf(&s->path, "%s%s%s", absolute ? "" : cwd, absolute ? "" : "/", target) < 0) {
        s->path = NULL;
        return -ENOMEM;
    }
    return 0;
}

static int check_type(const struct source *s, int fd, struct err *e)
{
    static const struct {
        mode_t type;
        int code;
        const char *name;
    } rows[] = {
        {S_IFDIR, -EISDIR, "a folder"},
        {S_IFIFO, -EINVAL, "a FIFO"},
        {S_IFCHR, -EINVAL, "a device"},
        {S_IFBLK, -EINVAL, "a device"},
    };
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(e, -errno, "%s cannot be read: %s", s->subject, err_text(errno));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((st.st_mode & S_IFMT) == rows[i].type)
            return err_set(e, rows[i].code, "%s is %s", s->subject, rows[i].name);
    if (S_ISREG(st.st_mode) && (unsigned long long)st.st_size > LIMIT_PROCFILE_BYTES)
        return err_set(e, -EFBIG, "%s is larger than %lu bytes", s->subject, LIMIT_PROCFILE_BYTES);
    return 0;
}

/* To the end, also of a pipe that fills slowly and of a non-blocking terminal. */
static int read_all(struct source *s, int fd, struct err *e)
{
    for (;;) {
        if (s->text.len > LIMIT_PROCFILE_BYTES)
            return err_set(e, -EFBIG, "%s is larger than %lu bytes", s->subject,
                           LIMIT_PROCFILE_BYTES);
        if (!buf_reserve(&s->text, CHUNK_BYTES))
            return oom(e);
        ssize_t n = read(fd, s->text.data + s->text.len, CHUNK_BYTES);
        if (n == 0)
            return 0;
        if (n > 0) {
            s->text.len += (size_t)n;
            s->text.data[s->text.len] = '\0';
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLIN};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return err_set(e, -errno, "%s cannot be read: %s", s->subject, err_text(errno));
        }
    }
}

static int read_file(struct source *s, struct err *e)
{
    /* O_NONBLOCK: to open a FIFO would wait for its writer */
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, -ENOENT, "%s not found", s->subject);
    if (fd < 0 && errno == ENXIO)
        return err_set(e, -EINVAL, "%s is a socket or a device without driver", s->subject);
    if (fd < 0)
        return err_set(e, -errno, "%s cannot be read: %s", s->subject, err_text(errno));
    int rc = check_type(s, fd, e);
    if (rc == 0)
        rc = read_all(s, fd, e);
    fd_close(&fd);
    return rc;
}

int source_read(const char *target, const char *cwd, struct source *ret, struct err *e)
{
    *ret = (struct source){.text = BUF_INIT};
    if (name_it(target, cwd, ret) < 0)
        return oom(e);
    return ret->path ? read_file(ret, e) : read_all(ret, STDIN_FILENO, e);
}

void source_fini(struct source *s)
{
    free(s->subject);
    free(s->path);
    buf_fini(&s->text);
}

bool source_is_blank(const struct source *s)
{
    struct str text = buf_str(&s->text);
    size_t at = str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0;
    return at + strspn(text.p + at, " \t\r\n\f\v") == text.n;
}
