/* SPDX-License-Identifier: MIT
 * The option table and how it is read. */
#include "app/schema_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

static json_t *parse(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    return v;
}

static void assert_json(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

/* ---- the rows ---- */

static void rows_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_row_count; i++) {
        const struct schema_row *row = &schema_rows[i];
        assert_non_null(row->help);
        assert_true(row->types != 0);
        assert_ptr_equal(schema_find(row->name), row);
        assert_in_range(row->name[0], 'a', 'z'); /* the index of letters has no others */
        assert_true((row->cli == SC_NONE) == (row->flags == NULL));
        assert_true((row->value != NULL) == (row->cli == SC_VALUE || row->cli == SC_OPTIONAL));
        for (size_t k = 0; k < ARRAY_LEN(row->aliases) && row->aliases[k]; k++)
            assert_ptr_equal(schema_find(row->aliases[k]), row);
        for (size_t k = 0; k < ARRAY_LEN(row->aliases) && row->aliases[k]; k++)
            assert_in_range(row->aliases[k][0], 'a', 'z');
        if (row->def) {
            AUTO_JSON def = parse(row->def);
            AUTO_JSON inserted = schema_default(row);
            assert_true(json_equal(def, inserted));
            AUTO_JSON converted = schema_convert(row, def, NULL);
            assert_true(json_equal(def, converted));
        }
    }
}

static void spellings_lead_to_rows(void **state)
{
    (void)state;
    static const struct {
        const char *key, *row;
    } cases[] = {
        {"exec", "script"},
        {"interpreter", "exec_interpreter"},
        {"interpreterArgs", "node_args"},
        {"nodeArgs", "node_args"},
        {"errFile", "error_file"},
        {"maxMemoryRestart", "max_memory_restart"},
        {"windowsHide", "windowsHide"},
        {"user", "uid"},
        {"max-restarts", NULL},
        {"maxrestarts", NULL},
        {"max_", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct schema_row *row = schema_find(cases[i].key);
        if (!cases[i].row)
            assert_null(row);
        else
            assert_string_equal(row->name, cases[i].row);
    }
}

static void flags_lead_to_rows(void **state)
{
    (void)state;
    static const struct {
        const char *flag, *row;
    } cases[] = {
        {"-n", "name"},
        {"--name", "name"},
        {"-u", "uid"},
        {"--user", "uid"},
        {"--uid", "uid"},
        {"--interpreter-args", "node_args"},
        {"--node-args", "node_args"},
        {"-c", "cron_restart"},
        {"--no-autorestart", "autorestart"},
        {"--autorestart", NULL},
        {"--nam", NULL},
        {"name", NULL},
        {"--name x", NULL},
        {"-n --name", NULL},
        {"-", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct schema_row *row = schema_find_flag(cases[i].flag);
        if (!cases[i].row)
            assert_null(row);
        else
            assert_string_equal(row->name, cases[i].row);
    }
}

/* ---- values ---- */

static void values_are_converted(void **state)
{
    (void)state;
    static const struct {
        const char *row, *in, *out;
    } cases[] = {
        {"kill_timeout", "\"1600\"", "1600"},
        {"kill_timeout", "\"1e3\"", "1000"},
        {"kill_timeout", "\" 12 \"", "12"},
        {"kill_timeout", "0", "0"},
        {"listen_timeout", "1.5", "1.5"},
        {"max_restarts", "0", "0"},
        {"min_uptime", "\"3s\"", "3000"},
        {"min_uptime", "\"2m\"", "120000"},
        {"min_uptime", "\"1h\"", "3600000"},
        {"min_uptime", "\"500\"", "500"},
        {"min_uptime", "0", "0"},
        {"max_memory_restart", "\"200M\"", "209715200"},
        {"max_memory_restart", "\"1G\"", "1073741824"},
        {"max_memory_restart", "\"4K\"", "4096"},
        {"max_memory_restart", "\"77\"", "77"},
        {"cron_restart", "\"0\"", "\"0\""},
        {"uid", "\"0\"", "0"},
        {"uid", "\"nobody\"", "\"nobody\""},
        {"args", "\"-a \\\"b c\\\" k=\\\"v w\\\"\"", "[\"-a\",\"b c\",\"k=\\\"v w\\\"\"]"},
        {"args", "[\"x\",1,true,1.5]", "[\"x\",\"1\",\"true\",\"1.5\"]"},
        {"watch", "\"a b\"", "\"a b\""},
        {"log_file", "true", "true"},
        {"log_file", "\"x\"", "\"x\""},
        {"instances", "\"max\"", "0"},
        {"instances", "\"abc\"", "0"},
        {"instances", "\"\"", "0"},
        {"instances", "\"Infinity\"", "0"},
        {"instances", "\"2x\"", "2"},
        {"instances", "\"-1\"", "-1"},
        {"instances", "1.7", "1"},
        {"instances", "\"1.7\"", "1"},
        {"instances", "4096", "4096"},
        {"stop_exit_codes", "5", "5"},
        {"stop_exit_codes", "\"5\"", "5"},
        {"stop_exit_codes", "\"0,143 9\"", "[0,143,9]"},
        {"stop_exit_codes", "[0]", "[0]"},
        {"stop_exit_codes", "[]", "[]"},
        {"stop_exit_codes", "[\"0\",99]", "[0,99]"},
        {"exec_mode", "\"fork_mode\"", "\"fork_mode\""},
        {"pmx", "\"false\"", "\"false\""},
        {"env", "{\"A\":{\"b\":1}}", "{\"A\":{\"b\":1}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        AUTO_JSON in = parse(cases[i].in);
        AUTO_JSON out = schema_convert(schema_find(cases[i].row), in, &e);
        if (!out)
            fail_msg("%s %s: %s", cases[i].row, cases[i].in, e.msg);
        assert_json(out, cases[i].out);
    }
}

#define MEMORY_TEXT                                                                                \
    "Verify \"max_memory_restart\" with regex failed, it should be a NUMBER - byte, "              \
    "\"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)"
#define UPTIME_TEXT                                                                                \
    "Verify \"min_uptime\" with regex failed, it should be a NUMBER - milliseconds, "              \
    "\"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or \"[NUMBER]s\"(seconds)"
#define MODE_TEXT                                                                                  \
    "Verify \"exec_mode\" with regex failed, it should be \"cluster\"(\"cluster_mode\") or "       \
    "\"fork\"(\"fork_mode\") only"
#define TYPE_TEXT(key, types, now)                                                                 \
    "Expect \"" key "\" to be a typeof " types ", but now is [object " now "]"

static void bad_values_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *row, *in, *text;
    } cases[] = {
        {"name", "5", TYPE_TEXT("name", "[object String]", "Number")},
        {"args", "5", TYPE_TEXT("args", "[object Array] / [object String]", "Number")},
        {"args", "[\"a\",[1]]", TYPE_TEXT("args[1]", "[object String]", "Array")},
        {"env", "5", TYPE_TEXT("env", "[object Object] / [object String]", "Number")},
        {"watch", "5",
         TYPE_TEXT("watch", "[object Boolean] / [object Array] / [object String]", "Number")},
        {"kill_timeout", "\"abc\"", TYPE_TEXT("kill_timeout", "[object Number]", "String")},
        {"kill_timeout", "\"0x10\"", TYPE_TEXT("kill_timeout", "[object Number]", "String")},
        {"kill_timeout", "\"1 2\"", TYPE_TEXT("kill_timeout", "[object Number]", "String")},
        {"kill_timeout", "\"1e999\"", TYPE_TEXT("kill_timeout", "[object Number]", "String")},
        {"kill_timeout", "-5", "The minimum of \"kill_timeout\" is 0, but now is -5"},
        {"kill_timeout", "1e18",
         "The maximum of \"kill_timeout\" is 604800000, but now is 1000000000000000000"},
        {"uid", "true", TYPE_TEXT("uid", "[object Number] / [object String]", "Boolean")},
        {"max_memory_restart", "{}",
         TYPE_TEXT("max_memory_restart", "[object String] / [object Number]", "Object")},
        {"max_memory_restart", "\"1.5G\"", MEMORY_TEXT},
        {"max_memory_restart", "\"G\"", MEMORY_TEXT},
        {"max_memory_restart", "\"1GB\"", MEMORY_TEXT},
        {"max_memory_restart", "\"1h\"", MEMORY_TEXT},
        {"min_uptime", "\"5x\"", UPTIME_TEXT},
        {"min_uptime", "50", "The minimum of \"min_uptime\" is 100, but now is 50"},
        {"min_uptime", "\"999999999999999999999h\"",
         "The maximum of \"min_uptime\" is 604800000, but now is 3.6e+27"},
        {"max_restarts", "-1", "The minimum of \"max_restarts\" is 0, but now is -1"},
        {"max_restarts", "true", TYPE_TEXT("max_restarts", "[object Number]", "Boolean")},
        {"exec_mode", "\"x\"", MODE_TEXT},
        {"instances", "true", TYPE_TEXT("instances", "[object Number]", "Boolean")},
        {"instances", "4097", "The maximum of \"instances\" is 4096 processes of one app"},
        {"instances", "\"1e9\"", "The maximum of \"instances\" is 4096 processes of one app"},
        {"stop_exit_codes", "\"x\"",
         TYPE_TEXT("stop_exit_codes", "[object Array] / [object Number]", "String")},
        {"stop_exit_codes", "\"\"",
         TYPE_TEXT("stop_exit_codes", "[object Array] / [object Number]", "String")},
        {"stop_exit_codes", "256",
         "\"stop_exit_codes\": an exit code is a whole number from 0 to 255"},
        {"stop_exit_codes", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
         "\"stop_exit_codes\" has more than 16 codes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        AUTO_JSON in = parse(cases[i].in);
        AUTO_JSON out = schema_convert(schema_find(cases[i].row), in, &e);
        assert_null(out);
        assert_string_equal(e.msg, cases[i].text);
        assert_int_equal(e.code, -EINVAL);
    }
}

/* Every row against every JSON type: taken, or refused by name. */
static void every_row_meets_every_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned bit;
    } values[] = {
        {"null", 0},        {"true", ST_BOOL},       {"\"\\u0001 \\ud83d\\ude00\"", ST_STRING},
        {"150", ST_NUMBER}, {"[]", ST_ARRAY},        {"[null]", 0},
        {"{}", ST_OBJECT},  {"[[[{\"a\":[]}]]]", 0},
    };
    for (size_t i = 0; i < schema_row_count; i++) {
        const struct schema_row *row = &schema_rows[i];
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            struct err e = {0};
            AUTO_JSON in = parse(values[k].text);
            AUTO_JSON out = schema_convert(row, in, &e);
            if (!(row->types & values[k].bit) && strcmp(row->name, "instances") != 0)
                assert_null(out);
            if (!out) {
                assert_int_equal(e.code, -EINVAL);
                /* PM2 does not name the attribute of a bad schedule */
                assert_true(strstr(e.msg, row->name) || str_starts(str_from(e.msg), STR("Cron ")));
            } else {
                assert_false(json_is_null(out));
            }
        }
    }
}

static void too_many_arguments_are_refused(void **state)
{
    (void)state;
    AUTO_JSON list = json_array();
    for (int i = 0; i < LIMIT_ARGS; i++)
        json_array_append_new(list, json_string("x"));
    struct err e = {0};
    AUTO_JSON full = schema_convert(schema_find("args"), list, &e);
    assert_non_null(full);
    json_array_append_new(list, json_string("x"));
    AUTO_JSON over = schema_convert(schema_find("args"), list, &e);
    assert_null(over);
    assert_string_equal(e.msg, "\"args\" has 65537 elements; the limit is 65536");
}

/* ---- objects ---- */

static json_t *validate(const char *text, bool with_defaults, json_t *unknown, struct err *e)
{
    AUTO_JSON in = parse(text);
    return schema_validate(in, with_defaults, unknown, e);
}

static void objects_come_out_in_order(void **state)
{
    (void)state;
    AUTO_JSON unknown = json_array();
    AUTO_JSON out = validate("{\"treekill\":false,\"bogus\":1,\"env_x\":{\"A\":1},\"logFile\":true,"
                             "\"kill_timeout\":0,\"wait_ready\":false,\"name\":\"n\",\"cwd\":null,"
                             "\"nodeArgs\":\"--b\",\"interpreter_args\":\"--a\",\"\":2}",
                             false, unknown, NULL);
    assert_json(out, "{\"name\":\"n\",\"node_args\":[\"--a\"],\"log_file\":true,\"wait_ready\":"
                     "false,\"kill_timeout\":0,\"treekill\":false,\"env_x\":{\"A\":1}}");
    assert_json(unknown, "[\"bogus\",\"\"]");
}

static void defaults_are_inserted(void **state)
{
    (void)state;
    AUTO_JSON out = validate("{}", true, NULL, NULL);
    assert_json(out, "{\"vizion\":true,\"autostart\":true,\"autorestart\":true,"
                     "\"instance_var\":\"NODE_APP_INSTANCE\",\"pmx\":true,\"automation\":true,"
                     "\"treekill\":true,\"windowsHide\":true,\"kill_retry_time\":100}");
}

static void all_errors_of_an_object_are_told(void **state)
{
    (void)state;
    struct err e = {0};
    assert_null(validate("{\"args\":1,\"name\":2,\"v8\":3}", true, NULL, &e));
    assert_int_equal(e.code, -EINVAL);
    assert_string_equal(e.msg, TYPE_TEXT("name", "[object String]", "Number") ", " TYPE_TEXT(
                                   "args", "[object Array] / [object String]",
                                   "Number") ", " TYPE_TEXT("v8", "[object Boolean]", "Number"));
    assert_null(validate("[]", true, NULL, &e));
    assert_int_equal(e.code, -EINVAL);
    assert_null(validate("{\"env_x\":1}", true, NULL, &e));
    assert_non_null(strstr(e.msg, "env_x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_well_formed),
        cmocka_unit_test(spellings_lead_to_rows),
        cmocka_unit_test(flags_lead_to_rows),
        cmocka_unit_test(values_are_converted),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(every_row_meets_every_type),
        cmocka_unit_test(too_many_arguments_are_refused),
        cmocka_unit_test(objects_come_out_in_order),
        cmocka_unit_test(defaults_are_inserted),
        cmocka_unit_test(all_errors_of_an_object_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
