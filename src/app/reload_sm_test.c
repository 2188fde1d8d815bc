/* SPDX-License-Identifier: MIT
 * Each documented transition of a reload, and what holds whatever comes in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/reload_sm.h"

struct rig {
    struct reload_sm sm;
    struct reload_policy policy;
    char did[256]; /* the actions of the last event */
};

static const char *const action_names[] = {
    [RA_DISARM] = "disarm", [RA_ARM] = "arm",         [RA_SPAWN] = "spawn",
    [RA_SWITCH] = "switch", [RA_PROVEN] = "proven",   [RA_DRAIN] = "drain",
    [RA_END] = "end",       [RA_RESTART] = "restart", [RA_TOLD] = "told"};
static const char *const verdict_names[] = {[RELOAD_OK] = "ok",
                                            [RELOAD_LATE] = "late",
                                            [RELOAD_FAILED] = "failed",
                                            [RELOAD_OVERTAKEN] = "overtaken",
                                            [RELOAD_UNPROVEN] = "unproven"};

static struct rig rig_new(void)
{
    return (struct rig){
        .policy = {.verify = true, .listen_timeout_ms = 3000, .drain_timeout_ms = 5000}};
}

static const char *feed(struct rig *r, enum reload_event_type type, unsigned debts)
{
    struct reload_actions out;
    struct reload_event ev = {.type = type, .debts = debts};
    size_t n = 0;
    reload_sm_step(&r->sm, &r->policy, &ev, &out);
    r->did[0] = '\0';
    for (size_t i = 0; i < out.count; i++) {
        const struct reload_action *a = &out.items[i];
        char what[32] = "";
        if (a->type == RA_ARM)
            snprintf(what, sizeof(what), " %lld", (long long)a->ms);
        if (a->type == RA_TOLD || a->type == RA_PROVEN)
            snprintf(what, sizeof(what), " %s", verdict_names[a->verdict]);
        n += (size_t)snprintf(r->did + n, sizeof(r->did) - n, "%s%s%s", i ? ", " : "",
                              action_names[a->type], what);
        assert_true(n < sizeof(r->did));
    }
    return r->did;
}

static void begin(struct rig *r, unsigned debts)
{
    assert_string_equal(feed(r, RE_BEGIN, debts), "spawn, arm 3000");
    assert_int_equal(r->sm.state, RELOAD_PROVING);
}

static void every_cell_exists(void **state)
{
    (void)state;
    for (int s = 0; s < RELOAD_STATE_COUNT; s++) {
        assert_non_null(reload_state_name((enum reload_state)s));
        for (int e = 0; e < RE_COUNT; e++)
            assert_true(reload_sm_has_cell((enum reload_state)s, (enum reload_event_type)e));
    }
}

static void a_successor_that_pays(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, DEBT_WORD | DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_PAID, DEBT_SERVERS), "");
    assert_string_equal(feed(&r, RE_PAID, DEBT_WORD), "disarm, switch, proven ok, arm 5000, drain");
    assert_int_equal(r.sm.state, RELOAD_DRAINING);
    assert_string_equal(feed(&r, RE_DRAINED, 0), "disarm, end");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told ok");
    assert_int_equal(r.sm.state, RELOAD_IDLE);
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, DEBT_SERVERS);
    feed(&r, RE_PAID, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_TIMER, 0), "disarm, end");
    assert_int_equal(r.sm.state, RELOAD_ENDING);
    r = rig_new();
    r.policy.drain_timeout_ms = 0;
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_PAID, DEBT_SERVERS), "disarm, switch, proven ok, disarm, end");
}

static void a_successor_without_debts_has_to_live(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, 0);
    assert_string_equal(feed(&r, RE_PAID, DEBT_WORD | DEBT_SERVERS), "");
    assert_string_equal(feed(&r, RE_TIMER, 0), "disarm, switch, proven ok, arm 5000, drain");
    r = rig_new();
    begin(&r, 0);
    assert_string_equal(feed(&r, RE_ENDED, 0), "disarm, proven failed, end");
    r = rig_new();
    r.policy.listen_timeout_ms = 0;
    assert_string_equal(feed(&r, RE_BEGIN, 0), "spawn, disarm, switch, proven ok, arm 5000, drain");
}

static void a_successor_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_TIMER, 0), "disarm, proven late, end");
    assert_int_equal(r.sm.state, RELOAD_UNDOING);
    assert_string_equal(feed(&r, RE_PAID, DEBT_SERVERS), ""); /* too late */
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told late");
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_ENDED, 0), "disarm, proven failed, end");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told failed");
}

static void as_pm2_does_it(void **state)
{
    (void)state;
    struct rig r = rig_new();
    r.policy.verify = false;
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_TIMER, 0), "disarm, switch, proven ok, arm 5000, drain");
    r = rig_new();
    r.policy.verify = false;
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_ENDED, 0), "disarm, proven failed, end, restart");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm"); /* the restart tells */
}

static void orders_win(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_ABORT, 0), "disarm, proven overtaken, end");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told overtaken");
    begin(&r, DEBT_SERVERS);
    feed(&r, RE_PAID, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_ABORT, 0), "disarm, end");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told ok");
}

static void an_old_one_that_ends_is_replaced(void **state)
{
    (void)state;
    struct rig r = rig_new();
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_OLD_ENDED, 0), "disarm, switch, proven unproven, end");
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm, told unproven");
    begin(&r, DEBT_SERVERS);
    feed(&r, RE_PAID, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_ENDED, 0), "disarm, end"); /* while it drains */
}

static void parked(void **state)
{
    (void)state;
    struct rig r = rig_new();
    r.policy.park_ms = 60000;
    begin(&r, DEBT_SERVERS);
    assert_string_equal(feed(&r, RE_PAID, DEBT_SERVERS),
                        "disarm, switch, proven ok, arm 60000, told ok");
    assert_int_equal(r.sm.state, RELOAD_PARKED);
    struct rig back = r;
    assert_string_equal(feed(&back, RE_ROLLBACK, 0), "disarm, switch, arm 5000, drain");
    struct rig again = r;
    assert_string_equal(feed(&again, RE_BEGIN, DEBT_SERVERS), "arm 5000, drain");
    assert_string_equal(feed(&r, RE_TIMER, 0), "arm 5000, drain");
    feed(&r, RE_DRAINED, 0);
    assert_string_equal(feed(&r, RE_GONE, 0), "disarm"); /* told already */
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* What the executor promises: RE_GONE follows RA_END, and only that. */
static void any_order_of_events(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int walk = 0; walk < 2000; walk++) {
        struct rig r = rig_new();
        bool ending = false;
        int told = 0, proven = 0;
        r.policy.verify = next_random(&seed) % 2;
        r.policy.park_ms = next_random(&seed) % 2 ? 1000 : 0;
        r.policy.drain_timeout_ms = next_random(&seed) % 3 ? 1000 : 0;
        feed(&r, RE_BEGIN, next_random(&seed) % 8);
        for (int i = 0; i < 12 && r.sm.state != RELOAD_IDLE; i++) {
            enum reload_event_type e = next_random(&seed) % RE_COUNT;
            if (e == RE_GONE && !ending)
                continue;
            feed(&r, e, next_random(&seed) % 8);
            ending = ending || strstr(r.did, "end");
            told += strstr(r.did, "told") != NULL;
            told += strstr(r.did, "restart") != NULL;
            proven += strstr(r.did, ", proven ") != NULL;
        }
        assert_true(told <= 1 && proven <= 1);
        while (!ending) {
            feed(&r, RE_TIMER, 0);
            ending = strstr(r.did, "end");
            told += strstr(r.did, "told") != NULL;
            proven += strstr(r.did, ", proven ") != NULL;
        }
        if (r.sm.state != RELOAD_IDLE)
            told += strstr(feed(&r, RE_GONE, 0), "told") != NULL;
        assert_int_equal(r.sm.state, RELOAD_IDLE);
        assert_int_equal(told, 1);
        assert_int_equal(proven, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_exists),
        cmocka_unit_test(a_successor_that_pays),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(a_successor_without_debts_has_to_live),
        cmocka_unit_test(a_successor_that_fails_leaves_nothing),
        cmocka_unit_test(as_pm2_does_it),
        cmocka_unit_test(orders_win),
        cmocka_unit_test(an_old_one_that_ends_is_replaced),
        cmocka_unit_test(parked),
        cmocka_unit_test(any_order_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
