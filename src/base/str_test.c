/* SPDX-License-Identifier: MIT
 * Slices: comparing, cutting lines, reading integers. */
#include "base/str.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void compares(void **state)
{
    (void)state;
    const struct str none = {0};
    assert_true(str_eq(none, STR("")));
    assert_true(str_eq_c(none, NULL));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_eq_c(STR("abc"), "abc"));
    assert_int_equal(str_from(NULL).n, 0);
}

static void starts_and_ends(void **state)
{
    (void)state;
    const struct str none = {0};
    assert_true(str_starts(STR("NODE_X"), STR("NODE_")));
    assert_true(str_starts(none, none));
    assert_false(str_starts(STR("NOD"), STR("NODE_")));
    assert_false(str_starts(STR("node_"), STR("NODE_")));
    assert_true(str_ends(STR("app.js"), STR(".js")));
    assert_true(str_ends(STR("app.js"), none));
    assert_false(str_ends(STR("js"), STR(".js")));
    assert_false(str_ends(STR("app.jsx"), STR(".js")));
}

static void cuts_lines(void **state)
{
    (void)state;
    struct str rest = STR("one\n\nthree\nno newline");
    struct str line;
    assert_true(str_cut_line(&rest, &line));
    assert_true(str_eq_c(line, "one"));
    assert_true(str_cut_line(&rest, &line));
    assert_int_equal(line.n, 0);
    assert_true(str_cut_line(&rest, &line));
    assert_true(str_eq_c(line, "three"));
    assert_false(str_cut_line(&rest, &line));
    assert_true(str_eq_c(rest, "no newline"));
    struct str none = {0};
    assert_false(str_cut_line(&none, &line));
}

static void reads_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long long value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"42", 42},
        {"-42", -42},
        {"9223372036854775807", LLONG_MAX},
        {"-9223372036854775807", -LLONG_MAX},
        {"-9223372036854775808", LLONG_MIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        long long v = -1;
        if (!str_to_int(str_from(good[i].text), &v) || v != good[i].value)
            fail_msg("%s reads as %lld", good[i].text, v);
    }
}

static void refuses_what_is_no_integer(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"", 0},
        {"-", 1},
        {"+1", 2},
        {" 1", 2},
        {"1 ", 2},
        {"1.5", 3},
        {"0x10", 4},
        {"1e3", 3},
        {"--1", 3},
        {"1-", 2},
        {"12\0", 3},
        {"9223372036854775808", 19},
        {"\xb2", 1},
        {NULL, 0},
        {"ten", 3},
        {"-9223372036854775809", 20},
        {"/", 1},
        {":", 1},
        {"99999999999999999999999", 23},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        long long v = 77;
        if (str_to_int(bad[i], &v) || v != 77)
            fail_msg("row %zu was taken for %lld", i, v);
    }
}

static void stops_at_the_end_of_the_slice(void **state)
{
    (void)state;
    long long v;
    assert_true(str_to_int((struct str){"12345", 3}, &v));
    assert_int_equal(v, 123);
}

static void test_unfinished(void **state)
{
    (void)state;
    assert_int_equal(str_unfinished(STR("abc")), 0);
    assert_int_equal(str_unfinished(STR("")), 0);
    assert_int_equal(str_unfinished(STR("a\xC3")), 1);
    assert_int_equal(str_unfinished(STR("a\xE2\x82")), 2);
    assert_int_equal(str_unfinished(STR("\xF0\x9F\x98")), 3);
    assert_int_equal(str_unfinished(STR("a\xE2\x82\xAC")), 0);
    assert_int_equal(str_unfinished(STR("\x80\x80\x80\x80")), 0); /* no character at all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(cuts_lines),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(refuses_what_is_no_integer),
        cmocka_unit_test(stops_at_the_end_of_the_slice),
        cmocka_unit_test(test_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
