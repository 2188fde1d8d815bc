/* SPDX-License-Identifier: MIT
 * Inside the primary: gates, workers, claims, connections. */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "app/balance.h"
#include "base/list.h"
#include "base/obj.h"
#include "listener.h"
#include "primary.h"
#include "proc.h"

#define PRIMARY_MAGIC OBJ_MAGIC('P', 'R', 'I', 'M')
#define GATE_MAGIC    OBJ_MAGIC('G', 'A', 'T', 'E')
#define CONN_MAGIC    OBJ_MAGIC('C', 'C', 'O', 'N')

struct primary {
    uint32_t magic;
    struct proc_env *env;
    struct list gates, workers;
    size_t gate_count;
    int64_t seq;      /* of our messages */
    uv_timer_t retry; /* one shot: serve all gates again */
    uv_timer_t sweep; /* while there is something to clear up later */
    bool is_sweeping, is_closing;
    bool lacks_fds;   /* told in the log already */
    bool cannot_load; /* the kernel does not say who has how many connections; told as well */
    int open_handles;
};

/* A socket of a gate. Of a group (balance: reuseport) each belongs to a process, whose worker has a
 * copy and accepts from it; those of nobody, and of workers that are away, are served by us. All
 * stay open as long as the gate: the kernel knows them by the order in which they began to listen.
 */
struct slot {
    uint32_t magic;
    struct gate *gate;
    unsigned index;
    struct listener socket;
    char *stored_as;  /* its name in the keeper's store; NULL = not there */
    int owner;        /* a process, as slot.c numbers them; -1 = nobody. Only of a group */
    bool is_served;   /* by a worker that lives. Only of a group */
    bool is_watching; /* the poll handle is active */
    uv_poll_t poll;
};

struct gate {
    uint32_t magic;
    struct list link;
    struct primary *owner;
    char *key;
    enum balance_mode mode; /* shared: of workers that accept by themselves; see struct claim */
    bool is_group;          /* as many sockets as processes; else one */
    struct slot **slots;
    size_t slot_count, slots_alive; /* the latter: whose handle is not closed yet */
    struct steering *steering;      /* of a group: slot.c */
    json_t *data;                   /* of the first worker that brought some, for all; NULL */
    char *app;                      /* whose worker opened it, for the log */
    int64_t idle_since_ms;          /* without claims: it is kept a moment, see gate_unclaimed() */
    struct claim **claims;
    size_t claim_count, claim_cap;
    struct balance balance;
    struct list waiting; /* conn: those that came back, the oldest first */
    struct list flying;  /* conn: under way to a worker */
    int64_t load_due_ms; /* least-connections: when to ask the kernel again */
};

struct claim {
    struct list link; /* in worker.claims while there is one */
    struct gate *gate;
    struct proc *proc;
    struct worker *worker; /* NULL = vacant */
    bool takes_itself;     /* it was given a socket, and accepts connections from that */
    struct slot *slot;     /* ... of a group; else NULL */
    uint64_t load;         /* least-connections: open ones, as of late */
    struct list waiting;   /* conn: sticky, for this worker only */
    unsigned waiting_count;
};

struct worker {
    struct list link;
    struct primary *owner;
    struct run *run;
    struct list claims;
    struct conn *carried; /* under way to it; NULL = it is free */
    int64_t paused_until_ms;
    unsigned listening;
    bool is_bun, is_leaving, has_warned;
    bool is_held; /* a successor that has not proven itself */
    bool is_cut;  /* its channel has ended */
};

/* Lives until both the channel and the worker are done with it, or nobody wants it. */
struct conn {
    uint32_t magic;
    struct list link;      /* in gate.waiting, claim.waiting or gate.flying */
    struct gate *gate;     /* NULL: closed meanwhile */
    struct worker *worker; /* NULL: waits, or its worker is gone */
    int fd;
    int64_t seq;
    uint64_t client; /* a number for its address */
    bool has_client; /* it has an address */
    bool in_channel; /* chan has borrowed the fd */
    enum { ANSWER_NONE, ANSWER_ACCEPTED, ANSWER_REFUSED } answer;
};

/* ---- primary.c ---- */

int64_t primary_seq(struct primary *pr);
void primary_sweep_later(struct primary *pr);

/* ---- claim.c ---- */

struct claim *claim_of(const struct gate *g, const struct worker *w);
/* Of the worker; a vacant one of its process is taken over. NULL with *ret_code (negative). */
struct claim *claim_add(struct gate *g, struct worker *w, int *ret_code);
/* Of a process whose worker is away. NULL on OOM. */
struct claim *claim_add_vacant(struct gate *g, struct proc *p);
/* Nobody wants it any more. `may_return`: its worker said so, and may change its mind. */
void claim_drop(struct claim *c, bool may_return);
void claim_free(struct claim *c);
/* Its worker is away. */
void claim_vacate(struct claim *c);
/* Is there a worker that connections may go to, now or when it has time? The one place that says
 * so: whatever changes the answer calls claim_changed(), or claims_changed() for all of a worker.
 */
bool claim_is_live(const struct claim *c);
void claim_changed(struct claim *c);
void claims_changed(struct worker *w);

/* ---- gate.c ---- */

struct gate *gate_find(struct primary *pr, const char *key);
/* NULL with *ret_code (negative). */
struct gate *gate_open(struct primary *pr, const char *key, const struct cluster_query *q,
                       const struct proc *for_whom, int *ret_code);
/* One that the keeper held. Takes the fd. False: `name` is not of a gate, the fd is not taken. */
bool gate_adopt(struct primary *pr, struct str name, int take_fd);
/* Have the keeper hold it, under a name that fits. */
void gate_store(struct gate *g);
/* How the worker's app wants its connections. */
enum balance_mode gate_wish(const struct cluster_query *q, const struct proc *p);
/* A worker of `p` has come, with that wish: what can still be changed follows it. */
void gate_follow(struct gate *g, const struct proc *p, enum balance_mode wish);
/* Its last claim is gone: close it now, or in a moment. */
void gate_unclaimed(struct gate *g, bool may_return);
/* `for_good`: nobody listens there any more. Else only we let go. */
void gate_close(struct gate *g, bool for_good);
/* From slot.c: the handle of its last socket is closed. */
void gate_free(struct gate *g);

/* ---- slot.c ---- */

/* Takes the listener, also on failure. NULL on OOM. */
struct slot *slot_new(struct gate *g, unsigned index, struct listener *take);
/* Have the keeper hold it. */
void slot_store(struct slot *s);
void slot_watch(struct slot *s, bool on);
/* The handle is closed later, everything else now. */
void slot_close(struct slot *s, bool for_good);
/* Of a group: the one for this process, made if need be. NULL with *ret_code. */
struct slot *slot_for(struct gate *g, const struct proc *p, int *ret_code);
/* Claims have changed their processes. */
void slot_follow_claims(struct gate *g);
/* Its process does not want it any more. */
void slot_disown(struct slot *s);
/* Nobody else accepts there: we do. */
bool slot_is_ours(const struct slot *s);
/* Tell the kernel where the new connections of a group may go: to workers that live. */
void slot_steer(struct gate *g);
void slot_forget_steering(struct gate *g);

/* ---- handout.c ---- */

/* Give what waits, in the gate or in its sockets, to workers that are free. */
void handout_serve(struct gate *g);
/* The same a moment later, for all gates: from where lists are being walked. */
void handout_serve_soon(struct primary *pr);
/* It can take another connection. */
void handout_free(struct worker *w);
void handout_answer(struct worker *w, int64_t ack, bool accepted);
/* It will not take what is under way to it: it has gone. */
void handout_take_back(struct worker *w);
/* Connections that wait for this claim's worker wait for any. */
void handout_displace(struct claim *c);
void handout_on_retry(uv_timer_t *t);
/* The gate closes: connections that wait, and those under way that nobody accepts, go with it. */
void handout_forget(struct gate *g);

/* For sticky.c. The next connection from a socket; NULL when there is none now: then the sockets
 * are watched, or tried again later. */
struct conn *handout_accept(struct gate *g);
void handout_give(struct claim *to, struct conn *c);
void handout_watch(struct gate *g, bool on);
/* Can it take one right now? For struct balance_asks, with a struct view. */
struct view {
    const struct gate *gate;
    int64_t now_ms;
};
bool handout_can_take(void *view, size_t index);

/* ---- sticky.c: handout_serve() by the client's address ---- */

void sticky_serve(struct gate *g);

/* ---- load.c ---- */

/* least-connections: claim.load from the kernel, if it is time. */
void load_refresh(struct gate *g);

/* ---- primary_message.c: primary_message() ---- */
