/* SPDX-License-Identifier: MIT */
#include "cli/ui/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"

typedef void format_fn(struct buf *out, int64_t value);

static void check(format_fn *fn, int64_t value, const char *want)
{
    AUTO(buf) out = BUF_INIT;
    fn(&out, value);
    assert_string_equal(out.data, want);
}

static void spans(void **state)
{
    const int64_t s = 1000;
    const int64_t day = 86400 * s;
    (void)state;
    check(time_span, -5, "0s");
    check(time_span, 999, "0s");
    check(time_span, 119 * s, "119s");
    check(time_span, 120 * s, "2m");
    check(time_span, 119 * 60 * s, "119m");
    check(time_span, 120 * 60 * s, "2h");
    check(time_span, 47 * 3600 * s, "47h");
    check(time_span, 2 * day, "2D");
    check(time_span, 59 * day, "59D");
    check(time_span, 60 * day, "2M");
    check(time_span, 729 * day, "24M");
    check(time_span, 730 * day, "2Y");
}

static void dates(void **state)
{
    (void)state;
    check(time_iso, 0, "1970-01-01T00:00:00.000Z");
    check(time_iso, 1795232720132, "2026-11-21T03:45:20.132Z");
    check(time_iso, INT64_MAX, "N/A");
    check(time_iso, -1, "N/A");
}

static void sizes(void **state)
{
    (void)state;
    check(size_text, 0, "0b");
    check(size_text, 1023, "1023b");
    check(size_text, 1024, "1.0kb");
    check(size_text, 51392512, "49.0mb");
    check(size_text, 3LL << 30, "3.0gb");
    check(size_text, 5000LL << 30, "5000.0gb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans),
        cmocka_unit_test(dates),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
