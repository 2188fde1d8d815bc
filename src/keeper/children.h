/* SPDX-License-Identifier: MIT
 * What the keeper keeps: the children that it spawned, each until pm2d has acknowledged its exit,
 * with duplicates of their descriptors; and the store of named descriptors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/str.h"
#include "keeperlink/proto.h"

#define CHILD_BUCKETS 256

struct child {
    struct list all;                  /* in the order of spawning */
    struct child *by_handle, *by_pid; /* next in the bucket */
    uint64_t handle;
    pid_t pid;
    uint64_t start_ticks;
    int fds[LINK_FD_COUNT];
    bool is_adopted; /* was a dead keeper's child: its exit is seen by pm2d, through the pidfd */
    bool is_told;    /* the pm2d of now has heard of this child */
    bool has_exited;
    int wait_status;
    int64_t exit_ms;
    size_t note_len;
    char note[];
};

struct children {
    struct list all;
    size_t count;
    struct child *by_handle[CHILD_BUCKETS];
    struct child *by_pid[CHILD_BUCKETS]; /* those not reaped yet: a pid is ours only until then */
};

void children_init(struct children *c);
void children_fini(struct children *c);

/* A child that does not run yet and belongs to no table; NULL on OOM. child_free() it, or make it
 * one of the children by children_add() once pid and fds are set. */
struct child *child_new(uint64_t handle, struct str note);
void child_free(struct child *ch);
/* As frames tell of it, without its fds; the note is borrowed. */
struct link_child child_describe(const struct child *ch);
void children_add(struct children *c, struct child *ch);
struct child *children_find(const struct children *c, uint64_t handle);
/* Forget everything about it: closes its fds, frees it. */
void children_remove(struct children *c, struct child *ch);
/* Record an exit that was just reaped: the child, or NULL when the pid is no child's. */
struct child *children_reaped(struct children *c, pid_t pid, int wait_status, int64_t now_ms);
/* SIGKILL to all that live, with their process groups. */
void children_kill(struct children *c);

struct stored {
    struct list all;
    int fd;
    size_t name_len;
    char name[];
};

struct store {
    struct list all;
    size_t count;
};

void store_init(struct store *s);
void store_fini(struct store *s);
/* Keep `take_fd` under a name, in place of what had it. 0, -ENOMEM, -ENOSPC, -EINVAL (name). */
int store_put(struct store *s, struct str name, int take_fd);
void store_remove(struct store *s, struct str name);
