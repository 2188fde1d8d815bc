/* SPDX-License-Identifier: MIT
 * Inside a reload: reload.c (its course), reload_recover.c (found again by a new pm2d). */
#pragma once

#include "app/reload_sm.h"
#include "base/obj.h"
#include "own_ports.h"
#include "reload.h"

#define RELOAD_MAGIC OBJ_MAGIC('R', 'L', 'O', 'D')

struct reload {
    uint32_t magic;
    struct proc *p;
    struct reload_sm sm;
    struct reload_policy policy;
    struct reload_handler handler;
    struct reload_handler *restarted; /* room for it, should the reload end in a restart; owned */
    bool is_soft;
    unsigned servers_owed;
    struct own_ports ports_owed; /* where the old one listens by itself */
    struct own_ports ports_seen; /* of the successor */
    uv_timer_t look;             /* at the ports of the successor */
    int open_handles;
    char *reason; /* why the successor ended */
    struct drain *drain;
    struct reload_probe *probe;
    struct reload_request next; /* asked for while the old one is parked */
    struct reload_handler next_handler;
    bool has_next;
    uv_timer_t timer;
    struct reload_event queue[8]; /* that came while a step was under way */
    unsigned queued;
    bool stepping;
};

/* With a timer on the loop; it is p->reload. NULL on OOM. */
struct reload *reload_new(struct proc *p);
void reload_set_policy(struct reload *rl, const struct reload_request *rq);
/* Feed the machine and do what it says. Frees the reload when that is over. */
void reload_feed(struct reload *rl, enum reload_event_type type, unsigned debts);
void reload_on_timer(uv_timer_t *t);
