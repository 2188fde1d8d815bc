/* SPDX-License-Identifier: MIT
 * Confs from outside: what PM2's own client sends, what its dumps have, and what nobody should. */
#include "app/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "app/schema.h"
#include "base/attr.h"
#include "json/read.h"

/* As recorded from PM2 7.0.4: pm2 start worker.py -n w */
static const char from_pm2[] =
    "{\"name\":\"w\",\"filter_env\":[],\"namespace\":\"default\",\"env\":{\"PATH\":\"/bin\","
    "\"HOME\":\"/home/me\",\"PM2_HOME\":\"/p\",\"PWD\":\"/w\",\"LANG\":\"C.UTF-8\",\"USER\":"
    "\"tester\",\"SHELL\":\"/bin/sh\",\"PM2_DAEMON_RPC_PORT\":\"/l/pr.sock\",\"PM2_USAGE\":\"CLI\","
    "\"PYTHONUNBUFFERED\":\"1\",\"w\":{}},\"merge_logs\":true,\"vizion\":true,\"autostart\":true,"
    "\"autorestart\":true,\"watch\":false,\"instance_var\":\"NODE_APP_INSTANCE\",\"pmx\":true,"
    "\"automation\":true,\"treekill\":true,\"username\":\"root\",\"windowsHide\":true,"
    "\"kill_retry_time\":100,\"node_args\":[],\"pm_exec_path\":\"/w/worker.py\",\"pm_cwd\":\"/w\","
    "\"exec_interpreter\":\"python3\",\"exec_mode\":\"fork_mode\",\"instances\":1,"
    "\"pm_out_log_path\":\"/p/logs/w-out.log\",\"pm_err_log_path\":\"/p/logs/w-error.log\","
    "\"pm_pid_path\":\"/p/pids/w.pid\",\"km_link\":false}";

static json_t *pm2_conf(void)
{
    json_t *conf = json_loads(from_pm2, 0, NULL);
    assert_non_null(conf);
    return conf;
}

static json_t *parse(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    return v;
}

static void assert_same(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static void pm2s_own_conf_passes_unchanged(void **state)
{
    (void)state;
    AUTO_JSON conf = pm2_conf();
    struct err e = {0};
    assert_int_equal(app_conf_check(conf, &fake_world, &e), 0);
    assert_same(conf, from_pm2);
}

/* A record of a dump: no instances, results of the last run, variables at the top level. */
static void dumped_confs_pass(void **state)
{
    (void)state;
    AUTO_JSON conf = pm2_conf();
    json_object_del(conf, "instances");
    AUTO_JSON more = parse("{\"status\":\"stopped\",\"pm_id\":4,\"axm_options\":{\"a\":[1]},"
                           "\"_km_monitored\":true,\"unique_id\":\"u\",\"PATH\":\"/bin\","
                           "\"created_at\":null,\"time\":\"now\",\"args\":\"one two\",\"trace\":"
                           "\"1\",\"port\":\"no number\",\"kill_timeout\":null}");
    json_object_update(conf, more);
    /* A variable `time` of the caller became an attribute in PM2. */
    AUTO_JSON env = parse("{\"time\":\"now\",\"args\":\"one two\",\"trace\":\"1\",\"port\":"
                          "\"no number\"}");
    json_object_update(json_object_get(conf, "env"), env);
    struct err e = {0};
    if (app_conf_check(conf, &fake_world, &e) < 0)
        fail_msg("%s", e.msg);
    assert_same(json_object_get(conf, "axm_options"), "{\"a\":[1]}");
    assert_same(json_object_get(conf, "status"), "\"stopped\"");
    static const char *const gone[] = {"time", "args",         "trace",
                                       "port", "kill_timeout", "instances"};
    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        assert_null(json_object_get(conf, gone[i]));
    assert_non_null(json_object_get(json_object_get(conf, "env"), "time"));
}

static void missing_parts_are_filled_in(void **state)
{
    (void)state;
    AUTO_JSON conf = parse("{\"name\":\"a\",\"env\":{\"PATH\":\"/bin\"},\"pm_exec_path\":"
                           "\"/w/a.ts\",\"pm_cwd\":\"/w\",\"pm_out_log_path\":\"/dev/null\","
                           "\"pm_err_log_path\":\"/dev/null\",\"pm_pid_path\":\"/p/a.pid\","
                           "\"exec_mode\":\"fork\",\"args\":\"one argument\",\"namespace\":\"\","
                           "\"max_restarts\":\"3\",\"uid\":\"nobody\",\"treekill\":false}");
    struct err e = {0};
    if (app_conf_check(conf, &fake_world, &e) < 0)
        fail_msg("%s", e.msg);
    static const struct {
        const char *key, *value;
    } filled[] = {
        {"exec_interpreter", "\"node\""},
        {"node_args", "[\"--experimental-strip-types\"]"},
        {"exec_mode", "\"fork_mode\""},
        {"args", "[\"one argument\"]"},
        {"namespace", "\"default\""},
        {"max_restarts", "3"},
        {"uid", "65534"},
        {"gid", "65534"},
        {"treekill", "false"},
        {"autorestart", "true"},
        {"instance_var", "\"NODE_APP_INSTANCE\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(filled); i++)
        assert_same(json_object_get(conf, filled[i].key), filled[i].value);
    assert_string_equal(json_get_str(json_object_get(conf, "env"), "HOME"), "/nonexistent");
}

/* ---- what must not pass ---- */

#define EXPECT(key, type, now)                                                                     \
    "Expect \"" key "\" to be a typeof [object " type "], but now is [object " now "]"

static void bad_confs_are_named(void **state)
{
    (void)state;
    /* `value` NULL: the key is taken away. */
    static const struct {
        const char *key, *value;
        int code;
        const char *text;
    } cases[] = {
        {"name", NULL, -EINVAL, EXPECT("name", "String", "Undefined")},
        {"name", "5", -EINVAL, EXPECT("name", "String", "Number")},
        {"env", NULL, -EINVAL, EXPECT("env", "Object", "Undefined")},
        {"env", "null", -EINVAL, EXPECT("env", "Object", "Null")},
        {"env", "\"A=1\"", -EINVAL, EXPECT("env", "Object", "String")},
        {"env", "{\"a=\":1}", -EINVAL, "env: \"a=\" is no name for a variable"},
        {"pm_exec_path", NULL, -EINVAL, EXPECT("pm_exec_path", "String", "Undefined")},
        {"pm_exec_path", "\"worker.py\"", -EINVAL,
         "\"pm_exec_path\" must be an absolute path, but now is \"worker.py\""},
        {"pm_exec_path", "\"\"", -EINVAL,
         "\"pm_exec_path\" must be an absolute path, but now is \"\""},
        {"pm_cwd", "[]", -EINVAL, EXPECT("pm_cwd", "String", "Array")},
        {"pm_out_log_path", "5", -EINVAL, EXPECT("pm_out_log_path", "String", "Number")},
        {"pm_err_log_path", NULL, -EINVAL, EXPECT("pm_err_log_path", "String", "Undefined")},
        {"pm_pid_path", "{}", -EINVAL, EXPECT("pm_pid_path", "String", "Object")},
        {"pm_log_path", "\"x\"", -EINVAL,
         "\"pm_log_path\" must be an absolute path, but now is \"x\""},
        {"args", "5", -EINVAL,
         "Expect \"args\" to be a typeof [object Array] / [object String], but now is [object "
         "Number]"},
        {"args", "[[]]", -EINVAL, EXPECT("args[0]", "String", "Array")},
        {"autorestart", "\"no\"", -EINVAL, EXPECT("autorestart", "Boolean", "String")},
        {"kill_timeout", "{\"a\":[{}]}", -EINVAL, EXPECT("kill_timeout", "Number", "Object")},
        {"instances", "5000", -EINVAL, "The maximum of \"instances\" is 4096 processes of one app"},
        {"instances", "1e300", -EINVAL,
         "The maximum of \"instances\" is 4096 processes of one app"},
        {"exec_mode", "\"cluster_mode\"", -EINVAL,
         "cluster mode needs node or bun, or addresses in listen; use exec_mode fork"},
        {"watch", "5", -EINVAL,
         "Expect \"watch\" to be a typeof [object Boolean] / [object Array] / [object String], but "
         "now is [object Number]"},
        {"_env_from", "[]", -EINVAL, EXPECT("_env_from", "Object", "Array")},
        {"exec_interpreter", "\"node@18\"", -ENOSYS, "interpreter node@18 is not available yet"},
        {"exec_interpreter", "7", -EINVAL, EXPECT("exec_interpreter", "String", "Number")},
        {"uid", "\"bob\"", -ENOENT, "User bob cannot be found"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = pm2_conf();
        if (cases[i].value)
            json_object_set_new(conf, cases[i].key, parse(cases[i].value));
        else
            json_object_del(conf, cases[i].key);
        struct err e = {0};
        assert_int_equal(app_conf_check(conf, &fake_world, &e), cases[i].code);
        assert_string_equal(e.msg, cases[i].text);
        assert_int_equal(e.code, cases[i].code);
    }
}

static void hopeless_confs_are_refused(void **state)
{
    (void)state;
    static const char *const confs[] = {"{}",    "[]",           "null", "5",
                                        "\"x\"", "{\"env\":{}}", "[{}]", "true"};
    for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
        AUTO_JSON conf = parse(confs[i]);
        struct err e = {0};
        assert_int_equal(app_conf_check(conf, &fake_world, &e), -EINVAL);
        assert_true(e.msg[0] != '\0');
        assert_int_equal(app_conf_check(conf, &fake_world, NULL), -EINVAL);
    }
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    char long_name[4001];
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const char *const names[] = {"", "a\nb", long_name};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO_JSON conf = pm2_conf();
        json_object_set_new(conf, "name", json_string(names[i]));
        struct err e = {0};
        assert_int_equal(app_conf_check(conf, &fake_world, &e), -EINVAL);
    }
}

static void users_are_for_root(void **state)
{
    (void)state;
    struct app_world w = fake_world;
    w.is_root = false;
    AUTO_JSON conf = pm2_conf();
    json_object_set_new(conf, "uid", json_integer(0));
    struct err e = {0};
    assert_int_equal(app_conf_check(conf, &w, &e), -EPERM);
}

/* Every attribute with every JSON type: an error that names it, or a conf that can be used. */
static void every_attribute_meets_every_type(void **state)
{
    (void)state;
    static const char *const values[] = {"null", "true", "150",    "-1.5",   "\"x\"", "\"\"",
                                         "[]",   "[1]",  "[null]", "[[{}]]", "{}",    "{\"a\":{}}"};
    for (size_t i = 0; i < schema_row_count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            AUTO_JSON conf = pm2_conf();
            json_object_set_new(conf, schema_rows[i].name, parse(values[k]));
            struct err e = {0};
            if (app_conf_check(conf, &fake_world, &e) < 0) {
                assert_true(e.code < 0);
                /* PM2 does not name the attribute of a bad schedule. */
                if (e.code == -EINVAL && strcmp(schema_rows[i].name, "name") != 0 &&
                    strncmp(e.msg, "Cron ", 5) != 0)
                    assert_non_null(strstr(e.msg, schema_rows[i].name));
                continue;
            }
            struct app_command c;
            assert_int_equal(app_command_from_conf(conf, &c, &e), 0);
            app_command_fini(&c);
            assert_true(app_conf_instances(conf, 2, &e) >= 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pm2s_own_conf_passes_unchanged),
        cmocka_unit_test(dumped_confs_pass),
        cmocka_unit_test(missing_parts_are_filled_in),
        cmocka_unit_test(bad_confs_are_named),
        cmocka_unit_test(hopeless_confs_are_refused),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(users_are_for_root),
        cmocka_unit_test(every_attribute_meets_every_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
