/* SPDX-License-Identifier: MIT
 * What another conf would change. */
#include "app/app_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "base/attr.h"
#include "json/read.h"

/* A conf of the file app with `more` attributes, from a shell with `shell` variables. */
static json_t *conf_of(const char *more, const char *shell)
{
    AUTO_JSON app = json_loads("{\"script\":\"app.py\",\"name\":\"a\",\"port\":80}", 0, NULL);
    AUTO_JSON extra = json_loads(more, 0, NULL);
    AUTO_JSON env = json_loads(shell, 0, NULL);
    assert_int_equal(json_object_update(app, extra), 0);
    struct app_file file = {.path = "/w/eco.json", .at = "apps[0]"};
    struct app_request rq = {
        .options = app,
        .cwd = "/w",
        .env = env,
        .home = "/p",
        .log_dir = "/p/logs",
        .pid_dir = "/p/pids",
        .file = &file,
    };
    struct err e = {0};
    json_t *conf = app_conf_from_request(&rq, &fake_world, NULL, &e);
    if (!conf)
        fail_msg("%s: %s", more, e.msg);
    return conf;
}

#define SHELL "{\"PATH\":\"/bin\",\"HOME\":\"/home/me\"}"

static void assert_diff(const json_t *have, const json_t *want, const char *expected)
{
    AUTO_JSON diff = app_conf_diff(have, want);
    char *text = json_dumps(diff, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
}

static void changes_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *have, *want, *diff;
    } cases[] = {
        {"{}", "{}", "[]"},
        {"{}", "{\"watch\":false,\"autorestart\":true,\"args\":[],\"env\":{}}", "[]"},
        {"{\"kill_timeout\":\"5s\"}", "{\"killTimeout\":5000}", "[]"},
        {"{}", "{\"kill_timeout\":0}", "[\"kill_timeout\"]"},
        {"{}", "{\"autorestart\":false}", "[\"autorestart\"]"},
        {"{}", "{\"script\":\"a.sh\",\"interpreter\":\"bash\"}",
         "[\"script\",\"exec_interpreter\"]"},
        {"{}", "{\"cwd\":\"/w\"}", "[]"},
        {"{}", "{\"script\":\"/w/app.py\",\"cwd\":\"sub\"}", "[\"cwd\"]"},
        {"{}", "{\"out\":\"x.log\",\"error\":\"NULL\",\"log\":true}",
         "[\"log_file\",\"out_file\",\"error_file\"]"},
        {"{\"out\":\"x.log\"}", "{\"out\":\"x.log\"}", "[]"},
        {"{\"instances\":2}", "{\"instances\":3}", "[]"},
        {"{}", "{\"env\":{\"A\":1}}", "[\"env.A\"]"},
        {"{\"env\":{\"A\":1}}", "{\"env\":{\"A\":2}}", "[\"env.A\"]"},
        {"{\"env\":{\"A\":1}}", "{}", "[\"env.A\"]"},
        {"{}", "{\"port\":81}", "[\"port\",\"env.PORT\"]"},
        {"{\"cgroup\":{\"memory_max\":\"1M\"}}", "{\"cgroup\":{\"memory_max\":1048576}}", "[]"},
        {"{\"cgroup\":{\"memory_max\":\"1M\"}}", "{}", "[\"cgroup\"]"},
        {"{\"depends_on\":[\"b\"]}", "{\"depends_on\":{\"b\":\"started\"}}", "[]"},
        {"{}", "{\"env_production\":{\"A\":1}}", "[]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON have = conf_of(cases[i].have, SHELL);
        AUTO_JSON want = conf_of(cases[i].want, SHELL);
        /* What a daemon does to a conf is no difference. */
        assert_int_equal(app_conf_number_paths(have, 12), 0);
        json_object_set_new(have, "unique_id", json_string("u"));
        json_object_set_new(have, "created_at", json_integer(5));
        assert_diff(have, want, cases[i].diff);
    }
}

static void shells_do_not_count(void **state)
{
    (void)state;
    AUTO_JSON have = conf_of("{}", "{\"PATH\":\"/bin\",\"X\":\"1\"}");
    AUTO_JSON want = conf_of("{}", "{\"PATH\":\"/bin\",\"Y\":\"2\",\"HOME\":\"/root\"}");
    assert_diff(have, want, "[]");
    /* One that the file now sets, to what the shell had. */
    AUTO_JSON set = conf_of("{\"env\":{\"X\":\"1\"}}", SHELL);
    assert_diff(have, set, "[]");
    AUTO_JSON other = conf_of("{\"env\":{\"X\":\"2\"}}", SHELL);
    assert_diff(have, other, "[\"env.X\"]");
}

static void counters_do_not_count(void **state)
{
    (void)state;
    AUTO_JSON have = conf_of("{\"increment_var\":\"PORT\"}", SHELL);
    AUTO_JSON want = conf_of("{\"increment_var\":\"PORT\"}", SHELL);
    AUTO_JSON env = json_copy(json_object_get(have, "env"));
    json_object_set_new(env, "PORT", json_integer(83));
    json_object_set(have, "env", env);
    assert_diff(have, want, "[]");
    json_object_set_new(env, "unique_id", json_string("u"));
    AUTO_JSON renewed = app_conf_renew(have, want);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(renewed, "env"), "PORT")),
                     83);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(want, "env"), "PORT")), 80);
    assert_string_equal(json_get_str(json_object_get(renewed, "env"), "unique_id"), "u");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_have_names),
        cmocka_unit_test(shells_do_not_count),
        cmocka_unit_test(counters_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
