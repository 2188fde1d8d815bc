/* SPDX-License-Identifier: MIT
 * References to secrets. */
#include "app/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

static void a_file(void **state)
{
    (void)state;
    struct secret s;
    assert_int_equal(secret_parse("secret:file:/run/db", &s, NULL), 0);
    assert_int_equal(s.kind, SECRET_FILE);
    assert_string_equal(s.text, "/run/db");
    secret_fini(&s);
}

static void commands(void **state)
{
    (void)state;
    static const char *const texts[] = {"secret:command:[\"pass\",\"show\",\"my db\"]",
                                        "secret:command:pass show \"my db\""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct secret s;
        assert_int_equal(secret_parse(texts[i], &s, NULL), 0);
        assert_int_equal(s.kind, SECRET_COMMAND);
        assert_int_equal(json_array_size(s.argv), 3);
        assert_string_equal(json_string_value(json_array_get(s.argv, 2)), "my db");
        secret_fini(&s);
    }
}

static void a_descriptor_and_a_value(void **state)
{
    (void)state;
    struct secret s;
    assert_int_equal(secret_parse("secret:fd:12", &s, NULL), 0);
    assert_int_equal(s.kind, SECRET_FD);
    assert_int_equal(s.fd, 12);
    secret_fini(&s);
    assert_int_equal(secret_parse("secret:value:secret:file:x", &s, NULL), 0);
    assert_int_equal(s.kind, SECRET_VALUE);
    assert_string_equal(s.text, "secret:file:x");
    secret_fini(&s);
}

static void any_other_text_is_a_value(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "secret",
                                        "secret:",
                                        "secret:hunter2",
                                        "Secret:file:/x",
                                        "secret:file",
                                        "x secret:file:/x"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct secret s;
        assert_int_equal(secret_parse(texts[i], &s, NULL), 0);
        assert_int_equal(s.kind, SECRET_NONE);
        secret_fini(&s);
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"secret:file:relative", "absolute path"},  {"secret:file:", "absolute path"},
        {"secret:command:", "a program"},           {"secret:command:[]", "a program"},
        {"secret:command:[1]", "a program"},        {"secret:command:[\"a\"", "a program"},
        {"secret:command:[\"a\",{}]", "a program"}, {"secret:fd:x", "number of a descriptor"},
        {"secret:fd:-1", "number of a descriptor"}, {"secret:fd:", "number of a descriptor"},
        {"secret:fd:99999999999", "descriptor"},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct secret s;
        struct err e = {0};
        assert_int_equal(secret_parse(texts[i][0], &s, &e), -EINVAL);
        assert_non_null(strstr(e.msg, texts[i][1]));
        secret_fini(&s);
    }
}

static void objects(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"{\"secret\":{\"file\":\"/run/db\"}}", "secret:file:/run/db"},
        {"{\"secret\":{\"command\":[\"pass\",\"a b\"]}}", "secret:command:[\"pass\",\"a b\"]"},
        {"{\"secret\":{\"command\":\"pass show\"}}", "secret:command:pass show"},
        {"{\"secret\":{\"fd\":3}}", "secret:fd:3"},
        {"{\"secret\":{\"value\":\"v\"}}", "secret:value:v"},
        {"{\"secret\":{\"file\":\"db\"}}", NULL},
        {"{\"secret\":{\"file\":3}}", NULL},
        {"{\"secret\":{}}", NULL},
        {"{\"secret\":\"x\"}", NULL},
        {"{\"secret\":{\"file\":\"/a\",\"fd\":3}}", NULL},
        {"{\"secret\":{\"vault\":\"/a\"}}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err e = {0};
        AUTO_JSON value = json_loads(texts[i][0], 0, NULL);
        assert_true(secret_is_object(value));
        AUTO_JSON text = secret_from_object(value, &e);
        if (texts[i][1])
            assert_string_equal(json_string_value(text), texts[i][1]);
        else
            assert_int_equal(e.code, -EINVAL);
    }
    AUTO_JSON more = json_loads("{\"secret\":{\"file\":\"/a\"},\"b\":1}", 0, NULL);
    assert_false(secret_is_object(more)); /* PM2's way with objects: JSON text */
}

static void names(void **state)
{
    (void)state;
    regex_t re;
    struct err e = {0};
    AUTO_JSON usual = json_string("true");
    AUTO_JSON own = json_string("^db_");
    AUTO_JSON bad = json_string("(");
    AUTO_JSON off = json_string("false");
    assert_int_equal(secret_names(NULL, &re, &e), 0);
    assert_int_equal(secret_names(off, &re, &e), 0);
    assert_int_equal(secret_names(usual, &re, &e), 1);
    assert_int_equal(regexec(&re, "DB_PASSWORD", 0, NULL, 0), 0);
    assert_int_not_equal(regexec(&re, "PORT", 0, NULL, 0), 0);
    regfree(&re);
    assert_int_equal(secret_names(own, &re, &e), 1);
    assert_int_equal(regexec(&re, "DB_HOST", 0, NULL, 0), 0);
    regfree(&re);
    assert_int_equal(secret_names(bad, &re, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file),
        cmocka_unit_test(commands),
        cmocka_unit_test(a_descriptor_and_a_value),
        cmocka_unit_test(any_other_text_is_a_value),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(objects),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
