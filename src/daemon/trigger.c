/* SPDX-License-Identifier: MIT
 * Who waits for what an action returns. Runs in pm2d. */
#include "trigger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apptell.h"
#include "base/limits.h"
#include "methods.h"
#include "os/clock.h"
#include "proc.h"
#include "json/read.h"
#include "json/write.h"

struct trigger;

/* One process that was asked. */
struct waiter {
    struct list link; /* in proc.triggers, until it is settled */
    struct trigger *trigger;
    int id;
    char *name, *ns;
    pid_t pid;
    json_t *data; /* what it sent; NULL = not yet, or never */
    int64_t at;   /* when; ms since the epoch */
    char *error;
};

struct trigger {
    struct call *call;
    char *action;
    uv_timer_t timer; /* until when it is waited */
    int64_t limit_ms;
    size_t count, open;
    struct waiter waiters[];
};

/* ---- what an action is ---- */

bool trigger_has_action(const struct proc *p, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach (p->axm_actions, i, item) {
        const char *known = json_get_str(item, "action_name");
        if (known && strcmp(known, name) == 0)
            return true;
    }
    return false;
}

int trigger_send(struct proc *p, const json_t *cmd)
{
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    const char *name = json_get_str(cmd, "msg");
    const json_t *opts = json_object_get(cmd, "opts");
    bool is_plain = (!opts || json_is_null(opts)) && !json_has(cmd, "uuid");
    bool is_agents = name && json_has(p->agent_actions, name);
    if (is_agents) {
        jw_obj_begin(&w);
        jw_kstr(&w, "cmd", "NODE_PM2_ACTION");
        jw_key(&w, "request");
    }
    jw_dom(&w, is_plain ? json_object_get(cmd, "msg") : cmd);
    if (is_agents)
        jw_obj_end(&w);
    if (buf_oom(&text))
        return -ENOMEM;
    return is_agents ? chan_send(p->run->chan, buf_str(&text))
                     : apptell_send(p, buf_str(&text), name);
}

/* ---- the answer ---- */

static void write_waiter(struct jw *w, const struct waiter *one)
{
    jw_obj_begin(w);
    jw_kint(w, "id", one->id);
    jw_kstr(w, "name", one->name);
    jw_kstr(w, "namespace", one->ns);
    if (one->data) {
        jw_kint(w, "at", one->at);
        jw_kdom(w, "data", one->data);
    }
    if (one->error)
        jw_kstr(w, "error", one->error);
    jw_obj_end(w);
}

static void answer(struct trigger *t)
{
    struct buf *out = call_begin(t->call);
    buf_add_c(out, "{\"args\":[");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, "replies");
    jw_arr_begin(&w);
    for (size_t i = 0; i < t->count; i++)
        write_waiter(&w, &t->waiters[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_add_c(out, "]}");
    call_end(t->call);
}

static void trigger_free(struct trigger *t)
{
    for (size_t i = 0; i < t->count; i++) {
        list_del(&t->waiters[i].link);
        free(t->waiters[i].name);
        free(t->waiters[i].ns);
        free(t->waiters[i].error);
        json_decref(t->waiters[i].data);
    }
    free(t->action);
    free(t);
}

static void on_timer_closed(uv_handle_t *h)
{
    trigger_free(h->data);
}

static void settle(struct waiter *one)
{
    struct trigger *t = one->trigger;
    list_del(&one->link);
    list_init(&one->link);
    if (--t->open > 0)
        return;
    answer(t);
    uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

static void fail(struct waiter *one, const char *text)
{
    one->error = strdup(text);
    settle(one);
}

static void on_late(uv_timer_t *timer)
{
    struct trigger *t = timer->data;
    char text[64];
    (void)snprintf(text, sizeof(text), "no answer within %lld ms", (long long)t->limit_ms);
    for (size_t i = 0; i < t->count; i++) /* the last one closes the timer, and nothing is freed */
        if (!list_empty(&t->waiters[i].link))
            fail(&t->waiters[i], text);
}

/* ---- what becomes of the processes ---- */

/* Calls of one action are answered in their order. */
void trigger_reply(struct proc *p, const json_t *data)
{
    const char *action = json_get_str(data, "action_name");
    struct proc *lead = proc_lead(p);
    list_for_each (it, &lead->triggers) {
        struct waiter *one = LIST_ENTRY(it, struct waiter, link);
        if (!action || strcmp(one->trigger->action, action) != 0)
            continue;
        one->data = json_deep_copy(data);
        one->at = clock_wall_ms();
        settle(one);
        return;
    }
}

void trigger_state(struct proc *p)
{
    list_for_each_safe (it, next, &p->triggers) {
        struct waiter *one = LIST_ENTRY(it, struct waiter, link);
        if (one->pid != proc_pid(p))
            fail(one, "the process has ended before it answered");
    }
}

void trigger_removed(struct proc *p)
{
    list_for_each_safe (it, next, &p->triggers)
        fail(LIST_ENTRY(it, struct waiter, link), "the process was deleted before it answered");
}

/* ---- the call ---- */

static size_t waiting(const struct proc *p)
{
    size_t n = 0;
    list_for_each (it, &p->triggers)
        n++;
    return n;
}

/* Why the process cannot be asked, or NULL. */
static const char *unfit(const struct proc *p, const char *action)
{
    if (!trigger_has_action(p, action))
        return "has no such action";
    if (proc_pid(p) <= 0)
        return "is not running";
    if (waiting(p) >= LIMIT_ACTION_WAITS)
        return "has too many calls of actions under way";
    return NULL;
}

static bool ask(struct trigger *t, struct proc *p, const json_t *cmd)
{
    if (trigger_send(p, cmd) < 0)
        return false;
    struct waiter *one = &t->waiters[t->count++];
    *one = (struct waiter){.trigger = t,
                           .id = p->id,
                           .name = strdup(proc_name(p)),
                           .ns = strdup(proc_namespace(p)),
                           .pid = proc_pid(p)};
    list_add_tail(&p->triggers, &one->link);
    t->open++;
    return true;
}

/* The request of PM2's own client, which some apps look into. */
static json_t *request_of(const char *target, const char *action, json_t *params)
{
    long long id;
    json_t *cmd = json_object();
    json_object_set_new(cmd, "msg", json_string(action));
    if (params && !json_is_null(params))
        json_object_set(cmd, "opts", params);
    if (str_to_int(str_from(target), &id))
        json_object_set_new(cmd, "id", json_integer(id));
    else
        json_object_set_new(cmd, "name", json_string(target));
    return cmd;
}

/* Why nobody could be asked: `why` holds for `p`; NULL: the id that was the target is nobody's. */
static void refuse(struct trigger *t, const struct proc *p, int id, const char *why)
{
    if (!p)
        method_fail(t->call, "%d id unknown", id);
    else if (!trigger_has_action(p, t->action))
        method_fail(t->call, "Action doesn't exist %.128s for %.128s; `pm2 describe` shows the %s",
                    t->action, proc_name(p), "actions of an app");
    else
        method_fail(t->call, "%.128s: %.128s %s", t->action, proc_name(p), why);
    trigger_free(t); /* nobody waits yet: it is over as soon as it has begun */
}

static void ask_all(struct methods *m, struct trigger *t, const int *ids, int count,
                    const json_t *cmd)
{
    const char *why = NULL;
    const struct proc *unasked = NULL;
    for (int i = 0; i < count; i++) {
        struct proc *p = table_find(m->table, ids[i]); /* an id may be nobody's */
        const char *reason = p ? unfit(p, t->action) : NULL;
        if (p && !reason && !ask(t, p, cmd))
            reason = "does not take messages";
        if (reason && !why) {
            why = reason;
            unasked = p;
        }
    }
    if (t->count == 0) {
        refuse(t, unasked, ids[0], why);
        return;
    }
    uv_timer_init(m->env->loop, &t->timer);
    t->timer.data = t;
    uv_timer_start(&t->timer, on_late, (uint64_t)t->limit_ms, 0);
}

/* `timeout_ms` of the request. */
static int64_t limit_of(const json_t *opts)
{
    int64_t ms = LIMIT_ACTION_ANSWER_MS;
    (void)json_get_int(opts, "timeout_ms", &ms);
    return ms > 0 && ms <= LIMIT_DELAY_MS ? ms : LIMIT_ACTION_ANSWER_MS;
}

void compact_trigger(struct methods *m, struct call *c, json_t *args)
{
    struct err e = {0};
    int *ids = NULL;
    json_t *opts = method_arg(args, 0);
    const char *target = json_get_str(opts, "target");
    const char *action = json_get_str(opts, "action");
    if (!target || !action) {
        call_fail(c, "c.trigger: target or action is missing");
        return;
    }
    int n = methods_select(m, target, json_get_str(opts, "cwd"), 0, &ids, &e);
    if (n < 0) {
        call_fail(c, e.msg);
        return;
    }
    struct trigger *t = calloc(1, sizeof(*t) + (size_t)n * sizeof(t->waiters[0]));
    AUTO_JSON cmd = request_of(target, action, json_object_get(opts, "params"));
    if (t) {
        t->call = c;
        t->limit_ms = limit_of(opts);
        t->action = strdup(action);
    }
    if (t && t->action && cmd) {
        ask_all(m, t, ids, n, cmd);
    } else {
        free(t);
        call_fail(c, "out of memory");
    }
    free(ids);
}
