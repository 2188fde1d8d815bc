/* SPDX-License-Identifier: MIT */
#include "cli/log_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"

#define NOW  1764245045250LL /* 2025-11-27T12:04:05.250Z, a Thursday */
#define NOON 1764244800000LL
#define DAY  86400000LL

static int use_utc(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

static void reads_what_users_write(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"now", NOW},
        {"today", NOON - DAY / 2},
        {"yesterday", NOON - DAY / 2 - DAY},
        {"2025-11-27", NOON - DAY / 2},
        {"2025/11/27", NOON - DAY / 2},
        {"2025-11-27 12:00", NOON},
        {"2025-11-27T12:00:00", NOON},
        {"2025-11-27T12:00:00.250Z", NOON + 250},
        {"2025-11-27T12:00:00,2567", NOON + 256},
        {"2025-11-27T13:30:00+01:30", NOON},
        {"2025-11-27 07:00:00 -0500", NOON},
        {"12:00", NOON},
        {"12:00:07", NOON + 7000},
        {"@1764244800", NOON},
        {"10m", NOW - 600000},
        {"90s", NOW - 90000},
        {"2h ago", NOW - 7200000},
        {"1h30m", NOW - 5400000},
        {"5 minutes ago", NOW - 300000},
        {"1 day 2 hours ago", NOW - DAY - 7200000},
        {"1w", NOW - 7 * DAY},
        {"250ms", NOW - 250},
        {"0s", NOW},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        int64_t got = 0;
        assert_int_equal(log_time_parse("--since", cases[i].text, NOW, &got, &e), 0);
        if (got != cases[i].want)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
    }
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const cases[] = {
        "",      "tomorrow", "10",   "10x",         "2025-13-01",         "2025-11-27 25:00",
        "12:60", "ago",      "@",    "2025-11-2",   "2025-11-27T12:00:0", "99999999999999999999d",
        "-5m",   "@-1",      "5m x", "2025-11-27x", "2025-02-30"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        int64_t got;
        if (log_time_parse("--until", cases[i], NOW, &got, &e) == 0)
            fail_msg("%s: %lld", cases[i], (long long)got);
        assert_non_null(strstr(e.msg, "--until: no time: "));
    }
}

static void finds_the_time_of_a_line(void **state)
{
    static const struct {
        const char *line;
        int64_t want; /* 0 = none */
    } cases[] = {
        {"2025-11-27T12:00:00: text", NOON},
        {"2025-11-27 12:00:00.250 +00:00: text", NOON + 250},
        {"[2025-11-27 12:00:00] text", NOON},
        {"2025/11/27-12:00:00 text", NOON},
        {"{\"message\":\"x\\n\",\"timestamp\":\"2025-11-27T12:00:00.000Z\",\"type\":\"out\"}",
         NOON},
        {"{\"timestamp\":\"1970\",\"x\":1,\"timestamp\":\"2025-11-27T12:00:00Z\"}", NOON},
        {"{\"message\":1}", 0},
        {"2025-11-27 text", 0},
        {"    at Object.<anonymous> 2025-11-27T12:00:00", 0},
        {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t got = 0;
        bool has = log_time_of_line(str_from(cases[i].line), &got);
        if (has != (cases[i].want != 0) || (has && got != cases[i].want))
            fail_msg("%s: %lld", cases[i].line, (long long)got);
    }
}

static void dates_are_local_unless_they_say(void **state)
{
    struct err e = {0};
    int64_t got;
    (void)state;
    setenv("TZ", "EST5", 1);
    tzset();
    assert_int_equal(log_time_parse("--since", "2025-11-27 07:00", NOW, &got, &e), 0);
    assert_int_equal(got, NOON);
    assert_int_equal(log_time_parse("--since", "07:00", NOW, &got, &e), 0);
    assert_int_equal(got, NOON);
    (void)use_utc(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_users_write),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(finds_the_time_of_a_line),
        cmocka_unit_test(dates_are_local_unless_they_say),
    };
    return cmocka_run_group_tests(tests, use_utc, NULL);
}
