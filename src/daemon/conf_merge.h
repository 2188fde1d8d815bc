/* SPDX-License-Identifier: MIT
 * Changing the configuration of a process that exists. */
#pragma once

#include <jansson.h>

#include "app/conf.h"
#include "proc.h"

/* Put the scalars of `given` into conf.env (which may be shared with other instances and is copied
 * first). Variables that `given` does not have stay. */
void conf_merge_env(json_t *conf, const json_t *given);

/* CLI options of a restart: attributes, arguments, and (when not NULL) the caller's environment.
 * All or nothing. 0 or negative with `e`. */
int conf_update_proc(struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e);
