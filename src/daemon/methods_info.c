/* SPDX-License-Identifier: MIT
 * PM2's methods that only tell. Runs in pm2d. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "methods.h"
#include "monit.h"
#include "proc_json.h"
#include "json/read.h"
#include "json/write.h"

extern char **environ;

void method_ping(struct methods *m, struct call *c, json_t *args)
{
    (void)m;
    (void)args;
    call_value(c, STR("{\"msg\":\"pong\"}"));
}

void method_version(struct methods *m, struct call *c, json_t *args)
{
    (void)m;
    (void)args;
    call_value(c, STR("\"" PM2_COMPAT_VERSION "\""));
}

void method_monitor_data(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    for (size_t i = 0; i < m->table->count; i++)
        monit_sample(m->table->items[i]);
    method_reply_list(m, c, PROC_JSON_ENV | PROC_JSON_MONIT);
}

/* PM2 answers {} until its first sample; host metrics are not collected yet. */
void method_system_data(struct methods *m, struct call *c, json_t *args)
{
    (void)m;
    (void)args;
    call_value(c, STR("{}"));
}

static void write_environment(struct jw *w)
{
    jw_obj_begin(w);
    for (char **at = environ; *at; at++) {
        const char *eq = strchr(*at, '=');
        if (!eq)
            continue;
        jw_key_str(w, (struct str){*at, (size_t)(eq - *at)});
        jw_str(w, eq + 1);
    }
    jw_obj_end(w);
}

void method_report(struct methods *m, struct call *c, json_t *args)
{
    (void)args;
    struct buf *out = call_begin(c);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "pm2_version", PM2_COMPAT_VERSION);
    jw_kstr(&w, "pm2c_version", PM2C_VERSION);
    jw_kstr(&w, "node_version", "none (native daemon)");
    jw_kstr(&w, "node_path", "not found");
    jw_kstr(&w, "argv0", "pm2d");
    jw_key(&w, "argv");
    jw_raw(&w, STR("[\"pm2d\"]"));
    jw_kstr(&w, "user", m->world.username);
    jw_kint(&w, "uid", geteuid());
    jw_kint(&w, "gid", getegid());
    jw_key(&w, "env");
    write_environment(&w);
    jw_kint(&w, "managed_apps", (int64_t)m->table->count);
    jw_kint(&w, "started_at", m->started_at);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(c);
}

static void set_monitored(struct methods *m, struct call *c, json_t *args, bool on)
{
    struct proc *p = method_proc(m, c, method_arg(args, 0), "Unknown pm_id");
    if (!p)
        return;
    p->monitored = on;
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "{\"success\":true,\"pm_id\":%d}", p->id);
    call_value(c, buf_str(&text));
}

void method_monitor(struct methods *m, struct call *c, json_t *args)
{
    set_monitored(m, c, args, true);
}

void method_unmonitor(struct methods *m, struct call *c, json_t *args)
{
    set_monitored(m, c, args, false);
}
