/* SPDX-License-Identifier: MIT
 * Memory that runs out at each allocation in turn, in both faces of the library: an error that says
 * so, no crash, no leak, every callback called once. The daemon is a child of a few lines. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/oom_heap.h"
#include "client/fake_daemon.h"
#include "pm2/pm2.h"
#include "json/read.h"

static char home[FAKE_HOME_BYTES];
static pid_t daemon_pid;

/* ---- the daemon ---- */

static const struct {
    const char *method, *body;
} replies[] = {
    {"c.hello", "{\"args\":[{\"version\":\"7.0.4\",\"pm2c\":\"0.1.0\",\"protocol\":1}]}"},
    {"c.start", "{\"args\":[{\"results\":[{\"ids\":[0],\"restarted\":[[\"web\",1]]}]}]}"},
    {"c.act", "{\"args\":[{\"ids\":[0],\"done\":[]}]}"},
    {"getMonitorData",
     "{\"args\":[[{\"pid\":7,\"name\":\"api\",\"pm_id\":0,\"pm2_env\":{\"status\":\"online\","
     "\"env\":{\"A\":\"b\"}}},{\"pid\":0,\"name\":\"web\",\"pm_id\":1,\"pm2_env\":{}}]]}"},
};

static void serve(int fd)
{
    struct amp_reader r;
    struct buf id = BUF_INIT;
    char method[32];
    amp_reader_init(&r);
    while (next_request(fd, &r, &id, method)) {
        const char *body = "{\"args\":[{}]}";
        for (size_t i = 0; i < ARRAY_LEN(replies); i++)
            if (strcmp(method, replies[i].method) == 0)
                body = replies[i].body;
        answer(fd, buf_str(&id), body);
    }
    amp_reader_fini(&r);
    buf_fini(&id);
}

static int start_daemon(void **state)
{
    (void)state;
    fake_home_make(home);
    int listener = listen_on(home, "rpc.sock");
    daemon_pid = fork();
    if (daemon_pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN); /* clients that ran out of memory do not wait for answers */
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (fd < 0)
                _exit(1);
            serve(fd);
            close(fd);
        }
    }
    close(listener);
    return daemon_pid > 0 ? 0 : -1;
}

static int end_daemon(void **state)
{
    (void)state;
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    fake_home_remove(home);
    return 0;
}

/* ---- what is done: 0 or the error ---- */

static struct pm2 *make_handle(void)
{
    struct pm2 *p = pm2_new();
    if (!p)
        return NULL;
    /* a keeper that is named spares the search, which may fail in silence */
    if (pm2_set_home(p, home) == 0 && pm2_set_keeper(p, "/no/keeper") == 0)
        return p;
    assert_int_equal(pm2_error_code(p), -ENOMEM);
    pm2_free(p);
    return NULL;
}

static struct pm2_app *make_app(void)
{
    struct pm2_app *a = pm2_app_new("api.js");
    if (!a)
        return NULL;
    pm2_app_set_name(a, "api");
    pm2_app_set_instances(a, 2);
    pm2_app_set_autorestart(a, 1);
    pm2_app_add_arg(a, "one");
    pm2_app_set_env(a, "A", "b");
    pm2_app_set_json(a, "watch", "[\"src\"]");
    return a;
}

static int read_list(struct pm2 *p)
{
    struct pm2_list *l = NULL;
    int rc = pm2_list(p, &l);
    if (rc < 0)
        return rc;
    assert_int_equal(pm2_list_count(l), 2);
    const struct pm2_proc *proc = pm2_list_find_name(l, "api");
    rc = pm2_proc_json(proc) ? 0 : -ENOMEM;
    assert_string_equal(pm2_proc_env(proc, "A"), "b");
    pm2_list_free(l);
    return rc;
}

static int start_and_restart(struct pm2 *p)
{
    struct pm2_list *l = NULL;
    struct pm2_app *a = make_app();
    if (!a)
        return -ENOMEM;
    int rc = pm2_start(p, a, &l);
    assert_int_equal(pm2_list_count(l), rc == 0 ? 2 : 0);
    pm2_list_free(l);
    rc = rc < 0 ? rc : pm2_restart_with(p, "api", a, &l);
    if (rc == 0)
        pm2_list_free(l);
    pm2_app_free(a);
    return rc;
}

static int blocking(void)
{
    const char *version;
    struct pm2 *p = make_handle();
    if (!p)
        return -ENOMEM;
    int rc = pm2_connect(p);
    rc = rc < 0 ? rc : pm2_daemon_version(p, &version);
    rc = rc < 0 ? rc : read_list(p);
    rc = rc < 0 ? rc : start_and_restart(p);
    pm2_free(p);
    return rc;
}

struct loop {
    int fd; /* read; -1 = none */
    bool has_timer;
    int wanted, done, code;
};

static void add_read(void *data, int fd)
{
    struct loop *l = data;
    assert_int_equal(l->fd, -1);
    l->fd = fd;
}

static void del_read(void *data, int fd)
{
    struct loop *l = data;
    assert_int_equal(l->fd, fd);
    l->fd = -1;
}

static void no_write(void *data, int fd)
{
    (void)data, (void)fd;
}

static void add_timer(void *data, int timeout_ms)
{
    (void)timeout_ms;
    ((struct loop *)data)->has_timer = true;
}

static void del_timer(void *data)
{
    ((struct loop *)data)->has_timer = false;
}

static void note(struct loop *l, int code)
{
    l->code = l->code < 0 ? l->code : code;
}

static void on_done(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    (void)p, (void)list;
    l->done++;
    note(l, code);
}

static void on_connected(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    struct loop *l = data;
    on_done(p, code, list, data);
    if (code < 0)
        return;
    struct pm2_app *a = make_app();
    int rc = a ? pm2_async_start(p, a, on_done, data) : -ENOMEM;
    l->wanted += rc == 0;
    note(l, rc);
    pm2_app_free(a);
    rc = pm2_async_list(p, on_done, data);
    l->wanted += rc == 0;
    note(l, rc);
}

/* The timer is not waited for: what it is set for first is the beginning. */
static void run(struct loop *l, struct pm2 *p)
{
    if (l->has_timer) {
        l->has_timer = false;
        pm2_handle_timeout(p);
    }
    while (l->done < l->wanted && l->fd >= 0) {
        struct pollfd fd = {.fd = l->fd, .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 20000), 1);
        pm2_handle_read(p, fd.fd);
    }
}

static int callbacks(void)
{
    struct loop l = {.fd = -1, .wanted = 1};
    const struct pm2_hooks hooks = {&l,       add_read,  del_read,  no_write,
                                    no_write, add_timer, del_timer, NULL};
    struct pm2 *p = make_handle();
    if (!p)
        return -ENOMEM;
    int rc = pm2_async_connect(p, &hooks, on_connected, &l);
    if (rc == 0) {
        run(&l, p);
        assert_int_equal(l.done, l.wanted);
        rc = l.code;
    }
    pm2_free(p);
    assert_int_equal(l.fd, -1);
    assert_false(l.has_timer);
    return rc;
}

/* ---- the loop ---- */

static void fail_at_each(int (*run_once)(void))
{
    long n = 0;
    do {
        heap.live = 0;
        heap.fired = false;
        heap.is_sticky = true; /* one that succeeds after a failure would hide what to tell */
        heap.countdown = ++n;
        int rc = run_once();
        bool fired = heap.fired;
        heap.countdown = 0;
        heap.is_sticky = false;
        if (heap.live != 0)
            fail_msg("%ld blocks leak when allocation %ld fails", heap.live, n);
        if (rc != (fired ? -ENOMEM : 0))
            fail_msg("returned %d, allocation %ld failed: %d", rc, n, fired);
    } while (heap.fired);
    assert_true(n > 50); /* the hooks are in place */
}

static void blocking_face(void **state)
{
    (void)state;
    fail_at_each(blocking);
}

static void callback_face(void **state)
{
    (void)state;
    fail_at_each(callbacks);
}

int main(void)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    json_object_seed(1);
    pm2_free(pm2_new()); /* what is made once for all */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocking_face),
        cmocka_unit_test(callback_face),
    };
    return cmocka_run_group_tests(tests, start_daemon, end_daemon);
}
