/* SPDX-License-Identifier: MIT
 * Changes in folder trees and of single files, by inotify. One descriptor for all of them, one
 * kernel watch per folder however many trees it is in. Files have no watch of their own: what
 * happens to them is told by their folder. So renaming over a file, deleting and making it again
 * need no care, and a tree costs as many watches as it has folders.
 *
 * A root may be a folder, a file, or nothing yet: then the nearest folder above it that exists is
 * watched until it is there. Links to folders are followed (once per folder and root: that is also
 * the protection against loops); a link to a file has a watch on what it points to.
 *
 * The tree is looked through in pieces (watchtree_work), so that a large one does not hold up the
 * caller's loop. Whatever is found in a folder that came later counts as a change, because it may
 * have come before the watch. When the kernel's queue overflows, each root is looked through anew
 * and counts as changed.
 *
 * Callbacks must not call back into this file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct watchtree;
struct watch_root;

enum watch_verdict {
    WATCH_SKIP,  /* no change, and no look inside */
    WATCH_PASS,  /* a folder that is no change itself, but what is inside may be */
    WATCH_COUNT, /* a change; a folder is looked into as well */
};

/* Of one root; the struct is copied. `path` is absolute, beginning with the root's own, and
 * borrowed for the call. */
struct watch_ops {
    /* Asked before a watch is added for a folder, and before a change is told. Not asked for the
     * root itself. */
    enum watch_verdict (*verdict)(void *ctx, const char *path, bool is_folder);
    void (*changed)(void *ctx, const char *path);
    /* `path` is not watched. -ENOSPC: fs.inotify.max_user_watches is reached; it is told once per
     * root. -ENOENT: the root is not there (yet). Else what the system says (-EACCES ...). */
    void (*problem)(void *ctx, const char *path, int code);
    void *ctx;
    int max_depth; /* folders below the root; negative = all */
    bool follow_links;
};

/* NULL with `e` (-EMFILE: fs.inotify.max_user_instances is reached). */
struct watchtree *watchtree_new(struct err *e);
void watchtree_free(struct watchtree *w); /* with all roots */
/* Readable: call watchtree_read(). */
int watchtree_fd(const struct watchtree *w);
/* Handle what has happened. */
void watchtree_read(struct watchtree *w);
/* Look through up to `folders` folders; whether there are more. To be called after watchtree_add()
 * and watchtree_read() until it says false. */
bool watchtree_work(struct watchtree *w, unsigned folders);

/* NULL on OOM. `path` is absolute and normalised. May call ops->problem. */
struct watch_root *watchtree_add(struct watchtree *w, const char *path,
                                 const struct watch_ops *ops);
void watchtree_remove(struct watch_root *r);
/* Folders and linked files with a watch. */
size_t watchtree_root_size(const struct watch_root *r);

/* A number from /proc/sys/fs/inotify ("max_user_watches"); -1 when it cannot be read. */
long watchtree_limit(const char *name);
