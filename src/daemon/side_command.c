/* SPDX-License-Identifier: MIT
 * A command beside an app: a probe's, or one that prints a secret. Runs in pm2d; the command is its
 * child, not the keeper's: nobody has to know of it after a crash.
 *
 * It gets the app's user and folder, a session of its own, and no input. When it ends, or is ended,
 * what is left of its process group is killed. */
#include "side_command.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/obj.h"
#include "os/fd.h"
#include "os/spawn.h"
#include "os/users.h"
#include "run.h"
#include "json/read.h"

#define SIDE_MAGIC OBJ_MAGIC('S', 'I', 'D', 'E')

enum { EXIT, OUT, ERR, FDS }; /* pidfd, and the ends of two pipes */

struct side_command {
    uint32_t magic;
    struct side_handler handler;
    bool silent;
    pid_t pid;
    int fds[FDS];
    uv_poll_t polls[FDS];
    int open; /* the first so many are on the loop */
};

/* ---- output ---- */

/* False at its end. */
static bool read_output(struct side_command *c, int which)
{
    char bytes[4096];
    for (int i = 0; i < 16; i++) { /* a pipe's worth per turn */
        ssize_t n = read(c->fds[which], bytes, sizeof(bytes));
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        if (!c->silent)
            c->handler.output(c->handler.ctx, which == ERR, (struct str){bytes, (size_t)n});
    }
    return true;
}

static void on_output(uv_poll_t *h, int status, int events)
{
    struct side_command *c = OBJ(h->data, struct side_command, SIDE_MAGIC);
    (void)events;
    if (status < 0 || !read_output(c, (int)(h - c->polls)))
        uv_poll_stop(h);
}

/* ---- the end ---- */

static void release(struct side_command *c)
{
    for (int i = 0; i < FDS; i++)
        fd_close(&c->fds[i]);
    free(c);
}

static void on_side_closed(uv_handle_t *h)
{
    struct side_command *c = OBJ(h->data, struct side_command, SIDE_MAGIC);
    if (--c->open == 0)
        release(c);
}

static void close_command(struct side_command *c)
{
    for (int i = 0; i < c->open; i++)
        uv_close((uv_handle_t *)&c->polls[i], on_side_closed);
    if (c->open == 0)
        release(c);
}

static void on_side_exited(uv_poll_t *h, int status, int events)
{
    struct side_command *c = OBJ(h->data, struct side_command, SIDE_MAGIC);
    int wait_status = 0;
    (void)status;
    (void)events;
    (void)kill(-c->pid, SIGKILL); /* what it left behind; its number is not free before the wait */
    if (waitpid(c->pid, &wait_status, WNOHANG) == 0)
        return;
    (void)read_output(c, OUT);
    (void)read_output(c, ERR);
    if (!c->silent)
        c->handler.ended(c->handler.ctx, wait_status);
    close_command(c);
}

void side_command_end(struct side_command *c)
{
    if (!c)
        return;
    c->silent = true;
    (void)kill(-c->pid, SIGKILL); /* the rest when its end is seen */
}

void side_keep_tail(char *tail, size_t size, size_t *count, struct str output)
{
    if (output.n > size)
        output = (struct str){output.p + output.n - size, size};
    size_t keep = *count < size - output.n ? *count : size - output.n;
    memmove(tail, tail + *count - keep, keep);
    memcpy(tail + keep, output.p, output.n);
    *count = keep + output.n;
}

void side_describe_end(int wait_status, struct str output, struct buf *out)
{
    while (output.n > 0 && strchr(" \t\r\n", output.p[output.n - 1]))
        output.n--;
    const char *nl = output.n > 0 ? memrchr(output.p, '\n', output.n) : NULL;
    struct str line = nl ? (struct str){nl + 1, output.n - (size_t)(nl + 1 - output.p)} : output;
    const char *name = WIFSIGNALED(wait_status) ? sigabbrev_np(WTERMSIG(wait_status)) : NULL;
    if (WIFSIGNALED(wait_status))
        buf_printf(out, "the command was ended by SIG%s", name ? name : "?");
    else
        buf_printf(out, "the command ended with exit code %d", WEXITSTATUS(wait_status));
    if (line.n > 0)
        buf_printf(out, ": %.*s", STR_ARG(line));
}

/* ---- the start ---- */

static char **texts_of(const json_t *list)
{
    size_t n = json_array_size(list);
    char **texts = calloc(n + 1, sizeof(*texts));
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = (char *)json_string_value(json_array_get(list, i));
    return texts;
}

/* The app's variables, without the one that marks its launch (tree.c): a command that outlives a
 * killed pm2d must not be taken for the app itself. Borrows from env. */
static char **variables_of(const json_t *env)
{
    char **texts = texts_of(env);
    size_t kept = 0;
    for (size_t i = 0; texts && texts[i]; i++)
        if (strncmp(texts[i], "pm_uptime=", strlen("pm_uptime=")) != 0)
            texts[kept++] = texts[i];
    if (texts)
        texts[kept] = NULL;
    return texts;
}

static int spawn_as_app(struct proc *p, char **argv, const json_t *env, struct spawn_result *ret,
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
    char **variables = variables_of(env);
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

static int watch(struct side_command *c, uv_loop_t *loop)
{
    int rc = 0;
    for (int i = 0; i < FDS && rc == 0; i++) {
        rc = c->fds[i] < 0 ? -ENOSYS : uv_poll_init(loop, &c->polls[i], c->fds[i]);
        if (rc < 0)
            break;
        c->polls[i].data = c;
        c->open++;
        rc = uv_poll_start(&c->polls[i], UV_READABLE, i == EXIT ? on_side_exited : on_output);
    }
    return rc;
}

static void give_up(struct side_command *c)
{
    (void)kill(-c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    close_command(c);
}

struct side_command *side_command_start(struct proc *p, const json_t *argv, const json_t *env,
                                        const struct side_handler *h, struct err *e)
{
    struct spawn_result s;
    struct side_command *c = calloc(1, sizeof(*c));
    char **words = texts_of(argv);
    int rc = c && words ? spawn_as_app(p, words, env, &s, e) : err_set(e, -ENOMEM, "out of memory");
    free(words);
    if (rc < 0 || !c) {
        free(c);
        return NULL;
    }
    fd_close(&s.stdin_w);
    *c = (struct side_command){
        .magic = SIDE_MAGIC, .handler = *h, .pid = s.pid, .fds = {s.pidfd, s.stdout_r, s.stderr_r}};
    rc = watch(c, p->env->loop);
    if (rc == 0)
        return c;
    err_set(e, rc, "the command cannot be watched: %s", err_text(rc));
    give_up(c);
    return NULL;
}
