/* SPDX-License-Identifier: MIT */
#include "app/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/read.h"

static void put(json_t *root, const char *key, const char *value)
{
    AUTO_JSON path = settings_path(key, NULL);
    assert_non_null(path);
    assert_int_equal(settings_put(root, path, value), 0);
}

static void assert_is(const json_t *root, const char *want)
{
    char *text = json_dumps(root, JSON_COMPACT);
    assert_string_equal(text, want);
    free(text);
}

static void test_keys_nest(void **state)
{
    (void)state;
    AUTO_JSON root = json_object();
    put(root, "top", "7");
    put(root, "api:FOO", "bar");
    put(root, "api.sub.deep", "1");
    put(root, "x.\"a.b\".c", "5");
    put(root, "y:'p:q'", "6");
    assert_is(root, "{\"top\":\"7\",\"api\":{\"FOO\":\"bar\",\"sub\":{\"deep\":\"1\"}},"
                    "\"x\":{\"a.b\":{\"c\":\"5\"}},\"y\":{\"p:q\":\"6\"}}");
    put(root, "top:in", "8"); /* a text in the way */
    put(root, "api:FOO", NULL);
    put(root, "api:nope:nope", NULL);
    put(root, "x", NULL);
    put(root, "y", NULL);
    assert_is(root, "{\"top\":{\"in\":\"8\"},\"api\":{\"sub\":{\"deep\":\"1\"}}}");
}

static void test_bad_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":", "a:", ":a", "a::b", "a.\"b", "a.\"b\"c", "''"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        assert_null(settings_path(bad[i], &e));
        assert_int_equal(e.code, -EINVAL);
    }
}

static void test_get(void **state)
{
    (void)state;
    AUTO_JSON root = json_object();
    put(root, "a:b", "1");
    AUTO_JSON here = settings_path("a:b", NULL);
    AUTO_JSON deeper = settings_path("a:b:c", NULL);
    AUTO_JSON other = settings_path("b", NULL);
    assert_string_equal(json_string_value(settings_get(root, here)), "1");
    assert_null(settings_get(root, deeper));
    assert_null(settings_get(root, other));
}

static void test_environment(void **state)
{
    (void)state;
    AUTO_JSON root = json_object();
    AUTO_JSON env = json_object();
    put(root, "api:FOO", "bar");
    put(root, "api:sub:deep", "1");
    put(root, "top", "7");
    assert_false(settings_to_env(root, "web", env));
    assert_false(settings_to_env(root, "top", env));
    assert_true(settings_to_env(root, "api", env));
    assert_is(env, "{\"FOO\":\"bar\",\"api\":\"{\\\"FOO\\\":\\\"bar\\\",\\\"sub\\\":{\\\"deep\\\":"
                   "\\\"1\\\"}}\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_nest),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
