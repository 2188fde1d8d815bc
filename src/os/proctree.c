/* SPDX-License-Identifier: MIT
 * Process trees from one reading of /proc. */
#include "os/proctree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"

struct node {
    struct proc_stat st;
    char *environment; /* read when first asked for; "" when it cannot be read */
    size_t environment_len;
};

struct proctree {
    struct node *nodes; /* by parent, then pid: the children of a process are neighbours */
    size_t count, cap;
};

static int by_parent(const void *a, const void *b)
{
    const struct proc_stat *x = &((const struct node *)a)->st;
    const struct proc_stat *y = &((const struct node *)b)->st;
    if (x->ppid != y->ppid)
        return x->ppid < y->ppid ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static int add(struct proctree *t, pid_t pid)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct node *nodes = realloc(t->nodes, cap * sizeof(*nodes));
        if (!nodes)
            return -ENOMEM;
        t->nodes = nodes;
        t->cap = cap;
    }
    struct node *n = &t->nodes[t->count];
    *n = (struct node){0};
    if (procfs_stat(pid, &n->st) == 0) /* else it ended meanwhile */
        t->count++;
    return 0;
}

struct proctree *proctree_take(void)
{
    struct proctree *t = calloc(1, sizeof(*t));
    DIR *dir = opendir("/proc");
    int rc = t && dir ? 0 : -ENOMEM;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            rc = add(t, (pid_t)strtol(entry->d_name, NULL, 10));
    if (dir)
        closedir(dir);
    if (rc < 0) {
        proctree_free(t);
        return NULL;
    }
    if (t->count > 0)
        qsort(t->nodes, t->count, sizeof(*t->nodes), by_parent);
    return t;
}

void proctree_free(struct proctree *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->nodes[i].environment);
    free(t->nodes);
    free(t);
}

/* Index of the first child of `pid`; t->count when there is none. */
static size_t first_child(const struct proctree *t, pid_t pid)
{
    size_t lo = 0;
    size_t hi = t->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->nodes[mid].st.ppid < pid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < t->count && t->nodes[lo].st.ppid == pid ? lo : t->count;
}

int proctree_children(const struct proctree *t, pid_t parent, struct proc_stat **ret)
{
    struct proc_stat *list = calloc(t->count + 1, sizeof(*list));
    int n = 0;
    if (!list)
        return -ENOMEM;
    for (size_t c = first_child(t, parent); c < t->count && t->nodes[c].st.ppid == parent; c++)
        list[n++] = t->nodes[c].st;
    *ret = list;
    return n;
}

static void load_environment(struct node *n)
{
    char path[40];
    struct buf text = BUF_INIT;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)n->st.pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && buf_reserve(&text, 16384)) {
        got = read(fd, text.data + text.len, 16384);
        if (got > 0)
            text.len += (size_t)got;
    }
    fd_close(&fd);
    n->environment_len = buf_oom(&text) ? 0 : text.len;
    n->environment = buf_detach(&text);
}

static bool has_mark(struct node *n, const char *mark)
{
    if (!n->environment)
        load_environment(n);
    size_t len = strlen(mark);
    const char *at = n->environment;
    const char *end = at ? at + n->environment_len : NULL;
    while (at && at < end) {
        size_t entry = strnlen(at, (size_t)(end - at));
        if (entry == len && memcmp(at, mark, len) == 0)
            return true;
        at += entry + 1;
    }
    return false;
}

static bool has_marks(struct node *n, const char *const marks[PROCTREE_MARKS])
{
    for (int i = 0; i < PROCTREE_MARKS && marks[i]; i++)
        if (!has_mark(n, marks[i]))
            return false;
    return marks[0] != NULL;
}

bool proctree_find_leader(struct proctree *t, const char *const marks[PROCTREE_MARKS],
                          struct proc_stat *ret)
{
    bool found = false;
    for (size_t i = 0; i < t->count; i++) {
        struct node *n = &t->nodes[i];
        if (n->st.sid != n->st.pid || n->st.state == 'Z' ||
            (found && n->st.start_ticks >= ret->start_ticks))
            continue;
        if (has_marks(n, marks)) {
            *ret = n->st;
            found = true;
        }
    }
    return found;
}

/* A set of nodes in the order in which they were found, which is parents before children. */
struct members {
    size_t *order;
    size_t count;
    bool *in;
};

static void join(struct members *m, size_t index)
{
    if (m->in[index])
        return;
    m->in[index] = true;
    m->order[m->count++] = index;
}

/* Add the descendants of everything from `from` on. */
static void join_descendants(const struct proctree *t, struct members *m, size_t from)
{
    for (size_t i = from; i < m->count; i++) {
        pid_t pid = t->nodes[m->order[i]].st.pid;
        for (size_t c = first_child(t, pid); c < t->count && t->nodes[c].st.ppid == pid; c++)
            join(m, c);
    }
}

/* No root: no session either. (Session 0 is that of processes from outside our pid namespace.) */
static bool is_of_root(const struct proc_stat *st, pid_t root)
{
    return root > 0 && (st->pid == root || st->sid == root);
}

static void join_orphans(struct proctree *t, const struct proctree_query *q, struct members *m)
{
    for (size_t c = first_child(t, q->reaper); c < t->count && t->nodes[c].st.ppid == q->reaper;
         c++) {
        struct node *n = &t->nodes[c];
        if (m->in[c] || n->st.state == 'Z')
            continue;
        if (is_of_root(&n->st, q->root) || has_marks(n, q->marks))
            join(m, c);
    }
}

/* Session members anywhere below the reaper that no parent chain led to. */
static void join_session(const struct proctree *t, const struct proctree_query *q,
                         struct members *m, const bool *below)
{
    for (size_t i = 0; i < t->count; i++)
        if (below[i] && is_of_root(&t->nodes[i].st, q->root))
            join(m, i);
}

static int members_init(struct members *m, size_t n)
{
    m->order = calloc(n + 1, sizeof(*m->order));
    m->in = calloc(n + 1, sizeof(*m->in));
    m->count = 0;
    return m->order && m->in ? 0 : -ENOMEM;
}

static void members_fini(struct members *m)
{
    free(m->order);
    free(m->in);
}

static int collect(const struct proctree *t, const struct members *m, struct proc_stat **ret)
{
    struct proc_stat *list = calloc(m->count + 1, sizeof(*list));
    int n = 0;
    if (!list)
        return -ENOMEM;
    for (size_t i = m->count; i-- > 0;)
        if (t->nodes[m->order[i]].st.state != 'Z')
            list[n++] = t->nodes[m->order[i]].st;
    *ret = list;
    return n;
}

int proctree_members(struct proctree *t, const struct proctree_query *q, struct proc_stat **ret)
{
    struct members below = {0};
    struct members m = {0};
    int rc = members_init(&below, t->count);
    if (rc == 0)
        rc = members_init(&m, t->count);
    if (rc == 0) {
        for (size_t c = first_child(t, q->reaper); c < t->count && t->nodes[c].st.ppid == q->reaper;
             c++)
            join(&below, c);
        join_descendants(t, &below, 0);
        /* The root first, so that in the answer (reversed) it comes last. */
        for (size_t i = 0; i < t->count; i++)
            if (t->nodes[i].st.pid == q->root && (below.in[i] || q->root_lives))
                join(&m, i);
        join_descendants(t, &m, 0);
        size_t from = m.count;
        join_orphans(t, q, &m);
        join_session(t, q, &m, below.in);
        join_descendants(t, &m, from);
        rc = collect(t, &m, ret);
    }
    members_fini(&below);
    members_fini(&m);
    return rc;
}
