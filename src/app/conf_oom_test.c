/* SPDX-License-Identifier: MIT
 * Memory that runs out at each JSON allocation in turn: an error, no crash, no leak, and a conf
 * that was not touched where the header promises it. */
#include "app/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/app_set.h"
#include "app/depends.h"
#include "app/fake_world.h"
#include "app/schema.h"
#include "base/attr.h"
#include "json/read.h"

#define NEVER      (-1)
#define ROUNDS_MAX 5000

static int left = NEVER; /* allocations until one fails; then all do */

static void *failing_malloc(size_t n)
{
    if (left == 0)
        return NULL;
    if (left > 0)
        left--;
    return malloc(n);
}

static json_t *options, *caller_env, *conf, *state;
static json_t *file_apps, *file_only, *file_needs;

static int set_up(void **unused)
{
    (void)unused;
    json_set_alloc_funcs(failing_malloc, free);
    options =
        json_loads("{\"name\":\"n\",\"args\":\"a b\",\"stop_exit_codes\":\"0,3\",\"log\":"
                   "true,\"uid\":\"nobody\",\"env\":{\"A\":{\"b\":1}},\"port\":5,"
                   "\"interpreter\":\"python3\",\"cwd\":\"sub\",\"out\":\"new/o.log\","
                   "\"health\":{\"tcp\":5},\"depends_on\":[\"m\"],\"time\":true,\"nice\":1,"
                   "\"rlimits\":{\"core\":\"1M\"},\"cgroup\":{\"cpu_max\":1},\"io\":{\"a\":1},"
                   "\"env_p\":{\"B\":2},\"bogus\":1}",
                   0, NULL);
    caller_env = json_loads("{\"PATH\":\"/bin\",\"HOME\":\"/home/me\"}", 0, NULL);
    conf = json_loads("{\"name\":\"w\",\"env\":{\"PATH\":\"/bin\",\"w\":{}},\"args\":\"x\","
                      "\"pm_exec_path\":\"/w/a.ts\",\"pm_cwd\":\"/w\",\"pm_out_log_path\":"
                      "\"/l/w.log\",\"pm_err_log_path\":\"/l/e.log\",\"pm_pid_path\":\"/p/w.pid\","
                      "\"uid\":\"nobody\"}",
                      0, NULL);
    state = json_loads("{\"pm_id\":1,\"status\":\"launching\"}", 0, NULL);
    file_needs = json_pack("{ss}", "b", "started");
    json_object_set_new(options, "script", json_string("app.js"));
    file_apps = json_pack("[O{ssss}]", options, "name", "m", "script", "app.py");
    file_only = json_pack("[s]", "n");
    return options && caller_env && conf && state && file_apps && file_only ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    json_decref(options);
    json_decref(file_apps);
    json_decref(file_only);
    json_decref(file_needs);
    json_decref(caller_env);
    json_decref(conf);
    json_decref(state);
    return 0;
}

static struct app_request request(void)
{
    return (struct app_request){
        .script = "app.js",
        .options = options,
        .env = caller_env,
        .cwd = "/w",
        .home = "/p",
        .log_dir = "/l",
        .pid_dir = "/p",
    };
}

/* One operation on a conf of its own; true when it came through. */
typedef bool operation_fn(json_t *own);

static bool start(json_t *own)
{
    (void)own;
    struct app_request rq = request();
    struct err e = {0};
    AUTO_JSON result = app_conf_from_request(&rq, &fake_world, NULL, &e);
    assert_true(result || e.code < 0);
    return result != NULL;
}

static bool check(json_t *own)
{
    struct err e = {0};
    int rc = app_conf_check(own, &fake_world, &e);
    assert_int_equal(rc, e.code);
    return rc == 0;
}

static bool update(json_t *own)
{
    struct app_request rq = request();
    struct err e = {0};
    int rc = app_conf_update(own, &rq, &fake_world, &e);
    assert_int_equal(rc, e.code);
    return rc == 0;
}

static bool environment(json_t *own)
{
    AUTO_JSON list = app_environment(own, state, true);
    return list != NULL;
}

static bool number(json_t *own)
{
    return app_conf_number_paths(own, 3) == 0;
}

static bool validate(json_t *own)
{
    (void)own;
    struct err e = {0};
    AUTO_JSON result = schema_validate(options, true, NULL, &e);
    assert_true(result || e.code < 0);
    return result != NULL;
}

/* A file of two apps, one of which needs the other. */
static bool load_file(json_t *own)
{
    (void)own;
    struct app_set_request rq = {
        .apps = file_apps,
        .file = "/w/e.json",
        .env_name = "p",
        .deploy_env = state,
        .only = file_only,
        .cwd = "/w",
        .env = caller_env,
        .home = "/p",
        .log_dir = "/l",
        .pid_dir = "/p",
    };
    struct app_set set;
    struct err e = {0};
    int rc = app_set_build(&rq, &fake_world, &set, &e);
    assert_int_equal(rc, e.code);
    if (rc == 0) {
        if (set.errors.count > 0)
            fail_msg("%s: %s", set.errors.items[0].path, set.errors.items[0].text);
        assert_int_equal(set.count, 1);
        app_set_fini(&set);
    }
    AUTO_JSON names = app_set_names(&rq, &e);
    return rc == 0 && names;
}

static bool compare(json_t *own)
{
    AUTO_JSON diff = app_conf_diff(own, options);
    return diff != NULL;
}

static bool renew(json_t *own)
{
    AUTO_JSON conf_now = app_conf_renew(own, options);
    return conf_now != NULL;
}

static bool sort(json_t *own)
{
    (void)own;
    const struct depend_node nodes[] = {{"a", "n", file_needs}, {"b", "n", NULL}};
    size_t order[2];
    return depends_order(nodes, 2, NULL, NULL, order) == 0;
}

static void fail_everywhere(operation_fn *operation)
{
    int round = 0;
    for (bool done = false; !done; round++) {
        assert_true(round < ROUNDS_MAX);
        left = NEVER;
        AUTO_JSON own = json_deep_copy(conf);
        left = round;
        done = operation(own);
        left = NEVER;
    }
    assert_true(round > 1);
}

static void memory_runs_out(void **unused)
{
    (void)unused;
    static operation_fn *const operations[] = {start,    check,     update,  environment, number,
                                               validate, load_file, compare, renew,       sort};
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        fail_everywhere(operations[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
