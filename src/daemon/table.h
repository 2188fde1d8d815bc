/* SPDX-License-Identifier: MIT
 * All processes of the daemon, by id. Ids grow and are not reused until the table is empty. */
#pragma once

#include "proc.h"

struct table {
    struct proc **items; /* ids ascending */
    size_t count, cap;
    int next_id;
    struct proc_env *env;
};

void table_init(struct table *t, struct proc_env *env);
void table_fini(struct table *t); /* the array; processes are gone before */
struct proc *table_find(const struct table *t, int id);
/* The generation of a process that has this run, or is to get it back. */
struct proc *table_by_handle(const struct table *t, uint64_t handle);

/* Make the processes that `conf` (taken) asks for. Nothing is started. Number made (ids in
 * ret_ids, room for LIMIT_INSTANCES), or negative with `e` and nothing made. */
int table_add_app(struct table *t, json_t *take_conf, int cpu_count, int *ret_ids, struct err *e);
/* Make `n` more processes of the same app as `like`, each with the next free instance number.
 * Nothing is started. Number made (ids in ret_ids), or negative with `e` and nothing made. */
int table_add_more(struct table *t, const struct proc *like, int n, int *ret_ids, struct err *e);
/* Put back one process of the saved list, with what its conf says of instance and variables; under
 * `id`, or the next one when that is -1 or given. Nothing is started. NULL with `e`. */
struct proc *table_add_saved(struct table *t, int id, json_t *take_conf, struct err *e);
/* Ids of the processes of one app, ascending; their number, or -ENOMEM. `ret_ids`: free(). */
int table_app_ids(const struct table *t, const char *name, const char *ns, int **ret_ids);
/* Put back a process from the journal under its id. */
struct proc *table_add_recovered(struct table *t, int id, json_t *take_conf);
/* Take a process out (it is being freed by its owner). */
void table_remove(struct table *t, struct proc *p);
