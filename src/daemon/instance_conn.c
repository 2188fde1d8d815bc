/* SPDX-License-Identifier: MIT
 * One connection of the instance socket: lines in, lines out, and what its writer is told of
 * mistakes. Runs in pm2d. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app_message.h"
#include "appmsg.h"
#include "base/limits.h"
#include "base/obj.h"
#include "instance_priv.h"
#include "os/fd.h"
#include "proc.h"
#include "json/read.h"
#include "json/write.h"

#define CONN_MAGIC  OBJ_MAGIC('I', 'C', 'O', 'N')
#define SHOWN_BYTES 120 /* of a line with a mistake */

struct instance_conn *instance_conn_new(struct instance_sock *owner, int take_fd)
{
    struct instance_conn *c = calloc(1, sizeof(*c));
    if (!c) {
        fd_close(&take_fd);
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->owner = owner;
    c->fd = take_fd;
    list_init(&c->link);
    return c;
}

void instance_conn_close(struct instance_conn *c)
{
    instance_sock_forget(c);
    list_del(&c->link);
    chan_close(c->chan);
    fd_close(&c->fd);
    json_decref(c->actions);
    free(c);
}

/* ---- out ---- */

int instance_conn_send(struct instance_conn *c, struct str line)
{
    if (!c->chan)
        return -ENOTCONN;
    if (chan_waiting_bytes(c->chan) + line.n > LIMIT_INSTANCE_OUT_BYTES)
        return -ENOBUFS;
    return chan_send(c->chan, line);
}

static void write_mistake(struct buf *out, const char *why, struct str line)
{
    struct jw w = jw_to(out);
    struct str shown = {line.p, line.n < SHOWN_BYTES ? line.n : SHOWN_BYTES};
    jw_obj_begin(&w);
    jw_kstr(&w, "type", "error");
    jw_key(&w, "data");
    jw_obj_begin(&w);
    jw_kstr(&w, "message", why);
    if (shown.n > 0) {
        jw_key(&w, "line");
        jw_slice(&w, (struct str){shown.p, shown.n - str_unfinished(shown)});
    }
    jw_obj_end(&w);
    jw_obj_end(&w);
}

/* One that writes mistakes and reads no answers gets no more of them. */
static void tell_mistake(struct instance_conn *c, const char *why, struct str line)
{
    AUTO(buf) out = BUF_INIT;
    if (chan_waiting_bytes(c->chan) > LIMIT_INSTANCE_TOLD_BYTES)
        return;
    write_mistake(&out, why, line);
    if (!buf_oom(&out))
        (void)instance_conn_send(c, buf_str(&out));
}

void instance_conn_refuse(struct instance_conn *c, const char *fmt, ...)
{
    char why[ERR_MSG_MAX];
    AUTO(buf) out = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    write_mistake(&out, why, STR(""));
    buf_add_byte(&out, '\n');
    int fd = c->chan ? chan_channel_fd(c->chan) : c->fd;
    if (!buf_oom(&out) && chan_waiting_bytes(c->chan) == 0)
        (void)fd_send(fd, out.data, out.len, NULL, 0);
    instance_conn_close(c);
}

/* ---- in ---- */

/* What it has registered is asked of it, and not of the other connections of its process. */
static void note_action(struct instance_conn *c, const json_t *value)
{
    const char *name = json_get_str(json_object_get(value, "data"), "action_name");
    if (!c->actions)
        c->actions = json_object();
    if (json_object_size(c->actions) < LIMIT_AXM_ACTIONS)
        json_object_set_new(c->actions, name, json_true());
}

static void introduce(struct instance_conn *c, const json_t *value)
{
    int64_t id = -1;
    (void)json_get_int(json_object_get(value, "data"), "pm_id", &id);
    instance_sock_introduce(c, id < 0 || id > INT32_MAX ? -1 : (int)id);
}

static void on_conn_message(void *ctx, const json_t *value, struct str line)
{
    struct instance_conn *c = OBJ(ctx, struct instance_conn, CONN_MAGIC);
    const char *type = json_get_str(value, "type");
    struct err e = {0};
    c->is_cut = false;
    if (app_message_check(value, &e) < 0) {
        tell_mistake(c, e.msg, line);
        return;
    }
    if (type && strcmp(type, APP_MESSAGE_PROCESS) == 0) {
        introduce(c, value);
        return;
    }
    if (!c->run) {
        instance_conn_refuse(c, "nobody knows whose process this is: say so first, as %s",
                             "{\"type\":\"" APP_MESSAGE_PROCESS "\",\"data\":{\"pm_id\":0}}");
        return;
    }
    if (type && strcmp(type, "axm:action") == 0)
        note_action(c, value);
    if (c->run->proc->run == c->run)
        appmsg_take(c->run->proc, value, line);
}

static void on_conn_bad(void *ctx, const char *why, struct str line)
{
    struct instance_conn *c = OBJ(ctx, struct instance_conn, CONN_MAGIC);
    bool was_cut = c->is_cut;
    c->is_cut = false;
    if (!was_cut)
        tell_mistake(c, why, line);
}

static void on_conn_closed(void *ctx)
{
    instance_conn_close(OBJ(ctx, struct instance_conn, CONN_MAGIC));
}

int instance_conn_open(struct instance_conn *c)
{
    struct chan_handler h = {
        .ctx = c, .message = on_conn_message, .bad = on_conn_bad, .closed = on_conn_closed};
    if (c->chan)
        return 0;
    c->chan = chan_new(instance_sock_loop(c->owner), c->fd, -1, &h);
    c->fd = -1;
    if (!c->chan)
        return -ENOMEM;
    /* A blank one: the line that the last pm2d has not finished ends here. */
    if (c->is_cut)
        (void)chan_send(c->chan, STR(" "));
    return 0;
}
