/* SPDX-License-Identifier: MIT
 * pm2-keeper: parent and subreaper of every app and of pm2d. It forks, waits and holds descriptors;
 * it never reads them, knows no policy and no JSON. Everything is in one thread and one poll loop.
 * It may not die: once the launch has succeeded every failure is an answer or a line in the log. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "children.h"
#include "handover.h"
#include "launch.h"
#include "peer.h"

/* Why the loop ends. */
enum keeper_end { KEEPER_RUNS, KEEPER_QUIT, KEEPER_FORCED, KEEPER_LAUNCH_FAILED };

enum keeper_timer {
    TIMER_START_PEER, /* pm2d died: start it again */
    TIMER_LAUNCH,     /* pm2d does not get ready, or does not end for an update: kill it */
    TIMER_FORCE,      /* told to end, but pm2d never said QUIT */
    TIMER_COUNT
};

/* What an update is to be made of. */
struct successor_programs {
    char keeper[4096], daemon[4096];
};

struct keeper {
    struct launch_options *o;
    struct launch_world world;
    struct children children;
    struct store store;
    struct peer peer;
    int signal_fd;
    int lock_fd; /* of the pid file */
    enum keeper_end end;
    bool is_ready;    /* the launch has succeeded */
    bool is_updating; /* when pm2d ends, `next` comes in our place */
    struct successor_programs next;
    int terminate_by;           /* the signal that told us to end, or 0 */
    unsigned short_lives;       /* of pm2d, in a row */
    int64_t failed_delay_ms;    /* the last pause after a pm2d that did not get ready */
    int64_t at_ms[TIMER_COUNT]; /* monotonic; TIMER_OFF */
    bool is_listing;
    bool has_more; /* requests that wait for the next turn */
    uint32_t list_seq;
    const struct list *list_child, *list_stored; /* next to be listed */
    char fatal[ERR_MSG_MAX];                     /* what pm2d said about a failed launch */
};

/* 0 or -errno. */
int keeper_init(struct keeper *k, struct launch_options *o, const struct launch_world *world);
/* keeper_init() for a keeper whose state an older program has left in o->state_fd. */
int keeper_resume(struct keeper *k, struct launch_options *o, struct err *e);
/* Returns when all is over and every descendant is gone: the exit code. */
int keeper_run(struct keeper *k);

void keeper_arm(struct keeper *k, enum keeper_timer t, int64_t delay_ms);
void keeper_disarm(struct keeper *k, enum keeper_timer t);

/* requests.c: act on the frames that have come, send what is due. Never fails: a pm2d that breaks
 * the protocol is killed, and started again when its exit is seen. A start takes its time, so it is
 * the last request of one call: `has_more` says that there may be others, and ends are seen in
 * between. */
void requests_pump(struct keeper *k);
void requests_put_exited(struct keeper *k, struct child *ch);
void requests_put_terminate(struct keeper *k);
void requests_put_reopen(struct keeper *k);

/* finish.c: end pm2d, then every descendant, reap them all. */
void finish(struct keeper *k);
/* keeper.c: collect exits. */
void keeper_reap(struct keeper *k);
/* keeper.c: let go of the link; no child counts as told from now on. */
void keeper_drop_peer(struct keeper *k);
