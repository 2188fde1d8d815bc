/* SPDX-License-Identifier: MIT
 * A small world for the model test of app/proc_sm: one process with a root, other members of its
 * tree, a keeper that spawns late or not at all, the one timer, and users. Time is a number. It
 * carries out actions as daemon/proc.c does, and never sends what the executor promises not to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/proc_sm.h"
#include "base/attr.h"

#define NEVER       INT64_MAX
#define MEMBERS_MAX 6
#define TRACE_MAX   48

struct life {
    bool alive;
    bool told;             /* was signalled; what ends it now is an order */
    bool stubborn;         /* ignores the kill signal */
    int64_t ends_at_ms;    /* NEVER = by itself it does not */
    int64_t kill_proof_ms; /* until then not even SIGKILL ends it (uninterruptible sleep) */
};

struct world {
    uint64_t seed, rng;
    struct proc_sm sm;
    struct proc_policy policy;
    int64_t now_ms;
    bool calm;    /* no more surprises: what runs goes on running */
    bool removed; /* ACT_REMOVE was seen */

    bool spawning, spawn_works;
    int64_t spawn_at_ms;
    struct life root, members[MEMBERS_MAX];
    int64_t root_since_ms, ready_at_ms;
    int64_t timer_at_ms;     /* NEVER = not armed */
    int64_t tree_gone_at_ms; /* when the executor will report it */
    bool whole;              /* the last signal went to the tree */

    /* books for the invariants */
    uint64_t roots_ended, exits_published;
    unsigned online_published; /* for the present root */
    bool listens;              /* STARTING: there was a listen timeout when it began */
    int64_t kill_due_ms;       /* no SIGKILL before */
    int64_t first_kill_ms;
    enum proc_goal wish; /* of the users */
    bool excused;        /* by policy, or because it is stuck, the wish will not be fulfilled */

    uint64_t steps;
    uint64_t hits[PROC_STATE_COUNT][EV_COUNT];
    char trace[TRACE_MAX][96];
};

/* A new process in a world that goes on: counts and random numbers continue. */
void world_begin(struct world *w);
/* Uniform in [0, n). */
uint64_t world_random(struct world *w, uint64_t n);
/* Let the next thing happen. False when nothing will ever happen again. */
bool world_happen(struct world *w);
/* A user's order, now or a moment before the next thing happens. */
void world_order(struct world *w, enum proc_event_type order);
/* A "ready" that an earlier process left behind. */
void world_stray_ready(struct world *w);
/* The policy changes, as with a restart that brings new options. */
void world_new_policy(struct world *w);
/* From now on nothing ends that nobody told to end, and spawns and signals do their work. */
void world_calm_down(struct world *w);
bool world_tree_lives(const struct world *w);

/* Print the seed and what happened, and end the program. */
void world_fail(const struct world *w, const char *fmt, ...) ATTR_FORMAT(2, 3) ATTR_NORETURN;
#define CHECK(w, condition)                                                                        \
    do {                                                                                           \
        if (!(condition))                                                                          \
            world_fail(w, "%s:%d: %s", __FILE__, __LINE__, #condition);                            \
    } while (0)

/* ---- invariants.c --------------------------------------------------------------------- */

/* Before one action is carried out / after a whole step. */
void invariants_action(const struct world *w, const struct proc_action *a);
void invariants_step(struct world *w, const struct proc_sm *before, const struct proc_event *ev,
                     const struct proc_actions *actions);
/* Nothing will happen any more: is the goal reached? */
void invariants_end(const struct world *w);

/* ---- chart.c -------------------------------------------------------------------------- */

/* Print docs/state-machine.md. */
void chart_print(void);
