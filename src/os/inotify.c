/* SPDX-License-Identifier: MIT
 * Watches by number, and who is interested in each. Runs in pm2d. */
#include "inotify.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"

#define READS_PER_TURN 16
#define FIRST_BUCKETS  64

struct inotify_watch {
    int wd;
    bool held; /* events are being dealt out: do not free */
    bool gone; /* the kernel has none any more */
    struct list parties;
    struct inotify_watch *next;
};

int inotify_open(struct inotify *n)
{
    *n = (struct inotify){.fd = -1};
    n->buckets = calloc(FIRST_BUCKETS, sizeof(struct inotify_watch *));
    if (!n->buckets)
        return -ENOMEM;
    n->bucket_count = FIRST_BUCKETS;
    n->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (n->fd >= 0)
        return 0;
    int rc = -errno;
    free(n->buckets);
    n->buckets = NULL;
    return rc;
}

void inotify_close(struct inotify *n)
{
    fd_close(&n->fd);
    free(n->buckets);
    n->buckets = NULL;
}

/* ---- the table; numbers are given out in order, so their low bits spread well ---- */

static struct inotify_watch **bucket_of(struct inotify *n, int wd)
{
    return &n->buckets[(size_t)wd & (n->bucket_count - 1)];
}

static struct inotify_watch *find(struct inotify *n, int wd)
{
    struct inotify_watch *w = *bucket_of(n, wd);
    while (w && w->wd != wd)
        w = w->next;
    return w;
}

static void put(struct inotify *n, struct inotify_watch *w)
{
    struct inotify_watch **b = bucket_of(n, w->wd);
    w->next = *b;
    *b = w;
}

/* Twice the buckets; if there is no memory for them, chains get longer. */
static void grow(struct inotify *n)
{
    size_t had = n->bucket_count;
    struct inotify_watch **old = n->buckets;
    struct inotify_watch **buckets = calloc(had * 2, sizeof(struct inotify_watch *));
    if (!buckets)
        return;
    n->buckets = buckets;
    n->bucket_count = had * 2;
    for (size_t i = 0; i < had; i++)
        for (struct inotify_watch *w = old[i], *next; w; w = next) {
            next = w->next;
            put(n, w);
        }
    free(old);
}

static struct inotify_watch *add(struct inotify *n, int wd)
{
    struct inotify_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->wd = wd;
    list_init(&w->parties);
    if (n->count >= n->bucket_count)
        grow(n);
    put(n, w);
    n->count++;
    return w;
}

static void take_out(struct inotify *n, struct inotify_watch *w)
{
    struct inotify_watch **at = bucket_of(n, w->wd);
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    n->count--;
}

/* Nobody is interested any more. */
static void release(struct inotify *n, struct inotify_watch *w)
{
    if (w->held || !list_empty(&w->parties))
        return;
    if (!w->gone) {
        take_out(n, w);
        (void)inotify_rm_watch(n->fd, w->wd); /* fails when it has just gone by itself */
    }
    free(w);
}

/* ---- parties ---- */

int inotify_take(struct inotify *n, struct inotify_party *p, const char *path, uint32_t mask)
{
    int wd = inotify_add_watch(n->fd, path, mask | IN_MASK_ADD);
    if (wd < 0)
        return -errno;
    struct inotify_watch *w = find(n, wd);
    if (!w)
        w = add(n, wd);
    if (!w) {
        (void)inotify_rm_watch(n->fd, wd);
        return -ENOMEM;
    }
    if (p->watch != w) {
        inotify_drop(n, p);
        p->watch = w;
        list_add_tail(&w->parties, &p->link);
    }
    return 0;
}

bool inotify_shared(const struct inotify_party *p,
                    bool (*is)(const struct inotify_party *p, const struct inotify_party *other))
{
    if (!p->watch)
        return false;
    list_for_each (it, &p->watch->parties) {
        const struct inotify_party *other = LIST_ENTRY(it, struct inotify_party, link);
        if (other != p && is(p, other))
            return true;
    }
    return false;
}

void inotify_drop(struct inotify *n, struct inotify_party *p)
{
    struct inotify_watch *w = p->watch;
    if (!w)
        return;
    list_del(&p->link);
    p->watch = NULL;
    release(n, w);
}

/* ---- events ---- */

/* Parties come and go while they are told. So all are moved to a list of those to be told, and back
 * one by one; who goes leaves either list, who comes has not been there. */
static void deal_out(struct inotify *n, struct inotify_watch *w, const struct inotify_event *ev,
                     inotify_event_fn *event, void *ctx)
{
    struct list waiting;
    list_init(&waiting);
    list_for_each_safe (it, next, &w->parties) {
        list_del(it);
        list_add_tail(&waiting, it);
    }
    w->held = true;
    if (ev->mask & IN_IGNORED) {
        take_out(n, w);
        w->gone = true;
    }
    while (!list_empty(&waiting)) {
        struct inotify_party *p = LIST_ENTRY(waiting.next, struct inotify_party, link);
        list_del(&p->link);
        if (w->gone)
            p->watch = NULL;
        else
            list_add_tail(&w->parties, &p->link);
        event(ctx, p, ev->mask, ev->len ? ev->name : "");
    }
    w->held = false;
    release(n, w);
}

void inotify_dispatch(struct inotify *n, inotify_event_fn *event, inotify_overflow_fn *overflow,
                      void *ctx)
{
    _Alignas(struct inotify_event) char data[65536];
    for (int i = 0; i < READS_PER_TURN; i++) {
        ssize_t got = read(n->fd, data, sizeof(data));
        if (got <= 0)
            return;
        for (char *p = data; p < data + got;) {
            const struct inotify_event *ev = (const void *)p;
            p += sizeof(*ev) + ev->len;
            if (ev->mask & IN_Q_OVERFLOW) {
                overflow(ctx);
                continue;
            }
            struct inotify_watch *w = find(n, ev->wd);
            if (w)
                deal_out(n, w, ev, event, ctx);
        }
    }
}
