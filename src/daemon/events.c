/* SPDX-License-Identifier: MIT
 * Process events on the bus. Runs in pm2d. Nothing is built when nobody listens. */
#include "events.h"

#include "os/clock.h"
#include "proc_json.h"
#include "json/read.h"
#include "json/write.h"

static void publish(struct proc *p, const char *event, bool manually, const struct proc_moment *at)
{
    struct bus *b = p->env->bus;
    if (!bus_wants(b))
        return;
    struct jw w = jw_to(bus_begin(b, STR("process:event")));
    jw_obj_begin(&w);
    jw_kstr(&w, "event", event);
    jw_kbool(&w, "manually", manually);
    jw_key(&w, "process");
    proc_json_env(&w, p, 0, at);
    jw_kint(&w, "at", clock_wall_ms());
    jw_obj_end(&w);
    bus_end(b);
}

void event_process(struct proc *p, const char *event, bool manually)
{
    publish(p, event, manually, NULL);
}

static void publish_end(struct proc *p, const char *event, const struct proc_action *told)
{
    const struct proc_moment at = {p->sm.state == PROC_ERRORED ? "errored" : "stopped",
                                   told->restart_time, told->unstable_restarts};
    publish(p, event, false, &at);
}

void event_exit(struct proc *p, const struct proc_action *told)
{
    if (p->lead && !p->is_old)
        return; /* a successor that has failed was never seen */
    publish_end(p, "exit", told);
}

void event_over_limit(struct proc *p, const struct proc_action *told)
{
    publish_end(p, "restart overlimit", told);
}

static void stub(struct jw *w, const struct proc *p, bool with_rev)
{
    jw_key(w, "process");
    jw_obj_begin(w);
    jw_kint(w, "pm_id", p->id);
    jw_kstr(w, "name", proc_name(p));
    if (with_rev) {
        jw_key(w, "rev");
        jw_null(w);
    }
    jw_kstr(w, "namespace", proc_namespace(p));
    jw_obj_end(w);
}

void event_log(struct proc *p, bool is_err, struct str chunk)
{
    struct bus *b = p->env->bus;
    struct jw w = jw_to(bus_begin(b, is_err ? STR("log:err") : STR("log:out")));
    jw_obj_begin(&w);
    stub(&w, p, true);
    jw_kint(&w, "at", clock_wall_ms());
    jw_key(&w, "data");
    jw_slice(&w, chunk);
    jw_obj_end(&w);
    bus_end(b);
}

void event_app_message(struct proc *p, const json_t *value, struct str line)
{
    struct bus *b = p->env->bus;
    if (!bus_wants(b))
        return;
    const json_t *type = json_object_get(value, "type");
    const json_t *data = json_object_get(value, "data");
    bool typed = json_truthy(type) && json_truthy(data);
    struct buf topic = BUF_INIT;
    if (!typed)
        buf_add_c(&topic, "process:msg");
    else if (json_is_string(type))
        buf_add_c(&topic, json_string_value(type));
    else
        jw_dom(&(struct jw){.out = &topic}, type);

    struct jw w = jw_to(bus_begin(b, buf_str(&topic)));
    jw_obj_begin(&w);
    jw_kint(&w, "at", clock_wall_ms());
    if (typed) {
        jw_kdom(&w, "data", data);
    } else {
        jw_key(&w, "raw");
        jw_raw(&w, line);
    }
    stub(&w, p, typed && proc_is_cluster(p)); /* so it is with PM2 */
    jw_obj_end(&w);
    bus_end(b);
    buf_fini(&topic);
}

void event_own_log(struct bus *b, const char *text)
{
    if (!bus_wants(b))
        return;
    struct buf line = BUF_INIT;
    buf_printf(&line, "%s\n", text);
    struct jw w = jw_to(bus_begin(b, STR("log:PM2")));
    jw_obj_begin(&w);
    jw_key(&w, "process");
    jw_raw(&w, STR("{\"pm_id\":\"PM2\",\"name\":\"PM2\",\"rev\":null}"));
    jw_kint(&w, "at", clock_wall_ms());
    jw_key(&w, "data");
    jw_slice(&w, buf_str(&line));
    jw_obj_end(&w);
    bus_end(b);
    buf_fini(&line);
}

void event_kill(struct bus *b, const char *how)
{
    if (!bus_wants(b))
        return;
    struct buf text = BUF_INIT;
    buf_printf(&text, "pm2 has been killed %s", how);
    struct jw w = jw_to(bus_begin(b, STR("pm2:kill")));
    jw_obj_begin(&w);
    jw_kstr(&w, "status", "killed");
    jw_key(&w, "msg");
    jw_slice(&w, buf_str(&text));
    jw_obj_end(&w);
    bus_end(b);
    buf_fini(&text);
}
