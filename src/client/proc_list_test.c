/* SPDX-License-Identifier: MIT
 * Lists made of what a daemon answers, good and bad. */
#include "client/proc_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char two[] =
    "[{\"pid\":12,\"name\":\"a\",\"pm_id\":3,\"monit\":{\"cpu\":1.5,\"memory\":4096},"
    "\"pm2_env\":{\"status\":\"online\",\"restart_time\":2,\"exit_code\":7,\"pm_uptime\":1000,"
    "\"env\":{\"K\":\"v\"}}},7,{\"pm_id\":99999999999,\"pm2_env\":{\"status\":\"new word\"}}]";

static void reads_fields(void **state)
{
    struct err e = {0};
    (void)state;
    struct pm2_list *l = proc_list_parse(str_from(two), &e);
    assert_int_equal(pm2_list_count(l), 2);
    const struct pm2_proc *p = pm2_list_find_name(l, "a");
    assert_ptr_equal(p, pm2_list_find_id(l, 3));
    assert_int_equal(pm2_proc_pid(p), 12);
    assert_int_equal(pm2_proc_status(p), PM2_STATUS_ONLINE);
    assert_int_equal(pm2_proc_restarts(p), 2);
    assert_int_equal(pm2_proc_exit_code(p), 7);
    assert_int_equal(pm2_proc_memory_bytes(p), 4096);
    assert_true(pm2_proc_cpu_percent(p) == 1.5);
    assert_true(pm2_proc_uptime_ms(p) > 0);
    assert_string_equal(pm2_proc_env(p, "K"), "v");
    assert_string_equal(pm2_proc_user(p), "");
    assert_non_null(strstr(pm2_proc_json(p), "\"pm_id\":3"));
    pm2_list_free(l);
}

static void bears_with_odd_ones(void **state)
{
    struct err e = {0};
    (void)state;
    struct pm2_list *l = proc_list_parse(str_from(two), &e);
    const struct pm2_proc *p = pm2_list_at(l, 1);
    assert_int_equal(pm2_proc_id(p), 2147483647);
    assert_int_equal(pm2_proc_status(p), PM2_STATUS_UNKNOWN);
    assert_string_equal(pm2_proc_status_text(p), "new word");
    assert_string_equal(pm2_proc_name(p), "");
    assert_int_equal(pm2_proc_exit_code(p), -1);
    assert_int_equal(pm2_proc_uptime_ms(p), 0);
    assert_null(pm2_proc_env(p, "K"));
    assert_null(pm2_list_at(l, 2));
    assert_null(pm2_list_find_name(l, "b"));
    pm2_list_free(l);
    assert_null(proc_list_parse(STR("{}"), &e));
    assert_int_equal(e.code, -EPROTO);
    assert_null(proc_list_parse(STR("[{]"), &e));
    assert_int_equal(e.code, -EINVAL);
}

static void keeps_and_shares(void **state)
{
    struct err e = {0};
    (void)state;
    struct pm2_list *l = proc_list_parse(str_from(two), &e);
    json_t *ids = json_pack("[i]", 3);
    proc_list_keep(l, ids);
    json_decref(ids);
    assert_int_equal(pm2_list_count(l), 1);
    assert_ptr_equal(pm2_list_ref(l), l);
    pm2_list_free(l);
    assert_string_equal(pm2_proc_name(pm2_list_at(l, 0)), "a");
    pm2_list_free(l);
    pm2_list_free(NULL);
    assert_int_equal(pm2_list_count(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(bears_with_odd_ones),
        cmocka_unit_test(keeps_and_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
