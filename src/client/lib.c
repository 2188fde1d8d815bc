/* SPDX-License-Identifier: MIT
 * libpm2: the handle, its settings and connection, and the blocking face. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lib_priv.h"
#include "os/clock.h"
#include "json/read.h"

const char *pm2_version(void)
{
    return PM2C_VERSION;
}

/* The guard of json_read() is put into jansson's globals; from then on they are only read, so that
 * handles in other threads are independent. */
static void prepare_json(void)
{
    struct err ignored;
    json_decref(json_read(STR("null"), &ignored));
}

struct pm2 *pm2_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct pm2 *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    pthread_once(&once, prepare_json);
    p->timeout_ms = -1;
    buf_init(&p->topic);
    buf_init(&p->payload);
    return p;
}

void lib_close(struct pm2 *p)
{
    client_free(p->client);
    p->client = NULL;
    p->subscribed = false;
}

void lib_destroy(struct pm2 *p)
{
    lib_close(p);
    free(p->home);
    free(p->keeper);
    free(p->version);
    free(p->answer);
    buf_fini(&p->topic);
    buf_fini(&p->payload);
    free(p);
}

void pm2_free(struct pm2 *p)
{
    if (!p)
        return;
    p->wants_free = true;
    lib_settle(p);
}

void pm2_disconnect(struct pm2 *p)
{
    p->wants_disconnect = true;
    lib_settle(p);
}

int pm2_error_code(const struct pm2 *p)
{
    return p->err.code;
}

const char *pm2_error_text(const struct pm2 *p)
{
    return p->err.msg;
}

/* ---- settings ---- */

static int set_path(struct pm2 *p, char **where, const char *path)
{
    char cwd[PATH_MAX];
    char *copy = NULL;
    if (p->client || p->connecting)
        return err_set(&p->err, -EISCONN, "this handle is connected already");
    if (!path || !*path)
        return err_set(&p->err, -EINVAL, "an empty path");
    if (path[0] == '/') {
        copy = strdup(path);
    } else {
        AUTO(buf) text = BUF_INIT;
        if (!getcwd(cwd, sizeof(cwd)))
            return err_set(&p->err, -errno, "cannot tell the current folder: %s", err_text(errno));
        buf_printf(&text, "%s/%s", cwd, path);
        copy = buf_detach(&text);
    }
    if (!copy)
        return err_set(&p->err, -ENOMEM, "out of memory");
    free(*where);
    *where = copy;
    return 0;
}

int pm2_set_home(struct pm2 *p, const char *path)
{
    return set_path(p, &p->home, path);
}

int pm2_set_keeper(struct pm2 *p, const char *path)
{
    return set_path(p, &p->keeper, path);
}

int pm2_set_mode(struct pm2 *p, enum pm2_mode mode)
{
    if (p->client || p->connecting)
        return err_set(&p->err, -EISCONN, "this handle is connected already");
    if (mode != PM2_LAUNCH && mode != PM2_NO_LAUNCH && mode != PM2_NO_DAEMON)
        return err_set(&p->err, -EINVAL, "no such mode: %d", (int)mode);
    p->mode = mode;
    return 0;
}

int pm2_set_timeout(struct pm2 *p, int timeout_ms)
{
    if (timeout_ms < -1)
        return err_set(&p->err, -EINVAL, "no such time: %d ms", timeout_ms);
    p->timeout_ms = timeout_ms;
    return 0;
}

bool lib_is_up(const struct pm2 *p)
{
    return p->client && p->client->rpc.fd >= 0 && !p->connecting && !p->wants_disconnect &&
           !p->wants_free;
}

int lib_call_ms(const struct pm2 *p)
{
    return p->timeout_ms < 0 ? LIB_CALL_MS : p->timeout_ms;
}

/* ---- connection ---- */

int lib_run_op(struct pm2 *p, struct op *op, int timeout_ms)
{
    struct str value;
    int rc;
    do {
        rc = client_call(p->client, op->method, op_args(op), timeout_ms, &value, &p->err);
        if (rc == 0)
            rc = op_take(op, value, &p->err);
    } while (rc > 0);
    return rc;
}

int pm2_is_connected(const struct pm2 *p)
{
    return lib_is_up(p);
}

int pm2_has_launched(const struct pm2 *p)
{
    return p->launched;
}

int pm2_daemon_pid(const struct pm2 *p)
{
    return lib_is_up(p) ? client_daemon_pid(p->client) : 0;
}

/* ---- blocking face ---- */

static int blocking(struct pm2 *p)
{
    if (!lib_is_up(p))
        return err_set(&p->err, -ENOTCONN, "not connected");
    return p->async ? err_set(&p->err, -EBUSY, "this handle belongs to an event loop") : 0;
}

/* Run one operation. `ret_list` and `ret_text` may be NULL. */
static int call(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                struct pm2_list **ret_list, char **ret_text)
{
    struct op op;
    if (ret_list)
        *ret_list = NULL;
    int rc = blocking(p);
    rc = rc < 0 ? rc : op_init(&op, kind, about, &p->err);
    if (rc < 0)
        return rc;
    rc = lib_run_op(p, &op, lib_call_ms(p));
    if (rc == 0 && ret_list)
        *ret_list = pm2_list_ref(op.list);
    if (rc == 0 && ret_text) {
        *ret_text = op.text;
        op.text = NULL;
    }
    op_fini(&op);
    if (rc == -EPIPE || rc == -EPROTO || !lib_is_up(p))
        lib_close(p); /* nothing can follow on this connection */
    return rc;
}

static int call_target(struct pm2 *p, enum op_kind kind, const char *target, struct pm2_list **ret)
{
    return call(p, kind, &(struct op_subject){.target = target, .want_list = ret}, ret, NULL);
}

int pm2_ping(struct pm2 *p)
{
    return call_target(p, OP_PING, NULL, NULL);
}

int pm2_daemon_version(struct pm2 *p, const char **ret)
{
    char *version = NULL;
    int rc = call(p, OP_VERSION, &(struct op_subject){0}, NULL, &version);
    if (rc < 0)
        return rc;
    free(p->version);
    *ret = p->version = version;
    return 0;
}

int pm2_list(struct pm2 *p, struct pm2_list **ret)
{
    return call_target(p, OP_LIST, NULL, ret);
}

int pm2_describe(struct pm2 *p, const char *target, struct pm2_list **ret)
{
    return call_target(p, OP_DESCRIBE, target, ret);
}

int pm2_start(struct pm2 *p, const struct pm2_app *a, struct pm2_list **ret)
{
    return call(p, OP_START, &(struct op_subject){.app = a, .want_list = ret}, ret, NULL);
}

int pm2_stop(struct pm2 *p, const char *target, struct pm2_list **ret)
{
    return call_target(p, OP_STOP, target, ret);
}

int pm2_restart(struct pm2 *p, const char *target, struct pm2_list **ret)
{
    return call_target(p, OP_RESTART, target, ret);
}

int pm2_restart_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                     struct pm2_list **ret)
{
    const struct op_subject about = {.target = target, .app = changes, .want_list = ret};
    return call(p, OP_RESTART, &about, ret, NULL);
}

int pm2_reload(struct pm2 *p, const char *target, struct pm2_list **ret)
{
    return call_target(p, OP_RELOAD, target, ret);
}

int pm2_reload_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                    struct pm2_list **ret)
{
    const struct op_subject about = {.target = target, .app = changes, .want_list = ret};
    return call(p, OP_RELOAD, &about, ret, NULL);
}

int pm2_scale(struct pm2 *p, const char *name, const char *number, struct pm2_list **ret)
{
    const struct op_subject about = {.target = name, .number = number, .want_list = ret};
    return call(p, OP_SCALE, &about, ret, NULL);
}

int pm2_delete(struct pm2 *p, const char *target, struct pm2_list **ret)
{
    return call_target(p, OP_DELETE, target, ret);
}

int pm2_send_signal_to_process_name(struct pm2 *p, int signo, const char *name)
{
    const struct op_subject about = {.target = name, .signo = signo};
    return call(p, OP_SIGNAL_NAME, &about, NULL, NULL);
}

int pm2_send_signal_to_process_id(struct pm2 *p, int signo, int id)
{
    return call(p, OP_SIGNAL_ID, &(struct op_subject){.signo = signo, .id = id}, NULL, NULL);
}

int pm2_flush(struct pm2 *p, const char *target)
{
    return call_target(p, OP_FLUSH, target, NULL);
}

int pm2_reload_logs(struct pm2 *p)
{
    return call_target(p, OP_RELOAD_LOGS, NULL, NULL);
}

int pm2_reset(struct pm2 *p, const char *target)
{
    return call_target(p, OP_RESET, target, NULL);
}

int pm2_dump(struct pm2 *p, int force)
{
    return call(p, OP_DUMP, &(struct op_subject){.force = force != 0}, NULL, NULL);
}

int pm2_resurrect(struct pm2 *p, struct pm2_list **ret)
{
    return call(p, OP_RESURRECT, &(struct op_subject){.want_list = ret}, ret, NULL);
}

int pm2_send_data_to_process_id(struct pm2 *p, int id, const char *topic, const char *json)
{
    const struct op_subject about = {.id = id, .name = topic, .json = json};
    return call(p, OP_SEND_DATA, &about, NULL, NULL);
}

int pm2_send_line_to_stdin(struct pm2 *p, int id, const char *line)
{
    return call(p, OP_SEND_LINE, &(struct op_subject){.id = id, .json = line}, NULL, NULL);
}

static int call_for_json(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                         const char **ret_json)
{
    char *json = NULL;
    *ret_json = NULL;
    int rc = call(p, kind, about, NULL, &json);
    if (rc < 0)
        return rc;
    free(p->answer);
    *ret_json = p->answer = json;
    return 0;
}

int pm2_trigger(struct pm2 *p, const char *target, const char *action, const char *params,
                const char **ret_json)
{
    const struct op_subject about = {.target = target, .name = action, .json = params};
    return call_for_json(p, OP_TRIGGER, &about, ret_json);
}

int pm2_call(struct pm2 *p, const char *method, const char *json, const char **ret_json)
{
    const struct op_subject about = {.name = method, .json = json};
    return call_for_json(p, OP_CALL, &about, ret_json);
}

int pm2_msg_process(struct pm2 *p, const char *json, const char **ret_json)
{
    return pm2_call(p, "msgProcess", json, ret_json);
}

int pm2_kill_daemon(struct pm2 *p)
{
    int rc = call_target(p, OP_KILL, NULL, NULL);
    if (rc == 0)
        rc = client_wait_gone(p->client, LIB_GONE_MS, &p->err);
    if (rc == 0)
        lib_close(p);
    return rc;
}

/* Who subscribes again may have lost the daemon together with the bus. */
static int revive(struct pm2 *p)
{
    if (!p->count.begun || p->async)
        return blocking(p);
    int rc = lib_is_up(p) ? pm2_ping(p) : -EPIPE;
    return rc == -EPIPE ? pm2_connect(p) : rc;
}

int pm2_subscribe(struct pm2 *p)
{
    int rc = revive(p);
    rc = rc < 0 ? rc : client_subscribe(p->client, &p->err);
    rc = rc < 0 ? rc : client_want_numbers(p->client, &p->err);
    if (rc < 0)
        return rc;
    bus_count_begin(&p->count);
    p->subscribed = true;
    return 0;
}

uint64_t pm2_event_number(const struct pm2 *p)
{
    return p->count.last;
}

int pm2_next_event(struct pm2 *p, int timeout_ms, const char **ret_topic, const char **ret_json)
{
    struct pub_event event;
    int64_t end = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    int rc = blocking(p);
    if (rc == 0 && !p->subscribed)
        rc = err_set(&p->err, -EINVAL, "pm2_subscribe() comes first");
    if (rc < 0)
        return rc;
    do {
        rc = client_event(p->client, conn_ms_left(end), -1, &event, &p->err);
        if (rc <= 0)
            return rc;
        rc = bus_count_take(&p->count, &event, clock_wall_ms(), &p->topic, &p->payload);
    } while (rc == 0);
    if (rc < 0)
        return err_set(&p->err, -ENOMEM, "out of memory");
    *ret_topic = p->topic.data;
    *ret_json = p->payload.data;
    return 1;
}
