/* SPDX-License-Identifier: MIT
 * The client against a daemon of a few lines, which runs in a thread of the test. */
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/fake_daemon.h"

struct fixture {
    char home[FAKE_HOME_BYTES];
    int listener, bus;
    pthread_t thread;
    void (*serve)(int fd);
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fake_home_make(f->home);
    f->listener = f->bus = -1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->listener);
    close(f->bus);
    fake_home_remove(f->home);
    free(f);
    return 0;
}

/* ---- the daemon ---- */

/* Answers by method; "later" is answered after the request behind it. */
static void serve_methods(int fd)
{
    struct amp_reader r;
    struct buf id = BUF_INIT;
    struct buf kept = BUF_INIT;
    char method[32];
    amp_reader_init(&r);
    while (next_request(fd, &r, &id, method)) {
        if (strcmp(method, "later") == 0) {
            buf_add_str(&kept, buf_str(&id));
            continue;
        }
        if (strcmp(method, "big") == 0) {
            struct buf body = BUF_INIT;
            buf_add_c(&body, "{\"args\":[\"");
            for (int i = 0; i < 300000; i++)
                buf_add_c(&body, "0123456789");
            buf_add_c(&body, "\"]}");
            answer(fd, buf_str(&id), body.data);
            buf_fini(&body);
        } else if (strcmp(method, "fail") == 0) {
            answer(fd, buf_str(&id), "{\"error\":\"99 : id unknown\",\"stack\":\"x\"}");
        } else if (strcmp(method, "nothing") == 0) {
            answer(fd, buf_str(&id), "{\"args\":[]}");
        } else if (strcmp(method, "leave") == 0) {
            break;
        } else if (strcmp(method, "mute") != 0) {
            answer(fd, buf_str(&id), "{\"args\":[{\"msg\":\"pong\"}]}");
        }
        if (kept.len > 0) {
            answer(fd, buf_str(&kept), "{\"args\":[\"late\"]}");
            buf_clear(&kept);
        }
    }
    amp_reader_fini(&r);
    buf_fini(&id);
    buf_fini(&kept);
}

static void serve_noise(int fd)
{
    (void)!write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    char c;
    (void)!read(fd, &c, 1);
}

static void *daemon_thread(void *arg)
{
    struct fixture *f = arg;
    int fd = accept(f->listener, NULL, NULL);
    if (fd >= 0)
        f->serve(fd);
    close(fd);
    return NULL;
}

static struct client *connect_to(struct fixture *f, void (*serve)(int fd))
{
    struct client *c = NULL;
    struct err e = {0};
    f->listener = listen_on(f->home, "rpc.sock");
    f->serve = serve;
    pthread_create(&f->thread, NULL, daemon_thread, f);
    const struct client_options o = {.home = f->home, .timeout_ms = 5000};
    assert_int_equal(client_connect(&o, &c, &e), 0);
    return c;
}

static void disconnect(struct fixture *f, struct client *c)
{
    client_free(c);
    pthread_join(f->thread, NULL);
}

/* ---- tests ---- */

static void finds_no_daemon(void **state)
{
    struct fixture *f = *state;
    struct client *c = NULL;
    struct err e = {0};
    char path[128];
    const struct client_options o = {.home = f->home};
    assert_int_equal(client_connect(&o, &c, &e), -ENOENT);
    /* a socket that nobody listens on, and a file in its place, are no daemon either */
    close(listen_on(f->home, "rpc.sock"));
    assert_int_equal(client_connect(&o, &c, &e), -ENOENT);
    snprintf(path, sizeof(path), "%s/rpc.sock", f->home);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(client_connect(&o, &c, &e), -ENOENT);
    assert_null(c);
}

static void refuses_long_paths(void **state)
{
    struct client *c = NULL;
    struct err e = {0};
    char home[160];
    (void)state;
    memset(home, 'x', sizeof(home));
    home[0] = '/';
    home[sizeof(home) - 1] = '\0';
    const struct client_options o = {.home = home, .flags = CLIENT_LAUNCH};
    assert_int_equal(client_connect(&o, &c, &e), -ENAMETOOLONG);
    assert_non_null(strstr(e.msg, "107"));
    assert_non_null(strstr(e.msg, home));
}

static void refuses_foreign_sockets(void **state)
{
    struct fixture *f = *state;
    struct client *c = NULL;
    struct err e = {0};
    char path[128];
    if (geteuid() != 0)
        skip();
    f->listener = listen_on(f->home, "rpc.sock");
    snprintf(path, sizeof(path), "%s/rpc.sock", f->home);
    assert_int_equal(lchown(path, 12345, 12345), 0);
    const struct client_options o = {.home = f->home, .flags = CLIENT_LAUNCH};
    assert_int_equal(client_connect(&o, &c, &e), -EACCES);
    assert_non_null(strstr(e.msg, "Permission denied, check permissions on"));
    assert_non_null(strstr(e.msg, path));
}

static void calls(void **state)
{
    struct client *c = connect_to(*state, serve_methods);
    struct err e = {0};
    struct str value;
    assert_false(client_launched(c));
    assert_int_equal(client_daemon_pid(c), getpid());
    assert_int_equal(client_call(c, "ping", STR("[{}]"), 5000, &value, &e), 0);
    assert_true(str_eq(value, STR("{\"msg\":\"pong\"}")));
    assert_int_equal(client_call(c, "nothing", STR("[{}]"), 5000, &value, &e), 0);
    assert_true(str_eq(value, STR("null")));
    assert_int_equal(client_call(c, "fail", STR("[{}]"), 5000, &value, &e), -EREMOTEIO);
    assert_string_equal(e.msg, "99 : id unknown");
    assert_int_equal(client_call(c, "big", STR("[{}]"), 5000, &value, &e), 0);
    assert_int_equal(value.n, 3000002);
    disconnect(*state, c);
}

static void pipelines(void **state)
{
    struct client *c = connect_to(*state, serve_methods);
    struct err e = {0};
    struct str value;
    int late = client_send(c, "later", STR("[{}]"), &e);
    int ping = client_send(c, "ping", STR("[{}]"), &e);
    int fail = client_send(c, "fail", STR("[{}]"), &e);
    assert_true(late > 0 && ping > 0 && fail > 0);
    assert_int_equal(client_wait(c, fail, 5000, &value, &e), -EREMOTEIO);
    assert_int_equal(client_wait(c, late, 5000, &value, &e), 0);
    assert_true(str_eq(value, STR("\"late\"")));
    assert_int_equal(client_wait(c, ping, 5000, &value, &e), 0);
    assert_true(str_eq(value, STR("{\"msg\":\"pong\"}")));
    disconnect(*state, c);
}

static void times_out_and_goes_on(void **state)
{
    struct fixture *f = *state;
    struct client *c = connect_to(f, serve_methods);
    struct err e = {0};
    struct str value;
    assert_int_equal(client_call(c, "mute", STR("[{}]"), 30, &value, &e), -ETIMEDOUT);
    assert_non_null(strstr(e.msg, f->home)); /* names the socket */
    assert_int_equal(client_call(c, "ping", STR("[{}]"), 5000, &value, &e), 0);
    disconnect(f, c);
}

static void notices_the_end(void **state)
{
    struct client *c = connect_to(*state, serve_methods);
    struct err e = {0};
    struct str value;
    assert_int_equal(client_call(c, "leave", STR("[{}]"), 5000, &value, &e), -EPIPE);
    disconnect(*state, c);
}

static void refuses_other_protocols(void **state)
{
    struct client *c = connect_to(*state, serve_noise);
    struct err e = {0};
    struct str value;
    assert_int_equal(client_call(c, "ping", STR("[{}]"), 5000, &value, &e), -EPROTO);
    assert_non_null(strstr(e.msg, "protocol"));
    disconnect(*state, c);
}

static void publish(int fd, const char *topic, const char *payload)
{
    struct buf out = BUF_INIT;
    size_t mark = pub_event_open(&out, str_from(topic));
    buf_add_c(&out, payload);
    pub_event_close(&out, mark);
    assert_int_equal(write(fd, out.data, out.len), (ssize_t)out.len);
    buf_fini(&out);
}

static void receives_events(void **state)
{
    struct fixture *f = *state;
    struct client *c = connect_to(f, serve_methods);
    struct err e = {0};
    struct pub_event event;
    int wake[2];
    f->bus = listen_on(f->home, "pub.sock");
    assert_int_equal(pipe(wake), 0);
    assert_int_equal(client_subscribe(c, &e), 0);
    int fd = accept(f->bus, NULL, NULL);
    assert_int_equal(client_event(c, 0, -1, &event, &e), 0);
    publish(fd, "log:out", "{\"data\":\"x\"}");
    publish(fd, "log:err", "{}");
    assert_int_equal(client_event(c, 5000, -1, &event, &e), 1);
    assert_true(str_eq(event.topic, STR("log:out")));
    assert_true(str_eq(event.payload, STR("{\"data\":\"x\"}")));
    assert_int_equal(write(wake[1], "x", 1), 1);
    /* what is there comes first, the other descriptor wakes afterwards */
    assert_int_equal(client_event(c, -1, wake[0], &event, &e), 1);
    assert_true(str_eq(event.topic, STR("log:err")));
    assert_int_equal(client_event(c, -1, wake[0], &event, &e), 0);
    close(fd);
    assert_int_equal(client_event(c, 5000, -1, &event, &e), -EPIPE);
    close(wake[0]);
    close(wake[1]);
    disconnect(f, c);
}

/* Here the daemon is a process of its own: it ends when it is told to leave. */
static void waits_for_the_process(void **state)
{
    struct fixture *f = *state;
    struct client *c = NULL;
    struct err e = {0};
    struct str value;
    f->serve = serve_methods;
    /* the listening process is the one that the kernel names as the peer */
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        f->listener = listen_on(f->home, "rpc.sock");
        (void)!write(ready[1], "x", 1);
        daemon_thread(f);
        _exit(0);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    const struct client_options o = {.home = f->home, .timeout_ms = 5000};
    assert_int_equal(client_connect(&o, &c, &e), 0);
    assert_int_equal(client_daemon_pid(c), pid);
    assert_int_equal(client_wait_gone(c, 20, &e), -ETIMEDOUT);
    assert_non_null(strstr(e.msg, f->home));
    assert_int_equal(client_call(c, "leave", STR("[{}]"), 5000, &value, &e), -EPIPE);
    assert_int_equal(client_wait_gone(c, 5000, &e), 0);
    client_free(c);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_no_daemon, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_long_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_foreign_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(calls, setup, teardown),
        cmocka_unit_test_setup_teardown(pipelines, setup, teardown),
        cmocka_unit_test_setup_teardown(times_out_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(notices_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_other_protocols, setup, teardown),
        cmocka_unit_test_setup_teardown(receives_events, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_for_the_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
