/* SPDX-License-Identifier: MIT
 * The commit of a work tree. Runs in pm2d, at each start: a handful of small files. */
#include "githead.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "os/atomic_file.h"

#define SMALL_BYTES  4096
#define PACKED_BYTES (1024 * 1024)

/* Content of a file without its last newline; false when it cannot be read. */
static bool read_text(const char *path, size_t limit, struct buf *ret)
{
    struct err e = {0};
    buf_clear(ret);
    if (file_read(path, limit, ret, &e) < 0)
        return false;
    while (ret->len > 0 && ret->data[ret->len - 1] == '\n')
        buf_truncate(ret, ret->len - 1);
    return !buf_oom(ret);
}

static void take_commit(struct str text, char ret[GITHEAD_BYTES])
{
    if (text.n < GITHEAD_BYTES - 1)
        return;
    for (size_t i = 0; i < GITHEAD_BYTES - 1; i++)
        if (!isxdigit((unsigned char)text.p[i]))
            return;
    memcpy(ret, text.p, GITHEAD_BYTES - 1);
}

/* A branch that nobody has committed to since git packed it: a line "COMMIT refs/heads/NAME". */
static void find_packed(const char *git, const char *branch, char ret[GITHEAD_BYTES])
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    struct str line;
    buf_printf(&path, "%s/packed-refs", git);
    if (!read_text(path.data, PACKED_BYTES, &text))
        return;
    buf_add_byte(&text, '\n');
    struct str rest = buf_str(&text);
    while (str_cut_line(&rest, &line)) {
        size_t n = strcspn(line.p, " \n");
        if (n < line.n && str_eq_c((struct str){line.p + n + 1, line.n - n - 1}, branch))
            take_commit(line, ret);
    }
}

/* `git` is the folder of a repository, or of one of its work trees. */
static void read_head(const char *git, char ret[GITHEAD_BYTES])
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) common = BUF_INIT;
    buf_printf(&path, "%s/HEAD", git);
    if (!read_text(path.data, SMALL_BYTES, &head))
        return;
    if (strncmp(head.data, "ref: ", 5) != 0) {
        take_commit(buf_str(&head), ret);
        return;
    }
    /* The branches of a work tree are those of its repository. */
    buf_clear(&path);
    buf_printf(&path, "%s/commondir", git);
    if (read_text(path.data, SMALL_BYTES, &text))
        buf_printf(&common, "%s%s%s", text.data[0] == '/' ? "" : git,
                   text.data[0] == '/' ? "" : "/", text.data);
    else
        buf_add_c(&common, git);
    buf_clear(&path);
    buf_printf(&path, "%s/%s", common.data, head.data + 5);
    if (read_text(path.data, SMALL_BYTES, &text))
        take_commit(buf_str(&text), ret);
    else
        find_packed(common.data, head.data + 5, ret);
}

/* `.git` of a work tree or a submodule is a file that names the folder. */
static void read_link(const char *folder, const char *path, char ret[GITHEAD_BYTES])
{
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) git = BUF_INIT;
    if (!read_text(path, SMALL_BYTES, &text) || strncmp(text.data, "gitdir: ", 8) != 0)
        return;
    const char *to = text.data + 8;
    buf_printf(&git, "%s%s%s", to[0] == '/' ? "" : folder, to[0] == '/' ? "" : "/", to);
    read_head(git.data, ret);
}

void githead_find(const char *folder, char ret[GITHEAD_BYTES])
{
    AUTO(buf) at = BUF_INIT;
    memset(ret, 0, GITHEAD_BYTES);
    buf_add_c(&at, folder ? folder : "");
    while (at.len > 0 && !ret[0]) {
        AUTO(buf) path = BUF_INIT;
        buf_printf(&path, "%s/.git", at.data);
        read_head(path.data, ret);
        if (!ret[0])
            read_link(at.data, path.data, ret);
        const char *slash = strrchr(at.data, '/');
        buf_truncate(&at, slash ? (size_t)(slash - at.data) : 0);
    }
}
