/* SPDX-License-Identifier: MIT
 * Names in a folder, and their order. The time index tells it best: a date in a name has seconds
 * only and perhaps a format that does not sort. The times of the files do not: compressing changes
 * them. */
#include "cli/rotated.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/log_index.h"
#include "cli/mem.h"

static const char *const packings[ROTATED_FORMS] = {"", ".gz", ".zst"};

void rotated_fini(struct rotated *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->at[i].path);
    free(r->at);
    *r = (struct rotated){0};
}

static struct str base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return str_from(slash ? slash + 1 : path);
}

/* Without .gz or .zst. */
static struct str unpacked(struct str name)
{
    for (size_t i = 1; i < ROTATED_FORMS; i++)
        if (str_ends(name, str_from(packings[i])))
            return (struct str){name.p, name.n - strlen(packings[i])};
    return name;
}

void rotated_path(struct buf *out, const struct rotated_file *f, size_t form)
{
    buf_add(out, f->path, f->stem);
    buf_add_c(out, packings[form]);
}

static bool is_packed(const struct rotated_file *f)
{
    return strlen(f->path) > f->stem;
}

bool rotated_has(const struct rotated *r, const struct rotated_file *f)
{
    for (size_t i = 0; i < r->count; i++)
        if (str_eq((struct str){r->at[i].path, r->at[i].stem}, (struct str){f->path, f->stem}))
            return true;
    return false;
}

/* "app-out.log" and "app-out__DATE.log.gz". */
static bool is_rotated(struct str log, struct str name)
{
    const char *dot = memrchr(log.p, '.', log.n);
    struct str stem = {log.p, dot && dot > log.p ? (size_t)(dot - log.p) : log.n};
    struct str ending = {log.p + stem.n, log.n - stem.n};
    name = unpacked(name);
    if (!str_starts(name, stem) || !str_ends(name, ending))
        return false;
    struct str middle = {name.p + stem.n, name.n - stem.n};
    if (middle.n <= ending.n + 2)
        return false;
    return str_starts(middle, STR("__"));
}

static void append(struct rotated *r, const struct rotated_file *f)
{
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->at = mem_resize(r->at, r->room * sizeof(r->at[0]));
    }
    r->at[r->count++] = *f;
}

/* Both forms are there while a file is being compressed: the plain one is whole. */
static void append_better(struct rotated *r, const struct rotated_file *f)
{
    for (size_t i = 0; i < r->count; i++) {
        struct rotated_file *other = &r->at[i];
        if (!str_eq((struct str){other->path, other->stem}, (struct str){f->path, f->stem}))
            continue;
        struct rotated_file worse = is_packed(f) ? *f : *other;
        *other = is_packed(f) ? *other : *f;
        free(worse.path);
        return;
    }
    append(r, f);
}

static void add(struct rotated *r, struct str folder, const char *name)
{
    AUTO(buf) path = BUF_INIT;
    struct stat st;
    buf_add_str(&path, folder);
    buf_add_c(&path, name);
    if (stat(path.data, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    struct rotated_file f = {
        .path = mem_dup(path.data, path.len),
        .stem = unpacked(buf_str(&path)).n,
        .dev = st.st_dev,
        .ino = st.st_ino,
    };
    f.has_index = log_index_begin(f.path, &f.begin_ms);
    if (!f.has_index)
        f.begin_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    append_better(r, &f);
}

void rotated_remember(struct rotated *r, const char *path, int fd)
{
    static const char deleted[] = " (deleted)";
    AUTO(buf) own = BUF_INIT;
    char link[64];
    char target[LIMIT_PATH_BYTES + sizeof(deleted)];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0)
        return;
    target[n] = '\0';
    struct str name = base_of(target);
    if (str_ends(name, STR(" (deleted)")))
        name.n -= sizeof(deleted) - 1;
    buf_add(&own, path, (size_t)(base_of(path).p - path));
    buf_add_str(&own, name);
    struct rotated_file f = {.path = mem_dup(own.data, own.len), .stem = own.len};
    if (rotated_has(r, &f))
        free(f.path);
    else
        append(r, &f);
}

static int by_name(const void *a, const void *b)
{
    const struct rotated_file *x = a;
    const struct rotated_file *y = b;
    return strverscmp(x->path, y->path);
}

static int by_age(const void *a, const void *b)
{
    const struct rotated_file *x = a;
    const struct rotated_file *y = b;
    if (x->begin_ms != y->begin_ms)
        return x->begin_ms < y->begin_ms ? -1 : 1;
    return by_name(a, b);
}

static bool all_have_index(const struct rotated *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->at[i].has_index)
            return false;
    return true;
}

static bool is_there(const struct rotated_file *f)
{
    for (size_t form = 0; form < ROTATED_FORMS; form++) {
        AUTO(buf) path = BUF_INIT;
        rotated_path(&path, f, form);
        if (access(path.data, F_OK) == 0)
            return true;
    }
    return false;
}

void rotated_keep(struct rotated *r, const struct rotated *before)
{
    for (size_t i = 0; i < before->count; i++) {
        struct rotated_file f = before->at[i];
        if (rotated_has(r, &f) || !is_there(&f))
            continue;
        f.path = mem_dup(f.path, strlen(f.path));
        append(r, &f);
    }
}

static void scan(struct rotated *r, struct str folder, struct str name)
{
    AUTO(buf) path = BUF_INIT;
    buf_add_str(&path, folder);
    DIR *d = opendir(folder.n > 0 ? path.data : ".");
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (is_rotated(name, str_from(entry->d_name)))
            add(r, folder, entry->d_name);
    if (d)
        closedir(d);
}

void rotated_list(struct rotated *r, const char *path)
{
    struct str name = base_of(path);
    struct str folder = {path, (size_t)(name.p - path)};
    size_t before;
    *r = (struct rotated){0};
    do { /* until nothing is found that was missed */
        before = r->count;
        scan(r, folder, name);
    } while (r->count > before);
    if (r->count > 0)
        qsort(r->at, r->count, sizeof(r->at[0]), all_have_index(r) ? by_age : by_name);
}
