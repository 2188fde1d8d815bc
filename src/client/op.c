/* SPDX-License-Identifier: MIT
 * One row per operation: what it sends, and what it does with each reply. */
#include "op.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "client/proc_list.h"
#include "client/start_app.h"
#include "wire/rpc.h"
#include "json/read.h"
#include "json/write.h"

#define STEPS_MAX 2

typedef int write_fn(struct buf *out, enum op_kind kind, const struct op_subject *about,
                     struct err *e);
typedef int take_fn(struct op *op, struct str value, struct err *e);

struct step {
    const char *method;
    take_fn *take;
    bool list_only; /* serves nothing but the list */
    bool no_args;   /* sends {} instead of the operation's argument */
};

struct op_row {
    write_fn *write; /* the argument; NULL = {} */
    struct step steps[STEPS_MAX];
};

/* ---- requests ---- */

static int need_target(const struct op_subject *about, struct err *e)
{
    return about->target && about->target[0] ? 0 : err_set(e, -EINVAL, "no process was named");
}

static int write_target(struct buf *out, enum op_kind kind, const struct op_subject *about,
                        struct err *e)
{
    struct jw w = jw_to(out);
    (void)kind;
    jw_obj_begin(&w);
    jw_kstr(&w, "target", about->target);
    jw_obj_end(&w);
    return need_target(about, e);
}

static int write_action(struct buf *out, enum op_kind kind, const struct op_subject *about,
                        struct err *e)
{
    static const char *const actions[OP_KIND_COUNT] = {
        [OP_STOP] = "stop",
        [OP_RESTART] = "restart",
        [OP_RELOAD] = "reload",
        [OP_DELETE] = "delete",
    };
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", actions[kind]);
    jw_kstr(&w, "target", about->target);
    int rc = need_target(about, e);
    if (rc == 0 && about->app)
        rc = start_app_write_changes(about->app, &w, e);
    jw_obj_end(&w);
    return rc;
}

/* `target` is for c.describe, which is asked with the same argument. */
static int write_scale(struct buf *out, enum op_kind kind, const struct op_subject *about,
                       struct err *e)
{
    struct jw w = jw_to(out);
    (void)kind;
    jw_obj_begin(&w);
    jw_kstr(&w, "name", about->target);
    jw_kstr(&w, "number", about->number);
    jw_kstr(&w, "target", about->target);
    jw_obj_end(&w);
    int rc = need_target(about, e);
    if (rc == 0 && !about->number)
        rc = err_set(e, -EINVAL, "no number was given");
    return rc;
}

static int write_flush(struct buf *out, enum op_kind kind, const struct op_subject *about,
                       struct err *e)
{
    struct jw w = jw_to(out);
    (void)kind, (void)e;
    jw_obj_begin(&w);
    if (about->target)
        jw_kstr(&w, "target", about->target);
    jw_obj_end(&w);
    return 0;
}

static int write_dump(struct buf *out, enum op_kind kind, const struct op_subject *about,
                      struct err *e)
{
    struct jw w = jw_to(out);
    (void)kind, (void)e;
    jw_obj_begin(&w);
    jw_kbool(&w, "force", about->force);
    jw_obj_end(&w);
    return 0;
}

static int write_start(struct buf *out, enum op_kind kind, const struct op_subject *about,
                       struct err *e)
{
    (void)kind;
    return about->app ? start_app_write(about->app, out, e)
                      : err_set(e, -EINVAL, "no application was given");
}

/* JSON of the caller as a member, or alone; checked, because it would break the request. */
static int write_json(struct jw *w, const char *key, const char *json, struct err *e)
{
    struct err why = {0};
    AUTO_JSON value = json_read(str_from(json), &why);
    if (!value)
        return why.code == -ENOMEM ? err_set(e, -ENOMEM, "out of memory")
                                   : err_set(e, -EINVAL, "%s: not JSON: %s", key, why.msg);
    jw_dom(w, value);
    return 0;
}

static int write_data(struct buf *out, enum op_kind kind, const struct op_subject *about,
                      struct err *e)
{
    (void)kind;
    if (!about->name || !about->name[0] || !about->json)
        return err_set(e, -EINVAL, "no topic or no data was given");
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kint(&w, "id", about->id);
    jw_kstr(&w, "type", "process:msg");
    jw_kstr(&w, "topic", about->name);
    jw_key(&w, "data");
    int rc = write_json(&w, "data", about->json, e);
    jw_obj_end(&w);
    return rc;
}

static int write_line(struct buf *out, enum op_kind kind, const struct op_subject *about,
                      struct err *e)
{
    (void)kind;
    if (!about->json)
        return err_set(e, -EINVAL, "no line was given");
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "%s\n", about->json);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kint(&w, "pm_id", about->id);
    jw_key(&w, "line");
    jw_slice(&w, buf_str(&line));
    jw_obj_end(&w);
    return buf_oom(&line) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

static int write_trigger(struct buf *out, enum op_kind kind, const struct op_subject *about,
                         struct err *e)
{
    (void)kind;
    int rc = need_target(about, e);
    if (rc == 0 && (!about->name || !about->name[0]))
        rc = err_set(e, -EINVAL, "no action was named");
    if (rc < 0)
        return rc;
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", about->target);
    jw_kstr(&w, "action", about->name);
    if (about->json) {
        jw_key(&w, "params");
        rc = write_json(&w, "params", about->json, e);
    }
    jw_obj_end(&w);
    return rc;
}

static int write_call(struct buf *out, enum op_kind kind, const struct op_subject *about,
                      struct err *e)
{
    struct jw w = jw_to(out);
    (void)kind;
    if (!about->name || !about->name[0])
        return err_set(e, -EINVAL, "no method was named");
    return write_json(&w, about->name, about->json ? about->json : "{}", e);
}

static int write_signal(struct buf *out, enum op_kind kind, const struct op_subject *about,
                        struct err *e)
{
    struct jw w = jw_to(out);
    bool by_name = kind == OP_SIGNAL_NAME;
    jw_obj_begin(&w);
    if (by_name)
        jw_kstr(&w, "process_name", about->target);
    else
        jw_kint(&w, "process_id", about->id);
    jw_kint(&w, "signal", about->signo);
    jw_obj_end(&w);
    return by_name ? need_target(about, e) : 0;
}

/* ---- replies ---- */

static int take_nothing(struct op *op, struct str value, struct err *e)
{
    (void)op, (void)value, (void)e;
    return 0;
}

static int take_json(struct op *op, struct str value, struct err *e)
{
    op->text = strndup(value.p, value.n);
    return op->text ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int take_version(struct op *op, struct str value, struct err *e)
{
    int64_t protocol = RPC_OWN_PROTOCOL; /* the first release did not say */
    AUTO_JSON hello = json_read(value, e);
    if (!hello)
        return e->code;
    const char *version = json_get_str(hello, "version");
    const char *release = json_get_str(hello, "pm2c");
    if (!version || !release)
        return err_set(e, -EPROTO, "the daemon did not tell its version");
    (void)json_get_int(hello, "protocol", &protocol);
    if (protocol != RPC_OWN_PROTOCOL)
        return err_set(e, -EPROTO,
                       "the daemon is pm2c %s and speaks protocol %lld, this library (%s) speaks "
                       "%d: use the library of that release, or end the daemon with its `pm2 kill`",
                       release, (long long)protocol, PM2C_VERSION, RPC_OWN_PROTOCOL);
    op->text = strdup(version);
    return op->text ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int take_list(struct op *op, struct str value, struct err *e)
{
    op->list = proc_list_parse(value, e);
    if (!op->list)
        return e->code;
    if (op->ids)
        proc_list_keep(op->list, op->ids);
    return 0;
}

static int refusal(const json_t *reply, struct err *e)
{
    const char *text = json_get_str(reply, "error");
    return text ? err_set(e, -EREMOTEIO, "%s", text) : 0;
}

static int take_ids(struct op *op, struct str value, struct err *e)
{
    AUTO_JSON reply = json_read(value, e);
    int rc = reply ? refusal(reply, e) : e->code;
    if (rc < 0)
        return rc;
    op->ids = json_incref(json_object_get(reply, "ids"));
    if (op->list)
        proc_list_keep(op->list, op->ids);
    return 0;
}

static int take_done(struct op *op, struct str value, struct err *e)
{
    (void)op;
    AUTO_JSON reply = json_read(value, e);
    return reply ? refusal(reply, e) : e->code;
}

static int take_dump(struct op *op, struct str value, struct err *e)
{
    (void)op;
    AUTO_JSON reply = json_read(value, e);
    if (!reply)
        return e->code;
    return json_get_bool(reply, "skipped", false)
               ? err_set(e, -EREMOTEIO, "the list of processes is empty and was not saved")
               : 0;
}

/* What could not be restored is an error, and the others run. */
static int take_restored(struct op *op, struct str value, struct err *e)
{
    size_t i;
    json_t *one;
    AUTO_JSON reply = json_read(value, e);
    if (!reply)
        return e->code;
    const char *text = json_get_str(json_object_get(reply, "file_failed"), "error");
    if (!json_get_bool(reply, "found", false))
        return err_set(e, -EREMOTEIO, "%s", text ? text : "there is no saved list");
    one = json_array_get(json_object_get(reply, "errors"), 0);
    if (one)
        return err_set(e, -EREMOTEIO, "%s: %s", json_get_str(one, "name"),
                       json_get_str(one, "error"));
    op->ids = json_array();
    json_array_foreach (json_object_get(reply, "restored"), i, one)
        if (json_array_append(op->ids, json_object_get(one, "id")) < 0)
            return err_set(e, -ENOMEM, "out of memory");
    return op->ids ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* Ids of what was started anew, and of what was there and is restarted as [name, id]. */
static int take_started(struct op *op, struct str value, struct err *e)
{
    size_t i;
    size_t k;
    json_t *result;
    json_t *pair;
    AUTO_JSON reply = json_read(value, e);
    int rc = reply ? refusal(reply, e) : e->code;
    if (rc < 0)
        return rc;
    op->ids = json_array();
    rc = op->ids ? 0 : -ENOMEM;
    json_array_foreach (json_object_get(reply, "results"), i, result) {
        if (rc == 0 && json_array_extend(op->ids, json_object_get(result, "ids")) < 0)
            rc = -ENOMEM;
        json_array_foreach (json_object_get(result, "restarted"), k, pair)
            if (rc == 0 && json_array_append(op->ids, json_array_get(pair, 1)) < 0)
                rc = -ENOMEM;
    }
    return rc < 0 ? err_set(e, rc, "out of memory") : 0;
}

/* ---- the table ---- */

#define LIST_STEP                                                                                  \
    {                                                                                              \
        .method = "getMonitorData", .take = take_list, .list_only = true, .no_args = true          \
    }

static const struct op_row rows[] = {
    [OP_PING] = {NULL, {{.method = "ping", .take = take_nothing}}},
    [OP_VERSION] = {NULL, {{.method = "c.hello", .take = take_version}}},
    [OP_OWN] = {NULL, {{.method = "c.own", .take = take_nothing}}},
    [OP_LIST] = {NULL, {{.method = "getMonitorData", .take = take_list}}},
    [OP_DESCRIBE] = {write_target, {{.method = "c.describe", .take = take_list}}},
    [OP_START] = {write_start, {{.method = "c.start", .take = take_started}, LIST_STEP}},
    [OP_STOP] = {write_action, {{.method = "c.act", .take = take_ids}, LIST_STEP}},
    [OP_RESTART] = {write_action, {{.method = "c.act", .take = take_ids}, LIST_STEP}},
    [OP_RELOAD] = {write_action, {{.method = "c.act", .take = take_ids}, LIST_STEP}},
    [OP_SCALE] = {write_scale,
                  {{.method = "c.scale", .take = take_done},
                   {.method = "c.describe", .take = take_list, .list_only = true}}},
    /* Afterwards they are not there to be listed. */
    [OP_DELETE] = {write_action, {LIST_STEP, {.method = "c.act", .take = take_ids}}},
    [OP_SIGNAL_NAME] = {write_signal,
                        {{.method = "sendSignalToProcessName", .take = take_nothing}}},
    [OP_SIGNAL_ID] = {write_signal, {{.method = "sendSignalToProcessId", .take = take_nothing}}},
    [OP_FLUSH] = {write_flush, {{.method = "c.flush", .take = take_nothing}}},
    [OP_RESET] = {write_target, {{.method = "c.reset", .take = take_nothing}}},
    [OP_RELOAD_LOGS] = {NULL, {{.method = "reloadLogs", .take = take_nothing}}},
    [OP_DUMP] = {write_dump, {{.method = "c.save", .take = take_dump}}},
    [OP_RESURRECT] = {NULL, {{.method = "c.resurrect", .take = take_restored}, LIST_STEP}},
    [OP_SEND_DATA] = {write_data, {{.method = "sendDataToProcessId", .take = take_nothing}}},
    [OP_SEND_LINE] = {write_line, {{.method = "sendLineToStdin", .take = take_nothing}}},
    [OP_TRIGGER] = {write_trigger, {{.method = "c.trigger", .take = take_json}}},
    [OP_CALL] = {write_call, {{.method = "", .take = take_json}}}, /* the caller names it */
    [OP_KILL] = {NULL, {{.method = "c.kill", .take = take_nothing}}},
};
static_assert(ARRAY_LEN(rows) == OP_KIND_COUNT, "one row per operation");

/* The step that is next, or NULL. */
static const struct step *step_of(const struct op *op)
{
    const struct step *s = op->step < STEPS_MAX ? &rows[op->kind].steps[op->step] : NULL;
    return s && s->method ? s : NULL;
}

static bool is_spared(const struct op *op, const struct step *s)
{
    return s && s->list_only && !op->want_list;
}

int op_init(struct op *op, enum op_kind kind, const struct op_subject *about, struct err *e)
{
    *op = (struct op){.kind = kind, .want_list = about->want_list};
    op->step = is_spared(op, step_of(op)) ? 1 : 0;
    op->method = step_of(op)->method;
    buf_init(&op->args);
    buf_add_byte(&op->args, '[');
    int rc = 0;
    if (rows[kind].write)
        rc = rows[kind].write(&op->args, kind, about, e);
    else
        buf_add_c(&op->args, "{}");
    buf_add_byte(&op->args, ']');
    if (rc == 0 && kind == OP_CALL) {
        op->method = op->named = strdup(about->name);
        rc = op->named ? 0 : err_set(e, -ENOMEM, "out of memory");
    }
    if (rc == 0 && buf_oom(&op->args))
        rc = err_set(e, -ENOMEM, "out of memory");
    if (rc < 0)
        op_fini(op);
    return rc;
}

void op_fini(struct op *op)
{
    buf_fini(&op->args);
    json_decref(op->ids);
    pm2_list_free(op->list);
    free(op->text);
    free(op->named);
}

struct str op_args(const struct op *op)
{
    const struct step *s = step_of(op);
    return s && s->no_args ? STR("[{}]") : buf_str(&op->args);
}

int op_take(struct op *op, struct str value, struct err *e)
{
    int rc = step_of(op)->take(op, value, e);
    if (rc < 0)
        return rc;
    op->step++;
    const struct step *next = step_of(op);
    if (!next || is_spared(op, next))
        return 0;
    op->method = next->method;
    return 1;
}
