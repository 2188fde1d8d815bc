/* SPDX-License-Identifier: MIT
 * In turn: everybody; who is busy is passed over; who leaves costs nobody his turn. Least: fewest
 * first. Sticky: a client stays, and moves only when its own worker goes. */
#include "app/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka.h needs the above */
#include <cmocka.h>

struct workers {
    const char *free_ones; /* one letter each: '+' is free */
    const uint64_t *loads, *identities;
};

static bool can_take(void *ctx, size_t index)
{
    return ((const struct workers *)ctx)->free_ones[index] == '+';
}

static uint64_t load(void *ctx, size_t index)
{
    return ((const struct workers *)ctx)->loads[index];
}

static uint64_t identity(void *ctx, size_t index)
{
    return ((const struct workers *)ctx)->identities[index];
}

static struct balance_asks asks(struct workers *w)
{
    return (struct balance_asks){w, can_take, load, identity};
}

static int in_turn(const struct balance *b, size_t count, const char *free_ones)
{
    struct workers w = {.free_ones = free_ones};
    struct balance_asks ask = asks(&w);
    return (int)balance_in_turn(b, count, &ask);
}

static int give(struct balance *b, size_t count, const char *free_ones)
{
    int index = in_turn(b, count, free_ones);
    if (index >= 0)
        balance_gave(b, (size_t)index);
    return index;
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
    assert_int_equal(in_turn(&b, 3, "+++"), 0);
    assert_int_equal(in_turn(&b, 3, "+++"), 0);
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

static void the_fewest_first(void **state)
{
    (void)state;
    struct balance b = {0};
    uint64_t loads[] = {3, 0, 2};
    struct workers w = {.free_ones = "+++", .loads = loads};
    struct balance_asks ask = asks(&w);
    const int wanted[] = {1, 1, 2, 1, 2, 0, 1}; /* in turn among those that have as few */
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        ssize_t at = balance_least(&b, 3, &ask);
        assert_int_equal(at, wanted[i]);
        loads[at]++;
        balance_gave(&b, (size_t)at);
    }
    w.free_ones = "+--";
    assert_int_equal(balance_least(&b, 3, &ask), 0);
    w.free_ones = "---";
    assert_int_equal(balance_least(&b, 3, &ask), -1);
}

/* Of 10,000 clients: each worker has its part, and who had which. */
#define CLIENTS 10000

static void place(const uint64_t *identities, size_t count, const char *free_ones, size_t *ret)
{
    struct workers w = {.free_ones = free_ones, .identities = identities};
    struct balance_asks ask = asks(&w);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        unsigned char address[4] = {10, 0, (unsigned char)(i >> 8), (unsigned char)i};
        ssize_t at = balance_sticky(balance_hash(address, 4, 0), count, &ask);
        assert_true(at >= 0);
        ret[i] = (size_t)at;
    }
}

static void clients_are_spread(void **state)
{
    (void)state;
    static size_t at[CLIENTS];
    size_t have[8] = {0};
    const uint64_t identities[] = {0, 1, 2, 3, 4, 5, 6, 7};
    place(identities, 8, "++++++++", at);
    for (size_t i = 0; i < CLIENTS; i++)
        have[at[i]]++;
    for (size_t i = 0; i < 8; i++)
        assert_in_range(have[i], CLIENTS / 8 * 85 / 100, CLIENTS / 8 * 115 / 100);
}

static void one_that_is_down_moves_only_its_own(void **state)
{
    (void)state;
    static size_t before[CLIENTS], after[CLIENTS];
    size_t moved = 0;
    const uint64_t identities[] = {11, 12, 13, 14};
    place(identities, 4, "++++", before);
    place(identities, 4, "+-++", after);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(before[i] == after[i] || before[i] == 1);
        moved += before[i] != after[i];
    }
    assert_in_range(moved, CLIENTS / 5, CLIENTS / 3);
    place(identities, 4, "++++", after); /* and they come back */
    assert_memory_equal(before, after, sizeof(before));
}

static void one_more_takes_only_its_own(void **state)
{
    (void)state;
    static size_t before[CLIENTS], after[CLIENTS];
    size_t moved = 0;
    const uint64_t identities[] = {11, 12, 13, 14};
    place(identities, 3, "+++", before);
    place(identities, 4, "++++", after);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(before[i] == after[i] || after[i] == 3);
        moved += before[i] != after[i];
    }
    assert_in_range(moved, CLIENTS / 5, CLIENTS / 3);
}

static void the_order_of_workers_does_not_count(void **state)
{
    (void)state;
    static size_t before[CLIENTS], after[CLIENTS];
    const uint64_t identities[] = {11, 12, 13}, turned[] = {13, 11, 12};
    place(identities, 3, "+++", before);
    place(turned, 3, "+++", after);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(identities[before[i]], turned[after[i]]);
}

static void names_of_modes(void **state)
{
    (void)state;
    char all[200] = "";
    for (int i = 0; i < BALANCE_COUNT; i++) {
        const char *name = balance_name((enum balance_mode)i);
        assert_int_equal(balance_mode_of(name, "none"), i);
        if (i > 0)
            strncat(all, ", ", sizeof(all) - strlen(all) - 1);
        strncat(all, name, sizeof(all) - strlen(all) - 1);
    }
    assert_string_equal(all, BALANCE_CHOICES);
    assert_int_equal(balance_mode_of(NULL, NULL), BALANCE_ROUND_ROBIN);
    assert_int_equal(balance_mode_of(NULL, "rr"), BALANCE_ROUND_ROBIN);
    assert_int_equal(balance_mode_of(NULL, "none"), BALANCE_SHARED);
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
        cmocka_unit_test(the_fewest_first),
        cmocka_unit_test(clients_are_spread),
        cmocka_unit_test(one_that_is_down_moves_only_its_own),
        cmocka_unit_test(one_more_takes_only_its_own),
        cmocka_unit_test(the_order_of_workers_does_not_count),
        cmocka_unit_test(names_of_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
