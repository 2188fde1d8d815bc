/* SPDX-License-Identifier: MIT
 * Changing the configuration of a process that exists. */
#pragma once

#include <jansson.h>

#include "app/conf.h"
#include "proc.h"

/* Put the scalars of `given` into conf.env (which may be shared with other instances and is copied
 * first). Variables that `given` does not have stay. */
void conf_merge_env(json_t *conf, const json_t *given);

/* Another conf for the same process, from a process file: `want` (borrowed, unnumbered) is put in
 * the place of its conf. It stays the same process: id, unique_id, number and incremented variable
 * of the instance. Takes effect at the next start. 0 or -ENOMEM, nothing changed then. */
int conf_replace_proc(struct proc *p, const json_t *want, struct err *e);

/* The conf that conf_replace_proc() and conf_update_proc() would put there, for a process that
 * shall go on with its own for now. New reference, or NULL with `e`. */
json_t *conf_renewed(const struct proc *p, const json_t *want, struct err *e);
json_t *conf_updated(const struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e);
/* Another conf, numbered, for the same process. Takes it. */
void conf_set_proc(struct proc *p, json_t *take_conf);

/* CLI options of a restart: attributes, arguments, and (when not NULL) the caller's environment.
 * All or nothing. 0 or negative with `e`. */
int conf_update_proc(struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e);
