/* SPDX-License-Identifier: MIT
 * Policies of log files: the app's attributes, then the settings of pm2-logrotate, then nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#include <string.h>

#include "app/log_policy.h"
#include "base/attr.h"
#include "json/read.h"

static int utc(void *ctx, int64_t utc_s)
{
    (void)ctx, (void)utc_s;
    return 0;
}

static struct log_policy policy(const char *conf, const char *settings, const char *want_error)
{
    struct err e = {0};
    struct log_policy p;
    const struct cron_zone zone = {NULL, utc};
    AUTO_JSON c = conf ? json_loads(conf, 0, NULL) : NULL;
    AUTO_JSON s = settings ? json_loads(settings, 0, NULL) : NULL;
    int rc = log_policy_from(c, s, &zone, 0, &p, &e);
    assert_int_equal(rc, want_error ? -EINVAL : 0);
    if (want_error)
        assert_non_null(strstr(e.msg, want_error));
    return p;
}

static void test_nothing_said(void **state)
{
    (void)state;
    struct log_policy p = policy("{}", NULL, NULL);
    assert_false(log_policy_rotates(&p) || p.blocks || p.is_json);
    assert_int_equal(p.retain, LOG_POLICY_RETAIN);
    assert_string_equal(p.date_format, LOG_POLICY_DATE);
}

static void test_attributes(void **state)
{
    (void)state;
    struct log_policy p =
        policy("{\"max_size\":1048576,\"rotate_interval\":\"0 0 * * *\",\"retain\":3,"
               "\"retain_bytes\":99,\"compress\":\"zstd\",\"date_format\":\"YYYY\","
               "\"on_full\":\"block\",\"log_type\":\"json\"}",
               "{\"pm2-logrotate\":{\"max_size\":\"1K\"}}", NULL);
    assert_true(p.blocks && p.is_json && p.has_interval);
    assert_int_equal(p.max_bytes, 1048576);
    assert_int_equal(p.retain, 3);
    assert_int_equal(p.retain_bytes, 99);
    assert_int_equal(p.compress, LOG_COMPRESS_ZSTD);
    assert_string_equal(p.date_format, "YYYY");
}

/* As `pm2 set` keeps them: texts. */
static void test_settings_of_the_module(void **state)
{
    (void)state;
    struct log_policy p = policy(
        "{\"retain\":7}",
        "{\"pm2-logrotate\":{\"max_size\":\"10M\",\"retain\":\"all\",\"compress\":\"true\","
        "\"dateFormat\":\"YYYY-MM-DD\",\"rotateInterval\":\"0 0 * * *\",\"TZ\":\"Europe/Paris\","
        "\"workerInterval\":\"30\",\"rotateModule\":\"true\"}}",
        NULL);
    assert_int_equal(p.max_bytes, 10 << 20);
    assert_int_equal(p.retain, 7); /* the app knows better */
    assert_int_equal(p.compress, LOG_COMPRESS_GZIP);
    assert_true(p.has_interval);
    assert_string_equal(p.date_format, "YYYY-MM-DD");
    assert_string_equal(p.zone, "Europe/Paris");
    p = policy("{}", "{\"pm2-logrotate\":{\"max_size\":\"10M\",\"retain\":\"all\"}}", NULL);
    assert_int_equal(p.retain, 0);
}

/* Once it is installed they are its own; what an app says holds. */
static void test_settings_of_an_installed_module(void **state)
{
    (void)state;
    static const char settings[] =
        "{\"module-db-v2\":{\"pm2-logrotate\":{}},"
        "\"pm2-logrotate\":{\"max_size\":\"10K\",\"rotateInterval\":\"0 0 * * *\"}}";
    struct log_policy p = policy("{}", settings, NULL);
    assert_false(log_policy_rotates(&p));
    p = policy("{\"max_size\":5000}", settings, NULL);
    assert_int_equal(p.max_bytes, 5000);
}

static void test_what_cannot_be_used_is_named(void **state)
{
    (void)state;
    struct log_policy p =
        policy("{}", "{\"pm2-logrotate\":{\"max_size\":\"ten\",\"retain\":\"5\"}}",
               "pm2-logrotate:max_size");
    assert_int_equal(p.max_bytes, 0);
    assert_int_equal(p.retain, 5); /* the rest holds */
    (void)policy("{}", "{\"pm2-logrotate\":{\"rotateInterval\":\"often\"}}", "rotateInterval");
    (void)policy("{}", "{\"pm2-logrotate\":{\"compress\":\"rar\"}}", "gzip, zstd, none");
}

static void test_floor(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        int64_t want;
        int code;
    } cases[] = {{"{}", -1, 0},
                 {"{\"pm2-logrotate\":{\"free_floor\":\"200M\"}}", 200 << 20, 0},
                 {"{\"pm2-logrotate\":{\"free_floor\":\"0\"}}", 0, 0},
                 {"{\"pm2-logrotate\":{\"free_floor\":\"much\"}}", -1, -EINVAL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        AUTO_JSON s = json_loads(cases[i].settings, 0, NULL);
        assert_int_equal(log_policy_floor(s, &e), cases[i].want);
        assert_int_equal(e.code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_settings_of_the_module),
        cmocka_unit_test(test_settings_of_an_installed_module),
        cmocka_unit_test(test_what_cannot_be_used_is_named),
        cmocka_unit_test(test_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
