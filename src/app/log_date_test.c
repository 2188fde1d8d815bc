/* SPDX-License-Identifier: MIT */
#include "app/log_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"

struct case_of_format {
    const char *format, *want;
};

static void check(const struct case_of_format *cases, size_t count, const struct tm *tm, int ms)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(buf) out = BUF_INIT;
        log_date_add(&out, cases[i].format, tm, ms);
        assert_string_equal(out.data, cases[i].want);
    }
}

/* What day.js 1.11.15 made of them at 2025-11-27T12:04:05.007Z in America/St_Johns. */
static void formats_as_dayjs(void **state)
{
    static const struct case_of_format cases[] = {
        {"Y", "-0330"},
        {"YY", "25"},
        {"YYY", "-0330"},
        {"YYYY", "2025"},
        {"YYYYY", "2025-0330"},
        {"M MM MMM MMMM", "11 11 Nov November"},
        {"MMMMM", "November11"},
        {"D DD DDD", "27 27 2727"},
        {"d dd ddd dddd", "4 Th Thu Thursday"},
        {"H HH h hh hhh", "8 08 8 08 088"},
        {"a A aa", "am AM amam"},
        {"m mm s ss", "34 34 5 05"},
        {"S SS SSS SSSS", "S SS 007 007S"},
        {"Z ZZ ZZZ", "-03:30 -0330 -0330-03:30"},
        {"[at] YYYY", "at 2025"},
        {"[", "["},
        {"[]x", "[]x"},
        {"[a]b]", "ab]"},
        {"Do X x T Q", "27o X x T Q"},
        {"YYYY-MM-DDTHH:mm:ss.SSSZ", "2025-11-27T08:34:05.007-03:30"},
        {"YYYY-MM-DD-HH:mm:ssZZ", "2025-11-27-08:34:05-0330"},
        {"", ""},
    };
    const struct tm tm = {.tm_year = 125,
                          .tm_mon = 10,
                          .tm_mday = 27,
                          .tm_hour = 8,
                          .tm_min = 34,
                          .tm_sec = 5,
                          .tm_wday = 4,
                          .tm_gmtoff = -(3 * 60 + 30) * 60};
    (void)state;
    check(cases, ARRAY_LEN(cases), &tm, 7);
}

static void knows_both_halves_of_a_day(void **state)
{
    static const struct case_of_format noon[] = {{"h hh a A H", "12 12 pm PM 12"}};
    static const struct case_of_format midnight[] = {{"h hh a A H Z", "12 12 am AM 0 +05:45"}};
    const struct tm at_noon = {.tm_mday = 1, .tm_hour = 12};
    const struct tm at_midnight = {.tm_mday = 1, .tm_gmtoff = (5 * 60 + 45) * 60};
    (void)state;
    check(noon, 1, &at_noon, 0);
    check(midnight, 1, &at_midnight, 0);
}

static void takes_strftime(void **state)
{
    static const struct case_of_format cases[] = {
        {"%Y-%m-%d %H:%M:%S", "1999-12-31 23:59:58"},
        {"YYYY %% MM", "YYYY % MM"},
    };
    const struct tm tm = {
        .tm_year = 99, .tm_mon = 11, .tm_mday = 31, .tm_hour = 23, .tm_min = 59, .tm_sec = 58};
    (void)state;
    check(cases, ARRAY_LEN(cases), &tm, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_as_dayjs),
        cmocka_unit_test(knows_both_halves_of_a_day),
        cmocka_unit_test(takes_strftime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
