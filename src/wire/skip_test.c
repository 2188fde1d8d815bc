/* SPDX-License-Identifier: MIT
 * The JSON skipper: the slices that it hands out, and what it takes for JSON. jansson is the judge.
 */
#include "wire/skip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"

/* Writes "key=value;" per member. */
static bool note(void *ctx, struct str key, struct str value)
{
    buf_printf(ctx, "%.*s=%.*s;", STR_ARG(key), STR_ARG(value));
    return true;
}

static void hands_out_slices(void **state)
{
    (void)state;
    static const struct {
        const char *text, *members;
    } rows[] = {
        {"{}", ""},
        {" \r\n\t{ } ", ""},
        {"{\"a\":1}", "\"a\"=1;"},
        {" { \"a\" : [ 1 , 2 ] , \"b\" : \"x\" } ", "\"a\"=[ 1 , 2 ];\"b\"=\"x\";"},
        {"{\"\":{\"a\":{}},\"a\":null}", "\"\"={\"a\":{}};\"a\"=null;"},
        {"{\"q\\\"\":\"}\\\\\",\"r\":\"\\\"]\"}", "\"q\\\"\"=\"}\\\\\";\"r\"=\"\\\"]\";"},
        {"{\"a\":-0.5e-10,\"a\":true}", "\"a\"=-0.5e-10;\"a\"=true;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) seen = BUF_INIT;
        assert_int_equal(skip_members(str_from(rows[i].text), note, &seen), 0);
        assert_string_equal(seen.data, rows[i].members);
    }
}

static const char *const values[] = {
    /* right */
    "0",
    "-0",
    "1.5",
    "1e5",
    "1E+5",
    "-1e-5",
    "true",
    "false",
    "null",
    "\"\"",
    "\"\\\"\"",
    "[]",
    "[[],{}]",
    "[1,\"2\",null]",
    "{\"a\":[{}]}",
    "\"\xC3\xA9\"",
    "[ ]",
    "{ }",
    "1.0e0",
    /* wrong */
    "",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "+1",
    "tru",
    "True",
    "nullx",
    "\"",
    "\"\\",
    "\"\n\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "[}",
    "{]",
    "[1}",
    "{\"a\":1]",
    "1 2",
    "NaN",
    "Infinity",
    "0x10",
    "'a'",
    "/*c*/1",
    "[1]]",
    "--1",
    "1-",
    "\f1",
};

static bool stop(void *ctx, struct str key, struct str value)
{
    (void)key;
    *(struct str *)ctx = value;
    return false;
}

static void agrees_with_jansson(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        AUTO(buf) text = BUF_INIT;
        AUTO(buf) seen = BUF_INIT;
        buf_printf(&text, "{\"k\":%s}", values[i]);
        AUTO_JSON dom = json_read(buf_str(&text), NULL);
        int rc = skip_members(buf_str(&text), note, &seen);
        if ((rc == 0) != (dom != NULL))
            fail_msg("%s: %d, jansson says %d", text.data, rc, dom != NULL);
        if (rc != 0)
            assert_int_equal(rc, -EPROTO);
    }
}

/* Whatever is cut off the end, it is noticed. */
static void every_prefix_is_refused(void **state)
{
    (void)state;
    const struct str text =
        STR("{\"args\":[{\"a\":\"\\\\\\\"\",\"b\":[1.5e3,true,null]}],\"x\":{}}");
    AUTO(buf) seen = BUF_INIT;
    assert_int_equal(skip_members(text, note, &seen), 0);
    for (size_t n = 0; n < text.n; n++)
        assert_int_equal(skip_members((struct str){text.p, n}, note, &seen), -EPROTO);
    assert_int_equal(skip_members((struct str){0}, note, &seen), -EPROTO);
}

static void only_objects_have_members(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "null", "\"{}\"", "{}{}", "{},", "1", " "};
    AUTO(buf) seen = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(skip_members(str_from(texts[i]), note, &seen), -EPROTO);
    assert_int_equal(seen.len, 0);
}

static void the_caller_may_stop(void **state)
{
    (void)state;
    struct str seen = {0};
    assert_int_equal(skip_members(STR("{\"a\":7,\"b\":"), stop, &seen), -ECANCELED);
    assert_true(str_eq_c(seen, "7"));
}

static void depth_is_capped(void **state)
{
    (void)state;
    for (int more = 0; more <= 1; more++) {
        AUTO(buf) text = BUF_INIT;
        AUTO(buf) seen = BUF_INIT;
        for (int i = 0; i < LIMIT_JSON_DEPTH + more; i++)
            buf_add_c(&text, "{\"k\":");
        buf_add_byte(&text, '1');
        for (int i = 0; i < LIMIT_JSON_DEPTH + more; i++)
            buf_add_byte(&text, '}');
        assert_int_equal(skip_members(buf_str(&text), note, &seen), more ? -E2BIG : 0);
        AUTO_JSON dom = json_read(buf_str(&text), NULL);
        assert_int_equal(dom == NULL, more);
    }
}

static void first_elements(void **state)
{
    (void)state;
    static const struct {
        const char *text, *first;
    } rows[] = {
        {"[]", ""},   {"[ ]", ""},       {"[1]", "1"}, {"[ {\"a\":[]} , 2]", "{\"a\":[]}"},
        {"{}", NULL}, {"\"[1]\"", NULL}, {"", NULL},   {"[tru]", NULL},
        {"[", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str first;
        assert_int_equal(skip_first(str_from(rows[i].text), &first), rows[i].first != NULL);
        if (rows[i].first)
            assert_true(str_eq_c(first, rows[i].first));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_slices),        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(every_prefix_is_refused), cmocka_unit_test(only_objects_have_members),
        cmocka_unit_test(the_caller_may_stop),     cmocka_unit_test(depth_is_capped),
        cmocka_unit_test(first_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
