/* SPDX-License-Identifier: MIT
 * /proc, read directly. A snapshot of all processes is not atomic: each record is true for its own
 * instant, so that nothing here trusts two records to agree (parents may be missing, chains may
 * even form a ring when a pid was reused half way). */
#include "os/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"

/* Numbers of the fields in proc(5). */
enum stat_field {
    STAT_PPID = 4,
    STAT_PGRP = 5,
    STAT_SESSION = 6,
    STAT_UTIME = 14,
    STAT_STIME = 15,
    STAT_NUM_THREADS = 20,
    STAT_STARTTIME = 22,
    STAT_RSS = 24,
    STAT_LAST = STAT_RSS
};

#define STAT_TEXT_BYTES   1024 /* 52 numbers of at most 20 digits never reach it up to field 24 */
#define ENVIRON_BYTES_MAX (4UL * 1024 * 1024)

static bool parse_stat(char *text, size_t n, struct proc_stat *ret)
{
    text[n] = '\0';
    /* comm is raw: it may hold spaces, newlines and parentheses. Its own ")" is the last one. */
    char *end = memrchr(text, ')', n);
    if (!end || end + 4 > text + n)
        return false;
    long long f[STAT_LAST + 1] = {0};
    char *at = end + 3;
    for (int i = STAT_PPID; i <= STAT_LAST; i++) {
        char *next;
        f[i] = strtoll(at, &next, 10);
        if (next == at)
            return false;
        at = next;
    }
    *ret = (struct proc_stat){
        .pid = (pid_t)atoi(text),
        .ppid = (pid_t)f[STAT_PPID],
        .pgid = (pid_t)f[STAT_PGRP],
        .sid = (pid_t)f[STAT_SESSION],
        .state = end[2],
        .start_ticks = (uint64_t)f[STAT_STARTTIME],
        .cpu_ticks = (uint64_t)f[STAT_UTIME] + (uint64_t)f[STAT_STIME],
        .rss_bytes = (uint64_t)f[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE),
    };
    /* The leading thread has ended, others run on: the process is alive, whatever the letter. */
    if (ret->state == 'Z' && f[STAT_NUM_THREADS] > 1)
        ret->state = 'S';
    return true;
}

/* `path` relative to dir_fd (or absolute). Bytes read, or -errno; ENOENT becomes ESRCH. */
static ssize_t read_file(int dir_fd, const char *path, char *buf, size_t size)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, size);
    int code = errno;
    fd_close(&fd);
    if (n >= 0)
        return n;
    return code == ENOENT ? -ESRCH : -code;
}

static int read_stat(int dir_fd, const char *path, struct proc_stat *ret)
{
    char text[STAT_TEXT_BYTES];
    ssize_t n = read_file(dir_fd, path, text, sizeof(text) - 1);
    if (n < 0)
        return (int)n;
    return parse_stat(text, (size_t)n, ret) ? 0 : -ESRCH;
}

int procfs_stat(pid_t pid, struct proc_stat *ret)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    return read_stat(AT_FDCWD, path, ret);
}

unsigned procfs_ticks_per_second(void)
{
    return (unsigned)sysconf(_SC_CLK_TCK);
}

int64_t procfs_start_ms(const struct proc_stat *st)
{
    if (st->start_ticks == 0)
        return 0;
    struct timespec wall, boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t boot_at_ms =
        (int64_t)(wall.tv_sec - boot.tv_sec) * 1000 + (wall.tv_nsec - boot.tv_nsec) / 1000000;
    return boot_at_ms + (int64_t)(st->start_ticks * 1000 / procfs_ticks_per_second());
}

/* ---- the tree of one app ---- */

#define NONE (-1)

struct node {
    struct proc_stat st;
    int first_child, next_sibling; /* indices, or NONE */
    bool seen, member;
};

struct snapshot {
    struct node *nodes; /* sorted by pid */
    int *order;         /* the nodes below the reaper, parents before their children */
    size_t count, room, ordered;
    struct buf environ; /* scratch */
};

static void snapshot_fini(struct snapshot *s)
{
    free(s->nodes);
    free(s->order);
    buf_fini(&s->environ);
}

static int snapshot_add(struct snapshot *s, const struct proc_stat *st)
{
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 256;
        struct node *nodes = realloc(s->nodes, room * sizeof(*nodes));
        if (!nodes)
            return -ENOMEM;
        s->nodes = nodes;
        s->room = room;
    }
    s->nodes[s->count++] = (struct node){.st = *st, .first_child = NONE, .next_sibling = NONE};
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    return (x->st.pid > y->st.pid) - (x->st.pid < y->st.pid);
}

static int snapshot_scan(struct snapshot *s)
{
    DIR *d = opendir("/proc");
    if (!d)
        return -errno;
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(d))) {
        char path[64];
        struct proc_stat st;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        int n = snprintf(path, sizeof(path), "%s/stat", entry->d_name);
        if (n < (int)sizeof(path) && read_stat(dirfd(d), path, &st) == 0)
            rc = snapshot_add(s, &st);
    }
    closedir(d);
    if (rc == 0)
        qsort(s->nodes, s->count, sizeof(*s->nodes), by_pid);
    return rc;
}

static int find_pid(const struct snapshot *s, pid_t pid)
{
    const struct node key = {.st.pid = pid};
    const struct node *found = bsearch(&key, s->nodes, s->count, sizeof(key), by_pid);
    return found ? (int)(found - s->nodes) : NONE;
}

static void visit(struct snapshot *s, int i)
{
    if (s->nodes[i].seen)
        return;
    s->nodes[i].seen = true;
    s->order[s->ordered++] = i;
}

/* Hang every node below its parent, then list those below the reaper level by level. */
static int snapshot_order(struct snapshot *s, pid_t reaper)
{
    s->order = calloc(s->count + 1, sizeof(*s->order));
    if (!s->order)
        return -ENOMEM;
    for (int i = 0; i < (int)s->count; i++) {
        int parent = find_pid(s, s->nodes[i].st.ppid);
        if (parent != NONE) {
            s->nodes[i].next_sibling = s->nodes[parent].first_child;
            s->nodes[parent].first_child = i;
        }
        if (reaper ? s->nodes[i].st.ppid == reaper : parent == NONE)
            visit(s, i);
    }
    for (size_t done = 0; done < s->ordered; done++)
        for (int c = s->nodes[s->order[done]].first_child; c != NONE; c = s->nodes[c].next_sibling)
            visit(s, c);
    return 0;
}

static bool load_environ(pid_t pid, struct buf *b)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    buf_clear(b);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = 1;
    while (n > 0 && b->len < ENVIRON_BYTES_MAX && buf_reserve(b, 16384)) {
        n = read(fd, b->data + b->len, 16384);
        if (n > 0)
            b->len += (size_t)n;
    }
    close(fd);
    return b->len > 0;
}

static bool has_entry(const struct buf *environ_text, const char *mark)
{
    struct str rest = buf_str(environ_text);
    while (rest.n > 0) {
        struct str entry = {rest.p, strnlen(rest.p, rest.n)};
        if (str_eq_c(entry, mark))
            return true;
        size_t used = entry.n < rest.n ? entry.n + 1 : entry.n;
        rest = (struct str){rest.p + used, rest.n - used};
    }
    return false;
}

static bool carries_marks(struct snapshot *s, pid_t pid, const struct tree_query *q)
{
    return q->env_mark && load_environ(pid, &s->environ) && has_entry(&s->environ, q->env_mark) &&
           (!q->env_mark2 || has_entry(&s->environ, q->env_mark2));
}

static void mark_members(struct snapshot *s, const struct tree_query *q)
{
    int root = find_pid(s, q->root);
    if (root != NONE)
        s->nodes[root].member = true;
    for (size_t i = 0; i < s->ordered; i++) {
        struct node *n = &s->nodes[s->order[i]];
        int parent = find_pid(s, n->st.ppid);
        n->member = n->member || (parent != NONE && s->nodes[parent].member) ||
                    n->st.sid == q->root || carries_marks(s, n->st.pid, q);
    }
}

static int collect(const struct snapshot *s, pid_t root, struct proc_stat **ret)
{
    struct proc_stat *found = calloc(s->ordered + 1, sizeof(*found));
    if (!found)
        return -ENOMEM;
    const struct proc_stat *last = NULL;
    int count = 0;
    for (size_t i = s->ordered; i-- > 0;) {
        const struct node *n = &s->nodes[s->order[i]];
        if (!n->member || n->st.state == 'Z' || n->st.state == 'X')
            continue;
        if (n->st.pid == root)
            last = &n->st;
        else
            found[count++] = n->st;
    }
    if (last)
        found[count++] = *last;
    *ret = found;
    return count;
}

int procfs_tree(const struct tree_query *q, struct proc_stat **ret)
{
    struct snapshot s = {.environ = BUF_INIT};
    *ret = NULL;
    int rc = snapshot_scan(&s);
    if (rc == 0)
        rc = snapshot_order(&s, q->reaper);
    if (rc == 0) {
        mark_members(&s, q);
        rc = collect(&s, q->root, ret);
    }
    snapshot_fini(&s);
    return rc;
}
