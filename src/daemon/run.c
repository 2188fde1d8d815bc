/* SPDX-License-Identifier: MIT
 * One execution of a process. Runs in pm2d; the keeper is its parent. */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "appmsg.h"
#include "base/failpoint.h"
#include "base/obj.h"
#include "drain.h"
#include "events.h"
#include "instance_sock.h"
#include "journal.h"
#include "notify.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/users.h"
#include "primary.h"
#include "resources.h"
#include "run_logs.h"
#include "sockets.h"
#include "json/read.h"

#define RUN_MAGIC OBJ_MAGIC('R', 'U', 'N', ' ')

/* ---- what its streams and channel say ---- */

static bool run_wants_bytes(void *ctx)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    return bus_wants(r->proc->env->bus);
}

static void on_run_bytes(void *ctx, struct pump *pump, struct str chunk)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    event_log(r->proc, pump == r->err, chunk);
}

static void on_run_eof(void *ctx, struct pump *pump)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    run_logs_ended(r, pump == r->err);
    pump_close(pump);
    if (pump == r->out)
        r->out = NULL;
    else
        r->err = NULL;
    if (r->retired && !r->out && !r->err)
        run_close(r);
}

static void on_run_message(void *ctx, const json_t *value, struct str line)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    if (r->proc->run == r)
        appmsg_take(r->proc, value, line);
}

static void on_run_cluster(void *ctx, const json_t *value, bool is_bun)
{
    primary_message(OBJ(ctx, struct run, RUN_MAGIC), value, is_bun);
}

static void on_run_agent(void *ctx, struct str word, const json_t *value)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    if (!str_eq_c(word, "HELLO"))
        drain_heard(r, word);
    else if (r->proc->run == r)
        appmsg_agent(r->proc, value);
}

static void on_run_cut(void *ctx)
{
    primary_cut(OBJ(ctx, struct run, RUN_MAGIC));
}

static bool on_run_pause(void *ctx)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    return bus_pause(r->proc->env->bus, &r->pause);
}

static void on_run_go_on(void *ctx)
{
    chan_go_on(OBJ(ctx, struct run, RUN_MAGIC)->chan);
}

static void close_channel(struct run *r)
{
    bus_pause_end(&r->pause);
    chan_close(r->chan);
    r->chan = NULL;
}

/* ---- spawn ---- */

static json_t *launch_state(const struct proc *p)
{
    json_t *s = json_object();
    const char *var = json_get_str(p->conf, "instance_var");
    json_object_set_new(s, "vizion_running", json_false());
    if (p->instance >= 0)
        json_object_set_new(s, var && *var ? var : "NODE_APP_INSTANCE", json_integer(p->instance));
    json_object_set_new(s, "status", json_string("launching"));
    json_object_set_new(s, "pm_uptime", json_integer(p->pm_uptime));
    json_object_set_new(s, "created_at", json_integer(p->created_at));
    json_object_set_new(s, "pm_id", json_integer(p->id));
    json_object_set_new(s, "restart_time", json_integer(p->sm.restart_time));
    json_object_set_new(s, "unstable_restarts", json_integer(p->sm.unstable_restarts));
    json_object_set_new(s, "PM2_HOME", json_string(p->env->paths.home));
    return s;
}

static struct str *slices_of(const json_t *texts)
{
    size_t n = json_array_size(texts);
    struct str *s = calloc(n ? n : 1, sizeof(*s));
    for (size_t i = 0; s && i < n; i++)
        s[i] = str_from(json_string_value(json_array_get(texts, i)));
    return s;
}

json_t *run_environment(struct proc *p, bool channel)
{
    AUTO_JSON state = launch_state(p);
    json_t *env = app_environment(p->conf, state, channel);
    if (env && (notify_set_variable(p, env) < 0 || agent_set_variable(p, env) < 0 ||
                (channel && instance_sock_set_variable(p, env) < 0))) {
        json_decref(env);
        return NULL;
    }
    return env;
}

int run_lookup_ids(const json_t *conf, struct link_spawn *s, struct user_ids *ids, struct err *e)
{
    char user[64] = "";
    char group[64] = "";
    int64_t number;
    if (json_get_str(conf, "uid"))
        snprintf(user, sizeof(user), "%s", json_get_str(conf, "uid"));
    else if (json_get_int(conf, "uid", &number))
        snprintf(user, sizeof(user), "%lld", (long long)number);
    if (json_get_str(conf, "gid"))
        snprintf(group, sizeof(group), "%s", json_get_str(conf, "gid"));
    else if (json_get_int(conf, "gid", &number))
        snprintf(group, sizeof(group), "%lld", (long long)number);
    if (!user[0] && !group[0])
        return 0;
    if (!user[0])
        snprintf(user, sizeof(user), "%u", (unsigned)geteuid());
    int rc = users_lookup(user, group[0] ? group : NULL, ids, e);
    if (rc < 0)
        return rc;
    s->flags |= LINK_SPAWN_SET_IDS;
    s->uid = ids->uid;
    s->gid = ids->gid;
    s->groups = ids->groups;
    s->group_count = ids->group_count;
    return 0;
}

struct str run_search_path(const json_t *env)
{
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *entry = json_string_value(json_array_get(env, i));
        if (strncmp(entry, "PATH=", 5) == 0)
            return str_from(entry + 5);
    }
    return STR("/usr/local/bin:/usr/bin:/bin");
}

static struct str *slices_of_argv(const struct app_command *cmd)
{
    struct str *s = calloc(cmd->argc + 1, sizeof(*s));
    for (size_t i = 0; s && i < cmd->argc; i++)
        s[i] = str_from(cmd->argv[i]);
    return s;
}

static int send_spawn(struct run *r, const struct app_command *cmd, const json_t *env,
                      struct err *e)
{
    struct proc *p = r->proc;
    struct str *env_items = slices_of(env);
    struct str *argv = slices_of_argv(cmd);
    struct user_ids ids = {0};
    char cgroup[CGROUP_PATH_MAX];
    struct link_rlimit rlimits[LIMIT_LINK_RLIMITS];
    struct link_spawn s = {.handle = r->handle, .flags = LINK_SPAWN_CHANNEL};
    int sockets[LIMIT_LISTEN];
    int socket_count = 0;
    int rc = env_items && argv ? 0 : err_set(e, -ENOMEM, "out of memory");
    if (rc == 0)
        rc = run_lookup_ids(p->conf, &s, &ids, e);
    if (rc == 0)
        rc = resources_ask(p, &s, rlimits, e);
    if (rc == 0)
        rc = resources_cgroup(p, &s, cgroup, sizeof(cgroup), e);
    if (rc == 0 && (socket_count = sockets_for_spawn(r, sockets, e)) < 0)
        rc = socket_count;
    if (rc == 0) {
        s.file = str_from(cmd->file);
        s.search_path = run_search_path(env);
        s.cwd = str_from(json_get_str(p->conf, "pm_cwd"));
        s.argv = (struct link_strings){cmd->argc, argv};
        s.env = (struct link_strings){json_array_size(env), env_items};
        rc = link_spawn(p->env->link, &s, sockets, (unsigned)socket_count);
        if (rc == -EPROTONOSUPPORT)
            err_set(e, rc, "listen: the running keeper is of an older release; pm2 kill ends it");
        else if (rc < 0)
            err_set(e, rc, "cannot ask the keeper: %s", err_text(rc));
    }
    free(env_items);
    free(argv);
    user_ids_fini(&ids);
    return rc;
}

static int ask_keeper(struct run *r, const json_t *env, struct err *e)
{
    struct proc *p = r->proc;
    struct app_command cmd = {0};
    int rc = app_command_from_conf(p->conf, &cmd, e);
    r->spawned_mono_ms = clock_mono_ms();
    if (rc == 0) {
        /* Before the keeper hears of it: whoever recovers knows that the run before is history. */
        journal_state(p->env->journal, p);
        FAILPOINT("spawn.journalled");
        rc = send_spawn(r, &cmd, env, e);
        FAILPOINT("spawn.sent");
    }
    app_command_fini(&cmd);
    return rc;
}

static void on_secrets(void *ctx, const char *error)
{
    struct run *r = OBJ(ctx, struct run, RUN_MAGIC);
    struct err e = {0};
    AUTO_JSON env = r->fetched_env;
    r->fetch = NULL;
    r->fetched_env = NULL;
    if (error)
        err_set(&e, -ENOKEY, "%s", error);
    else
        (void)ask_keeper(r, env, &e);
    if (e.code)
        proc_on_run_failed(r->proc, &e);
}

/* The environment first: what is a reference in it is fetched before the keeper hears of the run.
 */
static int prepare(struct run *r, struct err *e)
{
    AUTO_JSON env = run_environment(r->proc, true);
    if (!env)
        return err_set(e, -ENOMEM, "out of memory");
    if (!secret_in(env))
        return ask_keeper(r, env, e);
    r->fetch = secret_fetch_start(r->proc, env, on_secrets, r);
    r->fetched_env = json_incref(env);
    return r->fetch ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static void drop_fetch(struct run *r)
{
    secret_fetch_cancel(r->fetch);
    r->fetch = NULL;
    json_decref(r->fetched_env);
    r->fetched_env = NULL;
}

struct run *run_spawn(struct proc *p, struct err *e)
{
    struct run *r = calloc(1, sizeof(*r));
    if (!r) {
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    r->magic = RUN_MAGIC;
    r->proc = p;
    r->pidfd = -1;
    p->run_count = ++proc_lead(p)->run_top;
    r->handle = ((uint64_t)(uint32_t)p->id << 32) | p->run_count;
    r->spawned_mono_ms = clock_mono_ms();
    list_init(&r->link);
    list_init(&r->conns);
    int rc = run_logs_open(r, e);
    if (rc == 0)
        rc = prepare(r, e);
    if (rc == 0)
        return r;
    drop_fetch(r);
    run_logs_drop(r);
    sockets_gone(r);
    free(r);
    return NULL;
}

/* ---- life ---- */

void run_attach(struct run *r, const struct link_child *c, int *take_fds)
{
    struct proc *p = r->proc;
    r->magic = RUN_MAGIC;
    r->pid = (pid_t)c->pid;
    r->start_ticks = c->start_ticks;
    /* When it was born, not when that was asked for: the keeper may have had others to start first.
     * The kernel's ticks are coarse, so it is no earlier than that either. */
    int64_t born_ms = clock_mono_ms() - procfs_age_ms(r->start_ticks);
    if (r->spawned_mono_ms == 0 || born_ms > r->spawned_mono_ms)
        r->spawned_mono_ms = born_ms;
    r->pidfd = take_fds[LINK_FD_PIDFD];
    struct pump_handler ph = {r, run_wants_bytes, on_run_bytes, on_run_eof};
    struct chan_handler ch = {
        .ctx = r,
        .message = on_run_message,
        .cluster = on_run_cluster,
        .agent = on_run_agent,
        .closed = on_run_cut,
        .pause = on_run_pause,
    };
    r->pause = (struct bus_pause){.go_on = on_run_go_on, .ctx = r};
    run_logs_start(r, take_fds[LINK_FD_STDOUT], take_fds[LINK_FD_STDERR], &ph);
    r->chan = chan_new(p->env->loop, take_fds[LINK_FD_CHANNEL], take_fds[LINK_FD_STDIN], &ch);
    for (int i = 0; i < LINK_FD_COUNT; i++)
        take_fds[i] = -1;
    primary_join(r);
}

void run_drain(struct run *r)
{
    pump_drain(r->out);
    pump_drain(r->err);
    chan_drain(r->chan);
    instance_sock_drain(r);
    primary_leave(r);
    sockets_gone(r);
}

void run_retire(struct run *r)
{
    r->retired = true;
    instance_sock_leave(r);
    close_channel(r);
    if (!r->exit_poll.data) /* else the poll handle has it until it is closed */
        fd_close(&r->pidfd);
    if (r->out || r->err)
        list_add_tail(&r->proc->old_runs, &r->link);
    else
        run_close(r);
}

static void on_run_closed(uv_handle_t *h)
{
    struct run *r = OBJ(h->data, struct run, RUN_MAGIC);
    fd_close(
        &r->pidfd); /* not before: libuv takes the number out of epoll once more as it closes */
    free(r);
}

void run_close(struct run *r)
{
    if (r->proc->run == r)
        r->proc->run = NULL;
    list_del(&r->link);
    drop_fetch(r);
    link_forget(r->proc->env->link, r->handle);
    FAILPOINT("forget.sent");
    primary_leave(r);
    sockets_gone(r);
    pump_close(r->out);
    pump_close(r->err);
    run_logs_close(r);
    instance_sock_leave(r);
    close_channel(r);
    if (r->exit_poll.data) {
        uv_close((uv_handle_t *)&r->exit_poll, on_run_closed);
    } else {
        fd_close(&r->pidfd);
        free(r);
    }
}

int run_rehome(struct run *r)
{
    int all[LINK_FD_COUNT] = {r->exited ? -1 : r->pidfd, chan_stdin_fd(r->chan), pump_fd(r->out),
                              pump_fd(r->err), chan_channel_fd(r->chan)};
    int fds[LINK_FD_COUNT];
    unsigned n = 0;
    struct link_child c = {.handle = r->handle,
                           .pid = (uint32_t)r->pid,
                           .start_ticks = r->start_ticks,
                           .exited = r->exited,
                           .adopted = 1};
    for (unsigned i = 0; i < LINK_FD_COUNT; i++) {
        if (all[i] < 0)
            continue;
        fds[n++] = all[i];
        c.fd_mask |= 1u << i;
    }
    r->adopted = true;
    run_logs_rehome(r);
    return link_adopt(r->proc->env->link, &c, fds);
}

int run_watch_exit(struct run *r, uv_poll_cb on_gone)
{
    int rc = uv_poll_init(r->proc->env->loop, &r->exit_poll, r->pidfd);
    if (rc < 0)
        return rc;
    r->exit_poll.data = r;
    return uv_poll_start(&r->exit_poll, UV_READABLE, on_gone);
}
