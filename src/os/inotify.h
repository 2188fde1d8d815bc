/* SPDX-License-Identifier: MIT
 * inotify with several parties per watched inode: the kernel has one watch for it, whose number
 * does not change while anyone has an interest in it. Of watchtree.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

#include "base/list.h"

struct inotify_watch;

/* One party; embed it. Zero or after inotify_drop(): no interest. */
struct inotify_party {
    struct inotify_watch *watch;
    struct list link;
};

struct inotify {
    int fd;
    struct inotify_watch **buckets; /* by watch number */
    size_t bucket_count, count;
};

/* What happened to what `p` watches; `name` in the folder, or "". IN_IGNORED: the kernel's watch is
 * gone, `p` has no interest any more. It may drop and add any party. */
typedef void inotify_event_fn(void *ctx, struct inotify_party *p, uint32_t mask, const char *name);
/* Events were lost. */
typedef void inotify_overflow_fn(void *ctx);

int inotify_open(struct inotify *n); /* 0 or -errno */
/* All parties have been dropped before. */
void inotify_close(struct inotify *n);
/* Be interested in what is at `path`, and no longer in what else; on failure all stays as it was.
 * `mask` is added to what others want. 0 or -errno. */
int inotify_take(struct inotify *n, struct inotify_party *p, const char *path, uint32_t mask);
/* Whether someone else has an interest in the same, for whom `is` says yes. */
bool inotify_shared(const struct inotify_party *p,
                    bool (*is)(const struct inotify_party *p, const struct inotify_party *other));
/* Idempotent. */
void inotify_drop(struct inotify *n, struct inotify_party *p);
/* Handle what is there, up to a bound that is fair to others. */
void inotify_dispatch(struct inotify *n, inotify_event_fn *event, inotify_overflow_fn *overflow,
                      void *ctx);
