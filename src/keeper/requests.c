/* SPDX-License-Identifier: MIT
 * What pm2d may ask of the keeper: one function per frame type. A function returns 0, or a negative
 * errno when pm2d has broken the protocol (it is killed then); everything that merely did not work
 * is an answer. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "keeper.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/procfs.h"
#include "os/spawn.h"

/* The apps' breathing space while pm2d is away. */
#define OUTPUT_PIPE_BYTES (1024U * 1024)
/* From FATAL to pm2d's exit. */
#define FATAL_WAIT_MS 2000
/* From the yes to an update to pm2d's exit. */
#define UPDATE_WAIT_MS 2000

_Static_assert((int)SPAWN_RESOURCES == LINK_STAGE_RESOURCES && (int)SPAWN_EXEC == LINK_STAGE_EXEC &&
                   (int)SPAWN_RLIMIT == LINK_STAGE_RLIMIT,
               "stages travel as they are");

struct request {
    const struct link_frame *frame;
    struct link_fields in;
    int fds[LIMIT_LINK_FDS]; /* closed afterwards; -1 = taken */
};

typedef int request_fn(struct keeper *k, struct request *r);

/* ---- answers ---- */

static void put_text(struct keeper *k, uint32_t seq, const char *text)
{
    size_t mark = link_open(&k->peer.out, LINK_ERROR, seq, 0);
    link_put_str(&k->peer.out, str_from(text));
    link_close(&k->peer.out, mark);
}

static void put_child(struct keeper *k, enum link_type type, uint32_t seq, struct child *ch)
{
    int fds[LINK_FD_COUNT];
    unsigned n = 0;
    struct link_child lc = child_describe(ch);
    for (unsigned i = 0; i < LINK_FD_COUNT; i++) {
        if (ch->fds[i] < 0)
            continue;
        fds[n++] = ch->fds[i];
        lc.fd_mask |= 1U << i;
    }
    size_t mark = link_open(&k->peer.out, type, seq, n);
    link_put_child(&k->peer.out, &lc);
    link_close(&k->peer.out, mark);
    peer_lend_fds(&k->peer, fds, n);
    ch->is_told = true;
}

void requests_put_exited(struct keeper *k, struct child *ch)
{
    if (!ch->is_told) /* a new pm2d that has not listed yet: CHILD will say it */
        return;
    size_t mark = link_open(&k->peer.out, LINK_EXITED, 0, 0);
    link_put_u64(&k->peer.out, ch->handle);
    link_put_u32(&k->peer.out, (uint32_t)ch->pid);
    link_put_i32(&k->peer.out, ch->wait_status);
    link_put_u64(&k->peer.out, (uint64_t)ch->exit_ms);
    link_close(&k->peer.out, mark);
}

void requests_put_terminate(struct keeper *k)
{
    size_t mark = link_open(&k->peer.out, LINK_TERMINATE, 0, 0);
    link_put_i32(&k->peer.out, k->terminate_by);
    link_close(&k->peer.out, mark);
}

void requests_put_reopen(struct keeper *k)
{
    link_close(&k->peer.out, link_open(&k->peer.out, LINK_REOPEN, 0, 0));
}

/* ---- the life of pm2d ---- */

static int do_hello(struct keeper *k, struct request *r)
{
    uint32_t version = link_get_u32(&r->in);
    if (r->in.bad || version == 0)
        return -EPROTO;
    size_t mark = link_open(&k->peer.out, LINK_HELLO_OK, r->frame->seq, 0);
    link_put_u32(&k->peer.out, version < LINK_VERSION ? version : LINK_VERSION);
    link_put_u32(&k->peer.out, (uint32_t)getpid());
    link_put_u32(&k->peer.out, k->peer.starts);
    link_put_u32(&k->peer.out, k->world.umask);
    link_put_u64(&k->peer.out, k->world.nofile_soft);
    link_close(&k->peer.out, mark);
    k->peer.has_greeted = true;
    if (k->terminate_by)
        requests_put_terminate(k);
    return 0;
}

static void copy_text(char *to, size_t size, struct str s)
{
    size_t n = s.n < size ? s.n : size - 1;
    memcpy(to, s.p, n);
    to[n] = '\0';
}

static int do_ready(struct keeper *k, struct request *r)
{
    char version[64];
    copy_text(version, sizeof(version), link_get_str(&r->in));
    keeper_disarm(k, TIMER_LAUNCH);
    k->is_ready = k->peer.has_got_ready = true;
    launch_report(&k->o->ready_fd, 'R', version);
    return 0;
}

static int do_fatal(struct keeper *k, struct request *r)
{
    copy_text(k->fatal, sizeof(k->fatal), link_get_str(&r->in));
    log_error("pm2d: %s", k->fatal);
    keeper_arm(k, TIMER_LAUNCH, FATAL_WAIT_MS);
    return 0;
}

static int do_quit(struct keeper *k, struct request *r)
{
    (void)r;
    k->end = KEEPER_QUIT;
    return 0;
}

/* The programs on the disk are asked first; a no costs nothing. After a yes pm2d ends by itself. */
static int do_update(struct keeper *k, struct request *r)
{
    struct err e = {0};
    struct str folder = link_get_str(&r->in);
    if (r->in.bad)
        return -EPROTO;
    k->is_updating = handover_prepare(k, folder, &e) == 0;
    if (k->is_updating) {
        FAILPOINT("update.checked");
        keeper_arm(k, TIMER_LAUNCH, UPDATE_WAIT_MS);
    }
    size_t mark = link_open(&k->peer.out, LINK_UPDATING, r->frame->seq, 0);
    link_put_str(&k->peer.out, k->is_updating ? STR("") : str_from(e.msg));
    link_close(&k->peer.out, mark);
    return 0;
}

/* ---- the list: one frame at a time, as fast as pm2d reads ---- */

static int do_list(struct keeper *k, struct request *r)
{
    k->is_listing = true;
    k->list_seq = r->frame->seq;
    k->list_child = k->children.all.next;
    k->list_stored = k->store.all.next;
    return 0;
}

/* No request is looked at before LIST_END, so that the tables hold still. */
static void list_next(struct keeper *k)
{
    if (k->list_child != &k->children.all) {
        put_child(k, LINK_CHILD, k->list_seq, LIST_ENTRY(k->list_child, struct child, all));
        k->list_child = k->list_child->next;
    } else if (k->list_stored != &k->store.all) {
        const struct stored *st = LIST_ENTRY(k->list_stored, struct stored, all);
        size_t mark = link_open(&k->peer.out, LINK_STORED, k->list_seq, 1);
        link_put_str(&k->peer.out, (struct str){st->name, st->name_len});
        link_close(&k->peer.out, mark);
        peer_lend_fds(&k->peer, &st->fd, 1);
        k->list_stored = k->list_stored->next;
    } else {
        link_close(&k->peer.out, link_open(&k->peer.out, LINK_LIST_END, k->list_seq, 0));
        k->is_listing = false;
    }
}

/* ---- children ---- */

static int spawn_child(struct keeper *k, const struct request *r, const struct link_spawn_args *a,
                       struct child **ret, enum spawn_stage *ret_stage)
{
    if (children_find(&k->children, a->handle))
        return -EEXIST;
    if (k->children.count >= LIMIT_PROCESSES)
        return -EAGAIN;
    struct child *ch = child_new(a->handle, a->note);
    if (!ch)
        return -ENOMEM;
    struct spawn_rlimit rlimits[LIMIT_LINK_RLIMITS];
    for (size_t i = 0; i < a->rlimit_count; i++)
        rlimits[i] = (struct spawn_rlimit){(int)a->rlimits[i].resource,
                                           {a->rlimits[i].soft, a->rlimits[i].hard}};
    const struct spawn_spec spec = {
        .file = a->file,
        .search_path = *a->search_path ? a->search_path : NULL,
        .cwd = *a->cwd ? a->cwd : NULL,
        .cgroup = *a->cgroup ? a->cgroup : NULL,
        .argv = a->argv,
        .env = a->env,
        .want_channel = a->flags & LINK_SPAWN_CHANNEL,
        .listen_fds = r->fds,
        .listen_count = r->frame->nfds,
        .set_ids = a->flags & LINK_SPAWN_SET_IDS,
        .uid = a->uid,
        .gid = a->gid,
        .group_count = a->group_count,
        .groups = a->groups,
        .pipe_bytes = OUTPUT_PIPE_BYTES,
        .lasting_pipes = true,
        .set_umask = true,
        .umask = k->world.umask,
        .nofile_soft = k->world.nofile_soft,
        .need_cgroup = a->flags & LINK_SPAWN_NEED_CGROUP,
        .set_nice = a->flags & LINK_SPAWN_SET_NICE,
        .nice = a->nice,
        .rlimit_count = a->rlimit_count,
        .rlimits = rlimits,
    };
    struct spawn_result res;
    int rc = spawn_process(&spec, &res, ret_stage);
    if (rc < 0) {
        child_free(ch);
        return rc;
    }
    struct proc_stat st = {0};
    (void)procfs_stat(res.pid, &st); /* not reaped: the pid is its own still */
    ch->pid = res.pid;
    ch->start_ticks = st.start_ticks;
    ch->fds[LINK_FD_PIDFD] = res.pidfd;
    ch->fds[LINK_FD_STDIN] = res.stdin_w;
    ch->fds[LINK_FD_STDOUT] = res.stdout_r;
    ch->fds[LINK_FD_STDERR] = res.stderr_r;
    ch->fds[LINK_FD_CHANNEL] = res.channel;
    *ret = ch;
    return 0;
}

static int do_spawn(struct keeper *k, struct request *r)
{
    struct link_fields peek = r->in;
    uint64_t handle = link_get_u64(&peek);
    enum spawn_stage stage = SPAWN_RESOURCES;
    struct link_spawn_args args;
    struct child *ch = NULL;
    int rc = link_get_spawn(&r->in, &args);
    if (rc == -EPROTO)
        return rc;
    if (rc == 0)
        rc = spawn_child(k, r, &args, &ch, &stage);
    link_spawn_args_fini(&args);
    FAILPOINT("keeper.spawned");
    if (rc == 0) {
        children_add(&k->children, ch);
        put_child(k, LINK_SPAWNED, r->frame->seq, ch);
        return 0;
    }
    size_t mark = link_open(&k->peer.out, LINK_SPAWN_FAILED, r->frame->seq, 0);
    link_put_u64(&k->peer.out, handle);
    link_put_i32(&k->peer.out, -rc);
    link_put_u32(&k->peer.out, (uint32_t)stage);
    link_close(&k->peer.out, mark);
    return 0;
}

/* After the death of a keeper: pm2d brings what it had. Of a process that has ended that is only
 * what others may still write into its pipes. */
static int do_adopt(struct keeper *k, struct request *r)
{
    struct link_child c;
    link_get_child(&r->in, &c);
    if (r->in.bad || c.note.n > LIMIT_LINK_NOTE_BYTES ||
        (unsigned)__builtin_popcount(c.fd_mask) != r->frame->nfds ||
        c.fd_mask >= 1U << LINK_FD_COUNT || (!c.exited && !(c.fd_mask & (1U << LINK_FD_PIDFD))))
        return -EPROTO;
    if (children_find(&k->children, c.handle))
        return 0;
    struct child *ch = child_new(c.handle, c.note);
    if (!ch) {
        log_error("out of memory: process %u is not kept", c.pid);
        return 0;
    }
    ch->pid = (pid_t)c.pid;
    ch->start_ticks = c.start_ticks;
    ch->is_adopted = ch->is_told = true;
    ch->has_exited = c.exited;
    ch->wait_status = c.wait_status;
    ch->exit_ms = (int64_t)c.exit_ms;
    unsigned used = 0;
    for (unsigned i = 0; i < LINK_FD_COUNT; i++) {
        if (!(c.fd_mask & (1U << i)))
            continue;
        ch->fds[i] = r->fds[used];
        r->fds[used++] = -1;
    }
    children_add(&k->children, ch);
    FAILPOINT("keeper.adopted");
    return 0;
}

static int do_signal(struct keeper *k, struct request *r)
{
    uint64_t handle = link_get_u64(&r->in);
    int signo = link_get_i32(&r->in);
    if (r->in.bad)
        return -EPROTO;
    const struct child *ch = children_find(&k->children, handle);
    int code = ESRCH;
    if (ch && ch->is_adopted)
        code = -pidfd_signal(ch->fds[LINK_FD_PIDFD], signo);
    else if (ch && !ch->has_exited)
        code = kill(ch->pid, signo) < 0 ? errno : 0;
    size_t mark = link_open(&k->peer.out, LINK_SIGNALLED, r->frame->seq, 0);
    link_put_u64(&k->peer.out, handle);
    link_put_i32(&k->peer.out, code);
    link_close(&k->peer.out, mark);
    return 0;
}

static int do_forget(struct keeper *k, struct request *r)
{
    struct child *ch = children_find(&k->children, link_get_u64(&r->in));
    if (r->in.bad)
        return -EPROTO;
    if (ch && (ch->has_exited || ch->is_adopted)) {
        children_remove(&k->children, ch);
        FAILPOINT("keeper.forgot");
    } else if (ch) {
        put_text(k, r->frame->seq, "FORGET: the process has not exited");
    }
    return 0;
}

static int do_close_fd(struct keeper *k, struct request *r)
{
    struct child *ch = children_find(&k->children, link_get_u64(&r->in));
    uint32_t which = link_get_u32(&r->in);
    if (r->in.bad || which >= LINK_FD_COUNT)
        return -EPROTO;
    if (ch)
        fd_close(&ch->fds[which]);
    return 0;
}

/* ---- the store ---- */

static int do_store(struct keeper *k, struct request *r)
{
    struct str name = link_get_str(&r->in);
    if (r->in.bad)
        return -EPROTO;
    int rc = store_put(&k->store, name, r->fds[0]);
    r->fds[0] = -1;
    if (rc < 0)
        put_text(k, r->frame->seq, err_text(rc));
    return 0;
}

static int do_unstore(struct keeper *k, struct request *r)
{
    store_remove(&k->store, link_get_str(&r->in));
    return r->in.bad ? -EPROTO : 0;
}

/* ---- dispatch ---- */

#define ANY 0xFFU /* as many descriptors as the frame says */

static const struct {
    request_fn *run;
    unsigned nfds;
} table[] = {
    [LINK_HELLO] = {do_hello, 0},   [LINK_READY] = {do_ready, 0},
    [LINK_FATAL] = {do_fatal, 0},   [LINK_LIST] = {do_list, 0},
    [LINK_SPAWN] = {do_spawn, ANY}, [LINK_SIGNAL] = {do_signal, 0},
    [LINK_FORGET] = {do_forget, 0}, [LINK_CLOSE_FD] = {do_close_fd, 0},
    [LINK_STORE] = {do_store, 1},   [LINK_UNSTORE] = {do_unstore, 0},
    [LINK_ADOPT] = {do_adopt, ANY}, [LINK_QUIT] = {do_quit, 0},
    [LINK_UPDATE] = {do_update, 0},
};
_Static_assert(ARRAY_LEN(table) == LINK_UPDATE + 1, "a request has no row");

static int dispatch(struct keeper *k, struct request *r)
{
    const struct link_frame *f = r->frame;
    int rc = 0;
    if (f->type >= ARRAY_LEN(table) || !table[f->type].run)
        put_text(k, f->seq, "unknown type of frame");
    else if (f->nfds != table[f->type].nfds && table[f->type].nfds != ANY)
        rc = -EPROTO;
    else
        rc = table[f->type].run(k, r);
    for (unsigned i = 0; i < f->nfds; i++)
        fd_close(&r->fds[i]);
    return rc;
}

/* One step: 1 there may be more, 0 nothing to do now, -errno. */
static int step(struct keeper *k)
{
    struct link_frame frame;
    struct request r = {.frame = &frame};
    int rc = peer_flush(&k->peer);
    if (rc == -EPIPE || rc == -ECONNRESET) {
        k->peer.is_deaf = true; /* it is ending; what it said before its end still counts */
        return 1;
    }
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (k->is_listing) {
        list_next(k);
        return 1;
    }
    rc = peer_next(&k->peer, &frame, r.fds);
    if (rc <= 0)
        return rc;
    r.in.rest = frame.payload;
    rc = dispatch(k, &r);
    k->has_more = frame.type == LINK_SPAWN;
    return rc < 0 ? rc : 1;
}

void requests_pump(struct keeper *k)
{
    int rc = 1;
    k->has_more = false;
    while (rc > 0 && k->end == KEEPER_RUNS && !k->has_more)
        rc = step(k);
    if (rc >= 0)
        return;
    log_error("the link to pm2d is broken (%s): killing it", err_text(rc));
    peer_kill(&k->peer);
    keeper_drop_peer(k);
}
