/* SPDX-License-Identifier: MIT
 * libpm2: connecting, in both faces. The connector (connect.h) makes the connection; then the
 * daemon is asked who it is, and told that it is ours if that is the mode. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/connect.h"
#include "client/launch.h"
#include "client/lib_priv.h"
#include "os/clock.h"
#include "os/program.h"

#define KEEPER_NAME "pm2-keeper"

/* A daemon that is just ending takes the connection and closes it. */
#define GREET_TRIES   5
#define GREET_WAIT_MS 50

/* pm2_async_connect() under way. Until the connection is made its hooks are used here, afterwards
 * by the callback face (p->async), while the daemon is greeted. */
struct lib_connecting {
    struct connector k;
    struct pm2_hooks hooks;
    pm2_done_fn *done;
    void *data;
    int watched_fd; /* -1 = none */
    bool has_timer;
    int tries;
    int code; /* negative: the greeting failed, lib_settle() will end it */
    struct err why;
};

/* ---- what both need ---- */

int lib_find_home(struct pm2 *p)
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
        if (path[0] == '/' && !buf_oom(&at) && access(at.data, X_OK) == 0 &&
            realpath(at.data, found) && strlen(found) < size) {
            memcpy(ret, found, strlen(found) + 1);
            return;
        }
        path += n + (path[n] == ':');
    }
}

static bool is_beside_us(void)
{
    char path[PATH_MAX];
    struct err ignored;
    return program_beside_own(KEEPER_NAME, path, sizeof(path), &ignored) == 0 &&
           access(path, X_OK) == 0;
}

static int connect_ms(const struct pm2 *p)
{
    return p->timeout_ms < 0 ? LIB_CONNECT_MS : p->timeout_ms;
}

/* `keeper` has PATH_MAX bytes and has to live as long as *ret. */
static void options_of(const struct pm2 *p, char *keeper, struct client_options *ret)
{
    keeper[0] = '\0';
    if (!p->keeper && !is_beside_us())
        find_in_path(keeper, PATH_MAX);
    const char *found = keeper[0] ? keeper : NULL;
    *ret = (struct client_options){
        .home = p->home,
        .keeper_path = p->keeper ? p->keeper : found,
        .flags = p->mode == PM2_NO_LAUNCH ? 0 : CLIENT_LAUNCH,
        .timeout_ms = connect_ms(p) > 0 ? connect_ms(p) : INT_MAX,
    };
}

int lib_program(struct pm2 *p, const char *name, char *ret)
{
    int rc = lib_find_home(p);
    if (rc < 0)
        return rc;
    if (!p->keeper && is_beside_us())
        return program_beside_own(name, ret, PATH_MAX, &p->err);
    ret[0] = '\0';
    if (p->keeper)
        (void)snprintf(ret, PATH_MAX, "%s", p->keeper);
    else
        find_in_path(ret, PATH_MAX);
    return launch_put_beside(ret, PATH_MAX, name)
               ? 0
               : err_set(&p->err, -ENOENT, "%s is not found: it lies beside " KEEPER_NAME, name);
}

static int may_connect(struct pm2 *p)
{
    if (p->client || p->connecting)
        return err_set(&p->err, -EISCONN, "this handle is connected already");
    return lib_find_home(p);
}

/* Node's PM2 knows no c.hello, and refuses it. */
static int explain(struct pm2 *p, int code)
{
    if (code != -EREMOTEIO)
        return code;
    return err_set(&p->err, -EPROTO,
                   "a Node PM2 daemon is running in %s: stop it with its own `pm2 kill` first, or "
                   "replace it: pm2 takeover",
                   p->home);
}

static bool has_to_own(const struct pm2 *p)
{
    return p->launched && p->mode == PM2_NO_DAEMON;
}

/* ---- blocking ---- */

static int greet(struct pm2 *p, enum op_kind kind)
{
    struct op op;
    int rc = op_init(&op, kind, &(struct op_subject){0}, &p->err);
    if (rc < 0)
        return rc;
    rc = lib_run_op(p, &op, connect_ms(p));
    op_fini(&op);
    return rc;
}

static int connect_once(struct pm2 *p)
{
    char keeper[PATH_MAX];
    struct client_options o;
    options_of(p, keeper, &o);
    int rc = client_connect(&o, &p->client, &p->err);
    if (rc < 0)
        return rc;
    p->launched = client_launched(p->client);
    rc = explain(p, greet(p, OP_VERSION));
    if (rc == 0 && has_to_own(p))
        rc = greet(p, OP_OWN);
    if (rc < 0)
        lib_close(p);
    else if (p->launched)
        lib_launch_modules(p);
    return rc;
}

int pm2_connect(struct pm2 *p)
{
    int rc = may_connect(p);
    if (rc < 0)
        return rc;
    rc = connect_once(p);
    for (int i = 1; i < GREET_TRIES && rc == -EPIPE; i++) {
        nanosleep(&(struct timespec){.tv_nsec = GREET_WAIT_MS * 1000000L}, NULL);
        rc = connect_once(p);
    }
    return rc;
}

/* ---- callback ---- */

static void unwatch(struct lib_connecting *g)
{
    if (g->watched_fd >= 0)
        g->hooks.del_read(g->hooks.data, g->watched_fd);
    if (g->has_timer)
        g->hooks.del_timer(g->hooks.data);
    g->watched_fd = -1;
    g->has_timer = false;
}

static void watch(struct lib_connecting *g, int fd, int timeout_ms)
{
    if (fd >= 0)
        g->hooks.add_read(g->hooks.data, fd);
    if (timeout_ms >= 0)
        g->hooks.add_timer(g->hooks.data, timeout_ms);
    g->watched_fd = fd;
    g->has_timer = timeout_ms >= 0;
}

/* Tell the caller, who may do anything but see the handle vanish. */
static void end(struct pm2 *p, int code)
{
    struct lib_connecting *g = p->connecting;
    pm2_done_fn *done = g->done;
    void *data = g->data;
    p->connecting = NULL;
    if (!p->async)
        unwatch(g);
    connector_fini(&g->k);
    free(g);
    if (!done)
        return;
    p->depth++;
    done(p, code, NULL, data);
    p->depth--;
}

/* Runs in the callback face: what fails is ended when its callbacks have returned. */
static void on_greeted(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct lib_connecting *g = data;
    (void)list;
    if (p->wants_disconnect || p->wants_free)
        return; /* the end is under way, by lost() or lib_settle() */
    if (code == 0 && has_to_own(p) && !p->owns) {
        p->owns = true;
        code = lib_async_start(p, OP_OWN, &(struct op_subject){0}, connect_ms(p), on_greeted, g);
        if (code == 0)
            return;
    }
    if (code == 0) {
        end(p, 0);
        return;
    }
    g->code = explain(p, code);
    g->why = p->err;
    p->wants_disconnect = true;
}

/* The connection is made. */
static int greet_async(struct pm2 *p)
{
    struct lib_connecting *g = p->connecting;
    p->client = connector_take(&g->k);
    p->launched = client_launched(p->client);
    p->owns = false;
    int rc = lib_attach(p, &g->hooks);
    rc = rc < 0 ? rc
                : lib_async_start(p, OP_VERSION, &(struct op_subject){0}, connect_ms(p), on_greeted,
                                  g);
    if (rc < 0) {
        (void)lib_async_end(p, rc, p->err.msg);
        lib_close(p);
    }
    return rc;
}

void lib_connecting_step(struct pm2 *p, bool by_timer)
{
    struct lib_connecting *g = p->connecting;
    if (by_timer)
        g->has_timer = false; /* it has run out */
    unwatch(g);
    int rc = connector_run(&g->k, &p->err);
    if (rc == CONNECTOR_WAIT) {
        watch(g, g->k.wait_fd, g->k.wait_ms);
        return;
    }
    rc = rc < 0 ? rc : greet_async(p);
    if (rc < 0)
        end(p, rc);
}

static int begin(struct pm2 *p)
{
    char keeper[PATH_MAX];
    struct client_options o;
    options_of(p, keeper, &o);
    return connector_init(&p->connecting->k, &o, &p->err);
}

void lib_connecting_lost(struct pm2 *p, int code)
{
    struct lib_connecting *g = p->connecting;
    bool again = code == -EPIPE && ++g->tries < GREET_TRIES;
    if (again) {
        connector_fini(&g->k);
        again = begin(p) == 0;
    }
    if (again)
        watch(g, -1, GREET_WAIT_MS);
    else
        end(p, code);
}

bool lib_connecting_has_failed(const struct pm2 *p)
{
    return p->connecting && p->connecting->code < 0;
}

void lib_connecting_end(struct pm2 *p)
{
    struct lib_connecting *g = p->connecting;
    if (!g)
        return;
    if (g->code < 0)
        p->err = g->why;
    else
        err_set(&p->err, -ECANCELED, "disconnected");
    end(p, p->err.code);
}

int pm2_async_connect(struct pm2 *p, const struct pm2_hooks *hooks, pm2_done_fn *done, void *data)
{
    int rc = p->wants_disconnect || p->wants_free
                 ? err_set(&p->err, -ENOTCONN, "the handle is being disconnected")
                 : may_connect(p);
    rc = rc < 0 ? rc : lib_check_hooks(p, hooks);
    if (rc < 0)
        return rc;
    struct lib_connecting *g = calloc(1, sizeof(*g));
    if (!g)
        return err_set(&p->err, -ENOMEM, "out of memory");
    p->connecting = g;
    rc = begin(p);
    if (rc < 0) {
        free(g);
        p->connecting = NULL;
        return rc;
    }
    g->hooks = *hooks;
    g->done = done;
    g->data = data;
    watch(g, -1, 0); /* `done` may not be called before this function has returned */
    return 0;
}
