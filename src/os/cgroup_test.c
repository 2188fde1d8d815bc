/* SPDX-License-Identifier: MIT
 * Limits of cgroups, on folders that look like a hierarchy: what a real one allows depends on the
 * machine. */
#include "os/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/fd.h"

struct rig {
    char base[64];
    char path[128]; /* of the last at() */
};

static const char *at(struct rig *r, const char *name)
{
    assert_true(snprintf(r->path, sizeof(r->path), "%s/%s", r->base, name) < (int)sizeof(r->path));
    return r->path;
}

static void put(struct rig *r, const char *name, const char *text)
{
    int fd = open(at(r, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    fd_close(&fd);
}

static void assert_file(struct rig *r, const char *name, const char *expected)
{
    char text[256] = "";
    int fd = open(at(r, name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    fd_close(&fd);
    assert_string_equal(text, expected);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    snprintf(r->base, sizeof(r->base), "/tmp/cgroup_test.XXXXXX");
    *state = r;
    return mkdtemp(r->base) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"cgroup.controllers",
                                        "cgroup.subtree_control",
                                        "cgroup.procs",
                                        "memory.max",
                                        "memory.events",
                                        "pm2c-daemon/cgroup.procs",
                                        "pm2c-daemon",
                                        "a/b",
                                        "a"};
    struct rig *r = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)remove(at(r, names[i]));
    int rc = rmdir(r->base);
    free(r);
    return rc;
}

static void making_says_what_was_there(void **state)
{
    struct rig *r = *state;
    assert_int_equal(cgroup_make(at(r, "a/b")), 0);
    assert_int_equal(cgroup_make(at(r, "a/b")), 1);
    assert_int_equal(cgroup_remove(at(r, "a/b")), 0);
    assert_int_equal(cgroup_make(at(r, "a/b")), 0);
    assert_int_equal(cgroup_make(at(r, "x/y/z")), -ENOENT);
}

static void controllers(void **state)
{
    struct rig *r = *state;
    struct err e;
    assert_int_equal(cgroup_enable(r->base, "memory", &e), -ENOENT);
    put(r, "cgroup.controllers", "");
    put(r, "cgroup.subtree_control", "");
    assert_int_equal(cgroup_enable(r->base, "memory", &e), -ENOTSUP);
    assert_string_equal(e.msg,
                        "controller memory is not available here (cgroup.controllers: none)");
    put(r, "cgroup.controllers", "cpuset memory_x xmemory io\n");
    assert_int_equal(cgroup_enable(r->base, "memory", &e), -ENOTSUP);
    assert_string_equal(e.msg, "controller memory is not available here (cgroup.controllers: "
                               "cpuset memory_x xmemory io)");
    put(r, "cgroup.controllers", "cpu memory\n");
    assert_int_equal(cgroup_enable(r->base, "memory", &e), 0);
    assert_file(r, "cgroup.subtree_control", "+memory");
    put(r, "cgroup.subtree_control", "cpu memory\n"); /* enabled: nothing is written */
    assert_int_equal(cgroup_enable(r->base, "memory", &e), 0);
    assert_file(r, "cgroup.subtree_control", "cpu memory\n");
}

static void limits_and_counters(void **state)
{
    struct rig *r = *state;
    assert_int_equal(cgroup_set(r->base, "memory.max", "1"), -ENOENT);
    put(r, "memory.max", "");
    assert_int_equal(cgroup_set(r->base, "memory.max", "67108864"), 0);
    assert_file(r, "memory.max", "67108864");
    assert_int_equal(cgroup_count(r->base, "memory.events", "oom_kill"), 0);
    put(r, "memory.events", "low 0\nhigh 4\nmax 9\noom 2\noom_kill 3\noom_group_kill 7\n");
    assert_int_equal(cgroup_count(r->base, "memory.events", "oom_kill"), 3);
    assert_int_equal(cgroup_count(r->base, "memory.events", "oom"), 2);
    assert_int_equal(cgroup_count(r->base, "memory.events", "oo"), 0);
}

static void only_we_leave_the_base(void **state)
{
    struct rig *r = *state;
    struct err e;
    const pid_t ours[] = {70, 71};
    put(r, "cgroup.procs", "70\n72\n71\n");
    assert_int_equal(cgroup_vacate(r->base, ours, 2, &e), -EBUSY);
    assert_non_null(strstr(e.msg, "has processes of others (pid 72)"));
    assert_int_equal(access(at(r, "pm2c-daemon"), F_OK), -1);
    put(r, "cgroup.procs", "0\n70\n");
    assert_int_equal(cgroup_vacate(r->base, ours, 2, &e), -EBUSY);
    put(r, "cgroup.procs", "71\n70\n");
    assert_int_equal(cgroup_vacate(r->base, ours, 2, &e), -ENOENT); /* a folder of ours is empty */
    put(r, "pm2c-daemon/cgroup.procs", "");
    assert_int_equal(cgroup_vacate(r->base, ours, 2, &e), 0);
    assert_file(r, "pm2c-daemon/cgroup.procs", "71"); /* the kernel takes one after the other */
}

/* The real hierarchy: whoever has gone into the leaf still finds the same base. */
static void the_base_is_found_from_the_leaf(void **state)
{
    (void)state;
    char base[1024], leaf[1100], again[1024], pid[16];
    struct err e;
    if (cgroup_base(base, sizeof(base), &e) < 0 || access(base, W_OK) < 0)
        skip();
    snprintf(leaf, sizeof(leaf), "%s/pm2c-daemon", base);
    bool was_there = cgroup_make(leaf) != 0;
    if (access(leaf, W_OK) < 0)
        skip();
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(cgroup_set(leaf, "cgroup.procs", pid), 0);
    int rc = cgroup_base(again, sizeof(again), &e);
    assert_int_equal(cgroup_set(base, "cgroup.procs", pid), 0);
    if (!was_there)
        assert_int_equal(cgroup_remove(leaf), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(again, base);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(making_says_what_was_there),
        RIGGED(controllers),
        RIGGED(limits_and_counters),
        RIGGED(only_we_leave_the_base),
        cmocka_unit_test(the_base_is_found_from_the_leaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
