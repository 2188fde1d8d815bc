/* SPDX-License-Identifier: MIT
 * For whom a sender speaks, and when it is heard too early. The senders are this program and its
 * children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "notify.h"
#include "os/fd.h"
#include "os/local_socket.h"
#include "table.h"
#include "json/read.h"

struct fixture {
    uv_loop_t loop;
    struct proc_env env;
    struct table table;
    struct proc *app[2];
    struct run run[2];
    char address[LOCAL_ADDRESS_MAX];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    uv_loop_init(&f->loop);
    f->env.loop = &f->loop;
    table_init(&f->table, &f->env);
    f->env.notify = notify_new(&f->table, &f->env);
    for (int i = 0; i < 2; i++)
        f->app[i] = table_add_recovered(&f->table, i, json_pack("{s:s}", "name", "app"));
    int fd = local_socket_abstract("pm2c-notify-", SOCK_DGRAM, f->address);
    (void)notify_take_stored(f->env.notify, STR("notify.abstract"), fd);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    while (f->table.count > 0) {
        struct proc *p = f->table.items[0];
        p->run = NULL;
        table_remove(&f->table, p);
        proc_discard(p);
    }
    notify_close(f->env.notify, false);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&f->loop);
    table_fini(&f->table);
    free(f);
    return rc;
}

/* The app's root process is `pid`; 0 = asked for, its pid not known yet. */
static void set_root(struct fixture *f, int app, pid_t pid)
{
    f->run[app] = (struct run){.pid = pid};
    f->app[app]->run = &f->run[app];
    f->app[app]->sm.state = pid > 0 ? PROC_STARTING : PROC_SPAWNING;
}

static void say(const struct fixture *f, const char *text)
{
    int fd = local_socket_connect(f->address, SOCK_DGRAM);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    fd_close(&fd);
}

/* By a child that has ended and is gone when this returns. */
static void say_and_end(const struct fixture *f, const char *text)
{
    pid_t pid = fork();
    if (pid == 0) {
        say(f, text);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void hear(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void expect_status(const struct fixture *f, int app, const char *text)
{
    const char *status = f->app[app]->notify_status;
    if (text)
        assert_string_equal(status, text);
    else
        assert_null(status);
}

static void the_root_itself(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, 1);
    set_root(f, 1, getpid());
    say(f, "STATUS=one");
    say(f, "STATUS=two");
    hear(f);
    expect_status(f, 0, NULL);
    expect_status(f, 1, "two");
}

static void a_descendant_of_the_root(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, getppid());
    say(f, "STATUS=x");
    hear(f);
    expect_status(f, 0, "x");
}

static void a_stranger_is_not_heard(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    set_root(f, 0, child);
    say(f, "STATUS=x");
    hear(f);
    expect_status(f, 0, NULL);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

static void a_message_ahead_of_the_pid_waits_for_it(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, 0);
    say(f, "STATUS=early");
    hear(f);
    expect_status(f, 0, NULL);
    set_root(f, 0, getpid());
    notify_state(f->app[0]);
    expect_status(f, 0, "early");
}

static void nothing_is_kept_while_nothing_starts(void **state)
{
    struct fixture *f = *state;
    say(f, "STATUS=x");
    hear(f);
    set_root(f, 0, getpid());
    notify_state(f->app[0]);
    expect_status(f, 0, NULL);
}

static void only_so_many_wait_and_the_newest_win(void **state)
{
    struct fixture *f = *state;
    char text[32];
    set_root(f, 0, 0);
    for (int i = 0; i <= LIMIT_NOTIFY_EARLY; i++) {
        snprintf(text, sizeof(text), "STATUS=%d", i);
        say(f, text);
        hear(f);
    }
    set_root(f, 0, getpid());
    notify_state(f->app[0]);
    snprintf(text, sizeof(text), "%d", LIMIT_NOTIFY_EARLY);
    expect_status(f, 0, text);
}

static void one_that_has_ended_speaks_for_the_only_one_that_waits(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, getppid());
    f->app[0]->sm.state = PROC_ONLINE; /* it does not wait */
    set_root(f, 1, getpid());
    say_and_end(f, "STATUS=x");
    hear(f);
    expect_status(f, 0, NULL);
    expect_status(f, 1, "x");
}

static void one_that_has_ended_speaks_for_none_of_two(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, getpid());
    set_root(f, 1, getppid());
    say_and_end(f, "STATUS=x");
    hear(f);
    expect_status(f, 0, NULL);
    expect_status(f, 1, NULL);
}

static void the_next_run_has_said_nothing(void **state)
{
    struct fixture *f = *state;
    set_root(f, 0, getpid());
    say(f, "STATUS=x");
    hear(f);
    expect_status(f, 0, "x");
    f->app[0]->sm.state = PROC_SPAWNING;
    notify_state(f->app[0]);
    expect_status(f, 0, NULL);
}

static void a_stored_descriptor_of_another_name_is_not_taken(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_false(notify_take_stored(f->env.notify, STR("notify.else"), ends[1]));
    assert_false(notify_take_stored(f->env.notify, STR("notify.abstract"), ends[1])); /* has one */
    assert_int_equal(write(ends[1], "x", 1), 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_root_itself),
        TEST(a_descendant_of_the_root),
        TEST(a_stranger_is_not_heard),
        TEST(a_message_ahead_of_the_pid_waits_for_it),
        TEST(nothing_is_kept_while_nothing_starts),
        TEST(only_so_many_wait_and_the_newest_win),
        TEST(one_that_has_ended_speaks_for_the_only_one_that_waits),
        TEST(one_that_has_ended_speaks_for_none_of_two),
        TEST(the_next_run_has_said_nothing),
        TEST(a_stored_descriptor_of_another_name_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
