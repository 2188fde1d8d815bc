/* SPDX-License-Identifier: MIT
 * Paths: resolving, and the files of one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/conf_priv.h"
#include "base/attr.h"
#include "json/read.h"

static void paths_are_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path, *home, *result;
    } cases[] = {
        {"/w", "a", NULL, "/w/a"},
        {"/w", "", NULL, "/w"},
        {"/w/", "./a//b/", NULL, "/w/a/b"},
        {"/w/x", "../a", NULL, "/w/a"},
        {"/w", "../../../a", NULL, "/a"},
        {"/w", "..", NULL, "/"},
        {"/", ".", NULL, "/"},
        {"/w", "/a/../b/.", NULL, "/b"},
        {"/w", "...", NULL, "/w/..."},
        {"/w", ".a", NULL, "/w/.a"},
        {"/w", "~/a", "/home/me", "/home/me/a"},
        {"/w", "~", "/home/me", "/home/me"},
        {"/w", "~me/a", "/home/me", "/w/~me/a"},
        {"/w", "~/a", NULL, "/w/~/a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *got = path_resolve(cases[i].base, cases[i].path, cases[i].home);
        assert_string_equal(got, cases[i].result);
        free(got);
    }
}

static void processes_number_their_files(void **state)
{
    (void)state;
    static const struct {
        const char *conf, *result;
    } cases[] = {
        {"{\"pm_log_path\":\"/l/c.log\",\"pm_out_log_path\":\"/l/a-out.log\",\"pm_err_log_path\":"
         "\"/dev/null\",\"pm_pid_path\":\"/p/a.pid\"}",
         "{\"pm_log_path\":\"/l/c-7.log\",\"pm_out_log_path\":\"/l/a-out-7.log\","
         "\"pm_err_log_path\":\"/dev/null\",\"pm_pid_path\":\"/p/a-7.pid\"}"},
        {"{\"merge_logs\":true,\"pm_out_log_path\":\"/l/a-out.log\",\"pm_pid_path\":\"/p/a.pid\"}",
         "{\"merge_logs\":true,\"pm_out_log_path\":\"/l/a-out.log\",\"pm_pid_path\":"
         "\"/p/a-7.pid\"}"},
        {"{\"pm_out_log_path\":\"/l/a-12.log\",\"pm_err_log_path\":\"/l/err.txt\","
         "\"pm_pid_path\":\"/p/echo-hi--sleep-1000.pid\"}",
         "{\"pm_out_log_path\":\"/l/a-7.log\",\"pm_err_log_path\":\"/l/err.txt\","
         "\"pm_pid_path\":\"/p/echo-hi--sleep-7.pid\"}"},
        {"{\"pm_out_log_path\":5,\"pm_pid_path\":\"/dev/null\"}",
         "{\"pm_out_log_path\":5,\"pm_pid_path\":\"/dev/null\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = json_loads(cases[i].conf, 0, NULL);
        assert_int_equal(app_conf_number_paths(conf, 7), 0);
        /* Once more: a number is replaced, not added. */
        assert_int_equal(app_conf_number_paths(conf, 7), 0);
        char *text = json_dumps(conf, JSON_COMPACT);
        assert_string_equal(text, cases[i].result);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_resolved),
        cmocka_unit_test(processes_number_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
