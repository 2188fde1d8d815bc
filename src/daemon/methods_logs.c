/* SPDX-License-Identifier: MIT
 * Methods about log files: where they are, emptying them, opening them anew. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/select.h"
#include "methods.h"
#include "own_log.h"
#include "json/read.h"
#include "json/write.h"

static void write_logs(struct jw *w, const struct proc *p)
{
    jw_obj_begin(w);
    jw_kint(w, "id", p->id);
    jw_kstr(w, "name", proc_name(p));
    jw_kstr(w, "out_log", json_get_str(p->conf, "pm_out_log_path"));
    jw_kstr(w, "err_log", json_get_str(p->conf, "pm_err_log_path"));
    if (json_get_str(p->conf, "pm_log_path"))
        jw_kstr(w, "log", json_get_str(p->conf, "pm_log_path"));
    jw_obj_end(w);
}

void compact_logs(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    const char *target = json_get_str(method_arg(args, 0), "target");
    int *ids = NULL;
    int n = target && strcmp(target, "all") != 0
                ? methods_select(m, target, "/", SELECT_MODULES, &ids, &e)
                : methods_all_ids(m, &ids);
    methods_reply_some(m, c, ids, n < 0 ? 0 : n, write_logs); /* an unknown target has no logs */
    free(ids);
}

void method_reload_logs(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    logfiles_reopen(&m->env->files);
    own_log_reopen(m->own_log);
    call_value(c, STR("{}"));
}

/* ---- flush ---- */

static bool is_told(const json_t *flushed, const char *path)
{
    size_t i;
    json_t *item;
    json_array_foreach (flushed, i, item)
        if (strcmp(json_string_value(item), path) == 0)
            return true;
    return false;
}

/* Empty one file. What is not there, or is no plain file, is passed over. */
static int flush_file(struct methods *m, const char *path, json_t *flushed, struct err *e)
{
    if (!path || is_told(flushed, path))
        return 0;
    int rc = logfiles_empty(&m->env->files, path, e);
    if (rc > 0 && json_array_append_new(flushed, json_string(path)) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    return rc < 0 ? rc : 0;
}

static int flush_process(struct methods *m, const struct proc *p, json_t *flushed, struct err *e)
{
    static const char *const keys[] = {"pm_out_log_path", "pm_err_log_path", "pm_log_path"};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(keys) && rc == 0 && p; i++) /* an id may be nobody's */
        rc = flush_file(m, json_get_str(p->conf, keys[i]), flushed, e);
    return rc;
}

/* {target?, cwd?}: without a target the files of all, and our own log first. */
void compact_flush(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    json_t *opts = method_arg(args, 0);
    const char *target = json_get_str(opts, "target");
    bool is_all = !target || strcmp(target, "all") == 0;
    int *ids = NULL;
    AUTO_JSON flushed = json_array();
    int n = is_all ? methods_all_ids(m, &ids)
                   : methods_select(m, target, json_get_str(opts, "cwd"), SELECT_MODULES, &ids, &e);
    if (n < 0 || !flushed) {
        call_fail(c, e.msg[0] ? e.msg : "out of memory");
        free(ids);
        return;
    }
    int rc = is_all ? flush_file(m, m->env->paths.log_file, flushed, &e) : 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = flush_process(m, table_find(m->table, ids[i]), flushed, &e);
    free(ids);
    if (rc < 0) {
        call_fail(c, e.msg);
        return;
    }
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_obj_begin(&w);
    jw_kdom(&w, "flushed", flushed);
    jw_obj_end(&w);
    call_value(c, buf_str(&text));
}
