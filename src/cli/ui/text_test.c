/* SPDX-License-Identifier: MIT */
#include "cli/ui/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"

static void measures(void **state)
{
    static const struct {
        const char *text;
        size_t width, units;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"é", 1, 1},
        {"漢字", 4, 2},
        {"😀", 2, 2},
        {"e\u0301", 1, 2},
        {"\033[1mx\033[0m", 1, 9},
        {"a\tb", 2, 3},
        {"\xff\xfe", 2, 2},
        {"\xe6\xbc", 2, 2}, /* cut in the middle */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(text_width(str_from(cases[i].text)), cases[i].width);
        assert_int_equal(text_units(str_from(cases[i].text)), cases[i].units);
    }
}

static void cuts(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *want;
    } cases[] = {
        {"abcdef", 6, "abcdef"},
        {"abcdef", 5, "abcd…"},
        {"漢字漢字", 5, "漢字…"},
        {"漢字漢字", 6, "漢字…"},
        {"ab", 1, "…"},
        {"\033[1mabc\033[0m", 3, "\033[1mabc\033[0m"},
        {"\033[1mabcd", 3, "\033[1mab…"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        bool cut = text_cut(&out, str_from(cases[i].text), cases[i].columns);
        assert_string_equal(out.data, cases[i].want);
        assert_int_equal(cut, strcmp(cases[i].text, cases[i].want) != 0);
    }
}

static void decodes_only_what_is_utf8(void **state)
{
    size_t n;
    (void)state;
    assert_int_equal(text_next(STR("\xf0\x9f\x98\x80z"), &n), 0x1f600);
    assert_int_equal(n, 4);
    static const struct str bad[] = {
        {"\xc0\x80", 2},         /* overlong */
        {"\xe0\x80\x80", 3},     /* overlong */
        {"\xed\xa0\x80", 3},     /* surrogate */
        {"\xf4\x90\x80\x80", 4}, /* too large */
        {"\x80", 1},             /* no lead */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(text_next(bad[i], &n), 0xfffd);
        assert_int_equal(n, 1);
    }
}

static void takes_the_teeth_out(void **state)
{
    AUTO(buf) out = BUF_INIT;
    (void)state;
    text_clean(&out, STR("a\033[2Jb\nc\x7f\xc2\x85\xc3\xa9"));
    assert_string_equal(out.data, "a?[2Jb?c??\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures),
        cmocka_unit_test(cuts),
        cmocka_unit_test(decodes_only_what_is_utf8),
        cmocka_unit_test(takes_the_teeth_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
