/* SPDX-License-Identifier: MIT
 * The journal: what is written is read back; a torn line, a damaged one, a foreign file and another
 * boot cost nothing else; a disk that refuses for a while costs nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appmsg.h"
#include "base/buf.h"
#include "journal.h"
#include "os/atomic_file.h"
#include "table.h"
#include "json/read.h"

int __wrap_fsync(int fd);

/* A busy disk would take minutes for thousands of files that nobody needs after the test. */
int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

struct fixture {
    char path[64], aside[80], saved[80];
    uv_loop_t loop;
    struct proc_env env;
    struct table table;
};

static void open_fixture(struct fixture *f)
{
    uv_loop_init(&f->loop);
    memset(&f->env, 0, sizeof(f->env));
    f->env.loop = &f->loop;
    f->env.paths.dump_file = f->env.paths.dump_backup = f->saved;
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
    snprintf(f->aside, sizeof(f->aside), "%s.damaged", f->path);
    snprintf(f->saved, sizeof(f->saved), "%s.saved", f->path);
    open_fixture(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_fixture(f);
    unlink(f->path);
    unlink(f->aside);
    unlink(f->saved);
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

static void register_action(struct journal *j, struct proc *p, const char *name)
{
    AUTO_JSON action = json_pack("{s:s, s:i}", "action_name", name, "arity", 1);
    assert_true(appmsg_add_action(p, action));
    journal_action(j, p, action);
}

static const char *action_of(const struct proc *p, size_t at)
{
    return json_get_str(json_array_get(p->axm_actions, at), "action_name");
}

static void test_actions_are_those_of_the_run(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    struct proc *p = add(f, "acts");
    p->run_count = p->run_top = 4;
    journal_app(j, p);
    journal_state(j, p);
    register_action(j, p, "one");
    register_action(j, p, "two");
    p->sm.restart_time = 3;
    journal_state(j, p);
    assert_int_equal(restart(f, j), 1);
    p = table_find(&f->table, 0);
    assert_int_equal(json_array_size(p->axm_actions), 2);
    assert_string_equal(action_of(p, 0), "one");
    assert_string_equal(action_of(p, 1), "two");
    int64_t arity = 0;
    assert_true(json_get_int(json_array_get(p->axm_actions, 1), "arity", &arity));
    assert_int_equal(arity, 1);

    j = open_journal(f, &found); /* ... and once more, from what that one has written */
    p = table_find(&f->table, 0);
    assert_int_equal(json_array_size(p->axm_actions), 2);
    p->run_count = p->run_top = 5;
    journal_state(j, p);
    assert_int_equal(restart(f, j), 1);
    assert_null(table_find(&f->table, 0)->axm_actions);
}

static void test_actions_of_a_run_that_nobody_knows(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    struct proc *p = add(f, "acts");
    journal_app(j, p);
    journal_state(j, p);
    AUTO_JSON action = json_pack("{s:s}", "action_name", "x");
    AUTO_JSON nothing = json_array();
    journal_action(j, p, nothing);
    p->run_count = 9; /* the state does not say so */
    journal_action(j, p, action);
    p->run_count = 0;
    p->id = 7;
    journal_action(j, p, action);
    p->id = 0;
    assert_int_equal(restart(f, j), 1);
    assert_int_equal(json_array_size(table_find(&f->table, 0)->axm_actions), 0);
}

static void test_unwritable_place_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int found;
    assert_null(journal_open("/proc/no/such/place", &f->table, &found, &e));
    assert_non_null(strstr(e.msg, "/proc/no/such/place"));
}

/* ---- damage ---- */

static void get(const char *path, struct buf *ret)
{
    struct err e = {0};
    buf_clear(ret);
    assert_int_equal(file_read(path, 1 << 20, ret, &e), 0);
}

static void put(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    close(fd);
}

/* Two processes, and what became of them: one was stopped, one restarted. */
static void write_two(struct fixture *f)
{
    int found;
    static const char *const names[] = {"one", "two"};
    struct journal *j = open_journal(f, &found);
    for (int i = 0; i < 2; i++) {
        struct proc *p = add(f, names[i]);
        p->sm.goal = GOAL_UP;
        p->sm.state = PROC_ONLINE;
        journal_app(j, p);
        journal_state(j, p);
        p->sm.goal = i == 0 ? GOAL_DOWN : GOAL_UP;
        p->sm.restart_time = i;
        journal_state(j, p);
    }
    journal_close(j, false);
}

/* Processes that are there and are what they once were. */
static int read_two(struct fixture *f)
{
    int found;
    int right = 0;
    close_fixture(f);
    open_fixture(f);
    journal_close(open_journal(f, &found), false);
    for (size_t i = 0; i < f->table.count; i++) {
        const struct proc *p = f->table.items[i];
        bool is_one = strcmp(proc_name(p), "one") == 0;
        assert_true(is_one || strcmp(proc_name(p), "two") == 0);
        assert_int_equal(p->id, is_one ? 0 : 1);
        assert_string_equal(json_get_str(p->conf, "pm_exec_path"), "/bin/true");
        assert_string_equal(json_get_str(json_object_get(p->conf, "env"), "SECRET"), "x");
        assert_in_range(p->sm.restart_time, 0, is_one ? 0 : 1);
        assert_true(p->sm.goal == GOAL_UP || is_one || p->sm.state == PROC_STOPPED);
        right++;
    }
    return right;
}

static void test_no_damaged_byte_gets_through(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    size_t is_told = 0;
    write_two(f);
    get(f->path, &text);
    assert_int_equal(read_two(f), 2);
    for (size_t i = 0; i < text.len; i++) {
        char was = text.data[i];
        text.data[i] = (char)(was ^ (1 << i % 8));
        put(f->path, buf_str(&text));
        text.data[i] = was;
        assert_in_range(read_two(f), 1, 2); /* one record is damaged, or a newline: two of them */
        is_told += access(f->aside, F_OK) == 0;
        (void)unlink(f->aside);
    }
    assert_in_range(is_told, text.len - 1, text.len); /* the empty line says nothing */
}

static void test_it_may_end_anywhere(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    int right = 0;
    write_two(f);
    get(f->path, &text);
    for (size_t n = 0; n <= text.len; n++) {
        put(f->path, (struct str){text.data, n});
        int now = read_two(f);
        assert_true(now >= right); /* the more is there, the more is known */
        right = now;
    }
    assert_int_equal(right, 2);
}

static void test_without_a_head_it_is_kept_aside(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) aside = BUF_INIT;
    struct err e = {0};
    write_two(f);
    get(f->path, &text);
    text.data[3] = '?';
    *(strchr(text.data, '\n') + 4) = '?';
    put(f->path, buf_str(&text));
    assert_int_equal(journal_check(f->path, &e), -EBADMSG);
    assert_non_null(strstr(e.msg, "its head cannot be read"));
    assert_int_equal(read_two(f), 0);
    get(f->aside, &aside);
    assert_string_equal(aside.data, text.data);
}

/* Of "two" only its state is left; the user has saved the list. */
static void test_a_lost_app_is_taken_from_the_saved_list(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    write_two(f);
    get(f->path, &text);
    char *record = strstr(text.data, "\"two\"");
    assert_non_null(record);
    record[1] = 'T';
    put(f->path, buf_str(&text));
    put(f->saved,
        STR("[{\"name\":\"else\",\"pm_exec_path\":\"/bin/true\",\"pm_pid_path\":\"/e-7.pid\"},"
            "{\"name\":\"two\",\"pm_exec_path\":\"/bin/true\",\"pm_pid_path\":\"/two-1.pid\","
            "\"pm_cwd\":\"/\",\"pm_out_log_path\":\"/o\",\"pm_err_log_path\":\"/e\","
            "\"env\":{\"SECRET\":\"x\"}}]"));
    assert_int_equal(read_two(f), 2);
    assert_int_equal(table_find(&f->table, 1)->sm.restart_time, 1);
}

/* Written by a version that had no sums. */
static void test_records_without_sums(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) plain = BUF_INIT;
    struct str line;
    write_two(f);
    get(f->path, &text);
    struct str rest = buf_str(&text);
    for (int i = 0; str_cut_line(&rest, &line); i++) {
        if (i == 1 || i == 2) /* one head was all they had */
            continue;
        buf_add_str(&plain, (struct str){line.p, line.n - strlen(",\"crc\":\"00000000\"}")});
        buf_add_c(&plain, "}\n");
    }
    put(f->path, buf_str(&plain));
    assert_int_equal(read_two(f), 2);
    assert_int_equal(access(f->aside, F_OK), -1);
}

/* By a later version, under which its apps run: they are not to be ended. */
static void test_another_format_is_not_touched(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) later = BUF_INIT;
    struct err e = {0};
    struct str line;
    int found;
    write_two(f);
    get(f->path, &text);
    struct str rest = buf_str(&text);
    assert_true(str_cut_line(&rest, &line));
    char *format = strstr(text.data, "\"format\":1");
    format[strlen("\"format\":")] = '2';
    struct str head = {text.data, line.n - strlen(",\"crc\":\"00000000\"}")};
    buf_printf(&later, "%.*s}\n", STR_ARG(head));
    put(f->path, buf_str(&later));
    assert_null(journal_open(f->path, &f->table, &found, &e));
    assert_non_null(strstr(e.msg, "has format 2, this program reads format 1"));
    get(f->path, &text);
    assert_string_equal(text.data, later.data);
}

/* ---- a world that refuses for a while ---- */

static void test_unreadable_is_not_empty(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct rlimit was;
    int found;
    write_two(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, was.rlim_max}), 0);
    close_fixture(f);
    f->env.loop = &f->loop;
    table_init(&f->table, &f->env);
    struct journal *j = journal_open(f->path, &f->table, &found, &e);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_null(j);
    assert_int_equal(e.code, -EMFILE);
    assert_non_null(strstr(e.msg, f->path));
    open_fixture(f);
    assert_int_equal(read_two(f), 2);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){bytes, was.rlim_max}), 0);
}

/* A record comes half to the disk, the next one not at all. */
static void test_all_is_written_once_it_can_be(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    signal(SIGXFSZ, SIG_IGN);
    struct proc *p = add(f, "first");
    journal_app(j, p);
    journal_state(j, p);
    limit_file_size((rlim_t)size_of(f->path) + 30);
    p->sm.restart_time = 1;
    journal_state(j, p);
    journal_app(j, add(f, "second"));
    limit_file_size(RLIM_INFINITY);
    uv_run(&f->loop, UV_RUN_ONCE); /* the next try */
    p->sm.restart_time = 2;
    journal_state(j, p);
    assert_int_equal(restart(f, j), 2);
    assert_int_equal(table_find(&f->table, 0)->sm.restart_time, 2);
    assert_string_equal(proc_name(table_find(&f->table, 1)), "second");
    assert_int_equal(access(f->aside, F_OK), -1);
}

/* pm2d is killed before that: what comes behind half a record is read. */
static void test_half_a_record_costs_no_other(void **state)
{
    struct fixture *f = *state;
    int found;
    struct journal *j = open_journal(f, &found);
    signal(SIGXFSZ, SIG_IGN);
    struct proc *p = add(f, "first");
    journal_app(j, p);
    limit_file_size((rlim_t)size_of(f->path) + 30);
    journal_state(j, p);
    limit_file_size(RLIM_INFINITY);
    p->sm.restart_time = 2;
    journal_state(j, p);
    assert_int_equal(restart(f, j), 1);
    assert_int_equal(table_find(&f->table, 0)->sm.restart_time, 2);
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
        cmocka_unit_test_setup_teardown(test_actions_are_those_of_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_actions_of_a_run_that_nobody_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unwritable_place_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_damaged_byte_gets_through, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_may_end_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_head_it_is_kept_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_app_is_taken_from_the_saved_list, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_records_without_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_format_is_not_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable_is_not_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_is_written_once_it_can_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_a_record_costs_no_other, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
