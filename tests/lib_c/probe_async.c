/* SPDX-License-Identifier: MIT
 * Programs against libpm2 for the bats files: the callback face, in a loop of poll(2). */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define FDS_MAX 4

struct loop {
    int reads[FDS_MAX], writer; /* -1 = none */
    int timer_ms;
    int calls, ok, canceled, closed, events;
    int daemon, keeper, code;
    struct pm2 *p; /* NULL = freed */
    int free_after;
};

/* Where `fd` is (-1: a free place); the hooks are never called twice for the same thing. */
static int *place(struct loop *l, int fd)
{
    int *found = NULL;
    for (int i = 0; i < FDS_MAX; i++)
        if (l->reads[i] == fd)
            found = &l->reads[i];
    return found;
}

static void add_read(void *data, int fd)
{
    struct loop *l = data;
    CHECK(fd >= 0 && !place(l, fd) && place(l, -1));
    *place(l, -1) = fd;
}

static void del_read(void *data, int fd)
{
    struct loop *l = data;
    CHECK(fd >= 0 && place(l, fd));
    *place(l, fd) = -1;
}

static int watched(const struct loop *l)
{
    int count = l->writer >= 0;
    for (int i = 0; i < FDS_MAX; i++)
        count += l->reads[i] >= 0;
    return count;
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

static struct pm2_hooks loop_init(struct loop *l)
{
    *l = (struct loop){.reads = {-1, -1, -1, -1}, .writer = -1, .timer_ms = -1, .free_after = -1};
    return (struct pm2_hooks){l,         add_read,  del_read,  add_write,
                              del_write, add_timer, del_timer, on_closed};
}

static struct pm2 *attach(struct loop *l)
{
    const struct pm2_hooks hooks = loop_init(l);
    l->p = connected(PM2_LAUNCH);
    CHECK(pm2_async_ping(l->p, NULL, NULL) == -EBUSY);
    CHECK(pm2_attach(l->p, &hooks) == 0 && pm2_attach(l->p, &hooks) == -EBUSY);
    CHECK(pm2_ping(l->p) == -EBUSY);
    return l->p;
}

static void step(struct loop *l)
{
    struct pollfd fds[FDS_MAX + 1] = {{.fd = l->writer, .events = POLLOUT}};
    for (int i = 0; i < FDS_MAX; i++)
        fds[i + 1] = (struct pollfd){.fd = l->reads[i], .events = POLLIN};
    int ready = poll(fds, FDS_MAX + 1, l->timer_ms >= 0 ? l->timer_ms : 20000);
    CHECK(ready >= 0);
    if (ready == 0) {
        CHECK(l->timer_ms >= 0); /* else nothing happens any more */
        l->timer_ms = -1;
        pm2_handle_timeout(l->p);
    }
    if (fds[0].revents)
        pm2_handle_write(l->p, fds[0].fd);
    for (int i = 1; i <= FDS_MAX; i++)
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
    CHECK(watched(&l) == 0 && l.calls == 3000);
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
    CHECK(watched(&l) == 0 && l.timer_ms < 0);
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
    CHECK(l.canceled == 1 && !pm2_is_connected(p) && watched(&l) == 0 && l.closed == 0);
    CHECK(pm2_connect(p) == 0 && pm2_ping(p) == 0);
    pm2_free(p);
}

static void on_scaled(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    (void)p;
    CHECK(code == 0 && pm2_list_count(list) == 2);
    l->calls++;
}

static void on_reloaded(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    (void)p;
    CHECK(code == 0 && pm2_list_count(list) == 2);
    for (size_t i = 0; i < 2; i++)
        CHECK(pm2_proc_restarts(pm2_list_at(list, i)) == 1);
    l->calls++;
}

static void reloaded_async(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    struct pm2_app *a = pm2_app_new("api.sh");
    CHECK(pm2_async_start(p, a, on_done, &l) == 0);
    while (l.calls < 1)
        step(&l);
    CHECK(pm2_async_scale(p, "api", "2", on_scaled, &l) == 0);
    while (l.calls < 2)
        step(&l);
    CHECK(pm2_async_reload(p, "api", on_reloaded, &l) == 0);
    while (l.calls < 3)
        step(&l);
    CHECK(pm2_async_reload_with(p, "nobody", a, on_done, &l) == 0);
    while (l.calls < 4)
        step(&l);
    CHECK(l.ok == 1 && pm2_error_code(p) == -EREMOTEIO);
    pm2_app_free(a);
    pm2_free(p);
}

static void on_reply(struct pm2 *p, int code, const char *json, void *data)
{
    struct loop *l = data;
    (void)p;
    CHECK((code == 0) == (json != NULL));
    l->calls++;
    l->ok += code == 0;
    l->canceled += code == -ECANCELED;
    if (code == 0)
        CHECK(strcmp(json, "{\"msg\":\"pong\"}") == 0);
}

/* JSON of answers; a call that is under way when the handle is freed. */
static void called_async(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    CHECK(pm2_async_call(p, "ping", NULL, on_reply, &l) == 0);
    CHECK(pm2_async_call(p, "dance", "[1]", on_reply, &l) == 0);
    CHECK(pm2_async_call(p, "ping", "{", on_reply, &l) == -EINVAL);
    CHECK(pm2_async_trigger(p, "nobody", "hello", NULL, on_reply, &l) == 0);
    CHECK(pm2_async_send_data_to_process_id(p, 5, "t", "1", on_done, &l) == 0);
    CHECK(pm2_async_send_line_to_stdin(p, 5, "words", on_done, &l) == 0);
    CHECK(pm2_async_msg_process(p, "{\"msg\":\"x\"}", on_reply, &l) == 0);
    CHECK(pm2_async_reset(p, "nobody", on_done, &l) == 0);
    while (l.calls < 7)
        step(&l);
    CHECK(l.ok == 1 && l.canceled == 0);
    CHECK(pm2_async_reset(p, "all", on_done, &l) == 0);
    while (l.calls < 8)
        step(&l);
    CHECK(l.ok == 2);
    CHECK(pm2_async_call(p, "ping", NULL, on_reply, &l) == 0);
    pm2_free(p);
    CHECK(l.calls == 9 && l.canceled == 1 && watched(&l) == 0);
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

static int keeper_of(const char *home)
{
    char path[4096];
    int pid = 0;
    CHECK(home && snprintf(path, sizeof(path), "%s/pm2.pid", home) < (int)sizeof(path));
    FILE *f = fopen(path, "r");
    CHECK(f && fscanf(f, "%d", &pid) == 1 && pid > 1);
    fclose(f);
    return pid;
}

/* Ended; whether its parent has taken note of it does not matter. */
static int is_gone(int pid)
{
    char path[32];
    char state = 'Z';
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 1;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z'; /* it went while we read */
    fclose(f);
    return state == 'Z' || state == 'X';
}

static void on_killed(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    CHECK(code == 0 && !list && !pm2_is_connected(p));
    CHECK(is_gone(l->keeper) && is_gone(l->daemon));
    l->calls++;
    l->ok++;
}

/* Started, seen on the bus, and the daemon killed; when that is done the keeper is gone, too. */
static void killed(void)
{
    struct loop l;
    struct pm2 *p = attach(&l);
    struct pm2_app *a = pm2_app_new("api.sh");
    l.daemon = pm2_daemon_pid(p);
    l.keeper = keeper_of(getenv("PM2_HOME"));
    CHECK(pm2_async_subscribe(p, on_event, &l) == 0);
    CHECK(pm2_async_subscribe(p, on_event, &l) == -EBUSY);
    CHECK(pm2_async_start(p, a, on_done, &l) == 0);
    pm2_app_free(a);
    while (l.calls < 1 || l.events == 0)
        step(&l);
    CHECK(pm2_async_kill_daemon(p, on_killed, &l) == 0);
    while (l.calls < 2)
        step(&l);
    CHECK(l.ok == 2 && l.closed == 0 && !pm2_is_connected(p));
    CHECK(watched(&l) == 0 && l.timer_ms < 0);
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

static void on_connected(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    CHECK(!list && (code == 0) == pm2_is_connected(p));
    l->calls++;
    l->ok += code == 0;
    l->canceled += code == -ECANCELED;
    l->code = code;
}

static struct pm2 *connecting(struct loop *l, enum pm2_mode mode)
{
    const struct pm2_hooks hooks = loop_init(l);
    l->p = pm2_new();
    CHECK(l->p && pm2_set_mode(l->p, mode) == 0);
    CHECK(pm2_async_connect(l->p, &hooks, on_connected, l) == 0 && l->calls == 0);
    CHECK(pm2_async_connect(l->p, &hooks, on_connected, l) == -EISCONN);
    CHECK(pm2_connect(l->p) == -EISCONN && pm2_async_ping(l->p, on_done, l) == -ENOTCONN);
    return l->p;
}

/* Nobody there: launched; and again, when there is one. */
static void connected_async(void)
{
    struct loop l;
    for (int launched = 1; launched >= 0; launched--) {
        struct pm2 *p = connecting(&l, PM2_LAUNCH);
        while (l.calls < 1)
            step(&l);
        CHECK(l.ok == 1 && pm2_has_launched(p) == launched && pm2_daemon_pid(p) > 1);
        CHECK(pm2_async_ping(p, on_done, &l) == 0);
        while (l.calls < 2)
            step(&l);
        CHECK(l.ok == 2 && l.timer_ms < 0);
        pm2_free(p);
        CHECK(watched(&l) == 0 && l.calls == 2);
    }
}

static void connecting_fails(void)
{
    struct loop l;
    struct pm2 *p = connecting(&l, PM2_NO_LAUNCH);
    while (l.calls < 1)
        step(&l);
    CHECK(l.code == -ENOENT && watched(&l) == 0 && l.timer_ms < 0 && l.closed == 0);
    CHECK(pm2_error_text(p)[0] && pm2_async_ping(p, on_done, &l) == -ENOTCONN);
    CHECK(pm2_set_mode(p, PM2_LAUNCH) == 0);
    CHECK(pm2_set_keeper(p, "/no/such/pm2-keeper") == 0);
    const struct pm2_hooks hooks = loop_init(&l);
    CHECK(pm2_async_connect(p, &hooks, on_connected, &l) == 0);
    l.p = p;
    while (l.calls < 1)
        step(&l);
    CHECK(l.code < 0 && strstr(pm2_error_text(p), "/no/such/pm2-keeper"));
    pm2_free(p);
}

/* The keeper of this test says nothing: the attempt is given up, and one more runs into its time.
 */
static void hanging_keeper(void)
{
    struct loop l;
    struct pm2 *p = connecting(&l, PM2_LAUNCH);
    while (watched(&l) == 0)
        step(&l);
    pm2_disconnect(p);
    CHECK(l.calls == 1 && l.canceled == 1 && watched(&l) == 0 && l.timer_ms < 0);
    const struct pm2_hooks hooks = loop_init(&l);
    l.p = p;
    CHECK(pm2_set_timeout(p, 100) == 0);
    CHECK(pm2_async_connect(p, &hooks, on_connected, &l) == 0);
    while (l.calls < 1)
        step(&l);
    CHECK(l.code == -ETIMEDOUT && strstr(pm2_error_text(p), "pm2.log"));
    CHECK(watched(&l) == 0 && l.timer_ms < 0);
    pm2_free(p);
}

/* What listens is made by the test: both faces have to say the same. */
static void refused(void)
{
    struct loop l;
    struct pm2 *p = pm2_new();
    CHECK(p && pm2_set_timeout(p, 300) == 0);
    int code = pm2_connect(p);
    printf("%d %s\n", code, pm2_error_text(p));
    CHECK(code < 0 && !pm2_is_connected(p) && pm2_ping(p) == -ENOTCONN);
    const struct pm2_hooks hooks = loop_init(&l);
    l.p = p;
    CHECK(pm2_async_connect(p, &hooks, on_connected, &l) == 0);
    while (l.calls < 1)
        step(&l);
    CHECK(l.code == code && watched(&l) == 0 && l.timer_ms < 0 && l.closed == 0);
    pm2_disconnect(p);
    pm2_disconnect(p);
    pm2_free(p);
}

/* Connected by both faces; what the daemon calls itself does not matter. */
static void accepted(void)
{
    struct loop l;
    struct pm2 *p = connected(PM2_NO_LAUNCH);
    pm2_free(p);
    p = connecting(&l, PM2_NO_LAUNCH);
    while (l.calls < 1)
        step(&l);
    CHECK(l.ok == 1);
    pm2_free(p);
}

/* It is freed in the callback that tells of the application. */
static void own_async(void)
{
    struct loop l;
    struct pm2 *p = connecting(&l, PM2_NO_DAEMON);
    while (l.calls < 1)
        step(&l);
    CHECK(l.ok == 1 && pm2_has_launched(p));
    struct pm2_app *a = pm2_app_new("api.sh");
    l.free_after = 2;
    CHECK(pm2_async_start(p, a, on_done, &l) == 0);
    pm2_app_free(a);
    while (l.p)
        step(&l);
    CHECK(l.ok == 2 && watched(&l) == 0);
}

const struct program async_programs[] = {
    {"accepted", accepted},
    {"called-async", called_async},
    {"connected-async", connected_async},
    {"connecting-fails", connecting_fails},
    {"crashed", crashed},
    {"disconnected-inside", disconnected_inside},
    {"freed-inside", freed_inside},
    {"hanging-keeper", hanging_keeper},
    {"killed", killed},
    {"own-async", own_async},
    {"pipelined", pipelined},
    {"refused", refused},
    {"reloaded-async", reloaded_async},
    {"timed-out", timed_out},
    {NULL, NULL},
};
