/* SPDX-License-Identifier: MIT
 * The settings of `pm2 set`, read at each start. Runs in pm2d. */
#include "settings_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "base/limits.h"
#include "base/log.h"
#include "batch.h"
#include "conf_merge.h"
#include "journal.h"
#include "methods.h"
#include "os/atomic_file.h"
#include "run_logs.h"
#include "secret_store.h"
#include "json/read.h"

int settings_file_get(const struct pm2_paths *paths, json_t **ret)
{
    struct err e = {0};
    AUTO(buf) text = BUF_INIT;
    *ret = NULL;
    int rc = file_read(paths->module_conf, LIMIT_SETTINGS_BYTES, &text, &e);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0 && !(*ret = json_read(buf_str(&text), &e)))
        rc = e.code;
    if (rc == 0 && !json_is_object(*ret)) {
        json_decref(*ret);
        *ret = NULL;
        rc = err_set(&e, -EINVAL, "it is not an object");
    }
    if (rc < 0)
        log_warn("settings are not used: %s: %s", paths->module_conf, e.msg);
    return rc;
}

json_t *settings_file_read(const struct pm2_paths *paths)
{
    json_t *root;
    (void)settings_file_get(paths, &root);
    return root;
}

void settings_file_apply(const json_t *settings, json_t *conf)
{
    AUTO_JSON own = json_object();
    if (settings_to_env(settings, json_get_str(conf, "name"), own))
        conf_merge_env(conf, own);
}

static void on_restarted(void *ctx, const struct batch_item *items, size_t count)
{
    batch_reply(ctx, "done", items, count);
}

/* What a new pm2:secrets names is out of the journal from now on, as far as it goes. */
static void seal_all(struct methods *m)
{
    for (size_t i = 0; i < m->table->count; i++) {
        struct proc *p = m->table->items[i];
        AUTO_JSON before = json_incref(json_object_get(p->conf, "env"));
        secret_seal(m->env, p->conf);
        if (before != json_object_get(p->conf, "env"))
            journal_app(m->env->journal, p);
    }
}

/* {name}: what is called so starts again with its settings. */
void compact_settings(struct methods *m, struct call *c, json_t *args)
{
    const char *name = json_get_str(method_arg(args, 0), "name");
    const struct table *t = m->table;
    struct proc **procs = calloc(t->count + 1, sizeof(struct proc *));
    size_t n = 0;
    run_logs_read_settings(m->env);
    for (size_t i = 0; i < t->count; i++)
        run_logs_apply_policy(t->items[i]);
    const json_t *settings = m->env->settings;
    if (name && strcmp(name, "pm2") == 0)
        seal_all(m);
    for (size_t i = 0; procs && name && i < t->count; i++) {
        struct proc *p = t->items[i];
        if (strcmp(proc_name(p), name) != 0)
            continue;
        settings_file_apply(settings, p->conf);
        secret_seal(m->env, p->conf);
        journal_app(m->env->journal, p);
        procs[n++] = p;
    }
    if (m->shutting_down)
        call_fail(c, "the daemon is being ended");
    else if (!procs || batch_order(procs, n, ORDER_RESTART, on_restarted, c) < 0)
        call_fail(c, "out of memory");
    free(procs);
}
