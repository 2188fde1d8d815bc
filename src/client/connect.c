/* SPDX-License-Identifier: MIT
 * The steps of connecting. Each either goes on to the next one, waits, or ends it. */
#include "connect.h"

#include <errno.h>

#include "client/home.h"
#include "os/clock.h"
#include "os/fd.h"

#define NEXT 2 /* beside CONNECTOR_WAIT: run the next step at once */

#define RETRY_MS 10
#define AT_ONCE  0 /* as a deadline: over since long ago */

/* Wait a little, or until the time is over: then give up with `code`, whose text is in `e`. */
static int pause_or(struct connector *k, int code)
{
    int left = conn_ms_left(k->deadline);
    if (left == 0)
        return code;
    k->wait_fd = -1;
    k->wait_ms = left < RETRY_MS ? left : RETRY_MS;
    return CONNECTOR_WAIT;
}

static int go_to(struct connector *k, connector_step_fn *step)
{
    k->step = step;
    return NEXT;
}

/* 0, CONNECTOR_WAIT (the listener's queue is full), or negative. */
static int try_open(struct connector *k, struct err *e)
{
    int rc = conn_open(&k->client->rpc, k->client->rpc_path, AT_ONCE, e);
    return rc == -ETIMEDOUT ? pause_or(k, rc) : rc;
}

static struct launch_spec launch_spec_of(const struct client *c)
{
    return (struct launch_spec){c->home, c->pid_file, c->log_file, c->keeper_path};
}

/* The keeper has said that its daemon listens. */
static int arrive(struct connector *k, struct err *e)
{
    int rc = try_open(k, e);
    if (rc != -ENOENT)
        return rc;
    return err_set(e, rc, "the daemon said that it is ready, but %s takes no connection",
                   k->client->rpc_path);
}

/* There is a keeper, but its daemon has died and the next one does not listen yet. */
static int await(struct connector *k, struct err *e)
{
    int rc = try_open(k, e);
    if (rc != -ENOENT)
        return rc;
    rc = pause_or(k, -EBUSY);
    if (rc < 0)
        err_set(e, rc,
                "the daemon does not get ready; its keeper tries again, and apps run on. Why is in "
                "%s",
                k->client->log_file);
    return rc;
}

static int hear(struct connector *k, struct err *e)
{
    const struct launch_spec spec = launch_spec_of(k->client);
    int rc = launch_step(&k->launch, &spec, e);
    if (rc == 0) {
        k->client->launched = true;
        return go_to(k, arrive);
    }
    if (rc == -EBUSY)
        return go_to(k, await);
    if (rc < 0)
        return rc;
    k->wait_fd = k->launch.ready_fd;
    k->wait_ms = conn_ms_left(k->deadline);
    return k->wait_ms != 0 ? CONNECTOR_WAIT
                           : err_set(e, -ETIMEDOUT, "the daemon did not get ready in time; see %s",
                                     k->client->log_file);
}

static int launch(struct connector *k, struct err *e)
{
    const struct client *c = k->client;
    const struct launch_spec spec = launch_spec_of(c);
    int locked = launch_lock_try(k->lock_fd);
    if (locked < 0 && locked != -EWOULDBLOCK)
        return err_set(e, locked, "cannot lock %s/.launch.lock: %s", c->home, err_text(locked));
    int rc = try_open(k, e);
    if (rc != -ENOENT)
        return rc;
    if (locked == 0) {
        rc = launch_begin(&k->launch, &spec, e);
        return rc < 0 ? rc : go_to(k, hear);
    }
    rc = pause_or(k, -ETIMEDOUT);
    if (rc < 0)
        err_set(e, rc, "another client is launching a daemon in %s, for too long", c->home);
    return rc;
}

static int knock(struct connector *k, struct err *e)
{
    const struct client *c = k->client;
    const struct home_spec home = {c->home, c->log_dir, c->pid_dir, c->module_dir, c->module_conf};
    struct err ignored;
    int rc = try_open(k, e);
    if (rc == 0) {
        /* A running daemon is worth talking to even when the disk is full. */
        (void)home_prepare(&home, &ignored);
        return 0;
    }
    if (rc != -ENOENT || !(k->flags & CLIENT_LAUNCH))
        return rc;
    rc = home_prepare(&home, e);
    if (rc < 0)
        return rc;
    k->lock_fd = launch_lock_open(c->home, e);
    return k->lock_fd < 0 ? k->lock_fd : go_to(k, launch);
}

int connector_init(struct connector *k, const struct client_options *o, struct err *e)
{
    *k = (struct connector){.step = knock, .flags = o->flags, .lock_fd = -1, .wait_fd = -1};
    launch_init(&k->launch);
    k->client = client_new(o);
    if (!k->client)
        return err_set(e, -ENOMEM, "out of memory");
    k->deadline = clock_mono_ms() + k->client->timeout_ms;
    return 0;
}

void connector_fini(struct connector *k)
{
    launch_fini(&k->launch);
    fd_close(&k->lock_fd);
    client_free(k->client);
    k->client = NULL;
}

int connector_run(struct connector *k, struct err *e)
{
    int rc;
    do
        rc = k->step(k, e);
    while (rc == NEXT);
    if (rc == 0)
        client_note_processes(k->client);
    return rc;
}

struct client *connector_take(struct connector *k)
{
    struct client *c = k->client;
    k->client = NULL;
    return c;
}
