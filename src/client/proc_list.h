/* SPDX-License-Identifier: MIT
 * The lists of processes of the public header, made of what the daemon answers. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "pm2/pm2.h"

/* The list in the JSON text of an array of processes ({pid, name, pm2_env, pm_id}); elements that
 * are none are left out. One owner. NULL with `e` filled: -EPROTO, -ENOMEM. */
struct pm2_list *proc_list_parse(struct str text, struct err *e);

/* Keep only the processes whose id is in `ids`, an array of integers. */
void proc_list_keep(struct pm2_list *l, const json_t *ids);
