/* SPDX-License-Identifier: MIT
 * /proc about processes of our own making. The test is their subreaper, as the keeper is. */
#include "os/procfs.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/proctree.h"
#include "os/spawn.h"

#define WAIT_MS 10000

static char *const env[] = {"PATH=/usr/bin:/bin", "HOUSE=a", "ID=7", NULL};

/* sh prints a line once everything has been started. */
static struct spawn_result start(const char *script)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    const struct spawn_spec s = {.file = "/bin/sh", .argv = argv, .env = env};
    enum spawn_stage stage;
    struct spawn_result r;
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    struct pollfd pfd = {.fd = r.stdout_r, .events = POLLIN};
    assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
    return r;
}

static int ask(const struct proctree_query *q, struct proc_stat **ret)
{
    struct proctree *now = proctree_take();
    assert_non_null(now);
    int n = proctree_members(now, q, ret);
    proctree_free(now);
    return n;
}

static int tree(pid_t root, const char *mark, const char *mark2, struct proc_stat **ret)
{
    const struct proctree_query q = {.root = root, .reaper = getpid(), .marks = {mark, mark2}};
    return ask(&q, ret);
}

static void end_all(struct spawn_result *r)
{
    struct proc_stat *list;
    int n;
    const struct proctree_query below_us = {.root = getpid(),
                                            .reaper = getpid(),
                                            .root_lives = true};
    while ((n = ask(&below_us, &list)) > 1) { /* the last one is this test */
        for (int i = 0; i + 1 < n; i++)
            kill(list[i].pid, SIGKILL);
        free(list);
        assert_true(waitpid(-1, NULL, 0) > 0);
    }
    free(list);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    fd_close(&r->pidfd);
    fd_close(&r->stdin_w);
    fd_close(&r->stdout_r);
    fd_close(&r->stderr_r);
}

static void stat_of_ourselves(void **state)
{
    (void)state;
    struct proc_stat st;
    assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (\n b"), 0);
    assert_int_equal(procfs_stat(getpid(), &st), 0);
    assert_int_equal(st.pid, getpid());
    assert_int_equal(st.ppid, getppid());
    assert_int_equal(st.pgid, getpgrp());
    assert_int_equal(st.sid, getsid(0));
    assert_int_equal(st.state, 'R');
    assert_true(st.rss_bytes > 4096);
    int64_t age_ms = procfs_age_ms(st.start_ticks);
    assert_true(age_ms >= 0 && age_ms < 120000);
    assert_int_equal(procfs_stat(0x3fffffff, &st), -ESRCH);
    assert_true(procfs_ticks_per_second() > 0);
}

static void zombies_are_seen_by_stat_not_by_tree(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    struct proc_stat st, *list;
    assert_int_equal(procfs_stat(pid, &st), 0);
    assert_int_equal(st.state, 'Z');
    assert_int_equal(tree(pid, NULL, NULL, &list), 0);
    free(list);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void deepest_first_root_last(void **state)
{
    (void)state;
    struct spawn_result r = start("sh -c 'sh -c \"echo; sleep 60; :\"; :'; :");
    struct proc_stat *list;
    int n = tree(r.pid, NULL, NULL, &list);
    assert_in_range(n, 3, 4); /* sleep may not run yet */
    assert_int_equal(list[n - 1].pid, r.pid);
    for (int i = 0; i + 1 < n; i++)
        assert_int_equal(list[i].ppid, list[i + 1].pid);
    free(list);
    end_all(&r);
}

/* Look until the orphan has come to us (its parent must end first). */
static int tree_of(int expected, pid_t root, const char *mark, const char *mark2)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    int n;
    do {
        struct proc_stat *list;
        n = tree(root, mark, mark2, &list);
        if (n > 0)
            assert_int_equal(list[n - 1].pid, root);
        free(list);
    } while (n != expected && clock_mono_ms() < until);
    return n;
}

static void detached_daemons_are_known_by_their_marks(void **state)
{
    (void)state;
    struct spawn_result r =
        start("(setsid sh -c 'sleep 60 & wait' >/dev/null 2>&1 &); echo; exec sleep 60");
    assert_int_equal(tree_of(3, r.pid, "HOUSE=a", "ID=7"), 3); /* with the daemon's own child */
    assert_int_equal(tree_of(3, r.pid, "HOUSE=a", NULL), 3);
    assert_int_equal(tree_of(1, r.pid, "HOUSE=a", "ID=70"), 1);
    assert_int_equal(tree_of(1, r.pid, "HOUSE=", NULL), 1);
    assert_int_equal(tree_of(1, r.pid, NULL, NULL), 1);
    end_all(&r);
}

/* Processes from outside our pid namespace have session 0: they are nobody's. */
static void without_a_root_only_marks_count(void **state)
{
    (void)state;
    struct proc_stat *list;
    const struct proctree_query all = {.root = 0, .reaper = 1};
    assert_int_equal(ask(&all, &list), 0);
    free(list);
    const struct proctree_query unmarked = {.root = 0, .reaper = 1, .marks = {"NO_SUCH=MARK"}};
    assert_int_equal(ask(&unmarked, &list), 0);
    free(list);
}

static void session_outlives_its_root(void **state)
{
    (void)state;
    struct spawn_result r = start("sleep 60 & echo");
    assert_int_equal(waitpid(r.pid, NULL, 0), r.pid);
    struct proc_stat *list;
    assert_int_equal(tree(r.pid, NULL, NULL, &list), 1);
    assert_int_equal(list[0].sid, r.pid);
    free(list);
    const struct proctree_query elsewhere = {.root = r.pid, .reaper = 0x3fffffff};
    assert_int_equal(ask(&elsewhere, &list), 0); /* nothing below that reaper */
    free(list);
    end_all(&r);
}

static void many_processes(void **state)
{
    (void)state;
    struct spawn_result r =
        start("i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; echo; wait");
    struct proc_stat *list;
    assert_int_equal(tree(r.pid, NULL, NULL, &list), 201);
    assert_int_equal(list[200].pid, r.pid);
    free(list);
    end_all(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_of_ourselves),
        cmocka_unit_test(zombies_are_seen_by_stat_not_by_tree),
        cmocka_unit_test(deepest_first_root_last),
        cmocka_unit_test(detached_daemons_are_known_by_their_marks),
        cmocka_unit_test(session_outlives_its_root),
        cmocka_unit_test(without_a_root_only_marks_count),
        cmocka_unit_test(many_processes),
    };
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
