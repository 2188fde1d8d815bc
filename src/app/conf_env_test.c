/* SPDX-License-Identifier: MIT
 * The environment of a process. */
#include "app/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

static json_t *environment(const char *conf_text, const char *state_text, bool channel)
{
    AUTO_JSON conf = json_loads(conf_text, 0, NULL);
    AUTO_JSON state = state_text ? json_loads(state_text, 0, NULL) : NULL;
    assert_non_null(conf);
    json_t *list = app_environment(conf, state, channel);
    assert_non_null(list);
    return list;
}

static void assert_same(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

/* The set that PM2 gives to a fork app. */
static void a_process_learns_about_itself(void **state)
{
    (void)state;
    AUTO_JSON list = environment(
        "{\"name\":\"e\",\"filter_env\":[],\"namespace\":\"default\",\"env\":{\"PATH\":\"/bin\","
        "\"PM2_HOME\":\"/p\",\"e\":{},\"unique_id\":\"u\"},\"merge_logs\":true,\"watch\":false,"
        "\"instance_var\":\"NODE_APP_INSTANCE\",\"kill_retry_time\":100,\"node_args\":[],"
        "\"pm_exec_path\":\"/w/e.js\",\"instances\":1,\"km_link\":false,\"NODE_APP_INSTANCE\":0}",
        "{\"status\":\"launching\",\"pm_uptime\":1795232736779,\"pm_id\":19,\"restart_time\":0,"
        "\"axm_options\":{}}",
        true);
    assert_same(list, "[\"PATH=/bin\",\"PM2_HOME=/p\",\"unique_id=u\",\"name=e\",\"namespace="
                      "default\",\"merge_logs=true\",\"watch=false\",\"instance_var="
                      "NODE_APP_INSTANCE\",\"kill_retry_time=100\",\"pm_exec_path=/w/e.js\","
                      "\"instances=1\",\"km_link=false\",\"NODE_APP_INSTANCE=0\",\"status="
                      "launching\",\"pm_uptime=1795232736779\",\"pm_id=19\",\"restart_time=0\","
                      "\"NODE_CHANNEL_FD=3\",\"NODE_CHANNEL_SERIALIZATION_MODE=json\"]");
}

static void scalars_look_as_in_javascript(void **state)
{
    (void)state;
    AUTO_JSON list = environment(
        "{\"env\":{\"a\":1.5,\"b\":1e21,\"c\":true,\"d\":null,\"e\":[1],\"f\":{},\"g\":\"\","
        "\"h\":0.1,\"i\":-0.0,\"j\":3.0}}",
        NULL, false);
    assert_same(list, "[\"a=1.5\",\"b=1e+21\",\"c=true\",\"g=\",\"h=0.1\",\"i=0\",\"j=3\"]");
}

/* A variable hides an attribute, but never where and what the process is. */
static void variables_and_values_of_the_same_name(void **state)
{
    (void)state;
    AUTO_JSON list = environment(
        "{\"name\":\"real\",\"max_restarts\":3,\"version\":\"stale\",\"instance_var\":\"INST\","
        "\"INST\":1,\"unique_id\":\"stale\",\"env\":{\"name\":\"evil\",\"max_restarts\":\"x\","
        "\"pm_id\":\"99\",\"version\":\"mine\",\"INST\":\"7\",\"unique_id\":\"new\"}}",
        "{\"pm_id\":0,\"version\":\"1.0\",\"exit_code\":2}", false);
    assert_same(list, "[\"name=real\",\"max_restarts=x\",\"pm_id=0\",\"version=mine\",\"INST=1\","
                      "\"unique_id=new\",\"instance_var=INST\",\"exit_code=2\"]");

    AUTO_JSON launch = environment("{\"env\":{\"unique_id\":\"old\",\"PM2_HOME\":\"/old\"}}",
                                   "{\"unique_id\":\"new\",\"PM2_HOME\":\"/p\"}", false);
    assert_same(launch, "[\"unique_id=new\",\"PM2_HOME=/p\"]");
}

static void channels_of_others_stay_out(void **state)
{
    (void)state;
    AUTO_JSON list = environment("{\"env\":{\"NODE_CHANNEL_FD\":\"9\",\"NODE_UNIQUE_ID\":\"1\","
                                 "\"\":\"x\",\"a=b\":\"x\",\"A\":\"1\"},\"NODE_CHANNEL_FD\":7}",
                                 "{\"NODE_CHANNEL_SERIALIZATION_MODE\":\"advanced\"}", false);
    assert_same(list, "[\"A=1\"]");
}

/* The state says which one it is; a conf that came from elsewhere does not. */
static void workers_of_a_cluster_have_an_id(void **state)
{
    (void)state;
    AUTO_JSON worker = environment("{\"exec_mode\":\"cluster_mode\"}", "{\"pm_id\":0}", true);
    assert_same(worker, "[\"exec_mode=cluster_mode\",\"pm_id=0\",\"NODE_CHANNEL_FD=3\","
                        "\"NODE_CHANNEL_SERIALIZATION_MODE=json\",\"NODE_UNIQUE_ID=1\"]");
    AUTO_JSON other = environment("{\"exec_mode\":\"cluster_mode\"}", "{\"pm_id\":0}", false);
    assert_same(other, "[\"exec_mode=cluster_mode\",\"pm_id=0\"]");
}

/* The sockets come first, the channel behind them; what a probe runs gets neither. */
static void who_listens_has_systemds_variables(void **state)
{
    (void)state;
    static const char conf[] = "{\"listen\":[\"8080\",\"[::1]:81\",\"unix:/run/a b:c.sock\"],"
                               "\"exec_mode\":\"cluster_mode\",\"env\":{\"LISTEN_FDS\":\"9\"}}";
    AUTO_JSON list = environment(conf, "{\"pm_id\":0}", true);
    assert_same(list, "[\"LISTEN_FDS=3\",\"exec_mode=cluster_mode\",\"pm_id=0\","
                      "\"LISTEN_FDNAMES=8080:81:a_b_c.sock\",\"LISTEN_PID=          \","
                      "\"NODE_CHANNEL_FD=6\",\"NODE_CHANNEL_SERIALIZATION_MODE=json\"]");
    AUTO_JSON probe = environment(conf, NULL, false);
    assert_same(probe, "[\"LISTEN_FDS=9\",\"exec_mode=cluster_mode\"]");
}

static void odd_confs_are_survived(void **state)
{
    (void)state;
    static const char *const confs[] = {"{}", "{\"env\":5}", "{\"env\":[]}",
                                        "{\"instance_var\":{}}", "{\"listen\":[5]}"};
    for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
        AUTO_JSON list = environment(confs[i], NULL, false);
        assert_int_equal(json_array_size(list), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_learns_about_itself),
        cmocka_unit_test(scalars_look_as_in_javascript),
        cmocka_unit_test(variables_and_values_of_the_same_name),
        cmocka_unit_test(channels_of_others_stay_out),
        cmocka_unit_test(workers_of_a_cluster_have_an_id),
        cmocka_unit_test(who_listens_has_systemds_variables),
        cmocka_unit_test(odd_confs_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
