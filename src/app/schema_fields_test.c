/* SPDX-License-Identifier: MIT
 * The attributes that PM2 does not have: values, units, bounds, fields of objects. */
#include "app/schema.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

/* The converted value as text, or the error. */
static const char *convert(const struct schema_row *row, const char *text)
{
    static char result[ERR_MSG_MAX + 256];
    struct err e = {0};
    AUTO_JSON in = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(in);
    AUTO_JSON out = schema_convert(row, in, &e);
    char *dump = out ? json_dumps(out, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!out)
        assert_int_equal(e.code, -EINVAL);
    snprintf(result, sizeof(result), "%s", dump ? dump : e.msg);
    free(dump);
    return result;
}

static const struct schema_row *find_field(const char *name)
{
    for (size_t i = 0; i < schema_field_count; i++) {
        if (strcmp(schema_fields[i].name, name) == 0)
            return &schema_fields[i];
    }
    return schema_find(name);
}

static void good_values_are_converted(void **state)
{
    (void)state;
    static const struct {
        const char *row, *in, *out;
    } cases[] = {
        {"nice", "-20", "-20"},
        {"nice", "\"19\"", "19"},
        {"nice", "0", "0"},
        {"cron_restart", "0", "\"0\""},
        {"cron_restart", "\"0 0 * * *\"", "\"0 0 * * *\""},
        {"cron_timezone", "\"Europe/Paris\"", "\"Europe/Paris\""},
        {"balance", "\"least-connections\"", "\"least-connections\""},
        {"balance", "\"reuseport\"", "\"reuseport\""},
        {"share_port", "false", "false"},
        {"depends_on", "[\"a\",\"b\"]", "{\"a\":\"started\",\"b\":\"started\"}"},
        {"depends_on", "{\"a\":\"port:80\"}", "{\"a\":\"port:80\"}"},
        {"depends_on", "[]", "{}"},
        {"kill_timeout", "\"5s\"", "5000"},
        {"watch_delay", "\"400ms\"", "400"},
        {"health", "{\"http\":\"http://localhost:80/x?y\"}",
         "{\"http\":\"http://localhost:80/x?y\",\"interval\":30000,\"timeout\":5000,\"retries\":3,"
         "\"start_period\":0}"},
        {"health",
         "{\"exec\":\"curl x\",\"interval\":\"2m\",\"timeout\":1,\"retries\":\"1\","
         "\"start_period\":\"1h\"}",
         "{\"exec\":\"curl x\",\"interval\":120000,\"timeout\":1,\"retries\":1,"
         "\"start_period\":3600000}"},
        {"health.exec", "[\"a\",5]", "[\"a\",\"5\"]"},
        {"health.tcp", "5432", "\"127.0.0.1:5432\""},
        {"health.tcp", "\"5432\"", "\"127.0.0.1:5432\""},
        {"health.tcp", "\"db:1\"", "\"db:1\""},
        {"health.tcp", "\"[::1]:1\"", "\"[::1]:1\""},
        {"rlimits",
         "{\"nofile\":1024,\"core\":\"unlimited\",\"as\":\"2G\",\"cpu\":[5,\"unlimited\"]}",
         "{\"nofile\":[1024,1024],\"core\":[\"unlimited\",\"unlimited\"],\"as\":[2147483648,"
         "2147483648],\"cpu\":[5,\"unlimited\"]}"},
        {"rlimits.stack", "[\"8M\",\"16M\"]", "[8388608,16777216]"},
        {"rlimits.nofile", "\"100\"", "[100,100]"},
        {"cgroup.memory_max", "\"200M\"", "209715200"},
        {"cgroup.memory_high", "\"max\"", "\"max\""},
        {"cgroup.cpu_max", "\"50%\"", "\"50000 100000\""},
        {"cgroup.cpu_max", "1.5", "\"150000 100000\""},
        {"cgroup.cpu_max", "\"2\"", "\"200000 100000\""},
        {"cgroup.cpu_max", "\"5000 20000\"", "\"5000 20000\""},
        {"cgroup.cpu_max", "\"max\"", "\"max\""},
        {"cgroup.pids_max", "10", "10"},
        {"cgroup", "{\"pids_max\":null}", "{}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(convert(find_field(cases[i].row), cases[i].in), cases[i].out);
}

#define TYPE(key, types, now)                                                                      \
    "Expect \"" key "\" to be a typeof " types ", but now is [object " now "]"
#define RLIMIT(key, size)                                                                          \
    "\"" key "\" must be a number" size ", \"unlimited\" or [soft, hard] with soft <= hard"
#define SIZE ", a size (64M)"
#define CPU                                                                                        \
    "\"cgroup.cpu_max\" must be a number of processors (1.5, at least 0.01), \"150%\", \"QUOTA "   \
    "PERIOD\" in microseconds or \"max\""
#define BYTES(key) "\"" key "\" must be a number of bytes, a size (200M, 1G) or \"max\""
#define ONE        "\"health\" must have exactly one of http, tcp and exec"

#define BALANCE                                                                                    \
    "\"balance\" must be one of round-robin, least-connections, sticky, shared, reuseport, but "   \
    "now is \""

static const struct {
    const char *row, *in, *text;
} bad_values[] = {
    {"nice", "20", "The maximum of \"nice\" is 19, but now is 20"},
    {"nice", "-21", "The minimum of \"nice\" is -20, but now is -21"},
    {"nice", "1.5", "\"nice\" must be a whole number"},
    {"nice", "\"x\"", TYPE("nice", "[object Number]", "String")},
    {"cron_restart", "[]", TYPE("cron_restart", "[object String] / [object Number]", "Array")},
    {"cron_timezone", "\"../etc/passwd\"", "\"cron_timezone\" is no time zone: ../etc/passwd"},
    {"cron_timezone", "1", TYPE("cron_timezone", "[object String]", "Number")},
    {"balance", "\"random\"", BALANCE "random\""},
    {"balance", "\"\"", BALANCE "\""},
    {"balance", "\"round\"", BALANCE "round\""},
    {"balance", "\"sticky, shared\"", BALANCE "sticky, shared\""},
    {"balance", "1", TYPE("balance", "[object String]", "Number")},
    {"share_port", "\"no\"", TYPE("share_port", "[object Boolean]", "String")},
    {"depends_on", "\"a\"", TYPE("depends_on", "[object Array] / [object Object]", "String")},
    {"depends_on", "{\"a\":1}", TYPE("depends_on.a", "[object String]", "Number")},
    {"depends_on", "[\"\"]", "\"depends_on\" has an empty name"},
    {"health", "true", TYPE("health", "[object Object]", "Boolean")},
    {"health", "{}", ONE},
    {"health", "{\"tcp\":1,\"http\":\"http://x\"}", ONE},
    {"health", "{\"tcp\":1,\"retries\":0}", "The minimum of \"health.retries\" is 1, but now is 0"},
    {"health", "{\"tcp\":1,\"interval\":5}",
     "The minimum of \"health.interval\" is 100, but now is 5"},
    {"health.timeout", "\"9999h\"",
     "The maximum of \"health.timeout\" is 604800000, but now is 35996400000"},
    {"health.http", "\"https://x\"",
     "\"health.http\" must be a URL of the form http://host:port/path, but now is "
     "\"https://x\""},
    {"health.http", "\"http:///x\"",
     "\"health.http\" must be a URL of the form http://host:port/path, but now is "
     "\"http:///x\""},
    {"health.tcp", "\"x\"", "\"health.tcp\" must be \"host:port\" or a port, but now is \"x\""},
    {"health.tcp", "0", "\"health.tcp\" must be \"host:port\" or a port, but now is \"0\""},
    {"health.tcp", "70000", "\"health.tcp\" must be \"host:port\" or a port, but now is \"70000\""},
    {"health.exec", "[]", "\"health.exec\" is empty"},
    {"health.exec", "\"\"", "\"health.exec\" is empty"},
    {"rlimits", "5", TYPE("rlimits", "[object Object]", "Number")},
    {"rlimits.nofile", "\"1K\"", RLIMIT("rlimits.nofile", "")},
    {"rlimits.nofile", "-1", RLIMIT("rlimits.nofile", "")},
    {"rlimits.nofile", "[1]", RLIMIT("rlimits.nofile", "")},
    {"rlimits.nofile", "[2,1]", RLIMIT("rlimits.nofile", "")},
    {"rlimits.core", "[\"unlimited\",1]", RLIMIT("rlimits.core", SIZE)},
    {"rlimits.core", "[1,2,3]", RLIMIT("rlimits.core", SIZE)},
    {"rlimits.core", "1.5", RLIMIT("rlimits.core", SIZE)},
    {"cgroup.memory_max", "\"5X\"", BYTES("cgroup.memory_max")},
    {"cgroup.memory_max", "0", BYTES("cgroup.memory_max")},
    {"cgroup.memory_max", "1e300", BYTES("cgroup.memory_max")},
    {"cgroup.memory_max", "[]",
     TYPE("cgroup.memory_max", "[object String] / [object Number]", "Array")},
    {"cgroup.cpu_max", "0", CPU},
    {"cgroup.cpu_max", "\"x\"", CPU},
    {"cgroup.cpu_max", "\"1 2\"", CPU},
    {"cgroup.cpu_max", "\"5000 9000000\"", CPU},
    {"cgroup.cpu_max", "\"5000\\n20000\"", CPU},
    {"cgroup.cpu_max", "\"-50%\"", CPU},
    {"cgroup.pids_max", "0", "\"cgroup.pids_max\" must be a number of processes or \"max\""},
};

static void bad_values_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_values); i++)
        assert_string_equal(convert(find_field(bad_values[i].row), bad_values[i].in),
                            bad_values[i].text);
}

/* Fields against every JSON type: taken, or refused with their path. */
static void every_field_meets_every_type(void **state)
{
    (void)state;
    static const char *const values[] = {"null", "true", "\"x\"", "7",         "[]",
                                         "{}",   "[[]]", "-1",    "{\"a\":1}", "1e300"};
    for (size_t i = 0; i < schema_field_count; i++) {
        const struct schema_row *row = &schema_fields[i];
        assert_non_null(row->help);
        assert_non_null(strchr(row->name, '.'));
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            struct err e = {0};
            AUTO_JSON in = json_loads(values[k], JSON_DECODE_ANY, NULL);
            AUTO_JSON out = schema_convert(row, in, &e);
            if (!out)
                assert_non_null(strstr(e.msg, row->name));
        }
    }
}

static void flags_have_their_own_units(void **state)
{
    (void)state;
    static const struct {
        const char *row, *text, *value;
    } cases[] = {
        {"watch_delay", "2", "2000"},          {"watch_delay", "0.5", "500"},
        {"watch_delay", "400ms", "\"400ms\""}, {"watch_delay", "x", "\"x\""},
        {"kill_timeout", "2", "\"2\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON value = schema_flag_value(schema_find(cases[i].row), cases[i].text);
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        assert_string_equal(text, cases[i].value);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_converted),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(every_field_meets_every_type),
        cmocka_unit_test(flags_have_their_own_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
