/* SPDX-License-Identifier: MIT
 * Ends of several processes, one group after the other: in the reverse of the order in which their
 * dependencies made them start, who depends on another goes before it. */
#pragma once

#include "batch.h"
#include "table.h"

/* As batch_order(), for ORDER_STOP and ORDER_DELETE; ids without a process are passed over.
 * Processes that have nothing to do with each other go at the same time. */
int orderly_end(const struct table *t, const int *ids, size_t count, enum order_kind kind,
                batch_done_fn *done, void *ctx);

/* True when the conf of `p` names the app of `on` among those that it depends on. The namespace is
 * not looked at: an end in order does no harm to strangers of the same name. */
bool orderly_depends(const struct proc *p, const struct proc *on);
