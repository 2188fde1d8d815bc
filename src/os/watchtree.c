/* SPDX-License-Identifier: MIT
 * Trees of watched folders. Runs in pm2d.
 *
 * Each root has a sentry: an interest in the folder above it (or the nearest one that exists),
 * which tells when the root comes, goes or is replaced. That is needed for folders as well: the
 * kernel does not tell the end of a folder itself as long as a process has it as its working
 * folder, and the app that we watch for often does. */
#include "watchtree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/list.h"
#include "inotify.h"

#define COMING (IN_CREATE | IN_MOVED_TO)
#define GOING  (IN_DELETE | IN_MOVED_FROM)
#define INSIDE (IN_MODIFY | IN_ATTRIB)

enum node_kind {
    NODE_NONE,
    NODE_FOLDER,
    NODE_LINKED, /* a file that a link points to */
    NODE_SENTRY, /* see above; its children are none of ours */
};

struct node {
    struct inotify_party party;
    struct watch_root *root;
    struct node *parent;
    struct list children, sibling;
    struct list queued; /* in watchtree.work: to be watched and looked through */
    enum node_kind kind;
    int depth;
    bool news;   /* was not there when the watching of the root began */
    char name[]; /* of the root's own nodes: the whole path */
};

struct watch_root {
    struct watchtree *tree;
    struct list link;
    struct watch_ops ops;
    struct node *top;    /* a folder, or a linked file; NULL: a file, or not there */
    struct node *sentry; /* NULL: for "/" */
    char *awaited;       /* the name that the sentry looks for, in `path` */
    size_t awaited_len;
    bool present, limit_told;
    size_t size;
    char path[];
};

struct watchtree {
    struct inotify inotify;
    struct list roots, work;
    struct buf path, entry, sentry_path;
};

/* ---- nodes ---- */

static struct node *node_new(struct watch_root *r, struct node *parent, enum node_kind kind,
                             const char *name)
{
    size_t n = strlen(name) + 1;
    struct node *node = calloc(1, sizeof(*node) + n);
    if (!node)
        return NULL;
    node->root = r;
    node->parent = parent;
    node->kind = kind;
    node->depth = parent ? parent->depth + 1 : 0;
    memcpy(node->name, name, n);
    list_init(&node->children);
    list_init(&node->sibling);
    list_init(&node->queued);
    list_init(&node->party.link);
    if (parent)
        list_add_tail(&parent->children, &node->sibling);
    return node;
}

static void node_drop_interest(struct node *node)
{
    if (!node->party.watch)
        return;
    inotify_drop(&node->root->tree->inotify, &node->party);
    node->root->size--;
}

static void node_free(struct node *node)
{
    node_drop_interest(node);
    list_del(&node->queued);
    list_del(&node->sibling);
    free(node);
}

/* A node and all below it, deepest first; without recursion, trees may be deep. */
static void node_drop(struct node *top)
{
    for (struct node *node = top; node;) {
        if (!list_empty(&node->children)) {
            node = LIST_ENTRY(node->children.next, struct node, sibling);
            continue;
        }
        struct node *up = node == top ? NULL : node->parent;
        node_free(node);
        node = up;
    }
}

static struct node *node_child(struct node *node, const char *name)
{
    list_for_each (it, &node->children) {
        struct node *child = LIST_ENTRY(it, struct node, sibling);
        if (strcmp(child->name, name) == 0)
            return child;
    }
    return NULL;
}

/* Its path, followed by `name` if that is not "". False when there is no memory for it. */
static bool node_path(const struct node *node, const char *name, struct buf *out)
{
    const struct node *chain[PATH_MAX / 2];
    size_t n = 0;
    buf_clear(out);
    for (; node && n < ARRAY_LEN(chain); node = node->parent)
        chain[n++] = node;
    while (n > 0) {
        const struct node *at = chain[--n];
        if (out->len > 0 && out->data[out->len - 1] != '/')
            buf_add_byte(out, '/');
        buf_add_c(out, at->name);
    }
    if (*name && out->len > 0 && out->data[out->len - 1] != '/')
        buf_add_byte(out, '/');
    buf_add_c(out, name);
    return !buf_oom(out);
}

static void tell_problem(struct watch_root *r, const char *path, int code)
{
    if (code == -ENOSPC) {
        if (r->limit_told)
            return;
        r->limit_told = true;
    }
    r->ops.problem(r->ops.ctx, path, code);
}

static void tell_changed(struct watch_root *r, const char *path)
{
    r->ops.changed(r->ops.ctx, path);
}

static int node_take(struct node *node, const char *path, uint32_t mask)
{
    bool had = node->party.watch;
    int rc = inotify_take(&node->root->tree->inotify, &node->party, path, mask);
    if (rc == 0 && !had)
        node->root->size++;
    return rc;
}

static void enqueue(struct node *node)
{
    list_del(&node->queued);
    list_add_tail(&node->root->tree->work, &node->queued);
}

/* ---- looking through a folder ---- */

/* What a directory entry is, links followed if the root wants that. */
static enum node_kind entry_kind(const struct watch_root *r, const char *path, unsigned char type)
{
    struct stat st;
    if (type == DT_UNKNOWN)
        type = lstat(path, &st) == 0 ? (unsigned char)IFTODT(st.st_mode) : DT_REG;
    if (type == DT_DIR)
        return NODE_FOLDER;
    if (type != DT_LNK || !r->ops.follow_links || stat(path, &st) < 0)
        return NODE_NONE;
    return S_ISDIR(st.st_mode) ? NODE_FOLDER : S_ISREG(st.st_mode) ? NODE_LINKED : NODE_NONE;
}

/* Something in a folder that is there now and has no node. `news`: it was not there before. */
static void meet(struct node *folder, const char *name, const char *path, unsigned char type,
                 bool news)
{
    struct watch_root *r = folder->root;
    enum node_kind kind = entry_kind(r, path, type);
    enum watch_verdict v = r->ops.verdict(r->ops.ctx, path, kind == NODE_FOLDER);
    if (v == WATCH_SKIP)
        return;
    if (news && v == WATCH_COUNT)
        tell_changed(r, path);
    if (kind == NODE_FOLDER && r->ops.max_depth >= 0 && folder->depth >= r->ops.max_depth)
        return;
    if (kind == NODE_NONE)
        return;
    struct node *child = node_new(r, folder, kind, name);
    if (!child) {
        tell_problem(r, path, -ENOMEM);
        return;
    }
    child->news = news;
    enqueue(child);
}

static void look_through(struct node *folder, const char *path)
{
    struct watchtree *w = folder->root->tree;
    bool is_new = list_empty(&folder->children);
    DIR *dir = opendir(path);
    if (!dir) {
        tell_problem(folder->root, path, -errno);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (!is_new && node_child(folder, d->d_name)) /* an event was faster */
            continue;
        if (node_path(folder, d->d_name, &w->entry))
            meet(folder, d->d_name, w->entry.data, d->d_type, folder->news);
    }
    closedir(dir);
}

/* A link leads to a folder that is watched already. */
static bool is_met_before(const struct inotify_party *p, const struct inotify_party *other)
{
    const struct node *a = CONTAINER_OF(p, struct node, party);
    const struct node *b = CONTAINER_OF(other, struct node, party);
    return b->kind == NODE_FOLDER && a->root == b->root;
}

static void open_folder(struct node *node, const char *path)
{
    int rc = node_take(node, path, COMING | GOING | INSIDE | IN_EXCL_UNLINK | IN_ONLYDIR);
    if (rc < 0 || inotify_shared(&node->party, is_met_before)) {
        if (rc < 0 && rc != -ENOENT && rc != -ENOTDIR) /* gone again: its folder has told or will */
            tell_problem(node->root, path, rc);
        struct watch_root *r = node->root;
        if (r->top == node)
            r->top = NULL;
        node_drop(node);
        return;
    }
    look_through(node, path);
}

static void open_linked(struct node *node, const char *path)
{
    int rc = node_take(node, path, INSIDE | IN_MOVE_SELF);
    if (rc < 0 && rc != -ENOENT)
        tell_problem(node->root, path, rc);
}

bool watchtree_work(struct watchtree *w, unsigned folders)
{
    for (; folders > 0 && !list_empty(&w->work); folders--) {
        struct node *node = LIST_ENTRY(w->work.next, struct node, queued);
        list_del(&node->queued);
        node_drop_interest(node);
        if (!node_path(node, "", &w->path))
            tell_problem(node->root, node->root->path, -ENOMEM);
        else if (node->kind == NODE_FOLDER)
            open_folder(node, w->path.data);
        else
            open_linked(node, w->path.data);
    }
    return !list_empty(&w->work);
}

/* ---- the root ---- */

static void root_detach(struct watch_root *r)
{
    if (r->top)
        node_drop(r->top);
    if (r->sentry)
        node_free(r->sentry);
    r->top = r->sentry = NULL;
    r->present = false;
}

/* Post the sentry: at the folder above the root or, if that does not exist, at the nearest that
 * does. Whoever makes what is missing between the look and the watch is noticed by another look. */
static int post_sentry(struct watch_root *r)
{
    struct buf *folder = &r->tree->sentry_path;
    size_t cut = strlen(r->path);
    int rc = -ENOENT;
    while (cut > 1 && (rc == -ENOENT || rc == -ENOTDIR)) {
        size_t end = cut;
        while (cut > 0 && r->path[cut - 1] != '/')
            cut--;
        r->awaited = r->path + cut;
        r->awaited_len = end - cut;
        cut = cut > 1 ? cut - 1 : 1;
        buf_clear(folder);
        buf_add(folder, r->path, cut);
        if (r->sentry)
            node_free(r->sentry);
        r->sentry = buf_oom(folder) ? NULL : node_new(r, NULL, NODE_SENTRY, folder->data);
        if (!r->sentry)
            return -ENOMEM;
        rc = node_take(r->sentry, folder->data, COMING | GOING | IN_ONLYDIR | IN_MOVE_SELF);
    }
    return rc;
}

/* Whether there is something at the root's path; if so, begin with it. */
static bool root_find(struct watch_root *r, bool news)
{
    struct stat st;
    bool is_link = lstat(r->path, &st) == 0 && S_ISLNK(st.st_mode);
    bool follow = is_link && r->ops.follow_links;
    if ((follow || !is_link ? stat : lstat)(r->path, &st) < 0)
        return false;
    r->present = true;
    enum node_kind kind = S_ISDIR(st.st_mode)             ? NODE_FOLDER
                          : follow && S_ISREG(st.st_mode) ? NODE_LINKED
                                                          : NODE_NONE;
    if (kind == NODE_NONE) { /* a file: its folder tells of its contents, too */
        if (r->sentry)
            (void)node_take(r->sentry, r->sentry->name, COMING | GOING | INSIDE | IN_MOVE_SELF);
        return true;
    }
    r->top = node_new(r, NULL, kind, r->path);
    if (!r->top) {
        tell_problem(r, r->path, -ENOMEM);
        return true;
    }
    r->top->news = news;
    enqueue(r->top);
    return true;
}

/* The folder at which the sentry stands has what it waits for, which is not the root yet. */
static bool can_go_nearer(const struct watch_root *r)
{
    struct stat st;
    size_t n = (size_t)(r->awaited - r->path) + r->awaited_len;
    AUTO(buf) path = BUF_INIT;
    buf_add(&path, r->path, n);
    return r->path[n] != '\0' && stat(path.data, &st) == 0;
}

static void root_attach(struct watch_root *r, bool news)
{
    int rc = 0;
    root_detach(r);
    for (int tries = 0; tries < 8; tries++) {
        rc = strcmp(r->path, "/") == 0 ? 0 : post_sentry(r);
        if (rc < 0 || root_find(r, news) || !can_go_nearer(r))
            break;
    }
    if (rc < 0)
        tell_problem(r, r->path, rc);
    else if (!r->present)
        tell_problem(r, r->path, -ENOENT);
}

struct watch_root *watchtree_add(struct watchtree *w, const char *path, const struct watch_ops *ops)
{
    size_t n = strlen(path) + 1;
    struct watch_root *r = calloc(1, sizeof(*r) + n);
    if (!r)
        return NULL;
    memcpy(r->path, path, n);
    r->tree = w;
    r->ops = *ops;
    list_add_tail(&w->roots, &r->link);
    root_attach(r, false);
    return r;
}

void watchtree_remove(struct watch_root *r)
{
    if (!r)
        return;
    root_detach(r);
    list_del(&r->link);
    free(r);
}

size_t watchtree_root_size(const struct watch_root *r)
{
    return r->size;
}

/* ---- events ---- */

/* IN_ATTRIB also comes for chmod, chown and a change of the number of links. Setting the time of a
 * file to now is a change ("touch"); then both times are about the same. */
static bool is_touched(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    long long ns = (st.st_ctim.tv_sec - st.st_mtim.tv_sec) * 1000000000LL + st.st_ctim.tv_nsec -
                   st.st_mtim.tv_nsec;
    return ns > -1000000000LL && ns < 1000000000LL;
}

static void on_sentry(struct watch_root *r, uint32_t mask, const char *name)
{
    if (mask & (IN_IGNORED | IN_MOVE_SELF)) {
        bool was_present = r->present;
        root_attach(r, true);
        if (was_present && !r->present)
            tell_changed(r, r->path);
        return;
    }
    if (strlen(name) != r->awaited_len || memcmp(name, r->awaited, r->awaited_len) != 0)
        return;
    if (mask & (COMING | GOING)) {
        bool was_present = r->present;
        root_attach(r, true);
        if (was_present || r->present)
            tell_changed(r, r->path);
        return;
    }
    if (!r->present || (r->top && r->top->kind == NODE_FOLDER))
        return; /* the shared watch tells more than this sentry wants */
    if ((mask & IN_MODIFY) || is_touched(r->path))
        tell_changed(r, r->path);
}

static void on_linked(struct node *node, uint32_t mask)
{
    struct watch_root *r = node->root;
    struct buf *path = &r->tree->path;
    if (!node_path(node, "", path))
        return;
    if ((mask & IN_MODIFY) || is_touched(path->data))
        tell_changed(r, path->data);
    if (!(mask & IN_MODIFY)) /* the link may lead to another file now */
        enqueue(node);
}

static void on_folder(struct node *folder, uint32_t mask, const char *name)
{
    struct watch_root *r = folder->root;
    struct buf *path = &r->tree->path;
    if (!*name || !node_path(folder, name, path))
        return;
    if (mask & (COMING | GOING)) {
        struct node *child = node_child(folder, name);
        bool was_folder = child && child->kind == NODE_FOLDER;
        if (child)
            node_drop(child);
        if (mask & COMING)
            meet(folder, name, path->data, mask & IN_ISDIR ? DT_DIR : DT_UNKNOWN, true);
        else if (r->ops.verdict(r->ops.ctx, path->data, was_folder || (mask & IN_ISDIR)) ==
                 WATCH_COUNT)
            tell_changed(r, path->data);
        return;
    }
    if ((mask & IN_ISDIR) || r->ops.verdict(r->ops.ctx, path->data, false) != WATCH_COUNT)
        return;
    if ((mask & IN_MODIFY) || is_touched(path->data))
        tell_changed(r, path->data);
}

static void on_event(void *ctx, struct inotify_party *p, uint32_t mask, const char *name)
{
    struct node *node = CONTAINER_OF(p, struct node, party);
    (void)ctx;
    if (mask & IN_IGNORED)
        node->root->size--;
    switch (node->kind) {
    case NODE_SENTRY: on_sentry(node->root, mask, name); break;
    case NODE_LINKED: on_linked(node, mask); break;
    case NODE_FOLDER: /* its own end is told by the folder above it, or by the sentry */
    case NODE_NONE:
        if (!(mask & IN_IGNORED))
            on_folder(node, mask, name);
        break;
    }
}

static void on_overflow(void *ctx)
{
    struct watchtree *w = ctx;
    list_for_each (it, &w->roots) {
        struct watch_root *r = LIST_ENTRY(it, struct watch_root, link);
        root_attach(r, false);
        tell_changed(r, r->path);
    }
}

void watchtree_read(struct watchtree *w)
{
    inotify_dispatch(&w->inotify, on_event, on_overflow, w);
}

/* ---- the whole ---- */

struct watchtree *watchtree_new(struct err *e)
{
    struct watchtree *w = calloc(1, sizeof(*w));
    int rc = w ? inotify_open(&w->inotify) : -ENOMEM;
    if (rc < 0) {
        err_set(e, rc, "cannot watch files: %s%s", err_text(rc),
                rc == -EMFILE ? " (fs.inotify.max_user_instances)" : "");
        free(w);
        return NULL;
    }
    list_init(&w->roots);
    list_init(&w->work);
    buf_init(&w->path);
    buf_init(&w->entry);
    buf_init(&w->sentry_path);
    return w;
}

void watchtree_free(struct watchtree *w)
{
    if (!w)
        return;
    list_for_each_safe (it, next, &w->roots)
        watchtree_remove(LIST_ENTRY(it, struct watch_root, link));
    inotify_close(&w->inotify);
    buf_fini(&w->path);
    buf_fini(&w->entry);
    buf_fini(&w->sentry_path);
    free(w);
}

int watchtree_fd(const struct watchtree *w)
{
    return w->inotify.fd;
}

long watchtree_limit(const char *name)
{
    char path[128];
    long value = -1;
    if (snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name) >= (int)sizeof(path))
        return -1;
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    if (fscanf(f, "%ld", &value) != 1)
        value = -1;
    fclose(f);
    return value;
}
