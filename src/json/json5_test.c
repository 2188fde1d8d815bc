/* SPDX-License-Identifier: MIT
 * JSON5 in: each form that people use, each refusal with its place and words, the recorded lines,
 * and the OOM loop (our allocations arrive by the linker's --wrap, jansson's by its hooks). */
#include "json/json5.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/oom_heap.h"
#include "json/read.h"
#include "json/write.h"

/* As compact JSON; "" when refused. */
static void reads_as(struct str text, const char *want)
{
    struct err e = {0};
    AUTO_JSON value = json5_read(text, NULL, &e);
    AUTO(buf) out = BUF_INIT;
    if (!value)
        fail_msg("%.*s: %s", STR_ARG(text), e.msg);
    struct jw w = jw_to(&out);
    jw_dom(&w, value);
    assert_string_equal(out.data, want);
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"{\"a\":[1,true,null,\"x\"]}", "{\"a\":[1,true,null,\"x\"]}"},
        {"\xEF\xBB\xBF{}", "{}"},
        {" /* c ** / */ [ // one\r 1, // two\n 2 ] // three", "[1,2]"},
        {"{a: 1, $b_: 2, 'c d': 3, \xC3\xA9: 4, __proto__: 5,}",
         "{\"a\":1,\"$b_\":2,\"c d\":3,\"\xC3\xA9\":4,\"__proto__\":5}"},
        {"{a1:1,null:2,true:3}", "{\"a1\":1,\"null\":2,\"true\":3}"},
        {"{a:1,a:2}", "{\"a\":2}"},
        {"['a\"b', \"a'b\", 'it\\'s', '']", "[\"a\\\"b\",\"a'b\",\"it's\",\"\"]"},
        {"'one \\\n two \\\r\n three \\\xE2\x80\xA8.'", "\"one  two  three .\""},
        {"'\\b\\f\\n\\r\\t\\v\\x41\\u00e9\\q\\/\\\\'", "\"\\b\\f\\n\\r\\t\\u000bA\xC3\xA9q/\\\\\""},
        {"'\\ud83d\\udc27'", "\"\xF0\x9F\x90\xA7\""},
        {"'\\ud83d|\\udc27|\\ud83d\\u0041'", "\"\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD"
                                             "A\""},
        {"'tab\there'", "\"tab\\there\""},
        {"[0x1F, -0XfF, +1, .5, 5., -0, +.5e1, 1E3, 1.0]", "[31,-255,1,0.5,5,0,5,1000,1]"},
        {"[Infinity, -Infinity, +NaN, NaN, 1e999, -1e999]", "[null,null,null,null,null,null]"},
        {"[123456789012345678, 9223372036854775807, 100000000000000000000, 0.1, 1e-7]",
         "[123456789012345678,9223372036854775807,100000000000000000000,0.1,1e-7]"},
        {"[\xC2\xA0\xE3\x80\x80\xE2\x80\x83\xE2\x80\xA9\f\v1]", "[1]"},
        {"[[],{},[[]],]", "[[],{},[[]]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        reads_as(str_from(rows[i].text), rows[i].json);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int code;
        const char *msg;
    } rows[] = {
        {{"", 0}, -EINVAL, "line 1 column 1: expected a value, but the text ends"},
        {{NULL, 0}, -EINVAL, "line 1 column 1: expected a value, but the text ends"},
        {{"{\n  a: tru\n}", 12}, -EINVAL, "line 2 column 6: 'tru' is no value"},
        {{"{\n  a: 1\n  b: 2}", 16},
         -EINVAL,
         "line 3 column 3: expected ',' or '}', but found 'b'"},
        {{"[1 2]", 5}, -EINVAL, "line 1 column 4: expected ',' or ']', but found '2'"},
        {{"[,]", 3}, -EINVAL, "line 1 column 2: expected a value, but found ','"},
        {{"{,}", 3}, -EINVAL, "line 1 column 2: expected a key or '}', but found ','"},
        {{"{1:2}", 5}, -EINVAL, "line 1 column 2: expected a key or '}', but found '1'"},
        {{"{a}", 3}, -EINVAL, "line 1 column 3: expected ':', but found '}'"},
        {{"{a:", 3}, -EINVAL, "line 1 column 4: expected a value, but the text ends"},
        {{"{", 1}, -EINVAL, "line 1 column 2: expected a key or '}', but the text ends"},
        {{"[", 1}, -EINVAL, "line 1 column 2: expected a value, but the text ends"},
        {{"{}\nx", 4}, -EINVAL, "line 2 column 1: expected the end of the text, but found 'x'"},
        {{"'\xC3\xA9' \xC3\xA9", 7},
         -EINVAL,
         "line 1 column 5: expected the end of the text, but found '\xC3\xA9'"},
        {{"'a\nb'", 5}, -EINVAL, "line 1 column 1: this string is not closed on its line"},
        {{"'a", 2}, -EINVAL, "line 1 column 1: this string is not closed on its line"},
        {{"'a\\", 3},
         -EINVAL,
         "line 1 column 4: expected the rest of the string, but the text ends"},
        {{"'\\x4'", 5}, -EINVAL, "line 1 column 2: '\\x' needs 2 hexadecimal digits"},
        {{"'\\u12'", 6}, -EINVAL, "line 1 column 2: '\\u' needs 4 hexadecimal digits"},
        {{"'\\1'", 4}, -EINVAL, "line 1 column 2: '\\1' is no escape sequence"},
        {{"'\\0'", 4}, -EILSEQ, "line 1 column 2: a string cannot have a NUL character"},
        {{"'\\u0000'", 8}, -EILSEQ, "line 1 column 2: a string cannot have a NUL character"},
        {{"[\n'\0']", 6}, -EILSEQ, "line 2 column 2: NUL byte"},
        {{"'\xC3'", 3}, -EILSEQ, "line 1 column 2: not UTF-8 (byte 0xC3)"},
        {{"012", 3}, -EINVAL, "line 1 column 1: a number cannot begin with a zero"},
        {{"0x", 2}, -EINVAL, "line 1 column 3: expected a hexadecimal digit, but the text ends"},
        {{".", 1}, -EINVAL, "line 1 column 2: expected a digit, but the text ends"},
        {{"-a", 2}, -EINVAL, "line 1 column 2: expected a digit, but found 'a'"},
        {{"1e", 2},
         -EINVAL,
         "line 1 column 3: expected a digit of the exponent, but the text ends"},
        {{"1_0", 3}, -EINVAL, "line 1 column 2: expected the end of the number, but found '_'"},
        {{"[1 /* ]", 7}, -EINVAL, "line 1 column 4: this comment is never closed"},
        {{"/", 1}, -EINVAL, "line 1 column 1: '/' begins no comment"},
        {{"[undefined]", 11}, -EINVAL, "line 1 column 2: 'undefined' is no value"},
        {{"require('x')", 12}, -EINVAL, "line 1 column 1: 'require' is no value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        assert_null(json5_read(rows[i].text, NULL, &e));
        assert_string_equal(e.msg, rows[i].msg);
        assert_int_equal(e.code, rows[i].code);
        assert_null(json5_read(rows[i].text, NULL, NULL));
    }
}

static void utf8_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5",
        "\xE2\x82",
        "\xF0\x9F\x90",
        "\xC3(",
        "\xE2\x82(",
    };
    static const char *const good[] = {"",
                                       "\x7F",
                                       "\xC2\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "12345678%s", bad[i]);
        assert_ptr_equal(json5_bad_utf8((struct str){text, (size_t)n}), text + 8);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_null(json5_bad_utf8(str_from(good[i])));
}

static void depth_is_capped(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        AUTO(buf) b = BUF_INIT;
        for (int i = 0; i < LIMIT_JSON_DEPTH + extra; i++)
            buf_add_c(&b, i % 2 ? "{k:" : "[");
        buf_add_c(&b, "1");
        for (int i = LIMIT_JSON_DEPTH + extra - 1; i >= 0; i--)
            buf_add_byte(&b, i % 2 ? '}' : ']');
        struct err e = {0};
        AUTO_JSON deep = json5_read(buf_str(&b), NULL, &e);
        assert_int_equal(deep == NULL, extra);
        assert_int_equal(e.code, extra ? -E2BIG : 0);
    }
    AUTO(buf) wide = BUF_INIT; /* width is not depth */
    buf_add_byte(&wide, '[');
    for (int i = 0; i < 2 * LIMIT_JSON_DEPTH; i++)
        buf_add_c(&wide, "[],{},");
    buf_add_byte(&wide, ']');
    AUTO_JSON value = json5_read(buf_str(&wide), NULL, NULL);
    assert_int_equal(json_array_size(value), 4 * LIMIT_JSON_DEPTH);
}

static void lines_by_path(void **state)
{
    (void)state;
    static const char text[] = "{ // the file\n"
                               "  apps: [{\n"
                               "    name: 'a', /* two\n lines */ script: 'a.js',\n"
                               "    env: {\n"
                               "      PORT:\n 80 } },\n"
                               "    7\n"
                               "  ],\n"
                               "  'x.y': 1 }\n";
    static const struct {
        const char *path;
        int line;
    } rows[] = {
        {"apps", 2},        {"apps[0]", 2},          {"apps[0].name", 3}, {"apps[0].script", 4},
        {"apps[0].env", 5}, {"apps[0].env.PORT", 6}, {"apps[1]", 8},      {"x.y", 10},
    };
    AUTO_JSON lines = json_object();
    AUTO_JSON value = json5_read(str_from(text), lines, NULL);
    assert_non_null(value);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(json_integer_value(json_object_get(lines, rows[i].path)), rows[i].line);
    assert_int_equal(json_object_size(lines), ARRAY_LEN(rows));
}

/* Beyond the caps a line is not known; the values are read all the same. */
static void lines_are_capped(void **state)
{
    (void)state;
    char key[LIMIT_LINE_PATH_BYTES + 2];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "{%s: 1, %s: 2, list: [", key, key + 1);
    for (int i = 0; i < LIMIT_LINES; i++)
        buf_add_c(&text, "0,");
    buf_add_c(&text, "]}");
    AUTO_JSON lines = json_object();
    AUTO_JSON value = json5_read(buf_str(&text), lines, NULL);
    assert_int_equal(json_array_size(json_object_get(value, "list")), LIMIT_LINES);
    assert_true(json_has(value, key));
    assert_false(json_has(lines, key));
    assert_true(json_has(lines, key + 1));
    assert_int_equal(json_object_size(lines), LIMIT_LINES);
}

/* A key is used after its value was read: neither escapes in it nor in the value may spoil it. */
static void keys_outlive_their_values(void **state)
{
    (void)state;
    reads_as(STR("{'k\\x41': {'l\\x42': 'm\\x43', n: ['\\x44']}, \"\": '\\x45'}"),
             "{\"kA\":{\"lB\":\"mC\",\"n\":[\"D\"]},\"\":\"E\"}");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char text[] = "{apps: [{name: 'a\\x41', port: 1.5, n: 12, big: 1e300, list: ["
                               "1,2,3,4,5,6,7,8,9,10], 'k\\u00e9': null}, {a:1,b:2,c:3,d:4,e:5,"
                               "f:6,g:7,h:8,i:9}], s: \"plain\", hex: 0xFF, bad: -Infinity}";
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    bool done = false;
    for (long nth = 1; !done; nth++) {
        assert_in_range(nth, 1, 2000);
        long live = heap.live;
        json_t *lines = json_object();
        struct err e = {0};
        heap.fired = false;
        heap.countdown = nth;
        json_t *value = json5_read(str_from(text), lines, &e);
        heap.countdown = 0;
        done = !heap.fired;
        assert_int_equal(value != NULL, done);
        assert_int_equal(e.code, done ? 0 : -ENOMEM);
        json_decref(value);
        json_decref(lines);
        assert_int_equal(heap.live, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(refusals),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(depth_is_capped),
        cmocka_unit_test(lines_by_path),
        cmocka_unit_test(lines_are_capped),
        cmocka_unit_test(keys_outlive_their_values),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
