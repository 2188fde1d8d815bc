/* SPDX-License-Identifier: MIT
 * Reload of several processes: a few at a time start their successors, while those before finish
 * what they have begun. The first of an app whose successor fails ends it for that app: what has
 * not begun by then stays as it is. What cannot have two generations is restarted, and it is said.
 * Runs in pm2d. */
#pragma once

#include <jansson.h>

#include "batch.h"
#include "table.h"

#define RELOAD_PARALLEL 2 /* as PM2's client does it */

struct reload_options {
    bool force, soft;
    bool restarts;     /* nothing is reloaded: the same for restarts */
    unsigned parallel; /* how many start at the same time; 0 = RELOAD_PARALLEL */
};

/* The members `force` (also among `options`), `soft` and `parallel` of a request. */
struct reload_options reload_options_read(const json_t *request);

/* `take_confs`: for each id its new conf, or NULL; the array itself is the caller's. Ids without a
 * process are passed over. As batch_order() in all else. */
int reload_group(const struct table *t, const int *ids, json_t **take_confs, size_t count,
                 const struct reload_options *o, batch_done_fn *done, void *ctx);
