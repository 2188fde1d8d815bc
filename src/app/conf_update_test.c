/* SPDX-License-Identifier: MIT
 * The options of a restart. */
#include "app/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "base/attr.h"
#include "json/read.h"

static const char before[] =
    "{\"name\":\"a\",\"filter_env\":[\"SECRET\"],\"args\":[\"x\"],\"env\":{\"PATH\":\"/bin\","
    "\"OLD\":\"1\"},\"merge_logs\":false,\"watch\":false,\"pm_exec_path\":\"/w/app.js\","
    "\"pm_cwd\":\"/w\",\"exec_interpreter\":\"node\",\"exec_mode\":\"fork_mode\",\"instances\":2,"
    "\"pm_out_log_path\":\"/p/logs/a-out-3.log\",\"pm_pid_path\":\"/p/pids/a-3.pid\"}";

static int update(json_t *conf, const char *options, const char *args, const char *env,
                  struct err *e)
{
    AUTO_JSON o = options ? json_loads(options, JSON_DECODE_ANY, NULL) : NULL;
    AUTO_JSON a = args ? json_loads(args, JSON_DECODE_ANY, NULL) : NULL;
    AUTO_JSON v = env ? json_loads(env, JSON_DECODE_ANY, NULL) : NULL;
    struct app_request rq = {.options = o,
                             .args = a,
                             .env = v,
                             .cwd = "/w",
                             .home = "/p",
                             .log_dir = "/p/logs",
                             .pid_dir = "/p/pids"};
    return app_conf_update(conf, &rq, &fake_world, e);
}

static void assert_same(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void nothing_given_changes_nothing(void **state)
{
    (void)state;
    static const char *const options[] = {NULL, "{}", "{\"name\":null}", "{\"bogus\":1}",
                                          "{\"instances\":7,\"force\":true,\"script\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        AUTO_JSON conf = json_loads(before, 0, NULL);
        struct err e = {0};
        assert_int_equal(update(conf, options[i], "[]", NULL, &e), 0);
        assert_same(conf, before);
    }
}

static void given_options_change_their_keys(void **state)
{
    (void)state;
    static const struct {
        const char *options, *args, *env, *key, *value;
    } cases[] = {
        {"{\"name\":\"b\"}", NULL, NULL, "name", "\"b\""},
        {"{\"killTimeout\":\"0\"}", NULL, NULL, "kill_timeout", "0"},
        {"{\"merge_logs\":true}", NULL, NULL, "merge_logs", "true"},
        {"{\"args\":\"a b\"}", NULL, NULL, "args", "[\"a\",\"b\"]"},
        {"{\"args\":\"a b\"}", "[\"c\"]", NULL, "args", "[\"c\"]"},
        {"{\"cwd\":\"sub\"}", NULL, NULL, "pm_cwd", "\"/w/sub\""},
        {"{\"cwd\":\"sub\",\"out\":\"o.log\"}", NULL, NULL, "pm_out_log_path", "\"/w/sub/o.log\""},
        {"{\"log\":true}", NULL, NULL, "pm_log_path", "\"/p/logs/a.log\""},
        {"{\"interpreter\":\"python3\"}", NULL, NULL, "exec_interpreter", "\"python3\""},
        {"{\"uid\":\"nobody\"}", NULL, NULL, "uid", "65534"},
        {"{\"exec_mode\":\"fork\"}", NULL, NULL, "exec_mode", "\"fork_mode\""},
        {NULL, NULL, "{\"NEW\":\"2\",\"MY_SECRET\":\"3\",\"PATH\":\"/opt\"}", "env",
         "{\"PATH\":\"/opt\",\"OLD\":\"1\",\"NEW\":\"2\"}"},
        {"{\"env\":{\"NEW\":{\"a\":1}},\"port\":5}", NULL, "{\"NEW\":\"2\"}", "env",
         "{\"PATH\":\"/bin\",\"OLD\":\"1\",\"NEW\":\"{\\\"a\\\":1}\",\"PORT\":5}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = json_loads(before, 0, NULL);
        struct err e = {0};
        if (update(conf, cases[i].options, cases[i].args, cases[i].env, &e) < 0)
            fail_msg("%s", e.msg);
        assert_same(json_object_get(conf, cases[i].key), cases[i].value);
    }
}

static void shell_lines_keep_their_line(void **state)
{
    (void)state;
    AUTO_JSON conf = json_loads(before, 0, NULL);
    json_object_set_new(conf, "args", json_pack("[s, s]", "-c", "node a.js"));
    json_object_set_new(conf, "exec_interpreter", json_string("none"));
    json_object_set_new(conf, "pm_exec_path", json_string("/bin/bash"));
    struct err e = {0};
    assert_int_equal(update(conf, NULL, "[\"1\"]", NULL, &e), 0);
    assert_int_equal(update(conf, NULL, "[\"2\"]", NULL, &e), 0);
    assert_same(json_object_get(conf, "args"), "[\"-c\",\"node a.js \\\"$@\\\"\",\"pm2\",\"2\"]");
}

static void errors_leave_the_conf_as_it_was(void **state)
{
    (void)state;
    static const struct {
        const char *options, *args, *env;
    } cases[] = {
        {"{\"name\":\"b\",\"kill_timeout\":\"x\"}", NULL, NULL},
        {"[]", NULL, NULL},
        {"{\"name\":\"a\\nb\",\"treekill\":false}", NULL, NULL},
        {"{\"name\":\"b\",\"interpreter\":\"foobar\"}", NULL, NULL},
        {"{\"name\":\"b\",\"cwd\":\"nope\"}", NULL, NULL},
        {"{\"name\":\"b\",\"out\":\"sub\"}", NULL, NULL},
        {"{\"name\":\"b\",\"uid\":\"bob\"}", NULL, NULL},
        {"{\"name\":\"b\",\"interpreter\":\"python3\",\"exec_mode\":\"cluster\"}", NULL, NULL},
        {"{\"name\":\"b\",\"env\":\"X\"}", NULL, NULL},
        {"{\"name\":\"b\"}", "[{}]", NULL},
        {"{\"name\":\"b\"}", NULL, "5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = json_loads(before, 0, NULL);
        struct err e = {0};
        assert_true(update(conf, cases[i].options, cases[i].args, cases[i].env, &e) < 0);
        assert_true(e.code < 0 && e.msg[0] != '\0');
        assert_same(conf, before);
    }
}

/* With CONF_ENV_FROM it is known what came from a shell. */
static void variables_that_are_gone_go(void **state)
{
    (void)state;
    AUTO_JSON conf = json_loads(before, 0, NULL);
    json_t *env = json_object_get(conf, "env");
    json_object_set_new(env, "FILE", json_string("f"));
    json_object_set_new(env, "BOTH", json_string("f"));
    json_object_set_new(env, "PM2_HOME", json_string("/p"));
    json_object_set_new(conf, CONF_ENV_FROM,
                        json_loads("{\"FILE\":\"/w/e.json:1\",\"BOTH\":\"/w/e.json:2\","
                                   "\"PM2_HOME\":\"pm2\"}",
                                   0, NULL));
    struct err e = {0};
    assert_int_equal(update(conf, "{\"env\":{\"OPT\":1}}", NULL,
                            "{\"PATH\":\"/bin\",\"NEW\":\"2\",\"BOTH\":\"shell\",\"PM2_HOME\":"
                            "\"/elsewhere\",\"A_SECRET\":\"x\"}",
                            &e),
                     0);
    assert_same(json_object_get(conf, "env"),
                "{\"PATH\":\"/bin\",\"FILE\":\"f\",\"BOTH\":\"shell\",\"PM2_HOME\":\"/p\","
                "\"NEW\":\"2\",\"OPT\":1}");
    assert_same(json_object_get(conf, CONF_ENV_FROM),
                "{\"FILE\":\"/w/e.json:1\",\"PM2_HOME\":\"pm2\",\"OPT\":\"option\"}");
    /* Without a caller's environment nothing goes. */
    assert_int_equal(update(conf, NULL, NULL, NULL, &e), 0);
    assert_int_equal(json_object_size(json_object_get(conf, "env")), 6);
}

static void new_attributes_are_taken(void **state)
{
    (void)state;
    AUTO_JSON conf = json_loads(before, 0, NULL);
    struct err e = {0};
    assert_int_equal(update(conf,
                            "{\"watch\":true,\"cron\":\"* * * * *\",\"maxMemoryRestart\":\"1K\","
                            "\"nice\":5,\"health\":{\"tcp\":80},\"depends_on\":[\"x\"]}",
                            NULL, NULL, &e),
                     0);
    assert_true(json_is_true(json_object_get(conf, "watch")));
    assert_string_equal(json_get_str(conf, "cron_restart"), "* * * * *");
    assert_same(json_object_get(conf, "max_memory_restart"), "1024");
    assert_same(json_object_get(conf, "depends_on"), "{\"x\":\"started\"}");
    assert_string_equal(json_get_str(json_object_get(conf, "health"), "tcp"), "127.0.0.1:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_changes_nothing),
        cmocka_unit_test(variables_that_are_gone_go),
        cmocka_unit_test(new_attributes_are_taken),
        cmocka_unit_test(given_options_change_their_keys),
        cmocka_unit_test(shell_lines_keep_their_line),
        cmocka_unit_test(errors_leave_the_conf_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
