/* SPDX-License-Identifier: MIT
 * The reload of one process, pure: events in, actions out. Two generations of it exist for a while:
 * the one that serves, and the other one, which is first the SUCCESSOR that has to prove itself
 * and, after the switch, the OLD one that is to leave. daemon/reload.c carries the actions out.
 *
 *   IDLE      one generation
 *   PROVING   the successor runs beside the old one and has debts: what it has to show before it is
 *             trusted. The old one serves; no event of this state touches it.
 *   PARKED    switched: the old one gets nothing new, but lives on and can be called back
 *   DRAINING  the old one answers what it has begun
 *   ENDING    the old one was told to end
 *   UNDOING   the successor was told to end; the old one serves as if nothing had been
 *
 * Debts. WORD: `wait_ready`. SERVERS: it listens on as many sockets as the old one. PROBE: its
 * health probe succeeded. AGE: that it lives at listen_timeout; owed by those that owe nothing
 * else, as in PM2. At listen_timeout whoever has other debts left has failed. Without `verify`
 * (PM2's way) it is taken as it is then, and one that ended is a plain restart.
 *
 * An order for the process in between (stop, restart, delete) ends the reload: it wins. When the
 * old one ends by itself while its successor is proving, that one takes its place at once.
 *
 * RA_TOLD comes exactly once per reload, with the verdict: when the old one is gone, or at the
 * switch when it is parked; RA_PROVEN at most once, before it: others may begin to start theirs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reload_state {
    RELOAD_IDLE,
    RELOAD_PROVING,
    RELOAD_PARKED,
    RELOAD_DRAINING,
    RELOAD_ENDING,
    RELOAD_UNDOING,
    RELOAD_STATE_COUNT
};

enum reload_debt { DEBT_WORD = 1, DEBT_SERVERS = 2, DEBT_PROBE = 4, DEBT_AGE = 8 };

enum reload_event_type {
    RE_BEGIN,
    RE_PAID,      /* `debts` */
    RE_ENDED,     /* the other one has no process any more, or could not be started */
    RE_OLD_ENDED, /* the one that serves has ended by itself */
    RE_TIMER,
    RE_DRAINED, /* nothing is open in the old one */
    RE_ABORT,   /* an order for the process has come */
    RE_ROLLBACK,
    RE_GONE, /* the other one is gone for good */
    RE_COUNT
};

struct reload_event {
    enum reload_event_type type;
    unsigned debts; /* RE_BEGIN: what it owes; RE_PAID: what it has paid */
};

/* Durations in ms. */
struct reload_policy {
    bool verify;
    int64_t listen_timeout_ms; /* 0 = wait for ever; AGE is paid at once then */
    int64_t park_ms;           /* 0 = not parked */
    int64_t drain_timeout_ms;  /* 0 = told to end at once */
};

enum reload_verdict {
    RELOAD_OK,
    RELOAD_LATE,      /* `debts` are left at listen_timeout */
    RELOAD_FAILED,    /* the successor ended */
    RELOAD_OVERTAKEN, /* by an order */
    RELOAD_UNPROVEN,  /* the old one ended first; the successor serves */
};

enum reload_action_type {
    RA_DISARM,
    RA_ARM,     /* ms: (re)arm the one timer */
    RA_SPAWN,   /* start the successor */
    RA_SWITCH,  /* the other one serves from now on */
    RA_PROVEN,  /* the start of this one is over; verdict: RELOAD_OK or not */
    RA_DRAIN,   /* have the old one finish what it has begun */
    RA_END,     /* tell the other one to end */
    RA_RESTART, /* PM2's way: end the old one as well and start anew; this tells its own end */
    RA_TOLD,    /* verdict, debts */
};

struct reload_action {
    enum reload_action_type type;
    int64_t ms;
    enum reload_verdict verdict;
    unsigned debts;
};

#define RELOAD_ACTIONS_MAX 8
struct reload_actions {
    size_t count;
    struct reload_action items[RELOAD_ACTIONS_MAX];
};

/* Written by reload_sm_step() only. All zero is IDLE. */
struct reload_sm {
    enum reload_state state;
    unsigned debts;
    enum reload_verdict verdict; /* to be told when the other one is gone */
    bool told;
};

void reload_sm_step(struct reload_sm *sm, const struct reload_policy *policy,
                    const struct reload_event *ev, struct reload_actions *ret);

const char *reload_state_name(enum reload_state s);
/* For the matrix test: whether a cell exists (every one must). */
bool reload_sm_has_cell(enum reload_state s, enum reload_event_type e);
