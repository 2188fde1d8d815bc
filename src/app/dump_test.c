/* SPDX-License-Identifier: MIT
 * The saved list: what is one and what is not, what of an entry counts, and its checksums. */
#include "app/dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/read.h"

static void expect_refused(const char *text, const char *why)
{
    struct err e = {0};
    json_t *list = dump_parse(str_from(text), &e);
    assert_null(list);
    assert_non_null(strstr(e.msg, why));
}

static void takes_lists_of_apps(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]",
        "[{\"name\":\"a\",\"pm_exec_path\":\"/a\"}]",
        "[{name: 'a', pm_exec_path: '/a',}, /* by hand */ ]",
    };
    for (size_t i = 0; i < 3; i++) {
        struct err e = {0};
        json_t *list = dump_parse(str_from(texts[i]), &e);
        assert_string_equal(e.msg, "");
        assert_int_equal(json_array_size(list), i > 0);
        json_decref(list);
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    expect_refused("", "it is empty");
    expect_refused("{\"apps\":[]}", "no list of apps, but [object Object]");
    expect_refused("null", "no list of apps");
    expect_refused("[1]", "entry 0 is no saved app");
    expect_refused("[{\"name\":\"a\",\"pm_exec_path\":\"/a\"},{\"name\":\"b\"}]",
                   "entry 1 is no saved app: it has no pm_exec_path");
    expect_refused("[{\"name\":5,\"pm_exec_path\":\"/a\"}]", "it has no name");
    expect_refused("[{\"name\":\"a\",\"pm_exec_path\":\"/a\"", "line 1");
}

/* As PM2 writes it: state, and the variables a second time. */
static const char of_pm2[] =
    "{\"name\":\"web\",\"namespace\":\"default\",\"pm_exec_path\":\"/w/web.js\",\"pm_cwd\":\"/w\","
    "\"pm_pid_path\":\"/h/pids/web-12.pid\",\"NODE_APP_INSTANCE\":1,"
    "\"env\":{\"PORT\":\"80\",\"HOME\":\"/h\",\"web\":{},\"unique_id\":\"u\",\"time\":\"x\"},"
    "\"PORT\":\"80\",\"HOME\":\"/other\",\"unique_id\":\"u\",\"time\":\"x\","
    "\"status\":\"stopped\",\"pm_uptime\":1,\"axm_actions\":[1],\"axm_monitor\":{},"
    "\"created_at\":5,\"restart_time\":7,\"unstable_restarts\":2,\"version\":\"1\",\"exit_code\":3,"
    "\"prev_restart_delay\":0,\"_tree_pids\":[4],\"instances\":2,\"pm_id\":9,"
    "\"_km_monitored\":true}";

static void keeps_what_is_configuration(void **state)
{
    (void)state;
    struct dump_entry d;
    json_t *entry = json_read(str_from(of_pm2), NULL);
    assert_int_equal(dump_take(entry, &d), 0);
    assert_int_equal(d.id, 12);
    assert_int_equal(d.restarts, 7);
    assert_true(d.stopped);
    assert_true(d.is_monitored);
    static const char *const gone[] = {
        "status",     "pm_uptime",          "axm_actions",  "axm_monitor",
        "created_at", "exit_code",          "restart_time", "unstable_restarts",
        "version",    "prev_restart_delay", "_tree_pids",   "instances",
        "pm_id",      "_km_monitored",      "PORT",         "unique_id"};
    static const char *const kept[] = {"name", "pm_exec_path", "pm_pid_path", "NODE_APP_INSTANCE",
                                       "env",  "HOME",         "time"};
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        if (json_has(d.conf, gone[i]))
            fail_msg("%s is still there", gone[i]);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (!json_has(d.conf, kept[i]))
            fail_msg("%s is lost", kept[i]);
    assert_int_equal(json_object_size(json_object_get(d.conf, "env")), 5);
    assert_true(json_has(entry, "status")); /* copied */
    json_decref(d.conf);
    json_decref(entry);
}

static void finds_the_id(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int id;
    } cases[] = {{"/p/a-0.pid", 0},
                 {"/p/a-1-22.pid", 22},
                 {"/p/a.pid", -1},
                 {"/p/a-.pid", -1},
                 {"/p/a-1.txt", -1},
                 {"/p/7.pid", -1},
                 {"/p/a-99999999999999999999.pid", -1},
                 {".pid", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dump_entry d;
        json_t *entry = json_pack("{s:s}", "pm_pid_path", cases[i].path);
        assert_int_equal(dump_take(entry, &d), 0);
        assert_int_equal(d.id, cases[i].id);
        json_decref(d.conf);
        json_decref(entry);
    }
}

static void sums_tell_a_flipped_byte(void **state)
{
    (void)state;
    AUTO(buf) sums = BUF_INIT;
    char text[] = "[{\"name\":\"a\"}]";
    struct str whole = {text, sizeof(text) - 1};
    dump_sum_add(&sums, "dump.pm2", whole);
    dump_sum_add(&sums, "dump.pm2.bak", STR("[]"));
    assert_int_equal(dump_sum_check(buf_str(&sums), whole), DUMP_MATCHES);
    assert_int_equal(dump_sum_check(buf_str(&sums), STR("[]")), DUMP_MATCHES);
    for (size_t bit = 0; bit < whole.n * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(dump_sum_check(buf_str(&sums), whole), DUMP_DAMAGED);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    assert_int_equal(dump_sum_check(buf_str(&sums), STR("[1]")), DUMP_UNKNOWN);
    assert_int_equal(dump_sum_check(STR(""), whole), DUMP_UNKNOWN);
    assert_int_equal(dump_sum_check(STR("# 3 bytes\n\n# x bytes\n#  bytes\nno sum\n"), whole),
                     DUMP_UNKNOWN);
}

static void sums_have_lines(void **state)
{
    (void)state;
    AUTO(buf) sums = BUF_INIT;
    dump_sum_add(&sums, "a", STR("abc"));
    dump_sum_add(&sums, "b", STR(""));
    struct str line = dump_sum_line(buf_str(&sums), "a");
    static const char want[] = "# 3 bytes\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410"
                               "ff61f20015ad  a\n";
    assert_true(str_eq_c(line, want));
    assert_int_equal(dump_sum_line(buf_str(&sums), "c").n, 0);
    assert_true(str_ends(dump_sum_line(buf_str(&sums), "b"), STR("  b\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_lists_of_apps),         cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(keeps_what_is_configuration), cmocka_unit_test(finds_the_id),
        cmocka_unit_test(sums_tell_a_flipped_byte),    cmocka_unit_test(sums_have_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
