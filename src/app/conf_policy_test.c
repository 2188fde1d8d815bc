/* SPDX-License-Identifier: MIT
 * The numbers of a conf. */
#include "app/conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

static const struct policy_defaults defaults = {.kill_timeout_ms = 1600,
                                                .kill_retry_ms = 100,
                                                .listen_timeout_ms = 3000,
                                                .backoff_reset_ms = 30000};

static struct proc_policy policy_of(const char *text)
{
    AUTO_JSON conf = json_loads(text, 0, NULL);
    assert_non_null(conf);
    struct proc_policy p;
    policy_from_conf(conf, &defaults, &p);
    return p;
}

static void an_empty_conf_has_defaults(void **state)
{
    (void)state;
    struct proc_policy p = policy_of("{}");
    assert_true(p.autostart && p.autorestart && p.treekill);
    assert_false(p.wait_ready || p.shutdown_with_message);
    assert_int_equal(p.min_uptime_ms, 1000);
    assert_int_equal(p.max_restarts, 16);
    assert_int_equal(p.restart_delay_ms, 0);
    assert_int_equal(p.exp_backoff_ms, 0);
    assert_int_equal(p.backoff_reset_ms, 30000);
    assert_int_equal(p.kill_timeout_ms, 1600);
    assert_int_equal(p.kill_retry_ms, 100);
    assert_int_equal(p.listen_timeout_ms, 3000);
    assert_int_equal(p.stop_exit_code_count, 0);
}

static void values_of_the_conf_win(void **state)
{
    (void)state;
    struct proc_policy p = policy_of(
        "{\"autostart\":false,\"autorestart\":false,\"treekill\":false,\"wait_ready\":true,"
        "\"shutdown_with_message\":true,\"min_uptime\":2000,\"max_restarts\":3,\"restart_delay\":"
        "4,\"exp_backoff_restart_delay\":5,\"kill_timeout\":6,\"kill_retry_time\":7,"
        "\"listen_timeout\":8.9,\"stop_exit_codes\":[0,143]}");
    assert_false(p.autostart || p.autorestart || p.treekill);
    assert_true(p.wait_ready && p.shutdown_with_message);
    assert_int_equal(p.min_uptime_ms, 2000);
    assert_int_equal(p.max_restarts, 3);
    assert_int_equal(p.restart_delay_ms, 4);
    assert_int_equal(p.exp_backoff_ms, 5);
    assert_int_equal(p.kill_timeout_ms, 6);
    assert_int_equal(p.kill_retry_ms, 7);
    assert_int_equal(p.listen_timeout_ms, 8);
    assert_int_equal(p.stop_exit_code_count, 2);
    assert_int_equal(p.stop_exit_codes[1], 143);
    p = policy_of("{\"stop_exit_codes\":9}");
    assert_int_equal(p.stop_exit_code_count, 1);
    assert_int_equal(p.stop_exit_codes[0], 9);
}

static void zeros_are_kept_and_excess_is_cut(void **state)
{
    (void)state;
    struct proc_policy p =
        policy_of("{\"kill_timeout\":0,\"listen_timeout\":0,\"min_uptime\":0,\"max_restarts\":0,"
                  "\"kill_retry_time\":0,\"restart_delay\":1e15,\"exp_backoff_restart_delay\":-5,"
                  "\"stop_exit_codes\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}");
    assert_int_equal(p.kill_timeout_ms, 0);
    assert_int_equal(p.listen_timeout_ms, 0);
    assert_int_equal(p.min_uptime_ms, 0);
    assert_int_equal(p.max_restarts, 0);
    assert_int_equal(p.kill_retry_ms, 1);
    assert_int_equal(p.restart_delay_ms, LIMIT_DELAY_MS);
    assert_int_equal(p.exp_backoff_ms, 0);
    assert_int_equal(p.stop_exit_code_count, 16);
}

static void the_daemon_can_ask_for_messages(void **state)
{
    (void)state;
    struct policy_defaults d = defaults;
    d.kill_use_message = true;
    AUTO_JSON conf = json_object();
    struct proc_policy p;
    policy_from_conf(conf, &d, &p);
    assert_true(p.shutdown_with_message);
}

static void instances_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *conf;
        int count;
    } cases[] = {
        {"{}", 1},
        {"{\"instances\":1}", 1},
        {"{\"instances\":0}", 4},
        {"{\"instances\":-1}", 3},
        {"{\"instances\":-4}", 1},
        {"{\"instances\":-4096}", 1},
        {"{\"instances\":\"2\"}", 2},
        {"{\"instances\":4096}", 4096},
        {"{\"instances\":4097}", -EINVAL},
        {"{\"instances\":-4097}", -EINVAL},
        {"{\"instances\":1e300}", -EINVAL},
        {"{\"instances\":[]}", -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = json_loads(cases[i].conf, 0, NULL);
        struct err e = {0};
        assert_int_equal(app_conf_instances(conf, 4, &e), cases[i].count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_conf_has_defaults),
        cmocka_unit_test(values_of_the_conf_win),
        cmocka_unit_test(zeros_are_kept_and_excess_is_cut),
        cmocka_unit_test(the_daemon_can_ask_for_messages),
        cmocka_unit_test(instances_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
