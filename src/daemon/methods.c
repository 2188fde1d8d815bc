/* SPDX-License-Identifier: MIT
 * Dispatch of RPC calls. Runs in pm2d. */
#include "methods.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "history.h"
#include "proc_json.h"
#include "json/read.h"
#include "json/write.h"

struct method {
    const char *name;
    method_fn *run;     /* NULL: known, but not built yet */
    const char *params; /* as introspection shows them; NULL = not shown (ours) */
};

static const struct method method_table[] = {
    {"killMe", method_kill_me, ""},
    {"profileCPU", NULL, ""},
    {"profileMEM", NULL, ""},
    {"prepare", method_prepare, "env,cb"},
    {"getMonitorData", method_monitor_data, "env,cb"},
    {"getSystemData", method_system_data, "env,cb"},
    {"startProcessId", method_start_id, "id,cb"},
    {"stopProcessId", method_stop_id, "id,cb"},
    {"restartProcessId", method_restart_id, "opts,cb"},
    {"deleteProcessId", method_delete_id, "id,cb"},
    {"sendLineToStdin", method_send_line, "packet,cb"},
    {"softReloadProcessId", method_soft_reload_id, "opts,cb"},
    {"reloadProcessId", method_reload_id, "opts,cb"},
    {"duplicateProcessId", method_duplicate, "id,cb"},
    {"resetMetaProcessId", method_reset_meta, "id,cb"},
    {"stopWatch", method_stop_watch, "method,value,fn"},
    {"startWatch", method_start_watch, "method,value,fn"},
    {"toggleWatch", method_toggle_watch, "method,value,fn"},
    {"notifyByProcessId", method_notify, "opts,cb"},
    {"notifyKillPM2", method_notify_kill, ""},
    {"monitor", method_monitor, "pm_id,cb"},
    {"unmonitor", method_unmonitor, "pm_id,cb"},
    {"msgProcess", method_msg_process, "cmd,cb"},
    {"sendDataToProcessId", method_send_data, "packet,cb"},
    {"sendSignalToProcessId", method_signal_id, "opts,cb"},
    {"sendSignalToProcessName", method_signal_name, "opts,cb"},
    {"ping", method_ping, "env,cb"},
    {"getVersion", method_version, "env,cb"},
    {"getReport", method_report, "arg,cb"},
    {"reloadLogs", method_reload_logs, "opts,cb"},
    {"c.hello", compact_hello, NULL},
    {"c.list", compact_list, NULL},
    {"c.start", compact_start, NULL},
    {"c.file", compact_file, NULL},
    {"c.scale", compact_scale, NULL},
    {"c.settings", compact_settings, NULL},
    {"c.act", compact_act, NULL},
    {"c.trigger", compact_trigger, NULL},
    {"c.describe", compact_describe, NULL},
    {"c.env", compact_env, NULL},
    {"c.logs", compact_logs, NULL},
    {"c.flush", compact_flush, NULL},
    {"c.reset", compact_reset, NULL},
    {"c.save", compact_save, NULL},
    {"c.cleardump", compact_cleardump, NULL},
    {"c.resurrect", compact_resurrect, NULL},
    {"c.kill", compact_kill, NULL},
    {"c.own", compact_own, NULL},
    {"c.update", compact_update, NULL},
};

static void write_params(struct jw *w, const char *params)
{
    jw_arr_begin(w);
    while (*params) {
        size_t n = strcspn(params, ",");
        jw_slice(w, (struct str){params, n});
        params += n + (params[n] == ',');
    }
    jw_arr_end(w);
}

static void list_methods(struct call *c)
{
    struct jw w = jw_to(call_begin(c));
    jw_obj_begin(&w);
    jw_key(&w, "methods");
    jw_obj_begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(method_table); i++) {
        if (!method_table[i].params)
            continue;
        jw_key(&w, method_table[i].name);
        jw_obj_begin(&w);
        jw_kstr(&w, "name", method_table[i].name);
        jw_key(&w, "params");
        write_params(&w, method_table[i].params);
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
    call_end(c);
}

/* Orders that are given while the method runs are the caller's. */
static void run_method(const struct method *method, struct methods *m, struct call *c, json_t *args)
{
    struct asker asker = {.method = method->name, .number = ++m->calls};
    call_peer(c, &asker.uid, &asker.pid);
    m->env->asker = &asker;
    method->run(m, c, args);
    m->env->asker = NULL;
}

void methods_handle(void *ctx, struct call *c, const struct rpc_request *rq)
{
    struct methods *m = ctx;
    if (rq->type == RPC_METHODS) {
        list_methods(c);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(method_table); i++) {
        if (strcmp(method_table[i].name, rq->method) != 0)
            continue;
        if (method_table[i].run)
            run_method(&method_table[i], m, c, rq->args);
        else
            method_fail(c, "%s is not available yet", rq->method);
        return;
    }
    char text[ERR_MSG_MAX];
    snprintf(text, sizeof(text), "method \"%s\" does not exist", rq->method);
    call_refuse(c, text);
}

struct app_request method_request(const struct methods *m, const json_t *opts)
{
    return (struct app_request){
        .options = json_object_get(opts, "options"),
        .args = json_object_get(opts, "args"),
        .cwd = json_get_str(opts, "cwd"),
        .env = json_object_get(opts, "env"),
        .home = m->env->paths.home,
        .log_dir = m->env->paths.log_dir,
        .pid_dir = m->env->paths.pid_dir,
    };
}

json_t *method_arg(json_t *args, size_t i)
{
    return json_array_get(args, i);
}

bool method_id(const json_t *value, int *ret_id)
{
    long long n;
    if (json_is_integer(value))
        n = json_integer_value(value);
    else if (!json_is_string(value) || !str_to_int(str_from(json_string_value(value)), &n))
        return false;
    if (n < 0 || n > INT32_MAX)
        return false;
    *ret_id = (int)n;
    return true;
}

/* An id as an error message shows it: JavaScript's string form, shortened. */
static void id_text(const json_t *value, char *ret, size_t size)
{
    struct buf b = BUF_INIT;
    if (json_is_string(value))
        buf_add_c(&b, json_string_value(value));
    else if (json_is_object(value))
        buf_add_c(&b, "[object Object]");
    else if (value)
        jw_dom(&(struct jw){.out = &b}, value);
    else
        buf_add_c(&b, "undefined");
    snprintf(ret, size, "%.*s", (int)(b.len < 100 ? b.len : 100), b.data);
    buf_fini(&b);
}

void method_fail(struct call *c, const char *fmt, ...)
{
    char text[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    call_fail(c, text);
}

struct proc *method_proc(struct methods *m, struct call *c, const json_t *id, const char *fmt)
{
    int n;
    struct proc *p = method_id(id, &n) ? table_find(m->table, n) : NULL;
    if (p)
        return p;
    char shown[128];
    id_text(id, shown, sizeof(shown));
    AUTO(buf) text = BUF_INIT;
    for (const char *at; (at = strstr(fmt, "%s")); fmt = at + 2) {
        buf_add(&text, fmt, (size_t)(at - fmt));
        buf_add_c(&text, shown);
    }
    buf_add_c(&text, fmt);
    call_fail(c, buf_oom(&text) ? "out of memory" : text.data);
    return NULL;
}

void method_reply_proc(struct call *c, const struct proc *p, unsigned flags)
{
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    proc_json_write(&w, p, flags);
    buf_add_c(out, "]}");
    call_end(c);
}

void method_reply_list(struct methods *m, struct call *c, unsigned flags)
{
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_arr_begin(&w);
    for (size_t i = 0; i < m->table->count; i++)
        proc_json_write(&w, m->table->items[i], flags);
    jw_arr_end(&w);
    buf_add_c(out, "]}");
    call_end(c);
}
