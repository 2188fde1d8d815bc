/* SPDX-License-Identifier: MIT
 * Failpoints: only the step that was asked for ends the program, at the asked passing, once. Each
 * case runs in a child, because the answer is a SIGKILL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"

struct fixture {
    char home[32];
    char done[64];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    snprintf(f->home, sizeof(f->home), "/tmp/pm2c-failpoint-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    snprintf(f->done, sizeof(f->done), "%s/failpoint.done", f->home);
    setenv("PM2_HOME", f->home, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->done);
    (void)rmdir(f->home);
    free(f);
    unsetenv("PM2_FAILPOINT");
    unsetenv("PM2_HOME");
    return 0;
}

/* Pass "a", "b", "a" with this wish (NULL: none): how many were passed alive. */
static int passings(const char *wish)
{
    static const char *const way[] = {"a", "b", "a"};
    int status, passed = 0;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)(wish ? setenv("PM2_FAILPOINT", wish, 1) : unsetenv("PM2_FAILPOINT"));
        for (size_t i = 0; i < 3; i++) {
            failpoint_pass(way[i]);
            if (write(ends[1], ".", 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    for (char c; read(ends[0], &c, 1) == 1;)
        passed++;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (passed == 3)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return passed;
}

static void test_only_the_named_step_ends_the_program(void **state)
{
    (void)state;
    assert_int_equal(passings(NULL), 3);
    assert_int_equal(passings("c"), 3);
    assert_int_equal(passings(""), 3);
    assert_int_equal(passings("ab"), 3); /* not a prefix either way */
    assert_int_equal(passings("b"), 1);
}

static void test_it_works_once(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(passings("a"), 0);
    assert_int_equal(access(f->done, F_OK), 0);
    assert_int_equal(passings("a"), 3);
    assert_int_equal(unlink(f->done), 0);
    assert_int_equal(passings("a"), 0);
}

static void test_the_nth_passing(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(passings("a:2"), 2);
    assert_int_equal(unlink(f->done), 0);
    assert_int_equal(passings("a:3"), 3); /* it is passed twice only */
    assert_int_equal(passings("a:x"), 3);
    assert_int_equal(access(f->done, F_OK), -1);
}

static void test_without_a_home_nothing_happens(void **state)
{
    (void)state;
    unsetenv("PM2_HOME");
    assert_int_equal(passings("a"), 3);
    setenv("PM2_HOME", "/nonexistent", 1);
    assert_int_equal(passings("a"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_the_named_step_ends_the_program, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_works_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_nth_passing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_home_nothing_happens, setup, teardown),
    };
    return cmocka_run_group_tests_name("failpoint", tests, NULL, NULL);
}
