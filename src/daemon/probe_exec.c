/* SPDX-License-Identifier: MIT
 * Probe: a command ends with 0. Runs in pm2d; the command is its child, not the keeper's: nobody
 * has to know of it after a crash.
 *
 * It gets the app's user, folder and variables, a session of its own, and no input. When it ends,
 * or is cancelled, what is left of its process group is killed. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/obj.h"
#include "os/fd.h"
#include "os/spawn.h"
#include "os/users.h"
#include "probe.h"
#include "run.h"
#include "json/read.h"

#define EXEC_MAGIC OBJ_MAGIC('P', 'E', 'X', 'E')
#define SHELL      "/bin/sh"
#define TAIL_BYTES 1024 /* of its output; the last line of that is shown */

enum { EXIT, OUT, ERR, FDS }; /* pidfd, and the ends of two pipes */

struct exec_probe {
    uint32_t magic;
    struct probe base;
    probe_done_fn *done; /* NULL = cancelled */
    void *ctx;
    pid_t pid;
    int fds[FDS];
    uv_poll_t polls[FDS];
    int open; /* the first so many are on the loop */
    char tail[TAIL_BYTES];
    size_t tail_bytes;
};

/* ---- output ---- */

static void keep_tail(struct exec_probe *x, const char *bytes, size_t n)
{
    if (n > TAIL_BYTES) {
        bytes += n - TAIL_BYTES;
        n = TAIL_BYTES;
    }
    size_t keep = x->tail_bytes < TAIL_BYTES - n ? x->tail_bytes : TAIL_BYTES - n;
    memmove(x->tail, x->tail + x->tail_bytes - keep, keep);
    memcpy(x->tail + keep, bytes, n);
    x->tail_bytes = keep + n;
}

/* False at its end. */
static bool read_output(struct exec_probe *x, int fd)
{
    char bytes[4096];
    for (int i = 0; i < 16; i++) { /* a pipe's worth per turn */
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        keep_tail(x, bytes, (size_t)n);
    }
    return true;
}

static void on_output(uv_poll_t *h, int status, int events)
{
    struct exec_probe *x = OBJ(h->data, struct exec_probe, EXEC_MAGIC);
    (void)events;
    if (status < 0 || !read_output(x, x->fds[h - x->polls]))
        uv_poll_stop(h);
}

static struct str last_line(const struct exec_probe *x)
{
    struct str s = {x->tail, x->tail_bytes};
    while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    const char *nl = s.n > 0 ? memrchr(s.p, '\n', s.n) : NULL;
    return nl ? (struct str){nl + 1, s.n - (size_t)(nl + 1 - s.p)} : s;
}

/* ---- the end ---- */

static void release(struct exec_probe *x)
{
    for (int i = 0; i < FDS; i++)
        fd_close(&x->fds[i]);
    free(x);
}

static void on_exec_closed(uv_handle_t *h)
{
    struct exec_probe *x = OBJ(h->data, struct exec_probe, EXEC_MAGIC);
    if (--x->open == 0)
        release(x);
}

static void close_probe(struct exec_probe *x)
{
    for (int i = 0; i < x->open; i++)
        uv_close((uv_handle_t *)&x->polls[i], on_exec_closed);
    if (x->open == 0)
        release(x);
}

static void describe_end(const struct exec_probe *x, int wait_status, struct buf *out)
{
    struct str line = last_line(x);
    const char *name = WIFSIGNALED(wait_status) ? sigabbrev_np(WTERMSIG(wait_status)) : NULL;
    if (WIFSIGNALED(wait_status))
        buf_printf(out, "the command was ended by SIG%s", name ? name : "?");
    else
        buf_printf(out, "the command ended with exit code %d", WEXITSTATUS(wait_status));
    if (line.n > 0)
        buf_printf(out, ": %.*s", STR_ARG(line));
}

static void on_exec_exited(uv_poll_t *h, int status, int events)
{
    struct exec_probe *x = OBJ(h->data, struct exec_probe, EXEC_MAGIC);
    int wait_status = 0;
    (void)status;
    (void)events;
    (void)kill(-x->pid, SIGKILL); /* what it left behind; its number is not free before the wait */
    if (waitpid(x->pid, &wait_status, WNOHANG) == 0)
        return;
    (void)read_output(x, x->fds[OUT]);
    (void)read_output(x, x->fds[ERR]);
    AUTO(buf) error = BUF_INIT;
    if (wait_status != 0)
        describe_end(x, wait_status, &error);
    if (x->done)
        x->done(x->ctx, wait_status != 0 ? error.data : NULL);
    close_probe(x);
}

static void cancel(struct probe *pr)
{
    struct exec_probe *x = CONTAINER_OF(pr, struct exec_probe, base);
    x->done = NULL;
    (void)kill(-x->pid, SIGKILL); /* the rest when its end is seen */
}

/* ---- the start ---- */

/* A shell line, or the words themselves. */
static char **command_of(const json_t *what)
{
    size_t n = json_is_array(what) ? json_array_size(what) : 3;
    char **argv = n > 0 ? calloc(n + 1, sizeof(*argv)) : NULL;
    if (!argv)
        return NULL;
    if (json_is_array(what)) {
        for (size_t i = 0; i < n; i++)
            argv[i] = (char *)json_string_value(json_array_get(what, i));
    } else {
        argv[0] = SHELL;
        argv[1] = "-c";
        argv[2] = (char *)json_string_value(what);
    }
    return argv;
}

static char **texts_of(const json_t *list)
{
    size_t n = json_array_size(list);
    char **texts = calloc(n + 1, sizeof(*texts));
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = (char *)json_string_value(json_array_get(list, i));
    return texts;
}

static int spawn_as_app(struct proc *p, char **argv, json_t *env, struct spawn_result *ret,
                        struct err *e)
{
    struct link_spawn ids = {0};
    struct user_ids user = {0};
    enum spawn_stage stage = SPAWN_RESOURCES;
    uint32_t app_umask;
    uint64_t nofile;
    AUTO(buf) path = BUF_INIT;
    int rc = run_lookup_ids(p->conf, &ids, &user, e);
    if (rc < 0)
        return rc;
    char **variables = texts_of(env);
    link_app_world(p->env->link, &app_umask, &nofile);
    buf_add_str(&path, run_search_path(env));
    const struct spawn_spec spec = {
        .file = argv[0],
        .search_path = path.data,
        .cwd = json_get_str(p->conf, "pm_cwd"),
        .argv = argv,
        .env = variables,
        .set_ids = ids.flags & LINK_SPAWN_SET_IDS,
        .uid = ids.uid,
        .gid = ids.gid,
        .group_count = ids.group_count,
        .groups = ids.groups,
        .set_umask = true,
        .umask = (mode_t)app_umask,
        .nofile_soft = nofile,
    };
    rc = variables && !buf_oom(&path) ? spawn_process(&spec, ret, &stage) : -ENOMEM;
    free(variables);
    user_ids_fini(&user);
    return rc < 0 ? err_set(e, rc, "%s: %s", argv[0], err_text(rc)) : 0;
}

static int watch(struct exec_probe *x, uv_loop_t *loop)
{
    int rc = 0;
    for (int i = 0; i < FDS && rc == 0; i++) {
        rc = x->fds[i] < 0 ? -ENOSYS : uv_poll_init(loop, &x->polls[i], x->fds[i]);
        if (rc < 0)
            break;
        x->polls[i].data = x;
        x->open++;
        rc = uv_poll_start(&x->polls[i], UV_READABLE, i == EXIT ? on_exec_exited : on_output);
    }
    return rc;
}

static void give_up(struct exec_probe *x)
{
    (void)kill(-x->pid, SIGKILL);
    (void)waitpid(x->pid, NULL, 0);
    close_probe(x);
}

struct probe *probe_exec_start(struct proc *p, const json_t *what, probe_done_fn *done, void *ctx,
                               struct err *e)
{
    struct spawn_result s;
    AUTO_JSON env = run_environment(p, false);
    struct exec_probe *x = calloc(1, sizeof(*x));
    if (!x) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    char **argv = command_of(what);
    int rc = argv && env ? spawn_as_app(p, argv, env, &s, e) : err_set(e, -ENOMEM, "out of memory");
    free(argv);
    if (rc < 0) {
        free(x);
        return NULL;
    }
    fd_close(&s.stdin_w);
    *x = (struct exec_probe){.magic = EXEC_MAGIC,
                             .base = {cancel},
                             .done = done,
                             .ctx = ctx,
                             .pid = s.pid,
                             .fds = {s.pidfd, s.stdout_r, s.stderr_r}};
    rc = watch(x, p->env->loop);
    if (rc == 0)
        return &x->base;
    err_set(e, rc, "the command cannot be watched: %s", err_text(rc));
    give_up(x);
    return NULL;
}
