/* SPDX-License-Identifier: MIT
 * Programs against libpm2 for libpm2.bats, by name; each says "ok" when all went as it should.
 * Compiled with the public header alone. */
#include <errno.h>
#include <pm2/pm2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);                             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct pm2 *connected(enum pm2_mode mode)
{
    struct pm2 *p = pm2_new();
    CHECK(p);
    CHECK(pm2_set_mode(p, mode) == 0);
    if (pm2_connect(p) < 0) {
        fprintf(stderr, "connect: %s\n", pm2_error_text(p));
        exit(1);
    }
    return p;
}

static struct pm2_app *hello(void)
{
    struct pm2_app *a = pm2_app_new("show.sh");
    CHECK(a);
    pm2_app_set_name(a, "shown");
    pm2_app_set_namespace(a, "some");
    pm2_app_set_autorestart(a, 0);
    pm2_app_add_arg(a, "one");
    pm2_app_add_arg(a, "two words");
    pm2_app_set_env(a, "LIB_C_VALUE", "from C");
    pm2_app_set_json(a, "kill_timeout", "1234");
    return a;
}

static void start_ticking(struct pm2 *p, struct pm2_list **ret)
{
    struct pm2_app *a = pm2_app_new("api.sh");
    CHECK(a);
    pm2_app_set_name(a, "api");
    CHECK(pm2_start(p, a, ret) == 0);
    pm2_app_free(a);
}

/* ---- blocking face -----------------------------------------------------------------------------
 */

static void check_fields(const struct pm2_proc *proc)
{
    CHECK(proc);
    CHECK(pm2_proc_id(proc) == 0);
    CHECK(pm2_proc_pid(proc) > 1);
    CHECK(kill(pm2_proc_pid(proc), 0) == 0);
    CHECK(strcmp(pm2_proc_name(proc), "api") == 0);
    CHECK(strcmp(pm2_proc_namespace(proc), "default") == 0);
    CHECK(pm2_proc_status(proc) == PM2_STATUS_ONLINE);
    CHECK(strcmp(pm2_proc_exec_mode(proc), "fork_mode") == 0);
    CHECK(strstr(pm2_proc_exec_path(proc), "/api.sh"));
    CHECK(pm2_proc_cwd(proc)[0] == '/');
    CHECK(strstr(pm2_proc_out_log(proc), "api-out.log"));
    CHECK(strstr(pm2_proc_error_log(proc), "api-error.log"));
    CHECK(strstr(pm2_proc_pid_path(proc), "api-0.pid"));
    CHECK(pm2_proc_interpreter(proc)[0]);
    CHECK(pm2_proc_user(proc)[0]);
    CHECK(pm2_proc_started_at_ms(proc) > 1500000000000);
    CHECK(pm2_proc_created_at_ms(proc) > 1500000000000);
    CHECK(pm2_proc_uptime_ms(proc) >= 0 && pm2_proc_uptime_ms(proc) < 600000);
    CHECK(pm2_proc_restarts(proc) == 0 && pm2_proc_unstable_restarts(proc) == 0);
    CHECK(pm2_proc_cpu_percent(proc) >= 0);
    CHECK(pm2_proc_env(proc, "PATH"));
    CHECK(!pm2_proc_env(proc, "NOT_THERE"));
    CHECK(strstr(pm2_proc_json(proc), "\"pm2_env\":{"));
    CHECK(pm2_proc_json(proc) == pm2_proc_json(proc));
}

static void blocking(void)
{
    struct pm2_list *l;
    const char *version;
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_has_launched(p) && pm2_is_connected(p) && pm2_daemon_pid(p) > 1);
    CHECK(pm2_connect(p) == -EISCONN && pm2_error_code(p) == -EISCONN);
    CHECK(pm2_ping(p) == 0);
    CHECK(pm2_daemon_version(p, &version) == 0 && strcmp(version, "7.0.4") == 0);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 0 && !pm2_list_at(l, 0));
    pm2_list_free(l);
    start_ticking(p, &l);
    CHECK(pm2_list_count(l) == 1);
    pm2_list_free(l);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 1);
    check_fields(pm2_list_find_id(l, 0));
    check_fields(pm2_list_find_name(l, "api"));
    pm2_list_free(l);
    CHECK(pm2_restart(p, "api", &l) == 0 && pm2_proc_restarts(pm2_list_at(l, 0)) == 1);
    pm2_list_free(l);
    CHECK(pm2_stop(p, "0", &l) == 0);
    CHECK(pm2_proc_status(pm2_list_at(l, 0)) == PM2_STATUS_STOPPED);
    CHECK(pm2_proc_pid(pm2_list_at(l, 0)) == 0 && pm2_proc_uptime_ms(pm2_list_at(l, 0)) == 0);
    pm2_list_free(l);
    CHECK(pm2_restart(p, "all", NULL) == 0);
    CHECK(pm2_describe(p, "api", &l) == 0 && pm2_list_count(l) == 1);
    pm2_list_free(l);
    CHECK(pm2_describe(p, "other", &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    CHECK(pm2_delete(p, "api", &l) == 0 && pm2_list_count(l) == 1);
    CHECK(strcmp(pm2_proc_name(pm2_list_at(l, 0)), "api") == 0);
    pm2_list_free(l);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    CHECK(pm2_kill_daemon(p) == 0 && !pm2_is_connected(p));
    CHECK(pm2_set_mode(p, PM2_NO_LAUNCH) == 0 && pm2_connect(p) == -ENOENT);
    pm2_free(p);
}

static void refusals(void)
{
    struct pm2_list *l = (struct pm2_list *)-1;
    struct pm2 *p = pm2_new();
    CHECK(p && pm2_error_code(p) == 0 && pm2_error_text(p)[0] == '\0');
    CHECK(pm2_list(p, &l) == -ENOTCONN && !l);
    CHECK(pm2_set_mode(p, PM2_NO_LAUNCH) == 0);
    CHECK(pm2_connect(p) == -ENOENT);
    CHECK(pm2_set_mode(p, PM2_LAUNCH) == 0);
    CHECK(pm2_connect(p) == 0);
    CHECK(pm2_set_home(p, "/tmp") == -EISCONN);
    CHECK(pm2_stop(p, "nobody", &l) == -EREMOTEIO && !l);
    CHECK(strstr(pm2_error_text(p), "nobody"));
    CHECK(pm2_stop(p, "", NULL) == -EINVAL && pm2_stop(p, NULL, NULL) == -EINVAL);
    struct pm2_app *a = pm2_app_new("not-there.sh");
    CHECK(pm2_start(p, a, &l) == -EREMOTEIO && strstr(pm2_error_text(p), "not-there.sh"));
    pm2_app_set_json(a, "watch", "{oops");
    pm2_app_set_name(a, "later");
    CHECK(pm2_start(p, a, &l) == -EINVAL && strstr(pm2_error_text(p), "watch"));
    pm2_app_free(a);
    CHECK(pm2_send_signal_to_process_name(p, SIGUSR1, "nobody") == -EREMOTEIO);
    CHECK(pm2_send_signal_to_process_id(p, SIGUSR1, 77) == -EREMOTEIO);
    pm2_disconnect(p);
    pm2_disconnect(p);
    CHECK(pm2_ping(p) == -ENOTCONN);
    CHECK(pm2_connect(p) == 0 && !pm2_has_launched(p) && pm2_ping(p) == 0);
    pm2_free(p);
    pm2_free(NULL);
}

/* What the application got reaches its log. */
static void options(void)
{
    struct pm2_list *l;
    struct pm2_app *a = hello();
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_start(p, a, &l) == 0);
    pm2_app_free(a);
    const struct pm2_proc *proc = pm2_list_find_name(l, "shown");
    CHECK(proc);
    CHECK(strcmp(pm2_proc_namespace(proc), "some") == 0);
    CHECK(strcmp(pm2_proc_env(proc, "LIB_C_VALUE"), "from C") == 0);
    CHECK(strstr(pm2_proc_json(proc), "\"kill_timeout\":1234"));
    CHECK(strstr(pm2_proc_json(proc), "\"args\":[\"one\",\"two words\"]"));
    pm2_list_free(l);
    pm2_free(p);
}

/* A signal that ends the application; the bus tells. */
static void events(void)
{
    const char *topic;
    const char *json;
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_next_event(p, 0, &topic, &json) == -EINVAL);
    CHECK(pm2_subscribe(p) == 0);
    start_ticking(p, NULL);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strcmp(topic, "log:out") != 0);
    CHECK(strstr(json, "tick"));
    CHECK(pm2_send_signal_to_process_name(p, SIGTERM, "api") == 0);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strcmp(topic, "process:event") != 0 || !strstr(json, "\"exit\""));
    CHECK(pm2_kill_daemon(p) == 0);
    pm2_free(p);
}

/* ---- no-daemon mode ----------------------------------------------------------------------------
 */

/* Says the pid of the application, then stays until stdin ends. */
static void own(void)
{
    char byte;
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_NO_DAEMON);
    start_ticking(p, &l);
    printf("%d %d\n", pm2_proc_pid(pm2_list_at(l, 0)), pm2_has_launched(p));
    fflush(stdout);
    pm2_list_free(l);
    CHECK(read(0, &byte, 1) == 0);
    pm2_free(p);
}

/* ---- callback face -----------------------------------------------------------------------------
 */

struct loop {
    int reads[2], writer; /* -1 = none */
    int timer_ms;
    int calls, ok, canceled, closed, events;
    struct pm2 *p; /* NULL = freed */
    int free_after;
};

static void add_read(void *data, int fd)
{
    struct loop *l = data;
    CHECK(l->reads[0] != fd && l->reads[1] != fd);
    CHECK(l->reads[0] < 0 || l->reads[1] < 0);
    l->reads[l->reads[0] >= 0] = fd;
}

static void del_read(void *data, int fd)
{
    struct loop *l = data;
    CHECK(l->reads[0] == fd || l->reads[1] == fd);
    l->reads[l->reads[0] != fd] = -1;
}

static void add_write(void *data, int fd)
{
    struct loop *l = data;
    CHECK(l->writer < 0);
    l->writer = fd;
}

static void del_write(void *data, int fd)
{
    struct loop *l = data;
    CHECK(l->writer == fd);
    l->writer = -1;
}

static void add_timer(void *data, int timeout_ms)
{
    ((struct loop *)data)->timer_ms = timeout_ms;
}

static void del_timer(void *data)
{
    ((struct loop *)data)->timer_ms = -1;
}

static void on_closed(struct pm2 *p, int code, void *data)
{
    struct loop *l = data;
    CHECK(code == -EPIPE && !pm2_is_connected(p));
    l->closed++;
}

static struct pm2 *attach(struct loop *l)
{
    *l = (struct loop){.reads = {-1, -1}, .writer = -1, .timer_ms = -1, .free_after = -1};
    const struct pm2_hooks hooks = {l,         add_read,  del_read,  add_write,
                                    del_write, add_timer, del_timer, on_closed};
    l->p = connected(PM2_LAUNCH);
    CHECK(pm2_async_ping(l->p, NULL, NULL) == -EBUSY);
    CHECK(pm2_attach(l->p, &hooks) == 0 && pm2_attach(l->p, &hooks) == -EBUSY);
    CHECK(pm2_ping(l->p) == -EBUSY);
    return l->p;
}

static void step(struct loop *l)
{
    struct pollfd fds[3] = {{.fd = l->reads[0], .events = POLLIN},
                            {.fd = l->reads[1], .events = POLLIN},
                            {.fd = l->writer, .events = POLLOUT}};
    CHECK(poll(fds, 3, l->timer_ms >= 0 ? l->timer_ms : 20000) >= 0);
    if (!(fds[0].revents | fds[1].revents | fds[2].revents)) {
        CHECK(l->timer_ms >= 0); /* else nothing happens any more */
        l->timer_ms = -1;
        pm2_handle_timeout(l->p);
    }
    if (fds[2].revents)
        pm2_handle_write(l->p, fds[2].fd);
    for (int i = 0; i < 2; i++)
        if (fds[i].revents && l->p)
            pm2_handle_read(l->p, fds[i].fd);
}

static void on_done(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    (void)list;
    l->calls++;
    l->ok += code == 0;
    l->canceled += code == -ECANCELED;
    if (code == -ECANCELED)
        CHECK(pm2_async_ping(p, on_done, l) == -ENOTCONN);
    if (l->calls == l->free_after) {
        pm2_free(p);
        l->p = NULL;
        CHECK(pm2_async_ping(p, on_done, l) == -ENOTCONN);
    }
}

static void on_event(struct pm2 *p, const char *topic, const char *json, void *data)
{
    (void)p;
    (void)json;
    ((struct loop *)data)->events += topic != NULL;
}

static void pipelined(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    for (int i = 0; i < 3000; i++)
        CHECK(pm2_async_ping(p, on_done, &l) == 0);
    CHECK(l.calls == 0);
    while (l.calls < 3000)
        step(&l);
    CHECK(l.ok == 3000 && l.timer_ms < 0 && l.writer < 0);
    pm2_free(p);
    CHECK(l.reads[0] < 0 && l.calls == 3000);
}

static void freed_inside(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    l.free_after = 5;
    for (int i = 0; i < 20; i++)
        CHECK(pm2_async_ping(p, on_done, &l) == 0);
    while (l.p)
        step(&l);
    CHECK(l.calls == 20 && l.ok == 5 && l.canceled == 15);
    CHECK(l.reads[0] < 0 && l.writer < 0 && l.timer_ms < 0);
}

static void on_disconnecting(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    (void)list;
    CHECK(code == 0);
    pm2_disconnect(p);
    pm2_disconnect(p);
    ((struct loop *)data)->calls++;
}

static void disconnected_inside(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    CHECK(pm2_async_ping(p, on_disconnecting, &l) == 0);
    CHECK(pm2_async_ping(p, on_done, &l) == 0);
    while (l.calls < 2)
        step(&l);
    CHECK(l.canceled == 1 && !pm2_is_connected(p) && l.reads[0] < 0 && l.closed == 0);
    CHECK(pm2_connect(p) == 0 && pm2_ping(p) == 0);
    pm2_free(p);
}

/* The daemon is stopped: no answer, until it goes on; what comes late is dropped. */
static void timed_out(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    int daemon = pm2_daemon_pid(p);
    CHECK(kill(daemon, SIGSTOP) == 0);
    CHECK(pm2_set_timeout(p, 100) == 0);
    CHECK(pm2_async_ping(p, on_done, &l) == 0);
    while (l.calls < 1)
        step(&l);
    CHECK(kill(daemon, SIGCONT) == 0);
    CHECK(l.ok == 0 && pm2_error_code(p) == -ETIMEDOUT && strstr(pm2_error_text(p), "rpc.sock"));
    CHECK(pm2_set_timeout(p, -1) == 0);
    CHECK(pm2_async_ping(p, on_done, &l) == 0);
    while (l.calls < 2)
        step(&l);
    CHECK(l.ok == 1);
    pm2_free(p);
}

/* Started, seen on the bus, and the daemon killed. */
static void killed(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    struct pm2_app *a = pm2_app_new("api.sh");
    CHECK(pm2_async_subscribe(p, on_event, &l) == 0);
    CHECK(pm2_async_subscribe(p, on_event, &l) == -EBUSY);
    CHECK(pm2_async_start(p, a, on_done, &l) == 0);
    pm2_app_free(a);
    while (l.calls < 1 || l.events == 0)
        step(&l);
    CHECK(pm2_async_kill_daemon(p, on_done, &l) == 0);
    while (l.calls < 2)
        step(&l);
    CHECK(l.ok == 2 && l.closed == 0 && !pm2_is_connected(p));
    CHECK(l.reads[0] < 0 && l.reads[1] < 0);
    pm2_free(p);
}

/* The daemon is killed by force: whoever waits is told, and so is `closed`. */
static void crashed(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    int daemon = pm2_daemon_pid(p);
    CHECK(kill(daemon, SIGSTOP) == 0);
    CHECK(pm2_async_ping(p, on_done, &l) == 0);
    CHECK(kill(daemon, SIGKILL) == 0);
    while (l.closed == 0)
        step(&l);
    CHECK(l.calls == 1 && l.ok == 0 && l.canceled == 0);
    if (pm2_connect(p) < 0) { /* the keeper starts another */
        fprintf(stderr, "connect: %s\n", pm2_error_text(p));
        exit(1);
    }
    CHECK(pm2_ping(p) == 0);
    pm2_free(p);
}

static const struct {
    const char *name;
    void (*run)(void);
} programs[] = {
    {"blocking", blocking},
    {"crashed", crashed},
    {"disconnected-inside", disconnected_inside},
    {"events", events},
    {"freed-inside", freed_inside},
    {"killed", killed},
    {"options", options},
    {"own", own},
    {"pipelined", pipelined},
    {"refusals", refusals},
    {"timed-out", timed_out},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (strcmp(argv[1], programs[i].name) != 0)
            continue;
        programs[i].run();
        printf("ok\n");
        return 0;
    }
    fprintf(stderr, "no such program\n");
    return 2;
}
