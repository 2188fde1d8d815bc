/* SPDX-License-Identifier: MIT
 * libpm2: the callback face's calls by name. */
#include "client/lib_priv.h"

static int start_call(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                      pm2_done_fn *done, void *data)
{
    int rc = lib_attached(p);
    return rc < 0 ? rc : lib_async_start(p, kind, about, lib_call_ms(p), done, data);
}

static int on_target(struct pm2 *p, enum op_kind kind, const char *target, pm2_done_fn *done,
                     void *data)
{
    const struct op_subject about = {.target = target, .want_list = done != NULL};
    return start_call(p, kind, &about, done, data);
}

int pm2_async_ping(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_PING, NULL, done, data);
}

int pm2_async_list(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_LIST, NULL, done, data);
}

int pm2_async_describe(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_DESCRIBE, target, done, data);
}

int pm2_async_start(struct pm2 *p, const struct pm2_app *app, pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.app = app, .want_list = done != NULL};
    return start_call(p, OP_START, &about, done, data);
}

int pm2_async_stop(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_STOP, target, done, data);
}

int pm2_async_restart(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RESTART, target, done, data);
}

int pm2_async_restart_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                           pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.target = target, .app = changes, .want_list = done != NULL};
    return start_call(p, OP_RESTART, &about, done, data);
}

int pm2_async_reload(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RELOAD, target, done, data);
}

int pm2_async_reload_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                          pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.target = target, .app = changes, .want_list = done != NULL};
    return start_call(p, OP_RELOAD, &about, done, data);
}

int pm2_async_scale(struct pm2 *p, const char *name, const char *number, pm2_done_fn *done,
                    void *data)
{
    const struct op_subject about = {.target = name, .number = number, .want_list = done != NULL};
    return start_call(p, OP_SCALE, &about, done, data);
}

int pm2_async_delete(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_DELETE, target, done, data);
}

int pm2_async_send_signal_to_process_name(struct pm2 *p, int signo, const char *name,
                                          pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.target = name, .signo = signo};
    return start_call(p, OP_SIGNAL_NAME, &about, done, data);
}

int pm2_async_send_signal_to_process_id(struct pm2 *p, int signo, int id, pm2_done_fn *done,
                                        void *data)
{
    const struct op_subject about = {.signo = signo, .id = id};
    return start_call(p, OP_SIGNAL_ID, &about, done, data);
}

int pm2_async_dump(struct pm2 *p, int force, pm2_done_fn *done, void *data)
{
    return start_call(p, OP_DUMP, &(struct op_subject){.force = force != 0}, done, data);
}

int pm2_async_resurrect(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RESURRECT, NULL, done, data);
}

int pm2_async_flush(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_FLUSH, target, done, data);
}

int pm2_async_reset(struct pm2 *p, const char *target, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RESET, target, done, data);
}

int pm2_async_reload_logs(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_RELOAD_LOGS, NULL, done, data);
}

int pm2_async_send_data_to_process_id(struct pm2 *p, int id, const char *topic, const char *json,
                                      pm2_done_fn *done, void *data)
{
    const struct op_subject about = {.id = id, .name = topic, .json = json};
    return start_call(p, OP_SEND_DATA, &about, done, data);
}

int pm2_async_send_line_to_stdin(struct pm2 *p, int id, const char *line, pm2_done_fn *done,
                                 void *data)
{
    const struct op_subject about = {.id = id, .json = line};
    return start_call(p, OP_SEND_LINE, &about, done, data);
}

static int ask(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
               pm2_reply_fn *reply, void *data)
{
    int rc = lib_attached(p);
    return rc < 0 ? rc : lib_async_ask(p, kind, about, lib_call_ms(p), reply, data);
}

int pm2_async_trigger(struct pm2 *p, const char *target, const char *action, const char *params,
                      pm2_reply_fn *reply, void *data)
{
    const struct op_subject about = {.target = target, .name = action, .json = params};
    return ask(p, OP_TRIGGER, &about, reply, data);
}

int pm2_async_call(struct pm2 *p, const char *method, const char *json, pm2_reply_fn *reply,
                   void *data)
{
    const struct op_subject about = {.name = method, .json = json};
    return ask(p, OP_CALL, &about, reply, data);
}

int pm2_async_msg_process(struct pm2 *p, const char *json, pm2_reply_fn *reply, void *data)
{
    return pm2_async_call(p, "msgProcess", json, reply, data);
}

int pm2_async_kill_daemon(struct pm2 *p, pm2_done_fn *done, void *data)
{
    return on_target(p, OP_KILL, NULL, done, data);
}
