/* SPDX-License-Identifier: MIT
 * The life of one process: goal x state, pure. No clock, no pid calls, no I/O: events in, actions
 * out. daemon/proc.c executes the actions.
 *
 * GOAL is what the user wants, STATE is what is. There is no "restarting" state: a restart is a
 * stop whose goal is UP.
 *
 *   state     what is                              goal DOWN        goal UP         goal GONE
 *   STOPPED   no process                           rest             (passing)       (removed)
 *   SPAWNING  the keeper was asked, no answer yet  stop at SPAWNED  wait            as DOWN
 *   STARTING  runs, not ready yet (wait_ready)     (passing)        wait for READY  (passing)
 *   ONLINE    runs and is ready                    (passing)        rest            (passing)
 *   STOPPING  told to end; root or tree may live   -> STOPPED       -> SPAWNING     -> removed
 *   BACKOFF   ended; spawned when the timer fires  (passing)        wait            (passing)
 *   ERRORED   gave up: over limit, not executable  rest             rest            (passing)
 *
 * Orders (START, STOP, RESTART, DELETE) never fail and never queue as a list: each sets the goal.
 *   - STOP while a restart is under way: goal DOWN; the process ends stopped.
 *   - START or RESTART while STOPPING: goal UP; started again once everything is gone. Two RESTARTs
 *     while STOPPING are one restart.
 *   - RESTART while SPAWNING: what is being spawned may have the old configuration: it is stopped
 *     as soon as it is there (`stale`) and spawned again, once, however many RESTARTs came.
 *   - RESTART while BACKOFF or ERRORED or STOPPED: spawn now.
 *   - START while BACKOFF: spawn now. START while SPAWNING, STARTING or ONLINE: nothing to do.
 *   - START or RESTART of what survived SIGKILL (`stuck`, see below): stopped again first.
 *   - A START that leads to a spawn, and each RESTART, begin a new count: unstable_restarts and the
 *     back-off are 0.
 *   - STOP or DELETE of something without a process still passes through STOPPING, because what it
 *     forked earlier may live: the executor answers ACT_SIGNAL with EV_TREE_GONE at once when there
 *     is nothing. No exit is published then. The same when a spawn fails that nobody wants any
 *     more; one that fails while `stale` is tried once more.
 *   - DELETE wins over everything that comes later: START, STOP and RESTART are ignored after it.
 *
 * The end of a process that nobody ordered (EXITED in STARTING, ONLINE; see *):
 *   autorestart off, or exit code among stop_exit_codes (a death by signal has no exit code and so
 *   never matches)                         -> STOPPED, goal DOWN
 *   uptime < min_uptime: unstable_restarts += 1, else unstable_restarts = 0 (consecutive, for the
 *   whole life of the app: PM2 only counts during the first min_uptime x max_restarts ms)
 *   unstable_restarts >= max_restarts      -> ERRORED, publish OVERLIMIT, count back to 0
 *   exp_backoff: first delay = base, then floor(min(15000, previous x 1.5)); back to the base after
 *   an uptime of backoff_reset_ms; restart_delay: fixed. Backoff overrides restart_delay.
 *   delay > 0                              -> BACKOFF, ARM(delay)
 *   delay = 0                              -> SPAWNING in the same step
 * restart_time += 1 for each spawn that follows an exit by itself and for each RESTART of a process
 * that was SPAWNING (once per spawn), STARTING or ONLINE; not when something stopped is started.
 *
 * Stopping: ACT_SIGNAL (or the message "shutdown"), ARM(kill_timeout). At the timer: ACT_KILL
 * (SIGKILL to all of it), ARM(kill_retry); at each further timer ACT_KILL again, until another
 * kill_timeout (at least PROC_STUCK_MIN_MS) has passed: then the state is ERRORED with `stuck`,
 * goal DOWN, whatever the goal was; the process is still known (pid kept), and a later EXITED +
 * TREE_GONE makes it STOPPED: the executor goes on to watch. EV_EXITED in STOPPING only records the
 * status; EV_TREE_GONE ends the state and publishes EXIT (if there was a process) and STOPPED.
 *
 * (*) A process can be reported as exited right behind SPAWNED; never before it. So EXITED does not
 * come in SPAWNING. READY may come at any time, from a process that is gone by now.
 *
 * Invariants (the model test walks at random against them): at most one live pid; never ACT_SPAWN
 * while a process or a spawn is there; the timer is armed exactly in STARTING with a listen
 * timeout, STOPPING and BACKOFF; in STOPPED and ERRORED nothing is pending; once orders end and the
 * world answers, the goal is reached or the state is ERRORED; after DELETE the last action is
 * ACT_REMOVE, exactly once, unless the process is `stuck` (then DELETE can be given again). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proc_goal { GOAL_DOWN, GOAL_UP, GOAL_GONE, GOAL_COUNT };

enum proc_state {
    PROC_STOPPED,
    PROC_SPAWNING,
    PROC_STARTING,
    PROC_ONLINE,
    PROC_STOPPING,
    PROC_BACKOFF,
    PROC_ERRORED,
    PROC_STATE_COUNT
};

enum proc_event_type {
    EV_START,
    EV_STOP,
    EV_RESTART,
    EV_DELETE,
    EV_SPAWNED,      /* the keeper has a pid */
    EV_SPAWN_FAILED, /* it cannot be executed */
    EV_READY,        /* "ready" message */
    EV_EXITED,       /* the root process ended */
    EV_TREE_GONE,    /* STOPPING, or stuck: root ended and nothing of the tree is left */
    EV_TIMER,
    EV_COUNT
};

struct proc_event {
    enum proc_event_type type;
    bool by_signal;    /* EV_EXITED */
    bool is_passing;   /* EV_SPAWN_FAILED: what lacked may be there soon (memory, descriptors) */
    int code;          /* EV_EXITED: exit code, or the signal number */
    int64_t uptime_ms; /* EV_EXITED: since the spawn, monotonic */
};

/* Durations in ms. Filled from the app's configuration (policy_from_conf in app/conf.h). */
struct proc_policy {
    bool autostart, autorestart, treekill, wait_ready, shutdown_with_message;
    int64_t min_uptime_ms;     /* 1000 */
    int64_t max_restarts;      /* 16 */
    int64_t restart_delay_ms;  /* 0 */
    int64_t exp_backoff_ms;    /* 0 = off */
    int64_t backoff_reset_ms;  /* 30000 */
    int64_t kill_timeout_ms;   /* 1600 */
    int64_t kill_retry_ms;     /* 100; at least 1 */
    int64_t listen_timeout_ms; /* 3000; 0 = wait for ever */
    int stop_exit_codes[16];
    size_t stop_exit_code_count;
};

/* What the executor is to do, in this order. */
enum proc_action_type {
    ACT_DISARM,
    ACT_ARM,    /* ms: (re)arm the one timer */
    ACT_SIGNAL, /* kill signal to the tree (or to the root when !tree), or the "shutdown" message */
    ACT_KILL,   /* SIGKILL to the tree (or the root) */
    ACT_SPAWN,
    ACT_PUBLISH, /* what */
    ACT_SETTLED, /* orders that wait can be answered, see proc_sm_settled(): with each order and
                    each change of state that ends in a settled state */
    ACT_REMOVE,  /* forget the process; last action of its life */
};

enum proc_publish {
    PUB_ONLINE,    /* launch concluded: ready, or without wait_ready at SPAWNED */
    PUB_EXIT,      /* the root process ended (PM2's `exit`) */
    PUB_STOPPED,   /* a stop concluded */
    PUB_OVERLIMIT, /* `restart overlimit` */
};

struct proc_action {
    enum proc_action_type type;
    int64_t ms;             /* ACT_ARM */
    bool tree;              /* ACT_SIGNAL, ACT_KILL */
    bool message;           /* ACT_SIGNAL: send "shutdown" on the channel instead of a signal */
    enum proc_publish what; /* ACT_PUBLISH */
    /* ACT_PUBLISH: the counts of the run that it is about. By the time it is executed, those of the
     * machine may be the next run's. */
    int64_t restart_time, unstable_restarts;
};

/* SIGKILL is given this time at least before a process counts as stuck: a large one needs a while
 * to give its memory back, however short its kill_timeout is. */
#define PROC_STUCK_MIN_MS 1600
/* After a spawn for which something lacked, until the next try; or restart_delay, if longer. */
#define PROC_AGAIN_MS 1000

#define PROC_ACTIONS_MAX 12
struct proc_actions {
    size_t count;
    struct proc_action items[PROC_ACTIONS_MAX];
};

/* Owned by the executor, written by proc_sm_step only; others read. */
struct proc_sm {
    enum proc_goal goal;
    enum proc_state state;
    bool has_pid;      /* a root process lives (or is a status not yet reported) */
    bool stale;        /* SPAWNING: stop it when it is there, then spawn again */
    bool was_running;  /* STOPPING (and stuck): there was a process, so its end is published */
    bool stuck;        /* ERRORED: survived SIGKILL */
    bool cannot_start; /* ERRORED, BACKOFF: the last spawn failed */
    bool over_limit;   /* ERRORED: too many unstable restarts */
    unsigned kills;    /* STOPPING: ACT_KILLs so far */
    int64_t kill_spent_ms;
    int64_t restart_time, unstable_restarts, prev_delay_ms;
    int64_t run_restart_time; /* restart_time when the run that is, or was last, began */
};

void proc_sm_init(struct proc_sm *sm);
/* restart_time is what somebody else says: a journal, `pm2 reset`, a reload. */
void proc_sm_set_restarts(struct proc_sm *sm, int64_t restart_time);

/* The only writer. `now`-free: every duration comes in with the event. Fills `ret`. */
void proc_sm_step(struct proc_sm *sm, const struct proc_policy *policy, const struct proc_event *ev,
                  struct proc_actions *ret);

/* No order is under way: STOPPED, ONLINE, ERRORED, or BACKOFF. */
bool proc_sm_settled(const struct proc_sm *sm);

/* PM2's public word for a state: "online", "stopping", "stopped", "launching", "errored",
 * "waiting restart". From one table with the states. */
const char *proc_sm_public(const struct proc_sm *sm);
const char *proc_state_name(enum proc_state s);
const char *proc_event_name(enum proc_event_type e);

/* For the matrix test: whether a cell exists (every one must). */
bool proc_sm_has_cell(enum proc_state s, enum proc_event_type e);

/* A cell in words, for the chart; NULL when there is none. */
struct proc_cell {
    const char *name, *does;
};
const struct proc_cell *proc_sm_cell(enum proc_state s, enum proc_event_type e);
/* The executor must not send this event in this state (the model test checks that it need not). */
bool proc_sm_is_impossible(enum proc_state s, enum proc_event_type e);
