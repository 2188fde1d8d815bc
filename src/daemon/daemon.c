/* SPDX-License-Identifier: MIT
 * Composition, start, recovery and end of pm2d.
 *
 * Start: read data (journal, then the keeper's list), bind the sockets, then take effect (coldplug:
 * timers, watches, starts), then READY. The end is the same list backwards, down to no handle. */
#include "daemon.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/attr.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "batch.h"
#include "events.h"
#include "extras.h"
#include "history.h"
#include "host/world.h"
#include "instance_sock.h"
#include "journal.h"
#include "memguard.h"
#include "methods.h"
#include "notify.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/signals.h"
#include "own_log.h"
#include "primary.h"
#include "proc_json.h"
#include "reload.h"
#include "resources.h"
#include "rotate.h"
#include "run_logs.h"
#include "saver.h"
#include "server.h"
#include "sockets.h"
#include "successor.h"
#include "tree.h"
#include "json/read.h"
#include "json/write.h"

struct daemon {
    uv_loop_t loop;
    struct proc_env env;
    struct table table;
    struct methods methods;
    struct server *server;
    struct own_log own_log;
    struct link_handler handler;
    struct call *kill_call;   /* waits for the end of all apps */
    struct call *update_call; /* waits for what the keeper says to an update */
    bool is_replaced;         /* it said yes: this pm2d ends, the next one finds all as it is */
    pid_t kill_notify;
    bool killed_by_signal;
    bool ending, lost_keeper;
    bool served; /* the sockets are closed: this is the end */
    char *journal_path;
    struct buf unknown; /* handles (u64) of children that are in no record */
};

/* ---- the keeper's word ---- */

static void close_fds(int *fds)
{
    for (int i = 0; i < LINK_FD_COUNT; i++)
        fd_close(&fds[i]);
}

/* The keeper does not see the end of an adopted one; its pidfd shows it. */
static bool has_ended(const struct link_child *c, const int *fds)
{
    return c->exited || (fds[LINK_FD_PIDFD] >= 0 && pidfd_has_ended(fds[LINK_FD_PIDFD]));
}

/* Answers to LIST: data only. The link is not ours yet, so what is to be forgotten waits. */
static void on_child(void *ctx, const struct link_child *c, int *fds)
{
    struct daemon *d = ctx;
    struct proc *p = table_by_handle(&d->table, c->handle);
    if (p && has_ended(c, fds) && proc_has_acted_on(p, c->handle)) {
        proc_adopt_ended(p, c, fds);
        return;
    }
    if (p && !p->run) {
        proc_adopt_run(p, c, fds);
        if (p->run && c->exited) {
            p->run->lost_status = c->wait_status;
            p->run->lost_ms = (int64_t)c->exit_ms;
            p->run->has_lost_status = true;
        }
        return;
    }
    /* Deleted while it was ending, or the journal was lost. Nothing runs that nobody knows. */
    log_warn("process %u is in no record: ended", c->pid);
    if (fds[LINK_FD_PIDFD] >= 0 && !c->exited)
        (void)pidfd_signal(fds[LINK_FD_PIDFD], SIGKILL);
    close_fds(fds);
    buf_add(&d->unknown, &c->handle, sizeof(c->handle));
}

static void forget_unknown(struct daemon *d)
{
    for (size_t at = 0; at < d->unknown.len; at += sizeof(uint64_t)) {
        uint64_t handle;
        memcpy(&handle, d->unknown.data + at, sizeof(handle));
        link_forget(d->env.link,
                    handle); /* one that still lives says EXITED, and is forgotten then */
    }
    buf_fini(&d->unknown);
}

static void on_stored(void *ctx, struct str name, int take_fd)
{
    struct daemon *d = ctx;
    if (!run_logs_take_stored(&d->env, name, take_fd) &&
        !primary_take_stored(d->env.primary, name, take_fd) &&
        !sockets_take_stored(d->env.sockets, name, take_fd) &&
        !notify_take_stored(d->env.notify, name, take_fd) &&
        !instance_sock_take_stored(d->env.instance_sock, name, take_fd))
        fd_close(&take_fd); /* of another release */
}

static void on_spawned(void *ctx, const struct link_child *c, int *fds)
{
    struct daemon *d = ctx;
    struct proc *p = table_by_handle(&d->table, c->handle);
    if (p && p->run && p->run->handle == c->handle)
        proc_on_spawned(p, c, fds);
    else
        close_fds(fds);
}

static void on_spawn_failed(void *ctx, uint64_t handle, int code, enum link_stage stage)
{
    struct daemon *d = ctx;
    struct proc *p = table_by_handle(&d->table, handle);
    if (p)
        proc_on_spawn_failed(p, handle, code, stage);
}

static void on_exited(void *ctx, uint64_t handle, int wait_status, int64_t exit_ms)
{
    struct daemon *d = ctx;
    struct proc *p = table_by_handle(&d->table, handle);
    if (p)
        proc_on_exited(p, handle, wait_status, exit_ms);
    else
        link_forget(d->env.link, handle);
}

static void shutdown_all(void *ctx, struct call *call, pid_t notify_pid);

static void on_terminate(void *ctx, int signo)
{
    struct daemon *d = ctx;
    const char *name = sigabbrev_np(signo);
    log_info("pm2 has been killed by SIG%s", name ? name : "?");
    saver_save_last(d->methods.saver);
    if (!d->ending)
        event_kill(d->env.bus, "by SIGNAL"); /* PM2's words, whatever the signal; first of all */
    d->killed_by_signal = d->killed_by_signal || !d->ending;
    shutdown_all(d, NULL, 0);
}

static void on_reopen(void *ctx)
{
    struct daemon *d = ctx;
    log_info("reopening log files");
    logfiles_reopen(&d->env.files);
    own_log_reopen(&d->own_log);
}

/* ---- the replacement ---- */

static void update(void *ctx, struct call *call, const char *folder)
{
    struct daemon *d = ctx;
    if (d->ending || d->update_call || d->is_replaced) {
        call_fail(call, d->ending ? "the daemon is being ended" : "an update is under way");
        return;
    }
    FAILPOINT("update.asked");
    if (link_update(d->env.link, folder ? folder : "") == 0)
        d->update_call = call;
    else
        call_fail(call,
                  "the running pm2-keeper is too old to be replaced while apps run: pm2 save, "
                  "pm2 kill, pm2 resurrect");
}

static void on_updating(void *ctx, struct str refusal)
{
    struct daemon *d = ctx;
    struct call *call = d->update_call;
    d->update_call = NULL;
    if (refusal.n > 0) {
        log_error("no update: %.*s", STR_ARG(refusal));
        if (call)
            method_fail(call, "%.*s", STR_ARG(refusal));
        return;
    }
    FAILPOINT("update.agreed");
    log_info("pm2d ends, to be replaced");
    if (call)
        call_value(call, STR("{\"updating\":true}"));
    d->is_replaced = true;
    uv_stop(&d->loop);
}

static void stop_serving(struct daemon *d);

/* The keeper died under us. We have duplicates of everything that it kept. */
static int replace_keeper(struct daemon *d, struct err *e)
{
    uint32_t app_umask;
    uint64_t app_nofile;
    struct link *old = d->env.link;
    link_app_world(old, &app_umask, &app_nofile);
    link_await_end(old);
    (void)waitpid(link_keeper_pid(old), NULL, WNOHANG); /* a successor is our own child */
    d->env.orphan_reaper = getppid(); /* our orphans and we have come to the same process */
    int fd = successor_start(&d->env.paths, app_umask, app_nofile, e);
    if (fd < 0)
        return fd;
    struct link *l = link_connect(fd, &d->handler, e);
    if (!l) {
        fd_close(&fd);
        return e->code;
    }
    d->env.link = l;
    link_discard(old);
    int rc = link_start(l, &d->loop);
    if (rc < 0)
        return err_set(e, rc, "keeper link: %s", uv_strerror(rc));
    trees_set_keeper(d->env.trees, link_keeper_pid(l));
    link_ready(l);
    notify_rehome(d->env.notify);
    instance_sock_rehome(d->env.instance_sock);
    primary_rehome(d->env.primary);
    sockets_rehome(d->env.sockets);
    trees_kill_unborn(d->env.trees, d->env.paths.home, d->env.orphan_reaper, link_keeper_pid(l));
    for (size_t i = 0; i < d->table.count; i++)
        proc_rehome(d->table.items[i]);
    log_warn("a new keeper, pid %d, has taken over", (int)link_keeper_pid(l));
    return 0;
}

static void on_lost(void *ctx)
{
    struct err e = {0};
    struct daemon *d = ctx;
    if (d->served)
        return; /* the end: there is nothing left to keep */
    if (d->update_call) {
        call_fail(d->update_call,
                  "the keeper ended instead of being replaced; another one is there");
        d->update_call = NULL;
    }
    log_error("the keeper is gone; starting another one");
    if (replace_keeper(d, &e) == 0)
        return;
    log_error("%s; pm2d ends, apps go on without supervision until the next command", e.msg);
    d->lost_keeper = true;
    d->ending = true;
    stop_serving(d);
}

/* ---- the end ---- */

/* No new work; let go of everything on the loop, so that it runs out of handles. */
static void stop_serving(struct daemon *d)
{
    d->served = true;
    server_close(d->server);
    bus_close(d->env.bus);
    if (d->lost_keeper)
        sockets_close(d->env.sockets, false); /* before the processes, which go on with them */
    while (d->table.count > 0) {              /* only when the keeper was lost */
        struct proc *p = d->table.items[d->table.count - 1];
        table_remove(&d->table, p);
        proc_discard(p);
    }
    if (!d->lost_keeper)
        link_quit(d->env.link);
    link_flush(d->env.link);
    link_stop(d->env.link);
    trees_close(d->env.trees);
    memguards_close(d->env.memguards);
    notify_close(d->env.notify, !d->lost_keeper);
    instance_sock_close(d->env.instance_sock, !d->lost_keeper);
    primary_close(d->env.primary);
    sockets_close(d->env.sockets, true);
    rotator_close(d->env.files.rotator);
    journal_stop(d->env.journal);
}

static void reply_killed(struct daemon *d, const struct batch_item *items, size_t count)
{
    struct buf *out = call_begin(d->kill_call);
    buf_add_c(out, "{\"args\":[{\"stopped\":[");
    struct jw w = jw_to(out);
    for (size_t i = 0; i < count; i++) {
        jw_obj_begin(&w);
        jw_kstr(&w, "name", items[i].name);
        jw_kint(&w, "id", items[i].id);
        jw_obj_end(&w);
    }
    buf_add_c(out, "]}]}");
    call_end(d->kill_call);
    d->kill_call = NULL;
}

static void on_all_gone(void *ctx, const struct batch_item *items, size_t count)
{
    struct daemon *d = ctx;
    for (size_t i = 0; i < count; i++)
        if (items[i].error)
            log_error("App [%s:%d] %s", items[i].name, items[i].id, items[i].error);
    if (!d->killed_by_signal)
        event_kill(d->env.bus, "via CLI"); /* the last event, as from PM2 */
    if (d->kill_call)
        reply_killed(d, items, count);
    stop_serving(d);
    if (d->kill_notify > 0)
        (void)kill(d->kill_notify, SIGQUIT);
}

static void shutdown_all(void *ctx, struct call *call, pid_t notify_pid)
{
    struct daemon *d = ctx;
    if (d->ending) {
        if (call)
            call_fail(call, "the daemon is being ended already");
        return;
    }
    d->ending = true;
    d->methods.shutting_down = true;
    d->kill_call = call;
    d->kill_notify = notify_pid;
    size_t n = d->table.count;
    struct proc **procs = calloc(n + 1, sizeof(struct proc *));
    if (procs && n > 0)
        memcpy(procs, d->table.items, n * sizeof(struct proc *));
    if (!procs || batch_order(procs, n, ORDER_DELETE, on_all_gone, d) < 0)
        on_all_gone(d, NULL, 0); /* out of memory: the keeper kills what is left */
    free(procs);
}

/* ---- the start ---- */

static int64_t env_ms(const char *name, int64_t fallback)
{
    const char *text = getenv(name);
    long long v;
    if (!text || !str_to_int(str_from(text), &v) || v <= 0 || v > LIMIT_DELAY_MS)
        return fallback;
    return v;
}

static int env_signal(const char *name, int fallback)
{
    const char *text = getenv(name);
    int signo = text ? signal_by_name(text) : 0;
    if (text && signo == 0)
        log_warn("%s: no such signal: %s", name, text);
    return signo ? signo : fallback;
}

static const char *get_variable(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* NULL when out of memory; free(). */
static char *path_of_journal(const char *home)
{
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/" JOURNAL_FILE, home);
    return buf_detach(&path);
}

int daemon_check(const char *home, struct err *e)
{
    char *path = path_of_journal(home);
    int rc = path ? journal_check(path, e) : err_set(e, -ENOMEM, "out of memory");
    free(path);
    return rc;
}

static int read_settings(struct daemon *d, const char *home, struct err *e)
{
    struct proc_env *env = &d->env;
    setenv("PM2_HOME", home, 1);
    unsetenv("OVER_HOME");
    int rc = pm2_paths_init(&env->paths, get_variable, NULL, NULL, "/", e);
    if (rc < 0)
        return rc;
    const char *use_message = getenv("PM2_KILL_USE_MESSAGE");
    env->defaults = (struct policy_defaults){
        .kill_timeout_ms = env_ms("PM2_KILL_TIMEOUT", 1600),
        .kill_retry_ms = env_ms("PM2_KILL_RETRY_TIME", 100),
        .listen_timeout_ms = env_ms("PM2_GRACEFUL_LISTEN_TIMEOUT", 3000),
        .backoff_reset_ms = env_ms("EXP_BACKOFF_RESET_TIMER", 30000),
        .kill_use_message = use_message && *use_message,
    };
    /* SIGINT, not SIGTERM: what PM2 sends, and what Node apps listen for */
    env->orphan_reaper = 1;
    env->kill_signal = env_signal("PM2_KILL_SIGNAL", SIGINT);
    d->journal_path = path_of_journal(home);
    return d->journal_path ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int connect_keeper(struct daemon *d, int fd, struct err *e)
{
    d->handler = (struct link_handler){
        .ctx = d,
        .child = on_child,
        .stored = on_stored,
        .spawned = on_spawned,
        .spawn_failed = on_spawn_failed,
        .exited = on_exited,
        .terminate = on_terminate,
        .reopen = on_reopen,
        .updating = on_updating,
        .lost = on_lost,
    };
    d->env.link = link_connect(fd, &d->handler, e);
    return d->env.link ? link_start(d->env.link, &d->loop) : e->code;
}

static int bind_sockets(struct daemon *d, struct err *e)
{
    d->server = server_new(&d->loop, methods_handle, &d->methods);
    if (!d->server)
        return err_set(e, -ENOMEM, "out of memory");
    int rc = bus_listen(d->env.bus, d->env.paths.pub_sock, e);
    return rc < 0 ? rc : server_listen(d->server, d->env.paths.rpc_sock, e);
}

/* Output that was on its way when the pm2d before died goes first: what it has announced to write
 * must not find other writes in between. */
static void recover_logs(struct daemon *d)
{
    for (size_t i = 0; i < d->table.count; i++) {
        struct proc *p = d->table.items[i];
        if (p->run)
            run_logs_recover(p->run);
        list_for_each (it, &p->old_runs)
            run_logs_recover(LIST_ENTRY(it, struct run, link));
    }
    run_logs_recovered(&d->env);
}

/* Step two of recovery: everything is known, now act. */
static void take_effect(struct daemon *d, int found)
{
    recover_logs(d);
    /* Ids, not positions: an order may remove entries. */
    int highest = d->table.next_id;
    primary_recover(d->env.primary, d->table.items, d->table.count);
    sockets_recover(d->env.sockets);
    instance_sock_recover(d->env.instance_sock);
    for (int id = 0; id < highest; id++) {
        struct proc *p = table_find(&d->table, id);
        if (!p)
            continue;
        extras_added(p);
        proc_coldplug(p);
        if (table_find(&d->table, id) == p)
            reload_coldplug(p);
    }
    if (found > 0)
        log_info("took over %d processes from the pm2d before", found);
}

static void announce(const struct daemon *d)
{
    const struct pm2_paths *p = &d->env.paths;
    log_info("--- pm2c daemon started: version %s (as PM2 %s), pid %d, keeper %d", PM2C_VERSION,
             PM2_COMPAT_VERSION, (int)getpid(), (int)link_keeper_pid(d->env.link));
    log_info("PM2 home             : %s", p->home);
    log_info("RPC socket file      : %s", p->rpc_sock);
    log_info("BUS socket file      : %s", p->pub_sock);
    log_info("Application log path : %s", p->log_dir);
}

/* The module that rotates logs is at work. */
static bool has_rotating_module(void *ctx)
{
    const struct daemon *d = ctx;
    for (size_t i = 0; i < d->table.count; i++) {
        const struct proc *p = d->table.items[i];
        if (strcmp(proc_name(p), "pm2-logrotate") == 0 && proc_pid(p) > 0 &&
            json_truthy(json_object_get(p->conf, "pmx_module")))
            return true;
    }
    return false;
}

static int start(struct daemon *d, const struct daemon_options *o, struct err *e)
{
    int found = 0;
    int rc = read_settings(d, o->home, e);
    if (rc < 0)
        return rc;
    d->env.bus = bus_new(&d->loop);
    if (!d->env.bus)
        return err_set(e, -ENOMEM, "out of memory");
    own_log_start(&d->own_log, d->env.bus, d->env.paths.log_file);
    if (!rotator_new(&d->loop, &d->env.files, has_rotating_module, d))
        return err_set(e, -ENOMEM, "out of memory");
    run_logs_read_settings(&d->env);
    own_log_rotate_with(&d->own_log, &d->env);
    d->env.history = history_open(d->env.paths.home);
    d->methods.saver = saver_new(&d->methods);
    if (!d->methods.saver)
        return err_set(e, -ENOMEM, "out of memory");
    d->env.journal = journal_open(d->journal_path, &d->table, &found, e);
    if (!d->env.journal)
        return e->code;
    d->env.notify = notify_new(&d->table, &d->env);
    d->env.instance_sock = instance_sock_new(&d->table, &d->env);
    d->env.primary = primary_new(&d->env);
    d->env.sockets = sockets_new(&d->env, &d->table);
    if (!d->env.notify || !d->env.instance_sock || !d->env.primary || !d->env.sockets)
        return err_set(e, -ENOMEM, "out of memory");
    rc = connect_keeper(d, o->link_fd, e);
    if (rc < 0)
        return rc;
    resources_find_cgroups(&d->env);
    d->env.trees = trees_new(&d->loop, link_keeper_pid(d->env.link), d->env.paths.pid_file);
    d->env.memguards = memguards_new(&d->loop);
    rc = d->env.trees && d->env.memguards ? bind_sockets(d, e)
                                          : err_set(e, -ENOMEM, "out of memory");
    if (rc < 0)
        return rc;
    announce(d);
    history_daemon(d->env.history, found > 0 ? "took over" : "started");
    forget_unknown(d);
    for (size_t i = 0; i < d->table.count; i++) {
        struct proc *p = d->table.items[i];
        proc_adopt_stray(p);
        if (p->other)
            proc_adopt_stray(p->other);
    }
    take_effect(d, found);
    link_ready(d->env.link);
    return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void finish(struct daemon *d, bool started)
{
    if (!started) { /* half a start: whatever is on the loop goes */
        server_close(d->server);
        bus_close(d->env.bus);
        link_stop(d->env.link);
        trees_close(d->env.trees);
        primary_close(d->env.primary); /* before the processes: the next pm2d shall find all */
        sockets_close(d->env.sockets, false);
        while (d->table.count > 0) {
            struct proc *p = d->table.items[d->table.count - 1];
            table_remove(&d->table, p);
            proc_discard(p);
        }
        memguards_close(d->env.memguards);
        notify_close(d->env.notify, false);
        instance_sock_close(d->env.instance_sock, false);
        rotator_close(d->env.files.rotator);
        journal_stop(d->env.journal);
        uv_run(&d->loop, UV_RUN_DEFAULT);
    }
    own_log_stop(&d->own_log);
    server_free(d->server);
    bus_free(d->env.bus);
    if (uv_loop_close(&d->loop) == UV_EBUSY) {
        log_error("handles were left on the loop");
        uv_walk(&d->loop, close_handle, NULL);
        uv_run(&d->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&d->loop);
    }
    if (d->env.cgroup_base[0] && !d->lost_keeper)
        (void)cgroup_remove(d->env.cgroup_base);
    saver_free(d->methods.saver);
    history_close(d->env.history);
    journal_close(d->env.journal, started && !d->lost_keeper);
    link_free(d->env.link);
    table_fini(&d->table);
    pm2_paths_fini(&d->env.paths);
    json_decref(d->env.settings);
    free(d->journal_path);
}

/* As at a SIGKILL, but for what waits to be written: sockets, files and the journal stay as they
 * are for the next pm2d. A tidy end would have to undo half of what that one needs. */
ATTR_NORETURN static void end_replaced(struct daemon *d)
{
    link_flush(d->env.link);
    FAILPOINT("update.ends");
    _exit(0);
}

int daemon_run(const struct daemon_options *o, struct err *e)
{
    struct daemon d = {0};
    int rc = uv_loop_init(&d.loop);
    if (rc < 0)
        return err_set(e, rc, "event loop: %s", uv_strerror(rc));
    d.env.loop = &d.loop;
    buf_init(&d.unknown);
    logfiles_init(&d.env.files);
    list_init(&d.env.stored_spools);
    list_init(&d.env.secret_turns.waiting);
    table_init(&d.table, &d.env);
    d.methods = (struct methods){
        .table = &d.table,
        .env = &d.env,
        .own_log = &d.own_log,
        .started_at = clock_wall_ms(),
        .shutdown = shutdown_all,
        .update = update,
        .shutdown_ctx = &d,
    };
    world_init(&d.methods.world);
    rc = start(&d, o, e);
    if (rc == 0)
        uv_run(&d.loop, UV_RUN_DEFAULT);
    if (d.is_replaced)
        end_replaced(&d);
    if (rc < 0 && d.env.link)
        link_fatal(d.env.link, e->msg), link_flush(d.env.link);
    finish(&d, rc == 0);
    return rc == 0 && !d.lost_keeper ? 0 : 1;
}
