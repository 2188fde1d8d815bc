/* SPDX-License-Identifier: MIT
 * JSON in: what is read, what is refused and with which words, JavaScript's idea of truth. */
#include "json/read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"

static json_t *read_ok(const char *text)
{
    struct err e = {0};
    json_t *value = json_read(str_from(text), &e);
    if (!value)
        fail_msg("%s: %s", text, e.msg);
    return value;
}

static void any_value_at_the_top(void **state)
{
    (void)state;
    static const char *const texts[] = {"null", "true", "42", "-1.5e3", "\"s\"", "[]", " {} \n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO_JSON value = read_ok(texts[i]);
        assert_non_null(value);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const struct str texts[] = {
        {NULL, 0},    {"", 0},         {" ", 1},       {"{", 1},
        {"{}x", 3},   {"[1,]", 4},     {"{'a':1}", 7}, {"nul", 3},
        {"1 2", 3},   {"\"\xFF\"", 3}, {"\"a", 2},     {"\"\\u0000\"", 8},
        {"1e999", 5}, {"\"a\0b\"", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct err e = {0};
        assert_null(json_read(texts[i], &e));
        assert_int_equal(e.code, -EINVAL);
        assert_int_equal(strncmp(e.msg, "invalid JSON: ", 14), 0);
        assert_null(json_read(texts[i], NULL));
    }
}

static void error_says_where(void **state)
{
    (void)state;
    struct err e = {0};
    assert_null(json_read(STR("{\n  \"a\": tru\n}"), &e));
    assert_int_equal(strncmp(e.msg, "invalid JSON: line 2 column ", 28), 0);
}

static void nested(struct buf *b, int depth)
{
    buf_clear(b);
    for (int i = 0; i < depth; i++)
        buf_add_c(b, i % 2 ? "{\"k\":" : "[");
    buf_add_c(b, "\"]]]}}}[[[\\\"{{{\"");
    for (int i = depth - 1; i >= 0; i--)
        buf_add_byte(b, i % 2 ? '}' : ']');
}

static void depth_is_capped(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    struct err e = {0};
    nested(&b, LIMIT_JSON_DEPTH);
    AUTO_JSON deep = json_read(buf_str(&b), &e);
    assert_non_null(deep);
    nested(&b, LIMIT_JSON_DEPTH + 1);
    assert_null(json_read(buf_str(&b), &e));
    assert_int_equal(e.code, -E2BIG);
    assert_non_null(strstr(e.msg, "256"));
}

/* Width is not depth. */
static void brackets_that_close_do_not_count(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_byte(&b, '[');
    for (int i = 0; i < 4 * LIMIT_JSON_DEPTH; i++)
        buf_add_c(&b, "[],{},");
    buf_add_c(&b, "0]");
    AUTO_JSON wide = read_ok(b.data);
    assert_int_equal(json_array_size(wide), 8 * LIMIT_JSON_DEPTH + 1);
}

static void integers_of_any_size(void **state)
{
    (void)state;
    int64_t v = 0;
    AUTO_JSON small = read_ok("{\"max\":9223372036854775807,\"min\":-9223372036854775808}");
    assert_true(json_get_int(small, "max", &v));
    assert_true(v == INT64_MAX);
    assert_true(json_get_int(small, "min", &v));
    assert_true(v == INT64_MIN);
    /* what JavaScript writes for 1e20 */
    AUTO_JSON big = read_ok("{\"big\":100000000000000000000,\"n\":7}");
    assert_true(json_real_value(json_object_get(big, "big")) == 1e20);
    assert_false(json_get_int(big, "big", &v));
    assert_true(json_get_int(big, "n", &v));
    assert_int_equal(v, 7);
}

static void members(void **state)
{
    (void)state;
    AUTO_JSON o = read_ok("{\"s\":\"text\",\"i\":-5,\"r\":7.9,\"num\":\"12\",\"nan\":\"12x\","
                          "\"t\":true,\"f\":false,\"null\":null}");
    int64_t v = 99;
    assert_string_equal(json_get_str(o, "s"), "text");
    assert_null(json_get_str(o, "i"));
    assert_null(json_get_str(o, "none"));
    assert_true(json_get_int(o, "i", &v));
    assert_int_equal(v, -5);
    assert_true(json_get_int(o, "r", &v));
    assert_int_equal(v, 7);
    assert_true(json_get_int(o, "num", &v));
    assert_int_equal(v, 12);
    assert_false(json_get_int(o, "nan", &v));
    assert_false(json_get_int(o, "t", &v));
    assert_false(json_get_int(o, "none", &v));
    assert_int_equal(v, 12);
    assert_true(json_get_bool(o, "t", false));
    assert_false(json_get_bool(o, "f", true));
    assert_true(json_get_bool(o, "i", true));
    assert_false(json_get_bool(o, "none", false));
    assert_true(json_has(o, "null"));
    assert_false(json_has(o, "none"));
}

static void no_object_reads_as_empty(void **state)
{
    (void)state;
    AUTO_JSON list = read_ok("[1]");
    const json_t *const values[] = {NULL, list};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        int64_t v;
        assert_null(json_get_str(values[i], "a"));
        assert_false(json_get_int(values[i], "a", &v));
        assert_true(json_get_bool(values[i], "a", true));
        assert_false(json_has(values[i], "a"));
    }
}

static void order_is_the_texts(void **state)
{
    (void)state;
    AUTO_JSON o = read_ok("{\"z\":1,\"a\":2,\"m\":3}");
    const char *key;
    json_t *item;
    char seen[4] = "";
    size_t n = 0;
    json_object_foreach (o, key, item)
        seen[n++] = key[0];
    assert_string_equal(seen, "zam");
}

static void truth_and_types(void **state)
{
    (void)state;
    static const struct {
        const char *text, *type;
        bool truthy;
    } rows[] = {
        {"null", "Null", false}, {"false", "Boolean", false}, {"true", "Boolean", true},
        {"0", "Number", false},  {"0.0", "Number", false},    {"-1", "Number", true},
        {"0.5", "Number", true}, {"\"\"", "String", false},   {"\"0\"", "String", true},
        {"[]", "Array", true},   {"{}", "Object", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_JSON value = read_ok(rows[i].text);
        assert_int_equal(json_truthy(value), rows[i].truthy);
        assert_string_equal(json_type_name(value), rows[i].type);
    }
    assert_false(json_truthy(NULL));
    assert_string_equal(json_type_name(NULL), "Null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_at_the_top),
        cmocka_unit_test(refuses),
        cmocka_unit_test(error_says_where),
        cmocka_unit_test(depth_is_capped),
        cmocka_unit_test(brackets_that_close_do_not_count),
        cmocka_unit_test(integers_of_any_size),
        cmocka_unit_test(members),
        cmocka_unit_test(no_object_reads_as_empty),
        cmocka_unit_test(order_is_the_texts),
        cmocka_unit_test(truth_and_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
