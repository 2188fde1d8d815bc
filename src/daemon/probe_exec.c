/* SPDX-License-Identifier: MIT
 * Probe: a command ends with 0. Runs in pm2d. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/obj.h"
#include "probe.h"
#include "run.h"
#include "secret_fetch.h"
#include "side_command.h"
#include "json/read.h"

#define EXEC_MAGIC OBJ_MAGIC('P', 'E', 'X', 'E')
#define SHELL      "/bin/sh"
#define TAIL_BYTES 1024 /* of its output; the last line of that is shown */

struct exec_probe {
    uint32_t magic;
    struct probe base;
    struct proc *p;
    probe_done_fn *done;
    void *ctx;
    json_t *argv, *env;         /* owned */
    struct secret_fetch *fetch; /* NULL = it waits for no secrets */
    struct side_command *command;
    char tail[TAIL_BYTES];
    size_t tail_bytes;
};

static void exec_free(struct exec_probe *x)
{
    side_command_end(x->command);
    secret_fetch_cancel(x->fetch);
    json_decref(x->argv);
    json_decref(x->env);
    free(x);
}

static void end(struct exec_probe *x, const char *error)
{
    x->done(x->ctx, error);
    exec_free(x);
}

static void on_exec_output(void *ctx, bool is_error_output, struct str bytes)
{
    struct exec_probe *x = OBJ(ctx, struct exec_probe, EXEC_MAGIC);
    (void)is_error_output;
    side_keep_tail(x->tail, TAIL_BYTES, &x->tail_bytes, bytes);
}

static void on_exec_ended(void *ctx, int wait_status)
{
    struct exec_probe *x = OBJ(ctx, struct exec_probe, EXEC_MAGIC);
    AUTO(buf) error = BUF_INIT;
    if (wait_status != 0)
        side_describe_end(wait_status, (struct str){x->tail, x->tail_bytes}, &error);
    x->command = NULL;
    end(x, wait_status != 0 ? error.data : NULL);
}

static void cancel(struct probe *pr)
{
    exec_free(CONTAINER_OF(pr, struct exec_probe, base));
}

/* A shell line of the user's, or the words themselves. */
static json_t *command_of(const json_t *what)
{
    return json_is_array(what) ? json_copy((json_t *)what) : json_pack("[ssO]", SHELL, "-c", what);
}

static int run(struct exec_probe *x, struct err *e)
{
    const struct side_handler h = {x, on_exec_output, on_exec_ended};
    x->command = side_command_start(x->p, x->argv, x->env, &h, e);
    return x->command ? 0 : e->code;
}

static void on_exec_secrets(void *ctx, const char *error)
{
    struct exec_probe *x = OBJ(ctx, struct exec_probe, EXEC_MAGIC);
    struct err e = {0};
    x->fetch = NULL;
    if (error)
        end(x, error);
    else if (run(x, &e) < 0)
        end(x, e.msg);
}

/* The command sees what the app sees; its secrets are fetched anew, for they are kept nowhere. */
static int begin(struct exec_probe *x, struct err *e)
{
    if (!x->argv || !x->env)
        return err_set(e, -ENOMEM, "out of memory");
    if (!secret_in(x->env))
        return run(x, e);
    x->fetch = secret_fetch_start(x->p, x->env, on_exec_secrets, x);
    return x->fetch ? 0 : err_set(e, -ENOMEM, "out of memory");
}

struct probe *probe_exec_start(struct proc *p, const json_t *what, probe_done_fn *done, void *ctx,
                               struct err *e)
{
    struct exec_probe *x = calloc(1, sizeof(*x));
    if (!x) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    *x = (struct exec_probe){.magic = EXEC_MAGIC,
                             .base = {cancel},
                             .p = p,
                             .done = done,
                             .ctx = ctx,
                             .argv = command_of(what),
                             .env = run_environment(p, false)};
    if (begin(x, e) == 0)
        return &x->base;
    exec_free(x);
    return NULL;
}
