/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/tz.h"

#define JULY_2026    1783857600
#define JANUARY_2026 1768219200

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "/etc/passwd", "../../etc/passwd", "Europe/../x", "a b", ":UTC", "x\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(tz_check(bad[i]), -EINVAL);
    assert_int_equal(tz_check("Europe/Nowhere"), -ENOENT);
    assert_int_equal(tz_check("Europe"), -ENOENT);
    assert_int_equal(tz_check("UTC"), 0);
}

static void test_offsets(void **state)
{
    (void)state;
    assert_int_equal(tz_offset("UTC", JULY_2026), 0);
    if (tz_check("Europe/Paris") < 0)
        skip();
    assert_int_equal(tz_offset("Europe/Paris", JULY_2026), 7200);
    assert_int_equal(tz_offset("Europe/Paris", JANUARY_2026), 3600);
    assert_int_equal(tz_offset("Asia/Kolkata", JANUARY_2026), 19800);
}

static void test_own_zone_is_untouched(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "ABC-3", 1), 0);
    (void)tz_offset("UTC", JULY_2026);
    assert_string_equal(getenv("TZ"), "ABC-3");
    assert_int_equal(tz_offset(NULL, JULY_2026), 3 * 3600);
    assert_int_equal(unsetenv("TZ"), 0);
    (void)tz_offset("UTC", JULY_2026);
    assert_null(getenv("TZ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_own_zone_is_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
