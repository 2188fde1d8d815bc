/* SPDX-License-Identifier: MIT
 * The process table. Runs in pm2d. */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "extras.h"
#include "pkgversion.h"
#include "secret_store.h"
#include "sockets.h"
#include "json/read.h"

static void on_removed(void *ctx, struct proc *p)
{
    table_remove(ctx, p);
}

void table_init(struct table *t, struct proc_env *env)
{
    *t = (struct table){.env = env};
    env->removed = on_removed;
    env->removed_ctx = t;
}

void table_fini(struct table *t)
{
    free(t->items);
    t->items = NULL;
}

/* Index of the first process with an id >= `id`. */
static size_t lower_bound(const struct table *t, int id)
{
    size_t lo = 0;
    size_t hi = t->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (t->items[mid]->id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct proc *table_find(const struct table *t, int id)
{
    size_t at = lower_bound(t, id);
    return at < t->count && t->items[at]->id == id ? t->items[at] : NULL;
}

struct proc *table_by_handle(const struct table *t, uint64_t handle)
{
    struct proc *p = table_find(t, (int)(handle >> 32));
    return p ? proc_by_handle(p, handle) : NULL;
}

static int insert(struct table *t, struct proc *p)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        struct proc **items = realloc(t->items, cap * sizeof(struct proc *));
        if (!items)
            return -ENOMEM;
        t->items = items;
        t->cap = cap;
    }
    size_t at = lower_bound(t, p->id);
    memmove(t->items + at + 1, t->items + at, (t->count - at) * sizeof(struct proc *));
    t->items[at] = p;
    t->count++;
    if (p->id >= t->next_id)
        t->next_id = p->id + 1;
    return 0;
}

void table_remove(struct table *t, struct proc *p)
{
    size_t at = lower_bound(t, p->id);
    if (at == t->count || t->items[at] != p)
        return;
    memmove(t->items + at, t->items + at + 1, (t->count - at - 1) * sizeof(struct proc *));
    if (--t->count == 0)
        t->next_id = 0;
}

/* ---- instances ---- */

/* Text in the form of a random UUID; PM2 gives one to all instances of a start. */
static json_t *new_unique_id(void)
{
    unsigned char b[16] = {0};
    char text[37];
    (void)!getrandom(b, sizeof(b), 0);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    char *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += snprintf(at, 3, "%02x", b[i]);
    }
    return json_string(text);
}

static bool is_app(const struct proc *p, const char *name, const char *ns)
{
    return strcmp(proc_name(p), name) == 0 && strcmp(proc_namespace(p), ns) == 0;
}

int table_app_ids(const struct table *t, const char *name, const char *ns, int **ret_ids)
{
    size_t n = 0;
    int *ids = calloc(t->count ? t->count : 1, sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; i < t->count; i++)
        if (is_app(t->items[i], name, ns))
            ids[n++] = t->items[i]->id;
    *ret_ids = ids;
    return (int)n;
}

/* The lowest number that no process of the same app has. */
static int64_t free_instance(const struct table *t, const char *name, const char *ns)
{
    for (int64_t n = 0;; n++) {
        bool taken = false;
        for (size_t i = 0; i < t->count && !taken; i++)
            taken = t->items[i]->instance == n && is_app(t->items[i], name, ns);
        if (!taken)
            return n;
    }
}

/* increment_var: the first instance keeps the variable's value, each next one gets max + 1. */
static void set_increment(const struct table *t, json_t *conf, const char *name, const char *ns)
{
    const char *var = json_get_str(conf, "increment_var");
    if (!var || !*var)
        return;
    int64_t value = 0;
    bool seen = false;
    for (size_t i = 0; i < t->count; i++) {
        int64_t v;
        if (is_app(t->items[i], name, ns) &&
            json_get_int(json_object_get(t->items[i]->conf, "env"), var, &v) &&
            (!seen || v >= value)) {
            value = v + 1;
            seen = true;
        }
    }
    if (!seen)
        (void)json_get_int(json_object_get(conf, "env"), var, &value);
    json_t *env = json_copy(json_object_get(conf, "env"));
    json_object_set_new(env, var, json_integer(value));
    json_object_set_new(conf, "env", env);
}

static const char *instance_name(const json_t *conf)
{
    const char *var = json_get_str(conf, "instance_var");
    return var && *var ? var : "NODE_APP_INSTANCE";
}

/* The instance number that a conf of former times has; -1 = none. */
static int64_t stored_instance(const json_t *conf)
{
    int64_t instance;
    return json_get_int(conf, instance_name(conf), &instance) ? instance : -1;
}

static struct proc *put_in(struct table *t, int id, json_t *take_conf, int64_t instance,
                           const char *version, struct err *e)
{
    struct proc *p = proc_new(t->env, id, take_conf);
    if (!p || insert(t, p) < 0) {
        if (p)
            proc_discard(p);
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    p->instance = instance;
    snprintf(p->version, sizeof(p->version), "%s", version);
    extras_added(p);
    return p;
}

static struct proc *add_one(struct table *t, json_t *conf, bool numbered, const char *version,
                            struct err *e)
{
    const char *name = json_get_str(conf, "name");
    const char *ns = json_get_str(conf, "namespace");
    json_t *own = json_copy(conf); /* shallow: the environment is shared by the instances */
    if (!own || app_conf_number_paths(own, t->next_id) < 0) {
        json_decref(own);
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    if (!ns)
        ns = "default";
    int64_t instance = numbered ? free_instance(t, name, ns) : stored_instance(own);
    set_increment(t, own, name, ns);
    return put_in(t, t->next_id, own, instance, version, e);
}

/* `n` processes of a conf, or none. */
static int add_many(struct table *t, json_t *conf, bool numbered, int n, int *ret_ids,
                    struct err *e)
{
    if (t->count + (size_t)n > LIMIT_PROCESSES)
        return err_set(e, -ENOSPC, "more than %d processes are not managed", LIMIT_PROCESSES);
    char version[sizeof(((struct proc *)NULL)->version)];
    pkgversion_find(json_get_str(conf, "pm_exec_path"), version, sizeof(version));
    json_t *env = json_object_get(conf, "env");
    if (json_is_object(env))
        json_object_set_new(env, "unique_id", new_unique_id());
    for (int i = 0; i < n; i++) {
        struct proc *p = add_one(t, conf, numbered, version, e);
        if (!p) {
            for (int k = 0; k < i; k++) {
                struct proc *undo = table_find(t, ret_ids[k]);
                table_remove(t, undo);
                proc_discard(undo);
            }
            return -ENOMEM;
        }
        ret_ids[i] = p->id;
    }
    return n;
}

int table_add_app(struct table *t, json_t *take_conf, int cpu_count, int *ret_ids, struct err *e)
{
    AUTO_JSON conf = take_conf;
    bool numbered = json_has(conf, "instances");
    int n = app_conf_instances(conf, cpu_count, e);
    int rc = n < 0 ? n : sockets_check(t->env->sockets, conf, NULL, e);
    if (rc < 0)
        return rc;
    if (numbered)
        json_object_set_new(conf, "instances", json_integer(n));
    secret_seal(t->env, conf);
    return add_many(t, conf, numbered, n, ret_ids, e);
}

int table_add_more(struct table *t, const struct proc *like, int n, int *ret_ids, struct err *e)
{
    AUTO_JSON conf = json_copy(like->conf);
    json_t *env = json_copy(json_object_get(like->conf, "env")); /* for a unique_id of its own */
    if (!conf || json_object_set_new(conf, "env", env) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    return add_many(t, conf, true, n, ret_ids, e);
}

struct proc *table_add_saved(struct table *t, int id, json_t *take_conf, struct err *e)
{
    char version[sizeof(((struct proc *)NULL)->version)];
    if (id < 0 || id > LIMIT_DUMP_ID || table_find(t, id))
        id = t->next_id;
    int rc = 0;
    if (t->count >= LIMIT_PROCESSES)
        rc = err_set(e, -ENOSPC, "more than %d processes are not managed", LIMIT_PROCESSES);
    else if (app_conf_number_paths(take_conf, id) < 0)
        rc = err_set(e, -ENOMEM, "out of memory");
    if (rc < 0) {
        json_decref(take_conf);
        return NULL;
    }
    secret_seal(t->env, take_conf);
    pkgversion_find(json_get_str(take_conf, "pm_exec_path"), version, sizeof(version));
    int64_t instance = stored_instance(take_conf);
    (void)json_object_del(take_conf, instance_name(take_conf)); /* state, not configuration */
    return put_in(t, id, take_conf, instance, version, e);
}

struct proc *table_add_recovered(struct table *t, int id, json_t *take_conf)
{
    struct proc *p = proc_new(t->env, id, take_conf);
    if (p && insert(t, p) < 0) {
        proc_discard(p);
        return NULL;
    }
    return p;
}
