/* SPDX-License-Identifier: MIT
 * libpm2: the handle, its settings and connection, and the blocking face. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/lib_priv.h"

#define KEEPER_NAME "pm2-keeper"
#define GONE_MS     20000 /* the daemon has answered already, and only has to end */

#define CONNECT_TRIES   5
#define CONNECT_WAIT_MS 50

const char *pm2_version(void)
{
    return PM2C_VERSION;
}

struct pm2 *pm2_new(void)
{
    struct pm2 *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
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
    if (p->client)
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
    if (p->client)
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

int lib_call_ms(const struct pm2 *p)
{
    return p->timeout_ms < 0 ? LIB_CALL_MS : p->timeout_ms;
}

/* ---- connection ---- */

static int find_home(struct pm2 *p)
{
    const char *home = getenv("PM2_HOME");
    if (p->home)
        return 0;
    if (home && *home)
        return pm2_set_home(p, home);
    home = getenv("HOME");
    if (!home || !*home)
        return err_set(&p->err, -EINVAL, "neither PM2_HOME nor HOME is set");
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/.pm2", home);
    return buf_oom(&path) ? err_set(&p->err, -ENOMEM, "out of memory") : pm2_set_home(p, path.data);
}

/* Programs that use the library seldom lie beside the keeper. `ret` is left alone when none is
 * found: the error of the launch names the place where it should be. */
static void find_in_path(char *ret, size_t size)
{
    char found[PATH_MAX];
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        AUTO(buf) at = BUF_INIT;
        buf_add(&at, path, n);
        buf_add_c(&at, "/" KEEPER_NAME);
        /* pm2d is looked for beside the file itself, not beside a link to it */
        if (path[0] == '/' && access(at.data, X_OK) == 0 && realpath(at.data, found) &&
            strlen(found) < size) {
            memcpy(ret, found, strlen(found) + 1);
            return;
        }
        path += n + (path[n] == ':');
    }
}

static bool is_beside_us(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(KEEPER_NAME));
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n <= 0)
        return false;
    memcpy(path + n, KEEPER_NAME, sizeof(KEEPER_NAME));
    return access(path, X_OK) == 0;
}

static int run_op(struct pm2 *p, struct op *op)
{
    struct str value;
    int rc;
    do {
        rc = client_call(p->client, op->method, op_args(op), lib_call_ms(p), &value, &p->err);
        if (rc == 0)
            rc = op_take(op, value, &p->err);
    } while (rc > 0);
    return rc;
}

static int run_simple(struct pm2 *p, enum op_kind kind)
{
    struct op op;
    int rc = op_init(&op, kind, &(struct op_subject){0}, &p->err);
    if (rc < 0)
        return rc;
    rc = run_op(p, &op);
    op_fini(&op);
    return rc;
}

/* Is it one of ours that listens? Node's PM2 knows no c.hello. */
static int greet(struct pm2 *p)
{
    int rc = run_simple(p, OP_VERSION);
    if (rc != -EREMOTEIO)
        return rc;
    return err_set(&p->err, -EPROTO,
                   "a Node PM2 daemon is running in %s: stop it with its own `pm2 kill` first",
                   p->home);
}

static int connect_once(struct pm2 *p)
{
    char keeper[PATH_MAX] = "";
    if (!p->keeper && !is_beside_us())
        find_in_path(keeper, sizeof(keeper));
    const struct client_options o = {
        .home = p->home,
        .keeper_path = p->keeper ? p->keeper
                       : *keeper ? keeper
                                 : NULL,
        .flags = p->mode == PM2_NO_LAUNCH ? 0 : CLIENT_LAUNCH,
        .timeout_ms = p->timeout_ms < 0    ? 0
                      : p->timeout_ms == 0 ? INT_MAX
                                           : p->timeout_ms,
    };
    int rc = client_connect(&o, &p->client, &p->err);
    if (rc < 0)
        return rc;
    p->launched = client_launched(p->client);
    rc = greet(p);
    if (rc == 0 && p->launched && p->mode == PM2_NO_DAEMON)
        rc = run_simple(p, OP_OWN);
    if (rc < 0)
        lib_close(p);
    return rc;
}

int pm2_connect(struct pm2 *p)
{
    if (p->client)
        return err_set(&p->err, -EISCONN, "this handle is connected already");
    int rc = find_home(p);
    if (rc < 0)
        return rc;
    rc = connect_once(p);
    /* A daemon that is just ending takes the connection and closes it. */
    for (int i = 1; i < CONNECT_TRIES && rc == -EPIPE; i++) {
        nanosleep(&(struct timespec){.tv_nsec = CONNECT_WAIT_MS * 1000000L}, NULL);
        rc = connect_once(p);
    }
    return rc;
}

int pm2_is_connected(const struct pm2 *p)
{
    return p->client != NULL;
}

int pm2_has_launched(const struct pm2 *p)
{
    return p->launched;
}

int pm2_daemon_pid(const struct pm2 *p)
{
    return p->client ? client_daemon_pid(p->client) : 0;
}

/* ---- blocking face ---- */

static int blocking(struct pm2 *p)
{
    if (!p->client)
        return err_set(&p->err, -ENOTCONN, "not connected");
    return p->async ? err_set(&p->err, -EBUSY, "this handle belongs to an event loop") : 0;
}

/* Run one operation. `ret_list` and `ret_version` may be NULL. */
static int call(struct pm2 *p, enum op_kind kind, const struct op_subject *about,
                struct pm2_list **ret_list, char **ret_version)
{
    struct op op;
    if (ret_list)
        *ret_list = NULL;
    int rc = blocking(p);
    rc = rc < 0 ? rc : op_init(&op, kind, about, &p->err);
    if (rc < 0)
        return rc;
    rc = run_op(p, &op);
    if (rc == 0 && ret_list)
        *ret_list = pm2_list_ref(op.list);
    if (rc == 0 && ret_version) {
        *ret_version = op.version;
        op.version = NULL;
    }
    op_fini(&op);
    if (rc == -EPIPE || rc == -EPROTO)
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

int pm2_kill_daemon(struct pm2 *p)
{
    int rc = call_target(p, OP_KILL, NULL, NULL);
    if (rc == 0)
        rc = client_wait_gone(p->client, GONE_MS, &p->err);
    if (rc == 0)
        lib_close(p);
    return rc;
}

int pm2_subscribe(struct pm2 *p)
{
    int rc = blocking(p);
    rc = rc < 0 ? rc : client_subscribe(p->client, &p->err);
    p->subscribed = p->subscribed || rc == 0;
    return rc;
}

int pm2_next_event(struct pm2 *p, int timeout_ms, const char **ret_topic, const char **ret_json)
{
    struct str topic;
    struct str payload;
    int rc = blocking(p);
    if (rc == 0 && !p->subscribed)
        rc = err_set(&p->err, -EINVAL, "pm2_subscribe() comes first");
    rc = rc < 0 ? rc : client_event(p->client, timeout_ms, -1, &topic, &payload, &p->err);
    if (rc <= 0)
        return rc;
    buf_clear(&p->topic);
    buf_add_str(&p->topic, topic);
    buf_clear(&p->payload);
    buf_add_str(&p->payload, payload);
    if (buf_oom(&p->topic) || buf_oom(&p->payload))
        return err_set(&p->err, -ENOMEM, "out of memory");
    *ret_topic = p->topic.data;
    *ret_json = p->payload.data;
    return 1;
}
