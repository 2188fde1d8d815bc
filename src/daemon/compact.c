/* SPDX-License-Identifier: MIT
 * Our own compact methods: what our clients use, with no environment in lists and one call per
 * order. Runs in pm2d. docs/PROTOCOL.md describes them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/conf.h"
#include "app/select.h"
#include "base/limits.h"
#include "batch.h"
#include "conf_merge.h"
#include "cron_job.h"
#include "methods.h"
#include "monit.h"
#include "orderly.h"
#include "proc_json.h"
#include "watch.h"
#include "wire/rpc.h"
#include "json/read.h"
#include "json/write.h"

int methods_select(struct methods *m, const char *target, const char *cwd, int flags, int **ret_ids,
                   struct err *e)
{
    size_t n = m->table->count;
    struct select_item *items = calloc(n ? n : 1, sizeof(*items));
    int *ids = calloc(n ? n : 1, sizeof(*ids));
    if (!items || !ids) {
        free(items);
        free(ids);
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct proc *p = m->table->items[i];
        items[i] = (struct select_item){
            .id = p->id,
            .name = proc_name(p),
            .ns = proc_namespace(p),
            .script = json_get_str(p->conf, "pm_exec_path"),
            .module = json_truthy(json_object_get(p->conf, "pmx_module")),
        };
    }
    int rc = select_targets(items, n, target, cwd, flags, ids, e);
    free(items);
    if (rc < 0)
        free(ids);
    else
        *ret_ids = ids;
    return rc;
}

void compact_hello(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text,
               "{\"version\":\"%s\",\"pm2c\":\"%s\",\"protocol\":%d,\"pid\":%d,\"keeper\":%d}",
               PM2_COMPAT_VERSION, PM2C_VERSION, RPC_OWN_PROTOCOL, (int)getpid(),
               (int)link_keeper_pid(m->env->link));
    call_value(c, buf_str(&text));
}

/* ---- queries ---- */

void methods_reply_some(struct methods *m, struct call *c, const int *ids, int count,
                        void (*write)(struct jw *w, const struct proc *p))
{
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_arr_begin(&w);
    for (int i = 0; i < count; i++) {
        struct proc *p = table_find(m->table, ids[i]);
        if (!p)
            continue;
        monit_sample(p);
        write(&w, p);
    }
    jw_arr_end(&w);
    buf_add_c(out, "]}");
    call_end(c);
}

int methods_all_ids(struct methods *m, int **ret_ids)
{
    int *ids = calloc(m->table->count ? m->table->count : 1, sizeof(*ids));
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; i < m->table->count; i++)
        ids[i] = m->table->items[i]->id;
    *ret_ids = ids;
    return (int)m->table->count;
}

void compact_list(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    json_t *opts = method_arg(args, 0);
    const char *target = json_get_str(opts, "target");
    int *ids = NULL;
    int n = target ? methods_select(m, target, json_get_str(opts, "cwd"), 0, &ids, &e)
                   : methods_all_ids(m, &ids);
    if (n < 0) {
        call_fail(c, e.msg[0] ? e.msg : "out of memory");
        return;
    }
    bool brief = json_get_bool(opts, "brief", false);
    methods_reply_some(m, c, ids, n, brief ? proc_json_brief : proc_json_row);
    free(ids);
}

static void write_full(struct jw *w, const struct proc *p)
{
    proc_json_write(w, p, PROC_JSON_ENV | PROC_JSON_MONIT | PROC_JSON_REASON);
}

static bool is_described(const struct proc *p, const char *target, bool by_namespace)
{
    long long number;
    if (by_namespace)
        return strcmp(proc_namespace(p), target) == 0;
    return strcmp(proc_name(p), target) == 0 ||
           (str_to_int(str_from(target), &number) && p->id == number);
}

/* Of `ids` those that the target names or numbers, else (PM2 has no such) those of the namespace.
 * How many. */
static int keep_described(struct methods *m, int *ids, int count, const char *target)
{
    int kept = 0;
    for (int by_namespace = 0; by_namespace < 2 && kept == 0; by_namespace++)
        for (int i = 0; i < count; i++)
            if (is_described(table_find(m->table, ids[i]), target, by_namespace))
                ids[kept++] = ids[i];
    return kept;
}

void compact_describe(struct methods *m, struct call *c, json_t *args)
{
    const char *target = json_get_str(method_arg(args, 0), "target");
    int *ids = NULL;
    int n = methods_all_ids(m, &ids);
    int kept;
    if (n < 0 || !target) {
        free(ids);
        call_fail(c, target ? "out of memory" : "c.describe: target is missing");
        return;
    }
    kept = keep_described(m, ids, n, target);
    methods_reply_some(m, c, ids, kept, write_full);
    free(ids);
}

/* What the process got, and of its variables where they came from; "from" is not there when nobody
 * knows. */
static void write_explained(struct jw *w, const struct proc *p)
{
    jw_obj_begin(w);
    jw_kint(w, "id", p->id);
    jw_kstr(w, "name", proc_name(p));
    jw_key(w, "env");
    proc_json_env(w, p, PROC_JSON_ENV, NULL);
    if (json_has(p->conf, CONF_ENV_FROM))
        jw_kdom(w, "from", json_object_get(p->conf, CONF_ENV_FROM));
    jw_obj_end(w);
}

/* By name, too, unlike c.env. */
static void explain(struct methods *m, struct call *c, json_t *opts)
{
    const char *target = json_get_str(opts, "id");
    int *ids = NULL;
    int n = target ? methods_all_ids(m, &ids) : -EINVAL;
    if (n < 0) {
        call_fail(c, target ? "out of memory" : "c.env: id is missing");
        return;
    }
    methods_reply_some(m, c, ids, keep_described(m, ids, n, target), write_explained);
    free(ids);
}

void compact_env(struct methods *m, struct call *c, json_t *args)
{
    if (json_get_bool(method_arg(args, 0), "explain", false)) {
        explain(m, c, method_arg(args, 0));
        return;
    }
    struct proc *p = method_proc(m, c, json_object_get(method_arg(args, 0), "id"),
                                 "Modules with id %s not found");
    if (!p)
        return;
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    proc_json_env(&w, p, PROC_JSON_ENV, NULL);
    buf_add_c(out, "]}");
    call_end(c);
}

void compact_kill(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    m->shutdown(m->shutdown_ctx, c, 0);
}

void compact_update(struct methods *m, struct call *c, json_t *args)
{
    const json_t *folder = json_object_get(method_arg(args, 0), "folder");
    if (folder && (!json_is_string(folder) || *json_string_value(folder) != '/'))
        method_fail(c, "c.update: folder is not an absolute path");
    else
        m->update(m->shutdown_ctx, c, folder ? json_string_value(folder) : NULL);
}

static void on_owner_gone(void *ctx)
{
    struct methods *m = ctx;
    m->shutdown(m->shutdown_ctx, NULL, 0);
}

/* The no-daemon mode of the API: this daemon is its caller's own, and ends when he goes. */
void compact_own(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    call_on_close(c, on_owner_gone, m);
    call_value(c, STR("{\"owned\":true}"));
}
