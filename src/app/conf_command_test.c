/* SPDX-License-Identifier: MIT
 * The command line of a conf. */
#include "app/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

static int command_of(const char *text, struct app_command *c, struct err *e)
{
    AUTO_JSON conf = json_loads(text, 0, NULL);
    assert_non_null(conf);
    return app_command_from_conf(conf, c, e);
}

static void lines_are_put_together(void **state)
{
    (void)state;
    static const struct {
        const char *conf, *argv[6];
    } cases[] = {
        {"{\"pm_exec_path\":\"/w/a.js\",\"exec_interpreter\":\"node\",\"node_args\":[\"-r\","
         "\"x y\"],\"args\":[\"1\",\"\"]}",
         {"node", "-r", "x y", "/w/a.js", "1", ""}},
        {"{\"pm_exec_path\":\"/b\",\"exec_interpreter\":\"none\",\"node_args\":[\"-r\"],"
         "\"args\":[\"1\"]}",
         {"/b", "1"}},
        {"{\"pm_exec_path\":\"/b\"}", {"/b"}},
        {"{\"pm_exec_path\":\"/b\",\"exec_interpreter\":\"\",\"args\":\"a b\"}", {"/b", "a b"}},
        {"{\"pm_exec_path\":\"/b\",\"exec_interpreter\":\"/x/py\",\"node_args\":\"-u\"}",
         {"/x/py", "-u", "/b"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct app_command c;
        struct err e = {0};
        assert_int_equal(command_of(cases[i].conf, &c, &e), 0);
        assert_string_equal(c.file, cases[i].argv[0]);
        size_t n = 0;
        for (; n < ARRAY_LEN(cases[i].argv) && cases[i].argv[n]; n++)
            assert_string_equal(c.argv[n], cases[i].argv[n]);
        assert_int_equal(c.argc, n);
        assert_null(c.argv[n]);
        app_command_fini(&c);
        assert_null(c.argv);
    }
}

static void bad_confs_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *conf;
        int code;
        const char *text;
    } cases[] = {
        {"{}", -EINVAL, "pm_exec_path: expected an absolute path"},
        {"{\"pm_exec_path\":\"b\"}", -EINVAL, "pm_exec_path: expected an absolute path"},
        {"{\"pm_exec_path\":\"/b\",\"args\":[\"a\",1]}", -EINVAL, "args[1]: expected a string"},
        {"{\"pm_exec_path\":\"/b\",\"exec_interpreter\":\"py\",\"node_args\":[null]}", -EINVAL,
         "node_args[0]: expected a string"},
        {"{\"pm_exec_path\":\"/b\",\"exec_interpreter\":\"node@20\"}", -ENOSYS,
         "interpreter node@20 is not available yet"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct app_command c;
        struct err e = {0};
        assert_int_equal(command_of(cases[i].conf, &c, &e), cases[i].code);
        assert_string_equal(e.msg, cases[i].text);
        assert_null(c.memory);
        app_command_fini(&c);
    }
}

static void too_many_arguments_are_refused(void **state)
{
    (void)state;
    AUTO_JSON conf = json_pack("{s:s, s:[]}", "pm_exec_path", "/b", "args");
    for (int i = 0; i <= LIMIT_ARGS; i++)
        json_array_append_new(json_object_get(conf, "args"), json_string("x"));
    struct app_command c;
    struct err e = {0};
    assert_int_equal(app_command_from_conf(conf, &c, &e), -E2BIG);
    json_array_remove(json_object_get(conf, "args"), 0);
    assert_int_equal(app_command_from_conf(conf, &c, &e), 0);
    assert_int_equal(c.argc, LIMIT_ARGS + 1);
    app_command_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_put_together),
        cmocka_unit_test(bad_confs_are_named),
        cmocka_unit_test(too_many_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
