/* SPDX-License-Identifier: MIT
 * The journal: what is written is read back; a torn line, a foreign file and another boot cost
 * nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "table.h"
#include "json/read.h"

struct fixture {
    char path[64];
    uv_loop_t loop;
    struct proc_env env;
    struct table table;
};

static void open_fixture(struct fixture *f)
{
    uv_loop_init(&f->loop);
    memset(&f->env, 0, sizeof(f->env));
    f->env.loop = &f->loop;
    table_init(&f->table, &f->env);
}

static void close_fixture(struct fixture *f)
{
    while (f->table.count > 0) {
        struct proc *p = f->table.items[0];
        table_remove(&f->table, p);
        proc_discard(p);
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    table_fini(&f->table);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->path, sizeof(f->path), "/tmp/pm2c-journal-XXXXXX");
    close(mkstemp(f->path));
    open_fixture(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_fixture(f);
    unlink(f->path);
    free(f);
    return 0;
}

static struct journal *open_journal(struct fixture *f, int *found)
{
    struct err e = {0};
    struct journal *j = journal_open(f->path, &f->table, found, &e);
    assert_non_null(j);
    return j;
}

static struct proc *add(struct fixture *f, const char *name)
{
    struct err e = {0};
    int ids[4];
    json_t *conf = json_pack("{s:s, s:s, s:{s:s}}", "name", name, "pm_exec_path", "/bin/true",
                             "env", "SECRET", "x");
    assert_int_equal(table_add_app(&f->table, conf, 2, ids, &e), 1);
    return table_find(&f->table, ids[0]);
}

/* Forget everything in memory, as a killed pm2d does, and read the file again. */
static int restart(struct fixture *f, struct journal *j)
{
    int found;
    journal_close(j, false);
    close_fixture(f);
    open_fixture(f);
    j = open_journal(f, &found);
    journal_close(j, false);
    return found;
}

static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    assert_int_equal(found, 0);
    struct proc *p = add(f, "web");
    p->sm.state = PROC_ONLINE;
    p->sm.goal = GOAL_UP;
    p->sm.restart_time = 7;
    p->pm_uptime = 123456789;
    p->has_exit = true;
    p->exit_code = 139;
    p->exit_signal = 11;
    journal_app(j, p);
    journal_state(j, p);
    struct proc *gone = add(f, "gone");
    journal_app(j, gone);
    journal_del(j, gone->id);

    assert_int_equal(restart(f, j), 1);
    p = table_find(&f->table, 0);
    assert_non_null(p);
    assert_string_equal(proc_name(p), "web");
    assert_string_equal(json_get_str(json_object_get(p->conf, "env"), "SECRET"), "x");
    assert_int_equal(p->sm.state, PROC_ONLINE);
    assert_int_equal(p->sm.goal, GOAL_UP);
    assert_int_equal(p->sm.restart_time, 7);
    assert_int_equal(p->pm_uptime, 123456789);
    assert_int_equal(p->exit_code, 139);
    assert_int_equal(p->exit_signal, 11);
    assert_int_equal(f->table.next_id, 2); /* ids of the deleted are not given again */
}

static void test_mode_is_private(void **state)
{
    struct fixture *f = *state;
    int found;
    struct stat st;
    chmod(f->path, 0644);
    journal_close(open_journal(f, &found), false);
    stat(f->path, &st);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_torn_line_is_skipped(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    journal_app(j, add(f, "whole"));
    int fd = open(f->path, O_WRONLY | O_APPEND);
    static const char torn[] = "not json\n{\"t\":\"app\",\"id\":1,\"conf\":{\"na";
    assert_int_equal(write(fd, torn, sizeof(torn) - 1), (ssize_t)sizeof(torn) - 1);
    close(fd);
    assert_int_equal(restart(f, j), 1);
    assert_string_equal(proc_name(table_find(&f->table, 0)), "whole");
}

static void test_other_boot_is_ignored(void **state)
{
    struct fixture *f = *state;
    int found;
    int fd = open(f->path, O_WRONLY | O_TRUNC);
    static const char text[] = "{\"t\":\"head\",\"boot\":\"another\",\"format\":1}\n"
                               "{\"t\":\"app\",\"id\":0,\"conf\":{\"name\":\"old\"}}\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    journal_close(open_journal(f, &found), false);
    assert_int_equal(found, 0);
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void test_what_has_not_changed_is_not_written(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    struct proc *p = add(f, "quiet");
    journal_app(j, p);
    journal_state(j, p);
    off_t size = size_of(f->path);
    journal_state(j, p);
    assert_int_equal(size_of(f->path), size);
    p->sm.restart_time++;
    journal_state(j, p);
    assert_true(size_of(f->path) > size);
    assert_int_equal(restart(f, j), 1);
    assert_int_equal(table_find(&f->table, 0)->sm.restart_time, 1);
}

static void test_it_is_rewritten_when_it_has_grown(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    struct proc *p = add(f, "busy");
    journal_app(j, p);
    for (int i = 0; i < 20000; i++) {
        p->pm_uptime = i;
        journal_state(j, p);
    }
    assert_true(size_of(f->path) < 2 * 1024 * 1024);
    p->sm.restart_time = 3;
    journal_state(j, p);
    assert_int_equal(restart(f, j), 1);
    assert_int_equal(table_find(&f->table, 0)->sm.restart_time, 3);
}

static void test_unwritable_place_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int found;
    assert_null(journal_open("/proc/no/such/place", &f->table, &found, &e));
    assert_non_null(strstr(e.msg, "/proc/no/such/place"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mode_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_line_is_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_boot_is_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_has_not_changed_is_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_is_rewritten_when_it_has_grown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwritable_place_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
