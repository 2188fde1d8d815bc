/* SPDX-License-Identifier: MIT
 * Tables only: nothing here forks, waits or talks. */
#include "children.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "os/fd.h"
#include "os/pidfd.h"

static size_t handle_bucket(uint64_t handle)
{
    return (size_t)((handle ^ (handle >> 32)) % CHILD_BUCKETS); /* (pm_id << 32) | counter */
}

static size_t pid_bucket(pid_t pid)
{
    return (size_t)pid % CHILD_BUCKETS;
}

void children_init(struct children *c)
{
    memset(c, 0, sizeof(*c));
    list_init(&c->all);
}

void children_fini(struct children *c)
{
    list_for_each_safe (it, next, &c->all)
        children_remove(c, LIST_ENTRY(it, struct child, all));
}

struct child *child_new(uint64_t handle, struct str note)
{
    struct child *ch = calloc(1, sizeof(*ch) + note.n + 1);
    if (!ch)
        return NULL;
    list_init(&ch->all);
    ch->handle = handle;
    for (int i = 0; i < LINK_FD_COUNT; i++)
        ch->fds[i] = -1;
    ch->note_len = note.n;
    memcpy(ch->note, note.p, note.n);
    return ch;
}

void child_free(struct child *ch)
{
    for (int i = 0; i < LINK_FD_COUNT; i++)
        fd_close(&ch->fds[i]);
    free(ch);
}

struct link_child child_describe(const struct child *ch)
{
    return (struct link_child){
        .handle = ch->handle,
        .pid = (uint32_t)ch->pid,
        .start_ticks = ch->start_ticks,
        .exited = ch->has_exited,
        .wait_status = ch->wait_status,
        .exit_ms = (uint64_t)ch->exit_ms,
        .adopted = ch->is_adopted,
        .note = {ch->note, ch->note_len},
    };
}

void children_add(struct children *c, struct child *ch)
{
    struct child **h = &c->by_handle[handle_bucket(ch->handle)];
    struct child **p = &c->by_pid[pid_bucket(ch->pid)];
    ch->by_handle = *h;
    *h = ch;
    if (!ch->is_adopted && !ch->has_exited) { /* an adopted one is never reaped here */
        ch->by_pid = *p;
        *p = ch;
    }
    list_add_tail(&c->all, &ch->all);
    c->count++;
}

struct child *children_find(const struct children *c, uint64_t handle)
{
    struct child *ch = c->by_handle[handle_bucket(handle)];
    while (ch && ch->handle != handle)
        ch = ch->by_handle;
    return ch;
}

/* The place in its chain that points to the child with this pid; to `only` unless NULL: a state
 * that was damaged may give two of them one pid. */
static struct child **place_of(struct children *c, pid_t pid, const struct child *only)
{
    struct child **at = &c->by_pid[pid_bucket(pid)];
    while (*at && (only ? *at != only : (*at)->pid != pid))
        at = &(*at)->by_pid;
    return at;
}

static struct child *unlink_place(struct child **at)
{
    struct child *ch = *at;
    if (ch)
        *at = ch->by_pid;
    return ch;
}

void children_remove(struct children *c, struct child *ch)
{
    struct child **at = &c->by_handle[handle_bucket(ch->handle)];
    while (*at != ch)
        at = &(*at)->by_handle;
    *at = ch->by_handle;
    if (!ch->has_exited && !ch->is_adopted)
        (void)unlink_place(place_of(c, ch->pid, ch));
    list_del(&ch->all);
    c->count--;
    child_free(ch);
}

struct child *children_reaped(struct children *c, pid_t pid, int wait_status, int64_t now_ms)
{
    struct child *ch = unlink_place(place_of(c, pid, NULL));
    if (!ch)
        return NULL;
    ch->has_exited = true;
    ch->wait_status = wait_status;
    ch->exit_ms = now_ms;
    return ch;
}

void children_kill(struct children *c)
{
    list_for_each (it, &c->all) {
        const struct child *ch = LIST_ENTRY(it, struct child, all);
        if (ch->has_exited)
            continue;
        if (ch->is_adopted) { /* its pid may be somebody else's by now; the pidfd never is */
            (void)pidfd_signal(ch->fds[LINK_FD_PIDFD], SIGKILL);
            continue;
        }
        (void)kill(-ch->pid, SIGKILL);
        (void)kill(ch->pid, SIGKILL);
    }
}

/* ---- the store ---- */

void store_init(struct store *s)
{
    s->count = 0;
    list_init(&s->all);
}

static void drop(struct store *s, struct stored *st)
{
    list_del(&st->all);
    s->count--;
    fd_close(&st->fd);
    free(st);
}

void store_fini(struct store *s)
{
    list_for_each_safe (it, next, &s->all)
        drop(s, LIST_ENTRY(it, struct stored, all));
}

void store_remove(struct store *s, struct str name)
{
    list_for_each_safe (it, next, &s->all) {
        struct stored *st = LIST_ENTRY(it, struct stored, all);
        if (str_eq(name, (struct str){st->name, st->name_len}))
            drop(s, st);
    }
}

int store_put(struct store *s, struct str name, int take_fd)
{
    int rc = name.n == 0 || name.n > LIMIT_LINK_NOTE_BYTES ? -EINVAL : 0;
    struct stored *st = rc == 0 ? malloc(sizeof(*st) + name.n) : NULL;
    if (rc == 0 && !st)
        rc = -ENOMEM;
    if (rc == 0) {
        store_remove(s, name);
        rc = s->count >= LIMIT_LINK_STORED ? -ENOSPC : 0;
    }
    if (rc < 0) {
        free(st);
        fd_close(&take_fd);
        return rc;
    }
    st->fd = take_fd;
    st->name_len = name.n;
    memcpy(st->name, name.p, name.n);
    list_add_tail(&s->all, &st->all);
    s->count++;
    return 0;
}
