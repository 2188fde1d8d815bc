/* SPDX-License-Identifier: MIT
 * One order given to several processes, and what became of it. */
#pragma once

#include "proc.h"

struct call;

struct batch_item {
    int id;
    char *name;
    char *error; /* NULL = done */
    char *note;  /* what the user should know of it; NULL */
};

struct batch;
/* Called once when all are through; the batch is freed after it returns. */
typedef void batch_done_fn(void *ctx, const struct batch_item *items, size_t count);

/* Give the order to all of them at once. `done` may be called before this returns. -ENOMEM: it was
 * given to nobody and `done` is not called. */
int batch_order(struct proc *const *procs, size_t count, enum order_kind kind, batch_done_fn *done,
                void *ctx);

/* The end of a batch, for who gathers items himself: they are sorted by id and handed to `done`;
 * then their texts are freed. */
void batch_finish(struct batch_item *items, size_t count, batch_done_fn *done, void *ctx);

/* Answer a call with what a batch did: {KEY: [{name, id}], error?}. */
void batch_reply(struct call *c, const char *key, const struct batch_item *items, size_t count);
