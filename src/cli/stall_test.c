/* SPDX-License-Identifier: MIT
 * Processes that stand still, compute, or do nothing wrong. */
#include "cli/stall.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void words(void **state)
{
    (void)state;
    assert_non_null(strstr(stall_word('D', "io_schedule"), "disk"));
    assert_non_null(strstr(stall_word('D', "__refrigerator"), "frozen"));
    assert_non_null(strstr(stall_word('S', "do_freezer_trap"), "frozen"));
    assert_non_null(strstr(stall_word('S', "anon_pipe_write"), "pipe"));
    assert_non_null(strstr(stall_word('t', ""), "debugger"));
    assert_null(stall_word('S', "ep_poll"));
    assert_null(stall_word('?', ""));
    assert_null(stall_word('Z', ""));
}

static pid_t session_of(void (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)setsid();
        run();
        _exit(0);
    }
    while (getsid(pid) != pid)
        (void)usleep(1000);
    return pid;
}

static void expect_look(void (*run)(void), bool is_stopped, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    pid_t pid = session_of(run);
    if (is_stopped) {
        int status;
        (void)kill(pid, SIGSTOP);
        (void)waitpid(pid, &status, WUNTRACED);
    }
    bool is_seen = stall_look(&text, pid);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    assert_int_equal(is_seen, want != NULL);
    if (want && !strstr(text.data, want))
        fail_msg("got: %s; wanted: %s", text.data, want);
}

static void sleeps(void)
{
    (void)sleep(1000);
}

static void computes(void)
{
    for (volatile unsigned n = 0;;)
        n++;
}

static void looks(void **state)
{
    (void)state;
    expect_look(sleeps, false, NULL);
    expect_look(sleeps, true, "was stopped by a signal; kill -CONT");
    expect_look(computes, false, "computing without a pause");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(looks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
