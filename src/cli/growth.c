/* SPDX-License-Identifier: MIT
 * Which file is read, and when it is left for the next one. A file is left when another one lies at
 * its path and has something in it: until then its writer may not have noticed the rename. After
 * that has been seen, it is read to its end once more. */
#include "cli/growth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/log_input.h"
#include "cli/mem.h"
#include "os/fd.h"

#define BLOCK_BYTES 65536
#define STEP_BYTES  (1024 * 1024)

void growth_init(struct growth *g, const char *path)
{
    *g = (struct growth){.path = mem_dup(path, strlen(path)), .fd = -1, .is_listed = true};
    buf_init(&g->open);
}

void growth_fini(struct growth *g)
{
    fd_close(&g->fd);
    log_input_close(g->packed);
    rotated_fini(&g->known);
    rotated_fini(&g->between);
    buf_fini(&g->open);
    free(g->path);
}

/* ---- bytes to lines ---- */

static void feed(struct growth *g, struct str chunk, growth_fn *fn, void *ctx)
{
    struct str line;
    while (str_cut_line(&chunk, &line)) {
        if (g->open.len > 0) {
            buf_add_str(&g->open, line);
            line = buf_str(&g->open);
        }
        fn(ctx, line);
        buf_clear(&g->open);
    }
    buf_add_str(&g->open, chunk);
    if (g->open.len >= LIMIT_CLI_LINE_BYTES)
        growth_flush(g, fn, ctx);
    buf_trim(&g->open, 4096);
}

void growth_flush(struct growth *g, growth_fn *fn, void *ctx)
{
    if (g->open.len > 0)
        fn(ctx, buf_str(&g->open));
    buf_clear(&g->open);
}

/* ---- which file ---- */

static void take_file(struct growth *g, int fd, const struct stat *st)
{
    fd_close(&g->fd);
    g->fd = fd;
    g->dev = st->st_dev;
    g->ino = st->st_ino;
    g->at = 0;
    g->is_last_look = g->is_listed = false;
}

static bool open_path(struct growth *g, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        fd_close(&fd);
        return false;
    }
    take_file(g, fd, &st);
    return true;
}

static bool has_inode(const struct rotated *r, dev_t dev, ino_t ino)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->at[i].dev == dev && r->at[i].ino == ino)
            return true;
    return false;
}

bool growth_open(struct growth *g)
{
    struct stat st;
    bool is_there;
    do {
        is_there = open_path(g, g->path);
        rotated_fini(&g->known);
        rotated_list(&g->known, g->path);
    } while (is_there && has_inode(&g->known, g->dev, g->ino)); /* rotated just now */
    if (is_there)
        g->at = fstat(g->fd, &st) == 0 ? st.st_size : 0;
    return is_there;
}

void growth_begin_with(struct growth *g, bool (*is_old)(void *ctx, const struct rotated_file *f),
                       void *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->known.count; i++) {
        if (is_old(ctx, &g->known.at[i]))
            g->known.at[kept++] = g->known.at[i];
        else
            free(g->known.at[i].path);
    }
    if (kept == g->known.count)
        return;
    g->known.count = kept;
    fd_close(&g->fd);
    g->is_listed = true;
}

/* What was rotated since `known`, less the file in hand. False when there is nothing. */
static bool find_between(struct growth *g)
{
    struct rotated now;
    rotated_list(&now, g->path);
    if (!g->is_listed) {
        rotated_remember(&g->known, g->path, g->fd);
        rotated_remember(&now, g->path, g->fd);
    }
    rotated_fini(&g->between);
    g->between_next = 0;
    g->between.at = mem_alloc((now.count + 1) * sizeof(now.at[0]));
    for (size_t i = 0; i < now.count; i++) {
        const struct rotated_file *f = &now.at[i];
        if (rotated_has(&g->known, f) || (f->dev == g->dev && f->ino == g->ino))
            continue;
        g->between.at[g->between.count] = *f;
        g->between.at[g->between.count++].path = mem_dup(f->path, strlen(f->path));
    }
    rotated_keep(&now, &g->known);
    rotated_fini(&g->known);
    g->known = now;
    g->is_listed = true;
    return g->between.count > 0;
}

static bool open_packed(struct growth *g, const char *path)
{
    g->packed = log_input_open(path);
    if (!g->packed)
        return false;
    fd_close(&g->fd); /* what is read now has no inode that could come back */
    g->dev = 0;
    g->ino = 0;
    g->is_last_look = false;
    return true;
}

/* In the form that it has by now. */
static bool open_between(struct growth *g, const struct rotated_file *f)
{
    bool is_open = false;
    for (size_t form = 0; form < ROTATED_FORMS && !is_open; form++) {
        AUTO(buf) path = BUF_INIT;
        rotated_path(&path, f, form);
        is_open = form == 0 ? open_path(g, path.data) : open_packed(g, path.data);
    }
    if (is_open)
        g->is_listed = true;
    return is_open;
}

/* Go on with the next file. False when there is none to be had. */
static bool go_on(struct growth *g)
{
    for (;;) {
        while (g->between_next < g->between.count)
            if (open_between(g, &g->between.at[g->between_next++]))
                return true;
        fd_close(&g->fd);
        g->is_listed = true;
        if (!open_path(g, g->path))
            return false;
        /* Rotated again while we were reading? Then that comes first. */
        struct stat in_hand = {.st_dev = g->dev, .st_ino = g->ino};
        g->dev = 0;
        g->ino = 0;
        g->is_listed = true;
        if (!find_between(g)) {
            g->dev = in_hand.st_dev;
            g->ino = in_hand.st_ino;
            g->is_listed = false;
            return true;
        }
    }
}

/* The file in hand is at its end: is it still the one? True when there is something to read. */
static bool look_again(struct growth *g, growth_fn *fn, void *ctx)
{
    struct stat st;
    if (g->between_next < g->between.count) {
        growth_flush(g, fn, ctx);
        return go_on(g);
    }
    if (stat(g->path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_dev == g->dev && st.st_ino == g->ino) {
        if (st.st_size < g->at) { /* emptied: what was half a line will not be continued */
            growth_flush(g, fn, ctx);
            g->at = 0;
        }
        return st.st_size > g->at;
    }
    if (!g->is_last_look) {
        g->is_last_look = find_between(g) || st.st_size > 0;
        return g->is_last_look;
    }
    growth_flush(g, fn, ctx);
    return go_on(g);
}

static ssize_t read_some(struct growth *g, char *block)
{
    ssize_t n;
    if (g->packed) {
        n = log_input_read(g->packed, block, BLOCK_BYTES);
        if (n > 0)
            return n;
        log_input_close(g->packed);
        g->packed = NULL;
        return 0;
    }
    do
        n = pread(g->fd, block, BLOCK_BYTES, g->at);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        g->at += n;
    return n;
}

bool growth_step(struct growth *g, growth_fn *fn, void *ctx)
{
    char block[BLOCK_BYTES];
    if (g->fd < 0 && !g->packed && !go_on(g))
        return false;
    for (size_t got = 0; got < STEP_BYTES;) {
        ssize_t n = read_some(g, block);
        if (n > 0)
            feed(g, (struct str){block, (size_t)n}, fn, ctx);
        else if (!look_again(g, fn, ctx))
            return false;
        got += n > 0 ? (size_t)n : 0;
    }
    return true;
}
