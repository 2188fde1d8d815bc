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
    bool is_sweeping;
    bool lacks_fds; /* told in the log already */
    int open_handles;
};

struct gate {
    uint32_t magic;
    struct list link;
    struct primary *owner;
    char *key;
    char *stored_as; /* its name in the keeper's store; NULL = not there */
    struct listener socket;
    bool is_watching;      /* the poll handle is active */
    json_t *data;          /* of the first worker that brought some, for all; NULL */
    char *app;             /* whose worker opened it, for the log */
    int64_t idle_since_ms; /* without claims: it is kept a moment, see gate_unclaimed() */
    struct claim **claims;
    size_t claim_count, claim_cap;
    struct balance balance;
    struct list waiting; /* conn: those that came back, the oldest first */
    struct list flying;  /* conn: under way to a worker */
    uv_poll_t poll;
};

struct claim {
    struct list link; /* in worker.claims while there is one */
    struct gate *gate;
    struct proc *proc;
    struct worker *worker; /* NULL = vacant */
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
    struct list link;      /* in gate.waiting or gate.flying */
    struct gate *gate;     /* NULL: closed meanwhile */
    struct worker *worker; /* NULL: waits, or its worker is gone */
    int fd;
    int64_t seq;
    bool in_channel; /* chan has borrowed the fd */
    enum { ANSWER_NONE, ANSWER_ACCEPTED, ANSWER_REFUSED } answer;
};

/* ---- primary.c ---- */

int64_t primary_seq(struct primary *pr);
void primary_sweep_later(struct primary *pr);
struct claim *claim_of(const struct gate *g, const struct worker *w);
/* Of the worker; a vacant one of its process is taken over. NULL on OOM. */
struct claim *claim_add(struct gate *g, struct worker *w);
/* Nobody wants it any more. `may_return`: its worker said so, and may change its mind. */
void claim_drop(struct claim *c, bool may_return);

/* ---- gate.c ---- */

struct gate *gate_find(struct primary *pr, const char *key);
/* NULL with *ret_code (negative). */
struct gate *gate_open(struct primary *pr, const char *key, const struct cluster_query *q,
                       const struct proc *for_whom, int *ret_code);
/* One that the keeper held. Takes the fd. False: `name` is not of a gate, the fd is not taken. */
bool gate_adopt(struct primary *pr, struct str name, int take_fd);
/* Have the keeper hold it, under a name that fits. */
void gate_store(struct gate *g);
/* Its last claim is gone: close it now, or in a moment. */
void gate_unclaimed(struct gate *g, bool may_return);
/* `for_good`: nobody listens there any more. Else only we let go. */
void gate_close(struct gate *g, bool for_good);

/* ---- handout.c ---- */

/* Give what waits, in the gate or in its socket, to workers that are free. */
void handout_serve(struct gate *g);
/* It can take another connection. */
void handout_free(struct worker *w);
void handout_answer(struct worker *w, int64_t ack, bool accepted);
/* It will not take what is under way to it: it has gone. */
void handout_take_back(struct worker *w);
void handout_on_readable(uv_poll_t *h, int status, int events);
void handout_on_retry(uv_timer_t *t);
/* The gate closes: connections that wait, and those under way that nobody accepts, go with it. */
void handout_forget(struct gate *g);

/* ---- primary_message.c: primary_message() ---- */
