/* SPDX-License-Identifier: MIT
 * PM2's methods that talk to apps: signals, messages, stdin, notifications. Runs in pm2d. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "apptell.h"
#include "base/limits.h"
#include "events.h"
#include "methods.h"
#include "os/signals.h"
#include "proc_json.h"
#include "trigger.h"
#include "watch.h"
#include "json/read.h"
#include "json/write.h"

/* ---- signals ---- */

/* "SIGUSR2", "USR2" or a number, 0 to ask only whether it is there; -1 when there is no such
 * signal. */
static int signal_number(const json_t *value)
{
    const char *name = json_string_value(value);
    long long n;
    if (json_is_integer(value))
        n = json_integer_value(value);
    else if (!name)
        return -1;
    else if (!str_to_int(str_from(name), &n))
        n = signal_by_name(name) > 0 ? signal_by_name(name) : -1;
    return n >= 0 && n < NSIG ? (int)n : -1;
}

void method_signal_id(struct methods *m, struct call *c, json_t *args)
{
    const json_t *opts = method_arg(args, 0);
    struct proc *p = method_proc(m, c, json_object_get(opts, "process_id"), "%s id unknown");
    if (!p)
        return;
    int signo = signal_number(json_object_get(opts, "signal"));
    if (signo < 0 || proc_signal(p, signo) < 0)
        call_fail(c, "Error when sending signal (signal unknown)");
    else
        method_reply_list(m, c, PROC_JSON_ENV);
}

static bool name_means(const struct proc *p, const char *name)
{
    const char *script = json_get_str(p->conf, "pm_exec_path");
    return strcmp(name, "all") == 0 || strcmp(proc_name(p), name) == 0 ||
           (script && strcmp(script, name) == 0);
}

void method_signal_name(struct methods *m, struct call *c, json_t *args)
{
    const json_t *opts = method_arg(args, 0);
    const char *name = json_get_str(opts, "process_name");
    const json_t *signal = json_object_get(opts, "signal");
    int signo = signal_number(signal);
    bool known = false;
    for (size_t i = 0; name && i < m->table->count; i++)
        known = known || name_means(m->table->items[i], name);
    if (!known) {
        call_fail(c, "Unknown process name");
        return;
    }
    if (signo < 0) {
        AUTO(buf) text = BUF_INIT;
        if (json_is_string(signal))
            buf_add_c(&text, json_string_value(signal));
        else
            jw_dom(&(struct jw){.out = &text}, signal);
        method_fail(c, "Unknown signal: %.64s", text.data);
        return;
    }
    for (size_t i = 0; i < m->table->count; i++)
        if (name_means(m->table->items[i], name))
            (void)proc_signal(m->table->items[i], signo); /* what does not run gets none */
    method_reply_list(m, c, PROC_JSON_ENV);
}

/* ---- messages ---- */

static bool send_failed(struct call *c, int rc, const char *what)
{
    if (rc == 0)
        return false;
    if (rc == -ENOTCONN)
        method_fail(c, "the app has closed its %s", what);
    else if (rc == -ENOBUFS)
        method_fail(c, "the app does not read its %s: too much is waiting already", what);
    else
        method_fail(c, "cannot write to the app's %s: %s", what, err_text(rc));
    return true;
}

void method_send_data(struct methods *m, struct call *c, json_t *args)
{
    json_t *packet = method_arg(args, 0);
    const json_t *id = json_object_get(packet, "id");
    if (!id || !json_has(packet, "data") || !json_truthy(json_object_get(packet, "topic"))) {
        call_fail(c, "ID, DATA or TOPIC field is missing");
        return;
    }
    struct proc *p = method_proc(m, c, id, "Process with ID <%s> unknown.");
    if (!p)
        return;
    if (proc_pid(p) <= 0) {
        method_fail(c, "Process with ID <%d> offline.", p->id);
        return;
    }
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_dom(&w, packet);
    if (send_failed(c, apptell_send(p, buf_str(&text), NULL), "message channel"))
        return;
    AUTO(buf) reply = BUF_INIT;
    buf_printf(&reply, "{\"success\":true,\"data\":%s}", text.data);
    call_value(c, buf_str(&reply));
}

void method_send_line(struct methods *m, struct call *c, json_t *args)
{
    json_t *packet = method_arg(args, 0);
    const json_t *id = json_object_get(packet, "pm_id");
    const char *line = json_get_str(packet, "line");
    if (!id || !line || !*line) {
        call_fail(c, "pm_id or line field missing");
        return;
    }
    struct proc *p = method_proc(m, c, id, "Process with ID <%s> unknown.");
    if (!p)
        return;
    if (proc_is_cluster(p)) {
        call_fail(c, "Cannot send line to processes in cluster mode");
        return;
    }
    if (proc_pid(p) <= 0) {
        method_fail(c, "Process with ID <%d> offline.", p->id);
        return;
    }
    if (send_failed(c, chan_stdin(p->run->chan, str_from(line)), "standard input"))
        return;
    AUTO(buf) reply = BUF_INIT;
    struct jw w = jw_to(&reply);
    jw_obj_begin(&w);
    jw_kdom(&w, "pm_id", id);
    jw_kstr(&w, "line", line);
    jw_obj_end(&w);
    call_value(c, buf_str(&reply));
}

static bool action_target(const struct proc *p, const char *name)
{
    const char *script = json_get_str(p->conf, "pm_exec_path");
    const char *base = script ? strrchr(script, '/') : NULL;
    return strcmp(name, "all") == 0 || strcmp(proc_name(p), name) == 0 ||
           strcmp(proc_namespace(p), name) == 0 || (base && strcmp(base + 1, name) == 0);
}

static void reply_count(struct call *c, int count)
{
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "{\"process_count\":%d,\"success\":true}", count);
    call_value(c, buf_str(&text));
}

void method_msg_process(struct methods *m, struct call *c, json_t *args)
{
    json_t *cmd = method_arg(args, 0);
    const char *msg = json_get_str(cmd, "msg");
    const char *name = json_get_str(cmd, "name");
    const json_t *id = json_object_get(cmd, "id");
    if (!msg || (!name && !id)) {
        call_fail(c,
                  name || id ? "method requires a msg field" : "method requires name or id field");
        return;
    }
    if (id) {
        struct proc *p = method_proc(m, c, id, "%s id unknown");
        if (!p)
            return;
        if (!trigger_has_action(p, msg))
            method_fail(c, "Action doesn't exist %.128s for %s", msg, proc_name(p));
        else if (proc_pid(p) <= 0)
            method_fail(c, "%d : id offline", p->id);
        else if (!send_failed(c, trigger_send(p, cmd), "message channel"))
            reply_count(c, 1);
        return;
    }
    int count = 0;
    for (size_t i = 0; i < m->table->count; i++) {
        struct proc *p = m->table->items[i];
        if (proc_pid(p) > 0 && action_target(p, name) && trigger_has_action(p, msg) &&
            trigger_send(p, cmd) == 0)
            count++;
    }
    reply_count(c, count);
}

void method_notify(struct methods *m, struct call *c, json_t *args)
{
    json_t *opts = method_arg(args, 0);
    const json_t *id = json_object_get(opts, "id");
    const char *action = json_get_str(opts, "action_name");
    int n;
    if (!id || json_is_null(id)) {
        call_fail(c, "process id missing");
        return;
    }
    struct proc *p = method_id(id, &n) ? table_find(m->table, n) : NULL;
    if (!p) {
        call_fail(c, "process id doesnt exists");
        return;
    }
    event_process(p, action ? action : "undefined", json_has(opts, "manually"));
    call_value(c, STR(""));
}

/* ---- watching ---- */

typedef bool watch_fn(struct proc *p); /* false: nothing was to be done */

static bool stop_watch(struct proc *p)
{
    watch_stop(p);
    return true;
}

static bool toggle_watch(struct proc *p)
{
    watch_toggle(p);
    return true;
}

/* The arguments are the name of the method to come and its argument: an id, {id}, or a name. PM2
 * takes no notice of names here; there is no harm in doing what is said. */
static bool watch_each(struct methods *m, json_t *args, watch_fn *fn)
{
    bool all_done = true;
    const char *method = json_string_value(method_arg(args, 0));
    const json_t *value = method_arg(args, 1);
    int id;
    if (json_is_object(value))
        value = json_object_get(value, "id");
    const char *name = json_string_value(value);
    bool by_id = method_id(value, &id);
    bool all = method && (strcmp(method, "stopAll") == 0 || strcmp(method, "deleteAll") == 0);
    for (size_t i = 0; i < m->table->count; i++) {
        struct proc *p = m->table->items[i];
        if (all || (by_id ? p->id == id : name && strcmp(proc_name(p), name) == 0))
            all_done = fn(p) && all_done;
    }
    return all_done;
}

void method_stop_watch(struct methods *m, struct call *c, json_t *args)
{
    (void)watch_each(m, args, stop_watch);
    call_value(c, STR("{\"success\":true}"));
}

void method_start_watch(struct methods *m, struct call *c, json_t *args)
{
    if (watch_each(m, args, watch_start))
        call_value(c, STR("{\"success\":true}"));
    else
        call_value(c, STR("{\"success\":true,\"notrestarted\":true}"));
}

void method_toggle_watch(struct methods *m, struct call *c, json_t *args)
{
    (void)watch_each(m, args, toggle_watch);
    call_value(c, STR("{\"success\":true}"));
}
