/* SPDX-License-Identifier: MIT
 * Numbers of events: what is a gap, and how large. */
#include "client/bus_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct told {
    int rc;
    struct buf topic, payload;
};

static void take(struct bus_count *c, struct told *t, const char *topic, const char *payload,
                 uint64_t number)
{
    const struct pub_event event = {str_from(topic), str_from(payload), number};
    t->rc = bus_count_take(c, &event, 1000, &t->topic, &t->payload);
}

static int setup(void **state)
{
    static struct told t;
    buf_init(&t.topic);
    buf_init(&t.payload);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct told *t = *state;
    buf_fini(&t->topic);
    buf_fini(&t->payload);
    return 0;
}

static void events_are_told_as_they_are(void **state)
{
    struct told *t = *state;
    struct bus_count c = {0};
    take(&c, t, "log:out", "{\"data\":\"x\"}", 0);
    assert_int_equal(t->rc, 1);
    assert_string_equal(t->topic.data, "log:out");
    assert_string_equal(t->payload.data, "{\"data\":\"x\"}");
    assert_int_equal(c.last, 0);
    take(&c, t, "log:out", "{}", 7);
    assert_int_equal(c.last, 7);
}

static void the_first_numbers_are_no_gap(void **state)
{
    struct told *t = *state;
    struct bus_count c = {0};
    bus_count_begin(&c);
    take(&c, t, "pm2:numbers", "{\"since\":5,\"last\":3}", 0);
    assert_int_equal(t->rc, 0);
    assert_int_equal(c.last, 3);
}

static void the_same_counting_tells_how_many(void **state)
{
    struct told *t = *state;
    struct bus_count c = {.since = 5, .last = 3, .begun = true};
    bus_count_begin(&c);
    take(&c, t, "pm2:numbers", "{\"since\":5,\"last\":3}", 0);
    assert_int_equal(t->rc, 0);
    take(&c, t, "pm2:numbers", "{\"since\":5,\"last\":10}", 0);
    assert_int_equal(t->rc, 1);
    assert_string_equal(t->topic.data, "pm2:gap");
    assert_string_equal(t->payload.data, "{\"missed\":7,\"at\":1000}");
}

static void another_counting_is_a_gap_of_unknown_size(void **state)
{
    struct told *t = *state;
    struct bus_count c = {.since = 5, .last = 3, .begun = true};
    bus_count_begin(&c);
    take(&c, t, "pm2:numbers", "{\"since\":6,\"last\":10}", 0);
    assert_int_equal(t->rc, 1);
    assert_string_equal(t->payload.data, "{\"at\":1000}");
    assert_int_equal(c.since, 6);
}

static void who_lost_the_first_connection_before_the_numbers_has_a_gap(void **state)
{
    struct told *t = *state;
    struct bus_count c = {0};
    bus_count_begin(&c);
    bus_count_begin(&c);
    take(&c, t, "pm2:numbers", "{\"since\":5,\"last\":0}", 0);
    assert_int_equal(t->rc, 1);
    assert_string_equal(t->payload.data, "{\"at\":1000}");
    bus_count_begin(&c);
    take(&c, t, "pm2:numbers", "{\"since\":5,\"last\":0}", 0);
    assert_int_equal(t->rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_are_told_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_numbers_are_no_gap, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_counting_tells_how_many, setup, teardown),
        cmocka_unit_test_setup_teardown(another_counting_is_a_gap_of_unknown_size, setup, teardown),
        cmocka_unit_test_setup_teardown(who_lost_the_first_connection_before_the_numbers_has_a_gap,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
