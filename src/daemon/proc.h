/* SPDX-License-Identifier: MIT
 * One process of an app: its configuration, its state machine, what runs now. Executes the actions
 * that app/proc_sm decides; decides nothing itself.
 *
 * A `run` is one execution (one pid) with its pipes, channel and pidfd. The process has at most one
 * current run; earlier ones live on only until the last writer of their pipes is gone.
 *
 * A reload (reload.h) has two generations of a process for a while. The other one is a struct proc
 * of its own, with the same id, in no table: `other` of the process, which is its `lead`. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "app/conf.h"
#include "app/paths.h"
#include "app/proc_sm.h"
#include "base/list.h"
#include "bus.h"
#include "chan.h"
#include "link.h"
#include "logfile.h"
#include "os/procfs.h"
#include "pump.h"
#include "secret_fetch.h"

struct asker; /* history.h */
struct health;
struct history;
struct instance_sock;
struct journal;
struct cron_job;
struct memguard;
struct memguards;
struct notify;
struct primary;
struct leave;
struct sockets;
struct proc;
struct reload; /* reload.c */
struct trees;
struct watches;      /* watch_group.c: all watched trees; NULL while there are none */
struct watch_member; /* watch_group.h */
struct worker;       /* primary.c: what a run of cluster mode has a part in */

/* What processes need of the daemon; outlives all of them. */
struct proc_env {
    uv_loop_t *loop;
    struct link *link;
    struct bus *bus;
    struct logfiles files;
    json_t *settings;          /* of `pm2 set`, as read for the log files; NULL = none */
    struct list stored_spools; /* of output, from the keeper, until they are claimed */
    struct journal *journal;
    struct history *history;
    struct secret_turns secret_turns;
    const struct asker *asker; /* who gives orders just now; NULL = nobody from outside */
    struct trees *trees;
    struct watches *watches;
    struct memguards *memguards;
    struct notify *notify;
    struct instance_sock *instance_sock;
    struct primary *primary;
    struct sockets *sockets;
    pid_t orphan_reaper; /* to whom the orphans of a dead keeper's apps have gone */
    struct pm2_paths paths;
    struct policy_defaults defaults;
    int kill_signal;
    char cgroup_base[1024]; /* where each app gets a cgroup of its own; "" = nowhere */
    int64_t hold_until_ms;  /* notifyKillPM2: until then (monotonic) nothing restarts by itself */
    /* A process is gone for good; it is freed right after. */
    void (*removed)(void *ctx, struct proc *p);
    void *removed_ctx;
};

enum order_kind { ORDER_START, ORDER_STOP, ORDER_RESTART, ORDER_DELETE };

/* Called once when the order has been carried out or overtaken. `p` is still whole, also after a
 * delete. `error` is NULL, or why it failed; borrowed. */
typedef void order_done_fn(void *ctx, struct proc *p, const char *error);

struct run {
    uint32_t magic;
    struct list link; /* in proc.old_runs once it is no longer current */
    struct proc *proc;
    uint64_t handle;
    pid_t pid;
    int pidfd;
    uint64_t start_ticks;
    int64_t spawned_mono_ms;
    struct logfile *files[3]; /* out, err, combined; until the pumps take them */
    struct pump *out, *err;
    struct chan *chan;
    struct list conns;              /* on the instance socket */
    struct secret_fetch *fetch;     /* NULL = it waits for no secrets */
    json_t *fetched_env;            /* what it is being made complete for; owned */
    struct bus_pause pause;         /* of reading the channel */
    struct worker *worker;          /* NULL in fork mode */
    struct drain *drain;            /* NULL = it is not leaving */
    struct leave *leave;            /* sockets_leave.c; NULL = no signal waits for it */
    struct proc_action late_signal; /* ... which is this */
    bool has_said_ready;            /* of a successor: counts when it has taken the place */
    bool exited;
    bool retired;         /* closed at the end of its pipes */
    bool has_lost_status; /* recovery: it ended while no pm2d was there */
    bool is_unheard;      /* its end is seen here, and the keeper has not told of it */
    int lost_status;
    int64_t lost_ms;     /* when that was; of the monotonic clock, as all here */
    bool adopted;        /* not our keeper's child: its exit code will not be known */
    uv_poll_t exit_poll; /* adopted only: pidfd readable = gone */
};

struct monit {
    uint64_t memory_bytes;
    double cpu_percent;
    uint64_t last_ticks;
    int64_t last_mono_ms;
    pid_t last_pid;
};

struct tree_wait; /* tree.c: members of the tree that have been told to end */

struct proc {
    uint32_t magic;
    struct proc_env *env;
    int id;
    json_t *conf; /* owned; paths numbered */
    struct proc_sm sm;
    struct proc_policy policy;
    struct run *run; /* current, or NULL */
    struct list old_runs;
    uint32_t run_count; /* the number of its last run */
    int told_failure;   /* errno of a spawn that goes on failing, and was told; 0 = none */
    uint32_t run_top;   /* the highest that it, or its other generation, ever had */
    uv_timer_t timer;
    struct tree_wait *tree;
    struct watch_member *watch; /* NULL: never watched */
    struct cron_job *cron;      /* NULL: no schedule */
    struct memguard *memguard;  /* NULL = no max_memory_restart */
    struct health *health;      /* NULL = no probe */
    char *notify_status;        /* what it said of itself by sd_notify; NULL */
    char *listen_error;         /* why a listen() of its run failed, for people; NULL */
    json_t *claims;             /* of the journal, until primary_recover(); NULL */
    struct list orders;
    uint32_t orders_given;      /* how many, by whomever */
    struct proc *other;         /* its other generation; NULL = there is one only */
    struct proc *lead;          /* of an other generation: whose it is; NULL = it is in the table */
    bool is_old;                /* of an other generation: it has served, and is to leave */
    bool was_parked;            /* ... and was parked, says the journal */
    struct reload *reload;      /* NULL = none is under way */
    unsigned slot;              /* 0 or 1: what generations cannot share, they have by slot */
    struct proc_event queue[8]; /* events that came while a step was under way */
    unsigned queued;
    bool stepping, removed;

    int64_t pm_uptime, created_at; /* ms since the epoch; 0 = never */
    int64_t instance;              /* NODE_APP_INSTANCE; -1 = none */
    bool has_exit;
    bool exit_unknown; /* its last end: nobody here was told how */
    int exit_code;     /* 128 + signal after a death by signal */
    int exit_signal;   /* 0 = none */
    char *reason;      /* why it cannot start, for people; NULL */
    int64_t reason_at;
    char version[64], node_version[32];
    struct list triggers; /* trigger.c: who waits for what its actions return */
    json_t *axm_actions, *axm_monitor, *axm_options; /* NULL = empty */
    json_t *agent_actions; /* a set: those of axm_actions that our agent in it carries out */
    bool cgroup_spent;     /* its cgroup was killed as a whole: see resources.c */
    uint64_t oom_kills;    /* that its cgroup had counted before the run of now */
    int monitored;         /* _km_monitored: -1 = absent */
    struct monit monit;
    /* The run of now, for the journal and from it: pid and start time, until its end has been acted
     * on. 0 = none, or asked for and not there yet. */
    pid_t last_pid;
    uint64_t last_ticks;
    uint64_t noted_call; /* history.c: the call whose order of it has been noted */
    uint64_t noted_conf; /* ... and the configuration, hashed */
    uint64_t journalled; /* journal.c: the record that stands there, hashed; 0 = none */
};

/* New process with a place in no table. Takes `conf`. Does not start it. NULL on OOM. */
struct proc *proc_new(struct proc_env *env, int id, json_t *take_conf);
/* For a process that never ran or is gone: free it (asynchronously). */
void proc_discard(struct proc *p);

/* Give an order; `done` may be NULL. */
void proc_order(struct proc *p, enum order_kind kind, order_done_fn *done, void *ctx);
/* Ready message from the app. */
void proc_ready(struct proc *p);
/* After conf changed. */
void proc_policy_refresh(struct proc *p);

/* From the keeper. */
void proc_on_spawned(struct proc *p, const struct link_child *c, int *take_fds);
void proc_on_spawn_failed(struct proc *p, uint64_t handle, int code, enum link_stage stage);
/* From run.c: the current run was not asked for, because its secrets are not available, or the
 * keeper is not. */
void proc_on_run_failed(struct proc *p, const struct err *why);
/* `exit_ms`: when, by the keeper's monotonic clock; 0 = nobody knows. */
void proc_on_exited(struct proc *p, uint64_t handle, int wait_status, int64_t exit_ms);
/* The keeper died and `p->env->link` is its successor: hand it what runs, watch the exits
 * ourselves, ask again for what was being spawned. */
void proc_rehome(struct proc *p);
/* Recovery, step 1: a run that an earlier pm2d started; fds may be -1. */
void proc_adopt_run(struct proc *p, const struct link_child *c, int *take_fds);
/* The same for a run whose end has been acted on; only its last output is still to come.
 */
void proc_adopt_ended(struct proc *p, const struct link_child *c, int *take_fds);
/* Recovery, step 1: whether the journal knows the end of this run already. Then the keeper had only
 * not been told to forget it. */
bool proc_has_acted_on(const struct proc *p, uint64_t handle);
/* Recovery, step 1, when the keeper died as well: the process that the journal knows, if it is
 * provably the same one (pid and start time), or the one that bears the marks of a start that was
 * under way. Its pipes have lasted in it, and are handed to the new keeper; its channel is gone. */
void proc_adopt_stray(struct proc *p);
/* Recovery, step 2: act on what was found. */
void proc_coldplug(struct proc *p);

/* The process itself, or that of an other generation. */
static inline struct proc *proc_lead(struct proc *p)
{
    return p->lead ? p->lead : p;
}
/* The generation with this run; the process itself when none has it. */
struct proc *proc_by_handle(struct proc *p, uint64_t handle);

/* The app's own cgroup, when it has one: true and its folder in `ret`. */
#define CGROUP_PATH_MAX 1200
bool proc_cgroup(const struct proc *p, char *ret, size_t size);

/* How long its process has lived, whoever has set the clock meanwhile; 0 without one. */
int64_t proc_uptime_ms(const struct proc *p);
pid_t proc_pid(const struct proc *p); /* 0 when nothing runs */
const char *proc_name(const struct proc *p);
const char *proc_namespace(const struct proc *p);
bool proc_is_cluster(const struct proc *p); /* of Node's kind: with `listen` it is none of these */
/* Deliver a signal to the root process. 0 or -errno (-ESRCH: nothing runs). */
int proc_signal(struct proc *p, int signo);

/* From tree.c: the last watched member of the tree has ended. */
void proc_tree_changed(struct proc *p);

void proc_set_reason(struct proc *p, const char *fmt, ...) ATTR_FORMAT(2, 3);
