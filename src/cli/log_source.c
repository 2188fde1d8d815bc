/* SPDX-License-Identifier: MIT
 * Sources and their watches. A file's inode is watched for writes, wherever it is renamed to; its
 * folder for new files. */
#include "cli/log_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/mem.h"
#include "os/clock.h"
#include "os/fd.h"
#include "json/read.h"

#define FOLDER_MASK (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR)
#define EVENT_BYTES 65536

/* ---- what was there at the begin ---- */

static void inode_key(char key[static 48], dev_t dev, ino_t ino)
{
    snprintf(key, 48, "%llu:%llu", (unsigned long long)dev, (unsigned long long)ino);
}

static void remember_folder(struct log_sources *s, struct str folder)
{
    AUTO(buf) path = BUF_INIT;
    buf_add_str(&path, folder);
    DIR *d = opendir(path.data);
    struct dirent *entry;
    struct stat st;
    char key[48];
    while (d && (entry = readdir(d)) != NULL) {
        if (fstatat(dirfd(d), entry->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
            continue;
        buf_truncate(&path, folder.n);
        buf_add_byte(&path, '/');
        buf_add_c(&path, entry->d_name);
        inode_key(key, st.st_dev, st.st_ino);
        json_object_set_new(s->before, path.data, json_integer(st.st_size));
        json_object_set_new(s->before, key, json_integer(st.st_size));
    }
    if (d)
        closedir(d);
}

/* When a file was made, where its file system knows; else long ago. */
static int64_t birth_ms(const char *path)
{
    struct statx sx;
    if (statx(AT_FDCWD, path, 0, STATX_BTIME, &sx) < 0 || !(sx.stx_mask & STATX_BTIME))
        return 0;
    return (int64_t)sx.stx_btime.tv_sec * 1000 + sx.stx_btime.tv_nsec / 1000000;
}

/* How much of a file that is `size` bytes long was written before the begin. */
static off_t size_before(const struct log_sources *s, const char *path, off_t size)
{
    int64_t known;
    if (json_get_int(s->before, path, &known))
        return known <= size ? (off_t)known : 0; /* shorter now: it was begun anew */
    return birth_ms(path) >= s->begin_ms ? 0 : size;
}

/* Rotated before the begin; or begun before it: then its lines are not new for the most part. */
static bool is_old(void *ctx, const struct rotated_file *f)
{
    const struct log_sources *s = ctx;
    char key[48];
    inode_key(key, f->dev, f->ino);
    return json_has(s->before, f->path) || json_has(s->before, key) ||
           birth_ms(f->path) < s->begin_ms;
}

/* ---- turns ---- */

static void mark(struct log_sources *s, struct log_source *src)
{
    if (src->is_behind)
        return;
    src->is_behind = true;
    src->turn = ++s->turns;
}

struct log_source *log_sources_next(struct log_sources *s)
{
    struct log_source *next = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i]->is_behind && (!next || s->at[i]->turn < next->turn))
            next = s->at[i];
    return next;
}

/* ---- watches ---- */

static void watch_folder(struct log_sources *s, struct log_source *src)
{
    AUTO(buf) folder = BUF_INIT;
    const char *path = src->growth.path;
    const char *slash = strrchr(path, '/');
    if (src->folder_wd >= 0 || !slash)
        return;
    buf_add(&folder, path, slash > path ? (size_t)(slash - path) : 1);
    src->folder_wd = inotify_add_watch(s->inotify_fd, folder.data, FOLDER_MASK);
    if (src->folder_wd < 0)
        s->is_blind = true;
}

static void rewatch(struct log_sources *s, struct log_source *src)
{
    struct stat st;
    const struct growth *g = &src->growth;
    if (s->inotify_fd < 0)
        return;
    watch_folder(s, src);
    int wd = inotify_add_watch(s->inotify_fd, g->path, IN_MODIFY);
    if (wd < 0) {
        s->is_blind = s->is_blind || errno != ENOENT;
        return; /* its folder says when it is there */
    }
    bool is_in_hand = stat(g->path, &st) == 0 && st.st_dev == g->dev && st.st_ino == g->ino;
    if (!is_in_hand) { /* the writer of the renamed file may not have noticed yet */
        src->next_wd = wd;
        return;
    }
    if (src->file_wd >= 0 && src->file_wd != wd)
        (void)inotify_rm_watch(s->inotify_fd, src->file_wd);
    src->file_wd = wd;
    src->next_wd = -1;
}

/* ---- sources ---- */

void log_sources_init(struct log_sources *s, const char *folder)
{
    *s = (struct log_sources){
        .inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
        .before = json_object(),
        .begin_ms = clock_wall_ms(),
    };
    s->is_blind = s->inotify_fd < 0;
    remember_folder(s, str_from(folder));
}

static void source_free(struct log_source *src)
{
    growth_fini(&src->growth);
    log_owner_fini(&src->owner);
    free(src->name);
    free(src);
}

void log_sources_fini(struct log_sources *s)
{
    for (size_t i = 0; i < s->count; i++)
        source_free(s->at[i]);
    free(s->at);
    json_decref(s->before);
    fd_close(&s->inotify_fd);
}

struct log_source *log_sources_find(const struct log_sources *s, const char *path)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i]->growth.path, path) == 0)
            return s->at[i];
    return NULL;
}

static struct log_source *add(struct log_sources *s, const char *path)
{
    struct log_source *src = mem_alloc(sizeof(*src));
    *src = (struct log_source){.folder_wd = -1, .file_wd = -1, .next_wd = -1};
    mark(s, src);
    growth_init(&src->growth, path);
    log_owner_init(&src->owner);
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 16;
        s->at = mem_resize(s->at, s->room * sizeof(struct log_source *));
    }
    s->at[s->count++] = src;
    return src;
}

struct log_source *log_sources_add_end(struct log_sources *s, const char *path)
{
    struct log_source *src = add(s, path);
    (void)growth_open(&src->growth);
    rewatch(s, src);
    return src;
}

struct log_source *log_sources_add_new(struct log_sources *s, const char *path)
{
    struct log_source *src = add(s, path);
    if (growth_open(&src->growth))
        src->growth.at = size_before(s, path, src->growth.at);
    growth_begin_with(&src->growth, is_old, s);
    rewatch(s, src);
    return src;
}

void log_source_name(struct log_source *src, int64_t id, const char *name, enum log_kind kind,
                     bool shared)
{
    if (!src->name || strcmp(src->name, name) != 0) {
        free(src->name);
        src->name = mem_dup(name, strlen(name));
    }
    src->id = id;
    src->kind = kind;
    src->shared = shared;
}

/* ---- changes ---- */

static bool concerns(const struct log_source *src, const struct inotify_event *ev)
{
    if (ev->mask & IN_Q_OVERFLOW)
        return true;
    if (ev->wd == src->file_wd || ev->wd == src->next_wd)
        return true;
    const char *slash = strrchr(src->growth.path, '/');
    return ev->wd == src->folder_wd && ev->len > 0 && slash && strcmp(slash + 1, ev->name) == 0;
}

void log_sources_dispatch(struct log_sources *s)
{
    static char bytes[EVENT_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = s->inotify_fd >= 0 ? read(s->inotify_fd, bytes, sizeof(bytes)) : 0;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *ev = (const void *)(bytes + at);
        at += (ssize_t)(sizeof(*ev) + ev->len);
        for (size_t i = 0; i < s->count; i++)
            if (concerns(s->at[i], ev))
                mark(s, s->at[i]);
    }
}

void log_sources_look(struct log_sources *s)
{
    s->is_blind = s->inotify_fd < 0;
    for (size_t i = 0; i < s->count; i++) {
        mark(s, s->at[i]);
        rewatch(s, s->at[i]);
    }
}

void log_sources_stepped(struct log_sources *s, struct log_source *src, bool has_more)
{
    src->is_behind = false;
    if (has_more)
        mark(s, src);
    rewatch(s, src);
}
