/* SPDX-License-Identifier: MIT
 * Splitting against what the real PM2 (7.0.4) made of the same strings. */
#include "app/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

struct row {
    const char *text;
    const char *json; /* the arguments as JSON */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *got = split_args(rows[i].text);
        assert_non_null(got);
        char *text = json_dumps(got, JSON_COMPACT);
        assert_string_equal(text, rows[i].json);
        free(text);
        json_decref(got);
    }
}

static void test_blanks(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "[]"},
        {"  ", "[]"},
        {"a b", "[\"a\",\"b\"]"},
        {" a  b ", "[\"a\",\"b\"]"},
        {"a\tb\nc", "[\"a\",\"b\",\"c\"]"},
        {"a\vb\fc\rd", "[\"a\",\"b\",\"c\",\"d\"]"},
        {"a\u00a0b", "[\"a\",\"b\"]"},
        {"a\u3000b", "[\"a\",\"b\"]"},
        {"a\u1680b", "[\"a\",\"b\"]"},
        {"a\u200ab", "[\"a\",\"b\"]"},
        {"a\u2028b", "[\"a\",\"b\"]"},
        {"\ufeffa b", "[\"a\",\"b\"]"},
        {"\u3000\"a b\"\u3000", "[\"a b\"]"},
        /* not blanks: NEL, Mongolian vowel separator, zero width space */
        {"a\xc2\x85z", "[\"a\xc2\x85z\"]"},
        {"a\u180ez", "[\"a\u180ez\"]"},
        {"x\u200by z", "[\"x\u200by\",\"z\"]"},
    };
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_quotes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"\"a b\" c", "[\"a b\",\"c\"]"},
        {"'a b' c", "[\"a b\",\"c\"]"},
        {"\"it's\"", "[\"it's\"]"},
        {"'a \"x y\" b'", "[\"a \\\"x y\\\" b\"]"},
        {"\"a\nb\"", "[\"a\\nb\"]"},
        {"\"a\"b", "[\"a\",\"b\"]"},
        {"\"a b\"c d", "[\"a b\",\"c\",\"d\"]"},
        {"\"a b\"\"c d\"", "[\"a b\",\"c d\"]"},
        {"'a''b' c", "[\"a\",\"b\",\"c\"]"},
        /* empty ones are lost */
        {"\"\"", "[]"},
        {"\"\" ''", "[]"},
        {"\"\"a", "[\"a\"]"},
        {"\"\"\"\"a b\"\"", "[\"a\",\"b\\\"\\\"\"]"},
        /* without a pair */
        {"'", "[]"},
        {"\"a", "[\"\\\"a\"]"},
        {"a\"", "[\"a\\\"\"]"},
        {"x \"a b", "[\"x\",\"\\\"a\",\"b\"]"},
        {"x 'a b\" c", "[\"x\",\"'a\",\"b\\\"\",\"c\"]"},
        {"\"a\" b\"", "[\"a\",\"b\\\"\"]"},
        /* inside of a word they mean nothing, nor does a backslash */
        {"a\"b c\"d", "[\"a\\\"b\",\"c\\\"d\"]"},
        {"a\\ b", "[\"a\\\\\",\"b\"]"},
        {"\"a \\\" b\"", "[\"a \\\\\",\"b\\\"\"]"},
        {"\\\"a b\\\"", "[\"\\\\\\\"a\",\"b\\\\\\\"\"]"},
    };
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_key_value(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"--k=\"v w\" x", "[\"--k=\\\"v w\\\"\",\"x\"]"},
        {"k='a b'", "[\"k='a b'\"]"},
        {"k='\"a b\"'", "[\"k='\\\"a b\\\"'\"]"},
        {"a=\"b\" c=\"d e\"", "[\"a=\\\"b\\\"\",\"c=\\\"d e\\\"\"]"},
        {"a=\"\" b", "[\"a=\\\"\\\"\",\"b\"]"},
        {"k=\"a b\"c d", "[\"k=\\\"a b\\\"\",\"c\",\"d\"]"},
        {"--x='a b'\"c d\"", "[\"--x='a b'\",\"c d\"]"},
        {"a.b/c:{=\"c d\"", "[\"a.b/c:{=\\\"c d\\\"\"]"},
        {"\"\"x=\"a b\"", "[\"x=\\\"a b\\\"\"]"},
        {"a= \"b c\"", "[\"a=\",\"b c\"]"},
        /* not one of these */
        {"k=v=\"a b\"", "[\"k=v=\\\"a\",\"b\\\"\"]"},
        {"a==\"b c\"", "[\"a==\\\"b\",\"c\\\"\"]"},
        {"='a b'", "[\"='a\",\"b'\"]"},
        {"=\" \"", "[\"=\\\"\"]"},
        {"a\"b=\"c d\"", "[\"a\\\"b=\\\"c\",\"d\\\"\"]"},
        {"\"k=\"v w\"", "[\"k=\",\"v\",\"w\\\"\"]"},
        {"\"x\"=\"y z\"", "[\"x\",\"=\\\"y\",\"z\\\"\"]"},
        {"k\u3000=\"a b\"", "[\"k\",\"=\\\"a\",\"b\\\"\"]"},
        {"k=\"a b'", "[\"k=\\\"a\",\"b'\"]"},
        {"a='b c", "[\"a='b\",\"c\"]"},
        {"--json={\"a\": \"b c\"}", "[\"--json={\\\"a\\\":\",\"b c\",\"}\"]"},
    };
    check_rows(rows, ARRAY_LEN(rows));
}

static void test_not_utf8(void **state)
{
    (void)state;
    assert_null(split_args("a \xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_key_value),
        cmocka_unit_test(test_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
