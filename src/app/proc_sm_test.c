/* SPDX-License-Identifier: MIT
 * Each documented transition of the state machine, and PM2's numbers. Random walks over it are in
 * tests/model/. */
#include "app/proc_sm_rig.h"

#include "base/attr.h"

/* ---- the matrix ---- */

static void test_every_cell_exists(void **state)
{
    (void)state;
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        assert_non_null(proc_state_name((enum proc_state)s));
        for (int e = 0; e < EV_COUNT; e++) {
            assert_non_null(proc_event_name((enum proc_event_type)e));
            if (!proc_sm_has_cell((enum proc_state)s, (enum proc_event_type)e))
                fail_msg("no cell for %s in %s", proc_event_name((enum proc_event_type)e),
                         proc_state_name((enum proc_state)s));
        }
    }
}

/* Whatever the executor does wrong, an impossible event changes nothing. */
static void test_impossible_does_nothing(void **state)
{
    (void)state;
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        for (int e = 0; e < EV_COUNT; e++) {
            if (!proc_sm_is_impossible((enum proc_state)s, (enum proc_event_type)e))
                continue;
            struct rig r = rig_in((enum proc_state)s);
            struct proc_sm before = r.sm;
            send(&r, (enum proc_event_type)e);
            assert_string_equal(r.did, "");
            assert_memory_equal(&before, &r.sm, sizeof(before));
        }
    }
}

/* Orders are never impossible, and always move the goal. */
static void test_orders_set_the_goal(void **state)
{
    (void)state;
    static const enum proc_goal goals[] = {[EV_START] = GOAL_UP,
                                           [EV_STOP] = GOAL_DOWN,
                                           [EV_RESTART] = GOAL_UP,
                                           [EV_DELETE] = GOAL_GONE};
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        for (size_t e = 0; e < ARRAY_LEN(goals); e++) {
            struct rig r = rig_in((enum proc_state)s);
            send(&r, (enum proc_event_type)e);
            assert_int_equal(r.sm.goal, goals[e]);
        }
    }
}

static void test_public_words(void **state)
{
    (void)state;
    static const char *const words[] = {
        [PROC_STOPPED] = "stopped",    [PROC_SPAWNING] = "launching",
        [PROC_STARTING] = "launching", [PROC_ONLINE] = "online",
        [PROC_STOPPING] = "stopping",  [PROC_BACKOFF] = "waiting restart",
        [PROC_ERRORED] = "errored"};
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        struct rig r = rig_in((enum proc_state)s);
        assert_string_equal(proc_sm_public(&r.sm), words[s]);
        bool settled = s != PROC_SPAWNING && s != PROC_STARTING && s != PROC_STOPPING;
        assert_int_equal(proc_sm_settled(&r.sm), settled);
    }
}

/* ---- start ---- */

static void test_start(void **state)
{
    (void)state;
    struct rig r = rig_new();
    assert_int_equal(r.sm.state, PROC_STOPPED);
    assert_int_equal(r.sm.goal, GOAL_DOWN);
    send(&r, EV_START);
    assert_step(&r, PROC_SPAWNING, "spawn");
    send(&r, EV_START);
    assert_step(&r, PROC_SPAWNING, "");
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_ONLINE, "online, settled");
    assert_true(r.sm.has_pid);
    send(&r, EV_START);
    assert_step(&r, PROC_ONLINE, "settled");
    assert_int_equal(r.sm.restart_time, 0);
}

static void test_wait_ready(void **state)
{
    (void)state;
    for (int by_timer = 0; by_timer < 2; by_timer++) {
        struct rig r = rig_new();
        r.policy.wait_ready = true;
        send(&r, EV_START);
        send(&r, EV_SPAWNED);
        assert_step(&r, PROC_STARTING, "arm 3000");
        send(&r, EV_START);
        assert_step(&r, PROC_STARTING, "");
        send(&r, by_timer ? EV_TIMER : EV_READY);
        assert_step(&r, PROC_ONLINE, "disarm, online, settled");
        send(&r, EV_READY);
        assert_step(&r, PROC_ONLINE, "");
    }
}

static void test_wait_ready_for_ever(void **state)
{
    (void)state;
    struct rig r = rig_new();
    r.policy.wait_ready = true;
    r.policy.listen_timeout_ms = 0;
    send(&r, EV_START);
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_STARTING, "");
}

static void test_exit_before_ready(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_STARTING);
    send_exit(&r, 1, 20);
    assert_step(&r, PROC_SPAWNING, "exit, disarm, spawn");
    assert_int_equal(r.sm.restart_time, 1);
}

static void test_cannot_start(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_SPAWN_FAILED);
    assert_step(&r, PROC_ERRORED, "settled");
    assert_true(r.sm.cannot_start);
    assert_false(r.sm.has_pid);
    send(&r, EV_START);
    assert_step(&r, PROC_SPAWNING, "spawn");
    assert_false(r.sm.cannot_start);
}

/* Nobody has to come and start it: the goal stays, and it is tried again. */
static void test_cannot_start_just_now(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    const struct proc_event ev = {.type = EV_SPAWN_FAILED, .is_passing = true};
    for (int i = 0; i < 3; i++) {
        feed(&r, &ev);
        assert_step(&r, PROC_BACKOFF, "arm 1000, settled");
        assert_true(r.sm.cannot_start);
        assert_int_equal(r.sm.goal, GOAL_UP);
        send(&r, EV_TIMER);
        assert_step(&r, PROC_SPAWNING, "disarm, spawn");
    }
    assert_int_equal(r.sm.restart_time, 0);
    r.policy.restart_delay_ms = 5000;
    feed(&r, &ev);
    assert_step(&r, PROC_BACKOFF, "arm 5000, settled");
    send(&r, EV_TIMER);
    r.policy.autorestart = false;
    feed(&r, &ev);
    assert_step(&r, PROC_ERRORED, "settled");
}

/* ---- stop and delete ---- */

static void test_stop(void **state)
{
    (void)state;
    struct rig r = rig_online();
    send(&r, EV_STOP);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
    send(&r, EV_STOP);
    assert_step(&r, PROC_STOPPING, "");
    send(&r, EV_TREE_GONE); /* not before the root has been reported */
    assert_step(&r, PROC_STOPPING, "");
    send_exit(&r, 0, 5000);
    assert_step(&r, PROC_STOPPING, "");
    assert_false(r.sm.has_pid);
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "exit, stopped, disarm, settled");
    assert_int_equal(r.sm.goal, GOAL_DOWN);
}

static void test_stop_of_something_without_a_process(void **state)
{
    (void)state;
    static const enum proc_state from[] = {PROC_STOPPED, PROC_BACKOFF, PROC_ERRORED};
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        struct rig r = rig_in(from[i]);
        r.policy.shutdown_with_message = true; /* nobody is there to read it */
        send(&r, EV_STOP);
        assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
        assert_false(r.sm.over_limit);
        send(&r, EV_TREE_GONE);
        assert_step(&r, PROC_STOPPED, "stopped, disarm, settled");
    }
}

static void test_stop_by_message_and_root_only(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.shutdown_with_message = true;
    r.policy.treekill = false;
    send(&r, EV_STOP);
    assert_step(&r, PROC_STOPPING, "message, arm 1600");
    send(&r, EV_TIMER);
    assert_step(&r, PROC_STOPPING, "kill, arm 100");
}

static void test_stop_while_spawning(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_STOP);
    assert_step(&r, PROC_SPAWNING, "");
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
    send_exit(&r, 0, 1);
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "exit, stopped, disarm, settled");
}

static void test_stop_while_a_spawn_fails(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_STOP);
    send(&r, EV_SPAWN_FAILED);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "stopped, disarm, settled");
    assert_false(r.sm.cannot_start);
}

static void test_stop_and_start_while_spawning(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_STOP);
    send(&r, EV_START);
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_ONLINE, "online, settled");
}

static void test_stop_before_ready(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_STARTING);
    send(&r, EV_STOP);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600"); /* the arming replaces the other */
    send(&r, EV_READY);
    assert_step(&r, PROC_STOPPING, "");
}

static void test_delete(void **state)
{
    (void)state;
    static const enum proc_state from[] = {PROC_STOPPED, PROC_ONLINE, PROC_BACKOFF, PROC_ERRORED};
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        struct rig r = rig_in(from[i]);
        bool ran = r.sm.has_pid;
        send(&r, EV_DELETE);
        assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
        if (ran)
            send_exit(&r, 0, 1);
        send(&r, EV_TREE_GONE);
        assert_step(&r, PROC_STOPPED,
                    ran ? "exit, stopped, disarm, remove" : "stopped, disarm, remove");
        assert_int_equal(r.sm.goal, GOAL_GONE);
    }
}

static void test_delete_wins(void **state)
{
    (void)state;
    static const enum proc_event_type orders[] = {EV_START, EV_STOP, EV_RESTART, EV_DELETE};
    struct rig r = rig_online();
    send(&r, EV_DELETE);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        send(&r, orders[i]);
        assert_step(&r, PROC_STOPPING, "");
        assert_int_equal(r.sm.goal, GOAL_GONE);
    }
    send_exit(&r, 0, 1);
    send(&r, EV_TREE_GONE);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        send(&r, orders[i]);
        assert_step(&r, PROC_STOPPED, "");
    }
}

static void test_delete_while_spawning(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_DELETE);
    send(&r, EV_RESTART);
    assert_int_equal(r.sm.restart_time, 0);
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
}

/* ---- restart ---- */

static void test_restart(void **state)
{
    (void)state;
    static const enum proc_state from[] = {PROC_STARTING, PROC_ONLINE};
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        struct rig r = rig_in(from[i]);
        send(&r, EV_RESTART);
        assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
        send(&r, EV_RESTART); /* two are one */
        assert_step(&r, PROC_STOPPING, "");
        send_exit(&r, 0, 1);
        send(&r, EV_TREE_GONE);
        assert_step(&r, PROC_SPAWNING, "exit, stopped, disarm, spawn");
        assert_int_equal(r.sm.restart_time, 1);
    }
}

static void test_restart_without_a_process_spawns_now(void **state)
{
    (void)state;
    static const struct {
        enum proc_state from;
        const char *did;
    } rows[] = {{PROC_STOPPED, "spawn"}, {PROC_BACKOFF, "disarm, spawn"}, {PROC_ERRORED, "spawn"}};
    static const enum proc_event_type orders[] = {EV_START, EV_RESTART};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
            struct rig r = rig_in(rows[i].from);
            send(&r, orders[o]);
            assert_step(&r, PROC_SPAWNING, rows[i].did);
            assert_int_equal(r.sm.restart_time, 0);
            assert_int_equal(r.sm.unstable_restarts, 0);
            assert_false(r.sm.over_limit);
        }
    }
}

static void test_restart_while_spawning(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_RESTART);
    send(&r, EV_RESTART);
    assert_step(&r, PROC_SPAWNING, "");
    assert_true(r.sm.stale);
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
    send_exit(&r, 0, 1);
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_SPAWNING, "exit, stopped, disarm, spawn");
    send(&r, EV_SPAWNED);
    assert_step(&r, PROC_ONLINE, "online, settled");
    assert_int_equal(r.sm.restart_time, 1);
}

static void test_restart_while_a_spawn_fails(void **state)
{
    (void)state;
    struct rig r = rig_in(PROC_SPAWNING);
    send(&r, EV_RESTART);
    send(&r, EV_SPAWN_FAILED);
    assert_step(&r, PROC_SPAWNING, "spawn");
    send(&r, EV_SPAWN_FAILED);
    assert_step(&r, PROC_ERRORED, "settled");
}

static void test_stop_during_restart(void **state)
{
    (void)state;
    struct rig r = rig_online();
    send(&r, EV_RESTART);
    send(&r, EV_STOP);
    send_exit(&r, 0, 1);
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "exit, stopped, disarm, settled");
    r = rig_in(PROC_SPAWNING);
    send(&r, EV_RESTART);
    send(&r, EV_STOP);
    send(&r, EV_SPAWNED);
    send_exit(&r, 0, 1);
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "exit, stopped, disarm, settled");
}

static void test_start_during_stop(void **state)
{
    (void)state;
    static const enum proc_event_type orders[] = {EV_START, EV_RESTART};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct rig r = rig_online();
        r.sm.unstable_restarts = 3;
        r.sm.prev_delay_ms = 100;
        send(&r, EV_STOP);
        send(&r, orders[i]);
        assert_step(&r, PROC_STOPPING, "");
        assert_int_equal(r.sm.unstable_restarts, 0);
        assert_int_equal(r.sm.prev_delay_ms, 0);
        send_exit(&r, 0, 1);
        send(&r, EV_TREE_GONE);
        assert_step(&r, PROC_SPAWNING, "exit, stopped, disarm, spawn");
        assert_int_equal(r.sm.restart_time, 0); /* it was stopped, then started */
    }
}

/* ---- the end that nobody ordered ---- */

/* The action that publishes `what`, which the last event has to have brought. */
static const struct proc_action *published(const struct rig *r, enum proc_publish what)
{
    for (size_t i = 0; i < r->actions.count; i++)
        if (r->actions.items[i].type == ACT_PUBLISH && r->actions.items[i].what == what)
            return &r->actions.items[i];
    fail_msg("not published: %s", publish_names[what]);
    return NULL;
}

/* An end is told with the counts of the run that ended, though the next has begun. */
static void test_ends_tell_their_own_counts(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.max_restarts = 3;
    send_exit(&r, 1, 50);
    assert_int_equal(r.sm.restart_time, 1);
    assert_int_equal(published(&r, PUB_EXIT)->restart_time, 0);
    assert_int_equal(published(&r, PUB_EXIT)->unstable_restarts, 1);
    send(&r, EV_SPAWNED);
    send(&r, EV_RESTART);
    send(&r, EV_EXITED);
    send(&r, EV_TREE_GONE);
    assert_int_equal(r.sm.restart_time, 2);
    assert_int_equal(published(&r, PUB_EXIT)->restart_time, 1);
    for (int i = 0; i < 3; i++) {
        send(&r, EV_SPAWNED);
        send_exit(&r, 1, 50);
    }
    assert_int_equal(published(&r, PUB_OVERLIMIT)->unstable_restarts, 3);
    assert_int_equal(published(&r, PUB_EXIT)->unstable_restarts, 0);
    proc_sm_set_restarts(&r.sm, 0);
    send(&r, EV_START);
    send(&r, EV_SPAWNED);
    assert_int_equal(published(&r, PUB_ONLINE)->restart_time, 0);
}

/* PM2: 16 quick crashes, then errored with restart_time 15. */
static void test_crash_loop(void **state)
{
    (void)state;
    struct rig r = rig_online();
    for (int i = 1; i <= 15; i++) {
        send_exit(&r, 1, 50);
        assert_step(&r, PROC_SPAWNING, "exit, spawn");
        assert_int_equal(r.sm.restart_time, i);
        assert_int_equal(r.sm.unstable_restarts, i);
        send(&r, EV_SPAWNED);
    }
    send_exit(&r, 1, 50);
    assert_step(&r, PROC_ERRORED, "overlimit, exit, settled");
    assert_true(r.sm.over_limit);
    assert_int_equal(r.sm.restart_time, 15);
    assert_int_equal(r.sm.unstable_restarts, 0);
}

/* Only consecutive quick ends count, and min_uptime itself is long enough. */
static void test_long_run_resets_the_count(void **state)
{
    (void)state;
    struct rig r = rig_online();
    for (int i = 0; i < 40; i++) {
        send_exit(&r, 1, i % 10 == 9 ? 1000 : 999);
        assert_int_equal(r.sm.state, PROC_SPAWNING);
        send(&r, EV_SPAWNED);
    }
    assert_int_equal(r.sm.restart_time, 40);
}

static void test_restart_resets_the_count(void **state)
{
    (void)state;
    struct rig r = rig_online();
    for (int i = 0; i < 15; i++) {
        send_exit(&r, 1, 50);
        send(&r, EV_SPAWNED);
    }
    send(&r, EV_RESTART);
    assert_int_equal(r.sm.unstable_restarts, 0);
    assert_int_equal(r.sm.restart_time, 16);
}

static void test_max_restarts_0(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.max_restarts = 0;
    send_exit(&r, 0, 100000);
    assert_step(&r, PROC_ERRORED, "overlimit, exit, settled");
    assert_int_equal(r.sm.restart_time, 0);
}

static void test_no_autorestart(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.autorestart = false;
    r.policy.restart_delay_ms = 1000;
    send_exit(&r, 1, 5);
    assert_step(&r, PROC_STOPPED, "exit, settled");
    assert_int_equal(r.sm.goal, GOAL_DOWN);
}

static void test_stop_exit_codes(void **state)
{
    (void)state;
    static const struct {
        int code;
        bool by_signal, stops;
    } rows[] = {{0, false, true}, {9, false, true}, {1, false, false}, {9, true, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r = rig_online();
        r.policy.stop_exit_codes[0] = 0;
        r.policy.stop_exit_codes[1] = 9;
        r.policy.stop_exit_code_count = 2;
        feed(&r, &(struct proc_event){.type = EV_EXITED,
                                      .by_signal = rows[i].by_signal,
                                      .code = rows[i].code,
                                      .uptime_ms = 5});
        assert_int_equal(r.sm.state, rows[i].stops ? PROC_STOPPED : PROC_SPAWNING);
        assert_int_equal(r.sm.goal, rows[i].stops ? GOAL_DOWN : GOAL_UP);
    }
}

static void test_restart_delay(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.restart_delay_ms = 250;
    for (int i = 0; i < 3; i++) {
        send_exit(&r, 1, 5);
        assert_step(&r, PROC_BACKOFF, "exit, arm 250, settled");
        assert_int_equal(r.sm.restart_time, i);
        send(&r, EV_TIMER);
        assert_step(&r, PROC_SPAWNING, "disarm, spawn");
        assert_int_equal(r.sm.restart_time, i + 1);
        send(&r, EV_SPAWNED);
    }
    assert_int_equal(r.sm.prev_delay_ms, 0);
}

static int64_t delay_after(struct rig *r, int64_t uptime_ms)
{
    send_exit(r, 1, uptime_ms);
    assert_int_equal(r->sm.state, PROC_BACKOFF);
    for (size_t i = 0; i < r->actions.count; i++) {
        if (r->actions.items[i].type != ACT_ARM)
            continue;
        int64_t ms = r->actions.items[i].ms;
        assert_int_equal(r->sm.prev_delay_ms, ms);
        send(r, EV_TIMER);
        send(r, EV_SPAWNED);
        return ms;
    }
    fail_msg("no timer");
    return -1;
}

static void test_backoff(void **state)
{
    (void)state;
    static const int64_t series[] = {100,  150,  225,  337,  505,   757,   1135, 1702,
                                     2553, 3829, 5743, 8614, 12921, 15000, 15000};
    struct rig r = rig_online();
    r.policy.exp_backoff_ms = 100;
    r.policy.restart_delay_ms = 7; /* overridden */
    for (size_t i = 0; i < ARRAY_LEN(series); i++)
        assert_int_equal(delay_after(&r, 5), series[i]);
    assert_int_equal(delay_after(&r, 29999), 15000);
    assert_int_equal(delay_after(&r, 30000), 100);
    assert_int_equal(delay_after(&r, 5), 150);
    send(&r, EV_RESTART);
    assert_int_equal(r.sm.prev_delay_ms, 0);
}

/* A base above the cap is taken as it is, once. */
static void test_backoff_base_above_the_cap(void **state)
{
    (void)state;
    struct rig r = rig_online();
    r.policy.exp_backoff_ms = 20000;
    assert_int_equal(delay_after(&r, 5), 20000);
    assert_int_equal(delay_after(&r, 5), 15000);
}

/* ---- SIGKILL ---- */

/* Timer events until the machine gives up; each but the last is a SIGKILL. */
static int kills_until_stuck(struct rig *r)
{
    int kills = 0;
    while (r->sm.state == PROC_STOPPING) {
        assert_true(kills < 1000);
        send(r, EV_TIMER);
        if (r->sm.state == PROC_STOPPING) {
            assert_string_equal(r->did, "kill tree, arm 100");
            kills++;
        }
    }
    return kills;
}

static void test_kill_escalation(void **state)
{
    (void)state;
    struct rig r = rig_online();
    send(&r, EV_RESTART);
    assert_int_equal(kills_until_stuck(&r), 16); /* 1600 ms in steps of 100 */
    assert_step(&r, PROC_ERRORED, "disarm, settled");
    assert_true(r.sm.stuck);
    assert_true(r.sm.has_pid);
    assert_int_equal(r.sm.goal, GOAL_DOWN);
    /* It dies after all. */
    send_exit(&r, 0, 1);
    assert_step(&r, PROC_ERRORED, "");
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_STOPPED, "exit, stopped, settled");
}

static void test_kill_helps(void **state)
{
    (void)state;
    struct rig r = rig_online();
    send(&r, EV_RESTART);
    send(&r, EV_TIMER);
    send(&r, EV_TIMER);
    assert_int_equal(r.sm.kills, 2);
    feed(&r, &(struct proc_event){.type = EV_EXITED, .by_signal = true, .code = 9});
    send(&r, EV_TREE_GONE);
    assert_step(&r, PROC_SPAWNING, "exit, stopped, disarm, spawn");
}

static void test_patience_follows_kill_timeout(void **state)
{
    (void)state;
    static const struct {
        int64_t kill_timeout_ms;
        int kills;
    } rows[] = {{0, 16}, {1600, 16}, {5000, 50}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r = rig_online();
        r.policy.kill_timeout_ms = rows[i].kill_timeout_ms;
        send(&r, EV_STOP);
        assert_int_equal(kills_until_stuck(&r), rows[i].kills);
    }
}

static void test_orders_to_what_is_stuck(void **state)
{
    (void)state;
    static const enum proc_event_type orders[] = {EV_START, EV_STOP, EV_RESTART, EV_DELETE};
    static const char *const ends[] = {"spawn", "settled", "spawn", "remove"};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct rig r = rig_online();
        send(&r, EV_DELETE);
        kills_until_stuck(&r);
        send_exit(&r, 0, 1); /* the root is gone, another of the tree is not */
        send(&r, orders[i]);
        assert_step(&r, PROC_STOPPING, "signal tree, arm 1600");
        assert_false(r.sm.stuck);
        send(&r, EV_TREE_GONE);
        char want[64];
        snprintf(want, sizeof(want), "exit, stopped, disarm, %s", ends[i]);
        assert_string_equal(r.did, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cell_exists),
                                       cmocka_unit_test(test_impossible_does_nothing),
                                       cmocka_unit_test(test_orders_set_the_goal),
                                       cmocka_unit_test(test_public_words),
                                       cmocka_unit_test(test_start),
                                       cmocka_unit_test(test_wait_ready),
                                       cmocka_unit_test(test_wait_ready_for_ever),
                                       cmocka_unit_test(test_exit_before_ready),
                                       cmocka_unit_test(test_cannot_start),
                                       cmocka_unit_test(test_cannot_start_just_now),
                                       cmocka_unit_test(test_stop),
                                       cmocka_unit_test(test_stop_of_something_without_a_process),
                                       cmocka_unit_test(test_stop_by_message_and_root_only),
                                       cmocka_unit_test(test_stop_while_spawning),
                                       cmocka_unit_test(test_stop_while_a_spawn_fails),
                                       cmocka_unit_test(test_stop_and_start_while_spawning),
                                       cmocka_unit_test(test_stop_before_ready),
                                       cmocka_unit_test(test_delete),
                                       cmocka_unit_test(test_delete_wins),
                                       cmocka_unit_test(test_delete_while_spawning),
                                       cmocka_unit_test(test_restart),
                                       cmocka_unit_test(test_restart_without_a_process_spawns_now),
                                       cmocka_unit_test(test_restart_while_spawning),
                                       cmocka_unit_test(test_restart_while_a_spawn_fails),
                                       cmocka_unit_test(test_stop_during_restart),
                                       cmocka_unit_test(test_start_during_stop),
                                       cmocka_unit_test(test_ends_tell_their_own_counts),
                                       cmocka_unit_test(test_crash_loop),
                                       cmocka_unit_test(test_long_run_resets_the_count),
                                       cmocka_unit_test(test_restart_resets_the_count),
                                       cmocka_unit_test(test_max_restarts_0),
                                       cmocka_unit_test(test_no_autorestart),
                                       cmocka_unit_test(test_stop_exit_codes),
                                       cmocka_unit_test(test_restart_delay),
                                       cmocka_unit_test(test_backoff),
                                       cmocka_unit_test(test_backoff_base_above_the_cap),
                                       cmocka_unit_test(test_kill_escalation),
                                       cmocka_unit_test(test_kill_helps),
                                       cmocka_unit_test(test_patience_follows_kill_timeout),
                                       cmocka_unit_test(test_orders_to_what_is_stuck)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
