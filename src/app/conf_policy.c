/* SPDX-License-Identifier: MIT
 * The numbers of a conf that steer its life. Pure. */
#include <errno.h>

#include "app/conf.h"
#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

/* PM2's values (constants.js) where neither app nor daemon say anything. */
#define MIN_UPTIME_MS 1000
#define MAX_RESTARTS  16

/* A zero is kept: kill_timeout 0 kills at once. (PM2 takes it for "default".) */
static int64_t number(const json_t *conf, const char *key, int64_t fallback, int64_t min,
                      int64_t max)
{
    int64_t v = fallback;
    if (!json_get_int(conf, key, &v))
        v = fallback;
    return v < min ? min : v > max ? max : v;
}

static int64_t delay(const json_t *conf, const char *key, int64_t fallback_ms)
{
    return number(conf, key, fallback_ms, 0, LIMIT_DELAY_MS);
}

static void add_exit_code(struct proc_policy *p, const json_t *value)
{
    if (!json_is_integer(value) || p->stop_exit_code_count >= ARRAY_LEN(p->stop_exit_codes))
        return;
    p->stop_exit_codes[p->stop_exit_code_count++] = (int)json_integer_value(value);
}

void policy_from_conf(const json_t *conf, const struct policy_defaults *d, struct proc_policy *ret)
{
    *ret = (struct proc_policy){
        .autostart = json_get_bool(conf, "autostart", true),
        .autorestart = json_get_bool(conf, "autorestart", true),
        .treekill = json_get_bool(conf, "treekill", true),
        .wait_ready = json_get_bool(conf, "wait_ready", false),
        .shutdown_with_message =
            d->kill_use_message || json_get_bool(conf, "shutdown_with_message", false),
        .min_uptime_ms = delay(conf, "min_uptime", MIN_UPTIME_MS),
        .max_restarts = number(conf, "max_restarts", MAX_RESTARTS, 0, INT64_MAX),
        .restart_delay_ms = delay(conf, "restart_delay", 0),
        .exp_backoff_ms = delay(conf, "exp_backoff_restart_delay", 0),
        .backoff_reset_ms = d->backoff_reset_ms,
        .kill_timeout_ms = delay(conf, "kill_timeout", d->kill_timeout_ms),
        /* Retries are counted in time: a pause of zero would never end. */
        .kill_retry_ms = number(conf, "kill_retry_time", d->kill_retry_ms, 1, LIMIT_DELAY_MS),
        .listen_timeout_ms = delay(conf, "listen_timeout", d->listen_timeout_ms),
    };
    const json_t *codes = json_object_get(conf, "stop_exit_codes");
    if (!json_is_array(codes))
        add_exit_code(ret, codes);
    for (size_t i = 0; i < json_array_size(codes); i++)
        add_exit_code(ret, json_array_get(codes, i));
}

int app_conf_instances(const json_t *conf, int cpu_count, struct err *e)
{
    int64_t n = 1;
    if (!json_get_int(conf, "instances", &n) && json_has(conf, "instances"))
        return err_set(e, -EINVAL, "Expect \"instances\" to be a typeof [object Number]");
    if (n > LIMIT_INSTANCES || n < -LIMIT_INSTANCES)
        return err_set(e, -EINVAL, "The maximum of \"instances\" is %d processes of one app",
                       LIMIT_INSTANCES);
    if (n <= 0)
        n += cpu_count;
    return n < 1 ? 1 : (int)n;
}
