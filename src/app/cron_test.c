/* SPDX-License-Identifier: MIT
 * Patterns and instants. What stands in the first table was asked of croner 4.1.97 too. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/cron.h"
#include "app/cron_civil.h"
#include "base/attr.h"

#define SPRING_2026 1774746000 /* 02:00 becomes 03:00 */
#define AUTUMN_2026 1792890000 /* 03:00 becomes 02:00 */
#define SPRING_2027 1806195600
#define AUTUMN_2027 1824944400

/* Central Europe, without a system's zone files. */
static int paris(void *ctx, int64_t t)
{
    static const int64_t changes[] = {SPRING_2026, AUTUMN_2026, SPRING_2027, AUTUMN_2027};
    int n = 0;
    (void)ctx;
    while (n < (int)ARRAY_LEN(changes) && t >= changes[n])
        n++;
    return n % 2 ? 7200 : 3600;
}

static int utc(void *ctx, int64_t t)
{
    (void)ctx;
    (void)t;
    return 0;
}

static const struct cron_zone PARIS = {NULL, paris};
static const struct cron_zone UTC = {NULL, utc};

#define NEVER INT64_MIN

static int64_t next(const char *pattern, const struct cron_zone *zone, int64_t after)
{
    struct cron c;
    struct err e = {0};
    int64_t at;
    if (cron_parse(pattern, zone, after, &c, &e) < 0)
        fail_msg("%s: %s", pattern, e.msg);
    return cron_next(&c, zone, after, &at) ? at : NEVER;
}

static int64_t at(int year, int month, int day, int hour, int minute, int second)
{
    return civil_to_days((struct civil){year, month, day}) * DAY_S + hour * 3600 + minute * 60 +
           second;
}

static void test_as_croner(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int64_t after, next;
    } rows[] = {
        {"0 0 * * *", 1774742399, 1774821600},
        {"  0   0 * * *  ", 1774742399, 1774821600},
        {"30 2 * * *", 1774742399, 1774830600}, /* not on the day that has no 2:30 */
        {"*/30 * * * *", 1774745999, 1774746000},
        {"30 2 * * *", 1792886400, 1792888200}, /* the first of two */
        {"30 2 * * *", 1792888200, 1792978200}, /* and only that */
        {"0 0 5/10 * *", 1774742399, 1775426400},
        {"0 0 1 1/3 *", 1774742399, 1777586400},
        {"0 0 * * 1/3", 1774742399, 1774821600},
        {"0 0 30 2 *", 1774742399, NEVER},
        {"*/60 * * * *", 0, 3600},
        {"0/5 * * * *", 0, 300},
        {"* 3-23/5 * * *", 0, 7200},
        {"0 0 L * *", 1774742399, 1774908000},
        {"0 0 l 2 *", 1774742399, 1803769200},
        {"0 0 13 * 5", 1774742399, 1794524400}, /* both, not either */
        {"0 0 * * 5-7", 1774742399, 1775167200},
        {"0 0 * JAN-mar sat,Sun", 1774742399, 1798844400},
        {"2030-01-01T00:00:00", 1774742399, 1893452400},
        {"2030-01-01 00:00:00", 1774742399, 1893452400},
        {"2030-01-01T00:00:00Z", 1774742399, 1893456000},
        {"2020-01-01T00:00:00Z", 1774742399, NEVER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t got = next(rows[i].pattern, &PARIS, rows[i].after);
        if (got != rows[i].next)
            fail_msg("%s after %lld: %lld, wanted %lld", rows[i].pattern, (long long)rows[i].after,
                     (long long)got, (long long)rows[i].next);
    }
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int year, month, day, hour, minute, second;
    } rows[] = {/* after Friday, 2027-12-31 23:59:59 UTC */
                {"* * * * * *", 2028, 1, 1, 0, 0, 0},
                {"*/7 * * * * *", 2028, 1, 1, 0, 0, 0},
                {"5 4 3 2 1 *", 2028, 1, 2, 3, 4, 5},
                {"0 12 * * 7", 2028, 1, 2, 12, 0, 0},
                {"0 12 * * 0", 2028, 1, 2, 12, 0, 0},
                {"0 12 * * WED", 2028, 1, 5, 12, 0, 0},
                {"0 0 29 2 *", 2028, 2, 29, 0, 0, 0},
                {"0 0 29 2 mon", 2044, 2, 29, 0, 0, 0},
                {"0 0 L 2 *", 2028, 2, 29, 0, 0, 0},
                {"0 0 31 4-12 *", 2028, 5, 31, 0, 0, 0},
                {"15,45 9-17/4,20 * * *", 2028, 1, 1, 9, 15, 0},
                {"0 10-12,22 * * *", 2028, 1, 1, 10, 0, 0},
                {"2028-02-03T04:05:06.789+02:00", 2028, 2, 3, 2, 5, 6}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t want = at(rows[i].year, rows[i].month, rows[i].day, rows[i].hour, rows[i].minute,
                          rows[i].second);
        int64_t got = next(rows[i].pattern, &UTC, at(2027, 12, 31, 23, 59, 59));
        if (got != want)
            fail_msg("%s: %lld, wanted %lld", rows[i].pattern, (long long)got, (long long)want);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"* * * *", "invalid configuration format ('* * * *'), exacly five or six"},
        {"* * * * * * *", "exacly five or six"},
        {"@daily", "exacly five or six"},
        {"60 * * * *", "minutes value out of range: '60'"},
        {"* * 0 * *", "days value out of range: '0'"},
        {"* * * 13 *", "months value out of range"},
        {"* * * * 8", "daysOfWeek value out of range"},
        {"99999999999999999999 * * * *", "out of range"},
        {"* * * * fri-sun", "From value is larger than to value"},
        {"5-3 * * * *", "From value is larger than to value: '5-3'"},
        {"1-70 * * * *", "Value out of range: '1-70'"},
        {"70/5 * * * *", "alue out of range"},
        {"* * * * sunday", "illegal"},
        {"*/0 * * * *", "illegal stepping: 0"},
        {"*/61 * * * *", "steps cannot be greater than maximum value of part (60)"},
        {"*/5/5 * * * *", "illegal"},
        {"1-2-3 * * * *", "illegal"},
        {"1- * * * *", "illegal"},
        {"/5 * * * *", "Syntax error"},
        {"5x * * * *", "illegal"},
        {"1,,2 * * * *", "Syntax error"},
        {"* * L,15 * *", "Syntax error"},
        {"a b c d e", "Syntax error"},
        {"2030-13-01T00:00:00", "could not be parsed as date"},
        {"2030-02-29T00:00:00", "could not be parsed as date"},
        {"2030-01-01T00:00", "could not be parsed as date"},
        {"2030-01-01T00:00:00 noon", "could not be parsed as date"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        if (cron_check(rows[i][0], &e) != -EINVAL || !strstr(e.msg, rows[i][1]) ||
            strncmp(e.msg, "Cron pattern error: Cron", 24) != 0)
            fail_msg("%s: \"%s\", wanted \"%s\"", rows[i][0], e.msg, rows[i][1]);
    }
}

static void test_long_text_is_refused(void **state)
{
    char text[2000];
    struct err e = {0};
    (void)state;
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(cron_check(text, &e), -EINVAL);
}

static void test_question_mark(void **state)
{
    (void)state;
    int64_t now = at(2026, 5, 6, 7, 8, 9);
    assert_int_equal(next("? ? ? * * *", &UTC, now), now + DAY_S);
    assert_int_equal(next("0 0 ? ? *", &UTC, now), at(2027, 5, 6, 0, 0, 0));
}

static void test_off(void **state)
{
    (void)state;
    assert_true(cron_is_off(NULL));
    assert_true(cron_is_off(""));
    assert_true(cron_is_off("0"));
    assert_false(cron_is_off("0 0 * * *"));
}

/* Patterns for every hour have no gap and nothing twice, whatever the clocks do. */
static void test_every_hour_goes_on(void **state)
{
    (void)state;
    static const int64_t changes[] = {SPRING_2026, AUTUMN_2026};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        int64_t t = changes[i] - 3 * 3600;
        for (; t < changes[i] + 3 * 3600; t += 1800)
            assert_int_equal(next("*/30 * * * *", &PARIS, t), t + 1800);
    }
    assert_int_equal(next("* * * * * *", &PARIS, AUTUMN_2026 - 1), AUTUMN_2026);
    assert_int_equal(next("45 * * * *", &PARIS, AUTUMN_2026 - 900), AUTUMN_2026 + 2700);
}

static void test_date_in_a_gap(void **state)
{
    (void)state;
    assert_int_equal(next("2026-03-29T02:30:00", &PARIS, 0), SPRING_2026 + 1800);
}

static void test_calendar(void **state)
{
    (void)state;
    for (int64_t days = -200000; days < 200000; days += 97) {
        struct civil d = civil_from_days(days);
        assert_int_equal(civil_to_days(d), days);
        assert_in_range(d.day, 1, civil_month_length(d.year, d.month));
    }
    assert_int_equal(civil_weekday(civil_to_days((struct civil){2026, 11, 21})), 6);
    assert_int_equal(civil_weekday(civil_to_days((struct civil){1901, 1, 1})), 2);
    assert_int_equal(civil_month_length(2100, 2), 28);
    assert_int_equal(civil_month_length(2000, 2), 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_croner),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_text_is_refused),
        cmocka_unit_test(test_question_mark),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_every_hour_goes_on),
        cmocka_unit_test(test_date_in_a_gap),
        cmocka_unit_test(test_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
