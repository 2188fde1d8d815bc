/* SPDX-License-Identifier: MIT
 * Everybody in turn; who is busy is passed over; who leaves costs nobody his turn. */
#include "app/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka.h needs the above */
#include <cmocka.h>

static bool is_free(void *ctx, size_t index)
{
    const char *free_ones = ctx; /* one letter each: '+' is free */
    return free_ones[index] == '+';
}

static int give(struct balance *b, size_t count, const char *free_ones)
{
    ssize_t index = balance_pick(b, count, is_free, (void *)free_ones);
    if (index >= 0)
        balance_gave(b, (size_t)index);
    return (int)index;
}

static void each_in_turn(void **state)
{
    (void)state;
    struct balance b = {0};
    for (int i = 0; i < 7; i++)
        assert_int_equal(give(&b, 3, "+++"), i % 3);
}

static void to_look_is_not_to_give(void **state)
{
    (void)state;
    struct balance b = {0};
    assert_int_equal(balance_pick(&b, 3, is_free, "+++"), 0);
    assert_int_equal(balance_pick(&b, 3, is_free, "+++"), 0);
}

static void the_busy_are_passed_over(void **state)
{
    (void)state;
    struct balance b = {0};
    assert_int_equal(give(&b, 4, "-+-+"), 1);
    assert_int_equal(give(&b, 4, "-+-+"), 3);
    assert_int_equal(give(&b, 4, "-+-+"), 1);
    assert_int_equal(give(&b, 4, "++++"), 2);
}

static void nobody_is_free(void **state)
{
    (void)state;
    struct balance b = {0};
    assert_int_equal(give(&b, 0, ""), -1);
    assert_int_equal(give(&b, 2, "--"), -1);
    assert_int_equal(give(&b, 2, "+-"), 0);
}

static void one_leaves(void **state)
{
    (void)state;
    struct balance b = {0};
    assert_int_equal(give(&b, 3, "+++"), 0);
    balance_removed(&b, 0); /* what was 1 is 0 now, and it is its turn */
    assert_int_equal(give(&b, 2, "++"), 0);
    balance_removed(&b, 1);
    assert_int_equal(give(&b, 1, "+"), 0);
    balance_removed(&b, 0);
    assert_int_equal(give(&b, 0, ""), -1);
}

static void one_joins(void **state)
{
    (void)state;
    struct balance b = {0};
    assert_int_equal(give(&b, 1, "+"), 0);
    assert_int_equal(give(&b, 2, "++"), 1);
    assert_int_equal(give(&b, 2, "++"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_in_turn),
        cmocka_unit_test(to_look_is_not_to_give),
        cmocka_unit_test(the_busy_are_passed_over),
        cmocka_unit_test(nobody_is_free),
        cmocka_unit_test(one_leaves),
        cmocka_unit_test(one_joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
