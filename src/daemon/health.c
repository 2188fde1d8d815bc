/* SPDX-License-Identifier: MIT
 * When a process is probed, and what follows. Runs in pm2d. */
#include "health.h"

#include "history.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "notify_message.h"
#include "os/clock.h"
#include "probe.h"
#include "proc.h"
#include "json/read.h"

#define HEALTH_MAGIC  OBJ_MAGIC('H', 'E', 'A', 'L')
#define QUICK_MS      1000 /* between probes until the first success */
#define SPREAD_FACTOR 2654435761u

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY, HEALTH_STATUS_COUNT };

static const char *const words[HEALTH_STATUS_COUNT] = {"starting", "healthy", "unhealthy"};

static const struct {
    const char *key;
    probe_start_fn *start;
} kinds[] = {
    {"http", probe_http_start},
    {"tcp", probe_tcp_start},
    {"exec", probe_exec_start},
};

struct health {
    uint32_t magic;
    struct proc *p;
    int64_t interval_ms, timeout_ms, start_period_ms, retries;
    uint64_t run;          /* handle of the run that is probed; 0 = none */
    int64_t period_end_ms; /* of start_period; by the loop's clock, as the next one */
    int64_t count_from_ms; /* earlier failures do not count */
    enum health_status status;
    int failures;
    int64_t checked_at;  /* ms since the epoch; 0 = never */
    struct buf error;    /* of the last probe; empty = it succeeded, or there was none */
    struct probe *probe; /* under way */
    uv_timer_t timer;    /* to the next probe, or to the end of this one's time */
};

static int64_t loop_ms(const struct health *h)
{
    return (int64_t)uv_now(h->timer.loop);
}

/* ---- verdicts ---- */

static void on_health_timer(uv_timer_t *t);

static void ask_again(struct health *h)
{
    bool is_quick = h->status != HEALTH_HEALTHY && h->failures == 0 && h->interval_ms > QUICK_MS;
    uint64_t delay_ms = (uint64_t)(is_quick ? QUICK_MS : h->interval_ms);
    uv_timer_start(&h->timer, on_health_timer, delay_ms, 0);
}

static void pause_probing(struct health *h)
{
    probe_cancel(h->probe);
    h->probe = NULL;
    h->run = 0;
    uv_timer_stop(&h->timer);
}

static void succeed(struct health *h)
{
    if (h->status != HEALTH_HEALTHY)
        log_info("App [%s:%d] is healthy", proc_name(h->p), h->p->id);
    h->status = HEALTH_HEALTHY;
    h->failures = 0;
    buf_clear(&h->error);
    h->count_from_ms = h->period_end_ms;
    ask_again(h);
}

static void restart(struct health *h)
{
    struct proc *p = h->p;
    log_warn("App [%s:%d] is unhealthy: restarting it", proc_name(p), p->id);
    pause_probing(h);
    history_caused(p, "restart", h->error.len > 0 ? h->error.data : "its health probe failed");
    proc_order(p, ORDER_RESTART, NULL, NULL);
}

static void fail(struct health *h, const char *error)
{
    buf_clear(&h->error);
    notify_add_shown(&h->error, str_from(error), LIMIT_PROBE_ERROR_BYTES);
    if (loop_ms(h) < h->count_from_ms) {
        ask_again(h);
        return;
    }
    h->count_from_ms = loop_ms(h) + h->interval_ms;
    h->status = HEALTH_UNHEALTHY;
    h->failures++;
    log_warn("App [%s:%d] health probe %d of %lld failed: %s", proc_name(h->p), h->p->id,
             h->failures, (long long)h->retries, h->error.data);
    if (h->failures >= h->retries)
        restart(h);
    else
        ask_again(h);
}

static void conclude(struct health *h, const char *error)
{
    h->checked_at = clock_wall_ms();
    if (error)
        fail(h, error);
    else
        succeed(h);
}

static void on_probe_done(void *ctx, const char *error)
{
    struct health *h = OBJ(ctx, struct health, HEALTH_MAGIC);
    h->probe = NULL;
    conclude(h, error);
}

/* ---- asking ---- */

static struct probe *start_probe(struct health *h, struct err *e)
{
    const json_t *conf = json_object_get(h->p->conf, "health");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (json_has(conf, kinds[i].key))
            return kinds[i].start(h->p, json_object_get(conf, kinds[i].key), on_probe_done, h, e);
    err_set(e, -EINVAL, "health has none of http, tcp and exec");
    return NULL;
}

static void ask(struct health *h)
{
    struct err e = {0};
    uv_timer_start(&h->timer, on_health_timer, (uint64_t)h->timeout_ms, 0);
    h->probe = start_probe(h, &e);
    if (!h->probe)
        conclude(h, e.msg);
}

static void time_out(struct health *h)
{
    char text[64];
    probe_cancel(h->probe);
    h->probe = NULL;
    snprintf(text, sizeof(text), "no answer within %lld ms", (long long)h->timeout_ms);
    conclude(h, text);
}

static bool is_up(const struct proc *p)
{
    return p->sm.state == PROC_ONLINE && proc_pid(p) > 0;
}

static void on_health_timer(uv_timer_t *t)
{
    struct health *h = OBJ(t->data, struct health, HEALTH_MAGIC);
    if (h->probe)
        time_out(h);
    else if (is_up(h->p))
        ask(h);
    else
        pause_probing(h); /* recovered, and then it turned out not to be online */
}

/* A run begins to be probed: soon, but not all of them at once. */
static void begin(struct health *h)
{
    const struct run *r = h->p->run;
    uint32_t window_ms = (uint32_t)(h->interval_ms < QUICK_MS ? h->interval_ms : QUICK_MS);
    uint32_t spread = ((uint32_t)h->p->id * SPREAD_FACTOR) ^ (uint32_t)r->pid;
    int64_t age_ms = clock_mono_ms() - r->spawned_mono_ms;
    h->run = r->handle;
    h->status = HEALTH_STARTING;
    h->failures = 0;
    int64_t spawned_ms = loop_ms(h) - age_ms;
    h->period_end_ms = spawned_ms + h->start_period_ms;
    h->count_from_ms =
        spawned_ms + (h->start_period_ms > h->interval_ms ? h->start_period_ms : h->interval_ms);
    uv_timer_start(&h->timer, on_health_timer, spread % window_ms + 1, 0);
}

/* ---- hooks ---- */

static int64_t number(const json_t *conf, const char *key, int64_t fallback, int64_t min)
{
    int64_t v;
    if (!json_get_int(conf, key, &v))
        v = fallback;
    return v < min ? min : v > LIMIT_DELAY_MS ? LIMIT_DELAY_MS : v;
}

static void read_settings(struct health *h)
{
    const json_t *conf = json_object_get(h->p->conf, "health");
    h->interval_ms = number(conf, "interval", 30000, 100);
    h->timeout_ms = number(conf, "timeout", 5000, 1);
    h->start_period_ms = number(conf, "start_period", 0, 0);
    h->retries = number(conf, "retries", 3, 1);
}

static struct health *health_new(struct proc *p)
{
    struct health *h = calloc(1, sizeof(*h));
    if (!h) {
        log_error("App [%s:%d] is not probed: out of memory", proc_name(p), p->id);
        return NULL;
    }
    h->magic = HEALTH_MAGIC;
    h->p = p;
    buf_init(&h->error);
    uv_timer_init(p->env->loop, &h->timer);
    h->timer.data = h;
    return h;
}

void health_added(struct proc *p)
{
    if (json_is_object(json_object_get(p->conf, "health")))
        p->health = health_new(p);
    if (!p->health)
        return;
    read_settings(p->health);
    /* Recovered: its state is not known yet, and no change of it will come. */
    if (p->run)
        begin(p->health);
}

void health_changed(struct proc *p)
{
    if (!json_is_object(json_object_get(p->conf, "health")))
        health_removed(p);
    else if (p->health)
        read_settings(p->health);
    else
        health_added(p);
}

void health_state(struct proc *p)
{
    struct health *h = p->health;
    if (!h)
        return;
    if (!is_up(p))
        pause_probing(h);
    else if (h->run != p->run->handle)
        begin(h);
}

static void on_health_closed(uv_handle_t *t)
{
    struct health *h = OBJ(t->data, struct health, HEALTH_MAGIC);
    buf_fini(&h->error);
    free(h);
}

void health_removed(struct proc *p)
{
    struct health *h = p->health;
    if (!h)
        return;
    p->health = NULL;
    pause_probing(h);
    uv_close((uv_handle_t *)&h->timer, on_health_closed);
}

/* ---- for others ---- */

bool health_ok(const struct proc *p)
{
    return !p->health || (is_up(p) && p->health->status == HEALTH_HEALTHY);
}

const char *health_word(const struct proc *p)
{
    return p->health && p->health->run ? words[p->health->status] : NULL;
}

void health_write(struct jw *w, const struct proc *p)
{
    const struct health *h = p->health;
    jw_obj_begin(w);
    jw_kstr(w, "status", words[h->status]);
    jw_kint(w, "failures", h->failures);
    if (h->error.len > 0)
        jw_kstr(w, "error", h->error.data);
    if (h->checked_at > 0)
        jw_kint(w, "checked_at", h->checked_at);
    jw_obj_end(w);
}
