/* SPDX-License-Identifier: MIT
 * Names in a folder, and their order. The time index tells the order best: a date in a name has
 * seconds only and a format of the user's, and compressing may change times of files. */
#include "cli/rotated.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"
#include "cli/log_index.h"
#include "cli/mem.h"

static const char *const packings[] = {".gz", ".zst"};

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
    for (size_t i = 0; i < ARRAY_LEN(packings); i++)
        if (str_ends(name, str_from(packings[i])))
            return (struct str){name.p, name.n - strlen(packings[i])};
    return name;
}

bool rotated_is_packed(const struct rotated_file *f)
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
    if (!log_index_begin(f.path, &f.begin_ms))
        f.begin_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    /* Both forms are there while it is being compressed: the plain one is whole. */
    for (size_t i = 0; i < r->count; i++) {
        struct rotated_file *other = &r->at[i];
        if (!str_eq((struct str){other->path, other->stem}, (struct str){f.path, f.stem}))
            continue;
        struct rotated_file worse = rotated_is_packed(&f) ? f : *other;
        *other = rotated_is_packed(&f) ? *other : f;
        free(worse.path);
        return;
    }
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->at = mem_resize(r->at, r->room * sizeof(r->at[0]));
    }
    r->at[r->count++] = f;
}

static int by_age(const void *a, const void *b)
{
    const struct rotated_file *x = a;
    const struct rotated_file *y = b;
    if (x->begin_ms != y->begin_ms)
        return x->begin_ms < y->begin_ms ? -1 : 1;
    return strverscmp(x->path, y->path);
}

void rotated_list(struct rotated *r, const char *path)
{
    AUTO(buf) folder = BUF_INIT;
    struct str name = base_of(path);
    *r = (struct rotated){0};
    buf_add(&folder, path, (size_t)(name.p - path));
    DIR *d = opendir(folder.len > 0 ? folder.data : ".");
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (is_rotated(name, str_from(entry->d_name)))
            add(r, buf_str(&folder), entry->d_name);
    if (d)
        closedir(d);
    if (r->count > 0)
        qsort(r->at, r->count, sizeof(r->at[0]), by_age);
}
