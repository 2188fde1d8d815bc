/* SPDX-License-Identifier: MIT
 * An app_world that asks about each path once: apps of one file share folders and interpreters, and
 * every PATH is searched from its start. Good for one look; files may change afterwards. Pure. */
#pragma once

#include <jansson.h>

#include "app/world.h"

struct world_memo {
    struct app_world world; /* to be used; its ctx is this struct, which must not move */
    const struct app_world *real;
    json_t *kinds, *executables, *readables; /* path -> answer */
};

/* `real` is borrowed until the end. Without memory it asks each time. */
void world_memo_init(struct world_memo *m, const struct app_world *real);
void world_memo_fini(struct world_memo *m);
