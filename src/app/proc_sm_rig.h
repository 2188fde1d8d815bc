/* SPDX-License-Identifier: MIT
 * Test helper: one state machine on the bench. Feed it events; `did` says what it wants done, as
 * text: "exit, disarm, spawn". Only for proc_sm_test.c. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/proc_sm.h"

static const struct proc_policy pm2_policy = {
    .autostart = true,
    .autorestart = true,
    .treekill = true,
    .min_uptime_ms = 1000,
    .max_restarts = 16,
    .backoff_reset_ms = 30000,
    .kill_timeout_ms = 1600,
    .kill_retry_ms = 100,
    .listen_timeout_ms = 3000,
};

/* One machine under test; `did` has the actions of the last event as text. */
struct rig {
    struct proc_sm sm;
    struct proc_policy policy;
    struct proc_actions actions;
    char did[256];
};

static const char *const publish_names[] = {[PUB_ONLINE] = "online",
                                            [PUB_EXIT] = "exit",
                                            [PUB_STOPPED] = "stopped",
                                            [PUB_OVERLIMIT] = "overlimit"};

static inline void describe(const struct proc_action *a, char *out, size_t size)
{
    const char *tree = a->tree ? " tree" : "";
    switch (a->type) {
    case ACT_DISARM: snprintf(out, size, "disarm"); break;
    case ACT_ARM: snprintf(out, size, "arm %lld", (long long)a->ms); break;
    case ACT_SIGNAL: snprintf(out, size, "%s%s", a->message ? "message" : "signal", tree); break;
    case ACT_KILL: snprintf(out, size, "kill%s", tree); break;
    case ACT_SPAWN: snprintf(out, size, "spawn"); break;
    case ACT_PUBLISH: snprintf(out, size, "%s", publish_names[a->what]); break;
    case ACT_SETTLED: snprintf(out, size, "settled"); break;
    case ACT_REMOVE: snprintf(out, size, "remove"); break;
    }
}

static inline void feed(struct rig *r, const struct proc_event *ev)
{
    proc_sm_step(&r->sm, &r->policy, ev, &r->actions);
    assert_true(r->actions.count <= PROC_ACTIONS_MAX);
    size_t n = 0;
    r->did[0] = '\0';
    for (size_t i = 0; i < r->actions.count; i++) {
        char one[64];
        describe(&r->actions.items[i], one, sizeof(one));
        n += (size_t)snprintf(r->did + n, sizeof(r->did) - n, "%s%s", i ? ", " : "", one);
        assert_true(n < sizeof(r->did));
    }
}

static inline void send(struct rig *r, enum proc_event_type type)
{
    feed(r, &(struct proc_event){.type = type});
}

static inline void send_exit(struct rig *r, int code, int64_t uptime_ms)
{
    feed(r, &(struct proc_event){.type = EV_EXITED, .code = code, .uptime_ms = uptime_ms});
}

static inline struct rig rig_new(void)
{
    struct rig r = {.policy = pm2_policy};
    proc_sm_init(&r.sm);
    return r;
}

static inline struct rig rig_online(void)
{
    struct rig r = rig_new();
    send(&r, EV_START);
    send(&r, EV_SPAWNED);
    assert_int_equal(r.sm.state, PROC_ONLINE);
    return r;
}

/* A rig in the given state, by the shortest way. */
static inline struct rig rig_in(enum proc_state state)
{
    struct rig r = rig_new();
    r.policy.wait_ready = state == PROC_STARTING;
    r.policy.restart_delay_ms = state == PROC_BACKOFF ? 500 : 0;
    r.policy.max_restarts = state == PROC_ERRORED ? 0 : 16;
    if (state == PROC_STOPPED)
        return r;
    send(&r, EV_START);
    if (state != PROC_SPAWNING)
        send(&r, EV_SPAWNED);
    if (state == PROC_STOPPING)
        send(&r, EV_STOP);
    if (state == PROC_BACKOFF || state == PROC_ERRORED)
        send_exit(&r, 1, 10);
    assert_int_equal(r.sm.state, state);
    return r;
}

#define assert_step(r, want_state, want_actions)                                                   \
    do {                                                                                           \
        assert_string_equal(proc_state_name((r)->sm.state), proc_state_name(want_state));          \
        assert_string_equal((r)->did, want_actions);                                               \
    } while (0)
