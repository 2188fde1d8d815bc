/* SPDX-License-Identifier: MIT
 * The launch against keepers of a few lines of shell. */
#include "client/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/fake_daemon.h"

static char root[FAKE_HOME_BYTES];
static char keeper[128], facts[128], lock[128];

static int setup(void **state)
{
    (void)state;
    fake_home_make(root);
    snprintf(keeper, sizeof(keeper), "%s/pm2-keeper", root);
    snprintf(facts, sizeof(facts), "%s/facts", root);
    snprintf(lock, sizeof(lock), "%s/.launch.lock", root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(keeper);
    unlink(facts);
    fake_home_remove(root);
    return 0;
}

static void write_keeper(const char *body)
{
    FILE *f = fopen(keeper, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    assert_int_equal(fchmod(fileno(f), 0755), 0);
    fclose(f);
}

static int launch(int timeout_ms, struct err *e)
{
    const struct launch_spec s = {
        .home = root, .pid_file = "/p", .log_file = "/some/pm2.log", .keeper_path = keeper};
    struct launch l;
    launch_init(&l);
    int rc = launch_begin(&l, &s, e);
    rc = rc < 0 ? rc : launch_step(&l, &s, e);
    while (rc > 0) {
        struct pollfd p = {.fd = l.ready_fd, .events = POLLIN};
        rc = poll(&p, 1, timeout_ms) > 0 ? launch_step(&l, &s, e) : -ETIMEDOUT;
    }
    launch_fini(&l);
    return rc;
}

static void ready_means_success(void **state)
{
    struct err e = {0};
    char text[1024] = "";
    (void)state;
    /* what the keeper got: arguments, descriptors, folder, session */
    write_keeper("{ echo \"$@\"; pwd; echo fds /proc/$$/fd/*; readlink /proc/$$/fd/0;\n"
                 "  echo home=$PM2_HOME junk=$JUNK;\n"
                 "  read -r a b c d e sid rest </proc/$$/stat; echo sid $(($sid - $$)); } \\\n"
                 "  2>&1 | sed 's,/proc/[0-9]*/fd/,,g' >${0%/*}/facts\n"
                 "echo R0.1.0 >&3");
    setenv("JUNK", "x", 1);
    assert_int_equal(launch(10000, &e), 0);
    int fd = open(facts, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    char want[512];
    snprintf(want, sizeof(want),
             "--home %s --pid-file /p --log-file /some/pm2.log --daemon %s/pm2d --ready-fd 3\n/\n",
             root, root);
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text, "/dev/null\n"));
    snprintf(want, sizeof(want), "home=%s junk=\n", root);
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text, "sid 0\n"));
}

static void the_keepers_error_is_shown(void **state)
{
    struct err e = {0};
    (void)state;
    write_keeper("echo 'Ecannot bind /x/rpc.sock: No space left on device' >&3");
    assert_true(launch(10000, &e) < 0);
    assert_non_null(strstr(e.msg, "cannot bind /x/rpc.sock: No space left on device"));
}

static void a_keeper_that_just_ends(void **state)
{
    struct err e = {0};
    (void)state;
    write_keeper("exit 3");
    assert_true(launch(10000, &e) < 0);
    assert_non_null(strstr(e.msg, "/some/pm2.log"));
}

/* It reads from a fifo; that is how it is ended in the end. */
static void a_keeper_that_says_nothing(void **state)
{
    struct err e = {0};
    (void)state;
    assert_int_equal(mkfifo(facts, 0600), 0);
    write_keeper("exec cat ${0%/*}/facts");
    assert_int_equal(launch(100, &e), -ETIMEDOUT);
    int fd = open(facts, O_WRONLY); /* waits for the reader */
    assert_true(fd >= 0);
    close(fd);
}

static void no_keeper(void **state)
{
    struct err e = {0};
    (void)state;
    assert_int_equal(launch(1000, &e), -ENOENT);
    assert_non_null(strstr(e.msg, keeper));
    write_keeper("exit 0");
    FILE *f = fopen(keeper, "w"); /* executable, but no program */
    fprintf(f, "#!/no/such/shell\n");
    fclose(f);
    assert_int_equal(launch(1000, &e), -ENOENT);
    assert_non_null(strstr(e.msg, keeper));
}

static bool has(char **env, const char *entry)
{
    for (; *env; env++)
        if (strcmp(*env, entry) == 0)
            return true;
    return false;
}

static void keeps_what_a_daemon_needs(void **state)
{
    char *env[] = {(char *)"PATH=/bin",       (char *)"SECRET=1",     (char *)"LC_ALL=C",
                   (char *)"PM2_HOME=/else",  (char *)"PM2_X=1",      (char *)"XDG_RUNTIME_DIR=/r",
                   (char *)"ASAN_OPTIONS=a",  (char *)"no equals",    (char *)"PATHX=1",
                   (char *)"OVER_HOME=/over", (char *)"LD_PRELOAD=x", NULL};
    (void)state;
    char **kept = launch_environment(env, "/home/x/.pm2");
    size_t n = 0;
    while (kept[n])
        n++;
    assert_int_equal(n, 7);
    assert_true(has(kept, "PATH=/bin"));
    assert_true(has(kept, "LC_ALL=C"));
    assert_true(has(kept, "PM2_X=1"));
    assert_true(has(kept, "XDG_RUNTIME_DIR=/r"));
    assert_true(has(kept, "ASAN_OPTIONS=a"));
    assert_true(has(kept, "OVER_HOME=/over"));
    assert_true(has(kept, "PM2_HOME=/home/x/.pm2"));
    free(kept);
}

static void the_lock_is_exclusive(void **state)
{
    struct err e = {0};
    (void)state;
    int a = launch_lock_open(root, &e);
    int b = launch_lock_open(root, &e);
    assert_true(a >= 0 && b >= 0);
    assert_int_equal(launch_lock_try(a), 0);
    assert_int_equal(launch_lock_try(b), -EWOULDBLOCK);
    close(a);
    assert_int_equal(launch_lock_try(b), 0);
    close(b);
    struct stat st;
    assert_int_equal(stat(lock, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ready_means_success, setup, teardown),
        cmocka_unit_test_setup_teardown(the_keepers_error_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(a_keeper_that_just_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_keeper_that_says_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(no_keeper, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lock_is_exclusive, setup, teardown),
        cmocka_unit_test(keeps_what_a_daemon_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
