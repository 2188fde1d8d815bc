/* SPDX-License-Identifier: MIT
 * The apps of a process file: all that is wrong at once, order, choice, environment. */
#include "app/app_set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"

/* What comes with a file, as JSON text; NULL = nothing. */
struct file {
    const char *apps, *overlay, *only, *deploy, *lines, *env_name, *path, *cwd;
};

struct loaded {
    json_t *apps, *overlay, *only, *deploy, *lines, *env;
    struct app_set set;
    int rc;
    struct err e;
};

static json_t *parse(const char *text)
{
    json_t *v = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (text && !v)
        fail_msg("bad JSON in a test: %s", text);
    return v;
}

static struct app_set_request request_of(struct loaded *l, const struct file *f)
{
    l->apps = parse(f->apps);
    l->overlay = parse(f->overlay);
    l->only = parse(f->only);
    l->deploy = parse(f->deploy);
    l->lines = parse(f->lines);
    l->env = parse("{\"PATH\":\"/bin\",\"HOME\":\"/home/me\",\"SHELL_VAR\":\"s\",\"A\":\"shell\"}");
    return (struct app_set_request){
        .apps = l->apps,
        .apps_at = "apps",
        .file = f->path ? f->path : "/w/eco.json",
        .lines = l->lines,
        .overlay = l->overlay,
        .only = l->only,
        .env_name = f->env_name,
        .deploy_env = l->deploy,
        .cwd = f->cwd ? f->cwd : "/w",
        .env = l->env,
        .home = "/p",
        .log_dir = "/p/logs",
        .pid_dir = "/p/pids",
    };
}

static void loaded_fini(struct loaded *l)
{
    app_set_fini(&l->set);
    json_decref(l->apps);
    json_decref(l->overlay);
    json_decref(l->only);
    json_decref(l->deploy);
    json_decref(l->lines);
    json_decref(l->env);
}

/* "path: text; ..." */
static void write_notes(const struct app_set_notes *notes, struct buf *out)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct app_set_note *n = &notes->items[i];
        buf_printf(out, "%s%s: %s", i ? "; " : "", n->path, n->text);
        if (n->line)
            buf_printf(out, " @%ld", n->line);
    }
}

static void assert_same_notes(const struct app_set_notes *a, const struct app_set_notes *b)
{
    AUTO(buf) of_a = BUF_INIT;
    AUTO(buf) of_b = BUF_INIT;
    write_notes(a, &of_a);
    write_notes(b, &of_b);
    assert_string_equal(of_a.data, of_b.data);
    assert_int_equal(a->more, b->more);
}

/* A check alone says the same, and needs less of the environment. */
static void assert_check_agrees(const struct loaded *l, struct app_set_request rq)
{
    struct app_set set;
    struct err e = {0};
    AUTO_JSON env = parse("{\"PATH\":\"/bin\",\"HOME\":\"/home/me\"}");
    rq.env = env;
    rq.is_check = true;
    assert_int_equal(app_set_build(&rq, &fake_world, &set, &e), l->rc);
    assert_same_notes(&set.errors, &l->set.errors);
    assert_same_notes(&set.warnings, &l->set.warnings);
    assert_int_equal(set.count, l->set.count);
    for (size_t i = 0; i < set.count; i++) {
        const struct app_set_item *item = &set.items[i], *built = &l->set.items[i];
        assert_null(item->conf);
        assert_string_equal(item->name, built->name);
        assert_string_equal(item->failure ? item->failure : "",
                            built->failure ? built->failure : "");
    }
    app_set_fini(&set);
}

static void load(struct loaded *l, const struct file *f)
{
    *l = (struct loaded){0};
    struct app_set_request rq = request_of(l, f);
    l->rc = app_set_build(&rq, &fake_world, &l->set, &l->e);
    assert_check_agrees(l, rq);
}

static void assert_notes(const struct app_set_notes *notes, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    write_notes(notes, &text);
    assert_string_equal(text.data, want);
}

/* Names of the confs in their order. */
static void assert_names(const struct app_set *s, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    for (size_t i = 0; i < s->count; i++)
        buf_printf(&text, "%s%s", i ? " " : "", json_get_str(s->items[i].conf, "name"));
    assert_string_equal(text.data, want);
}

static void assert_same(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

/* ---- errors ---- */

#define TYPE(key, types, now)                                                                      \
    "Expect \"" key "\" to be a typeof " types ", but now is [object " now "]"
#define NUMBER "[object Number]"

static void bad_files_tell_everything(void **state)
{
    (void)state;
    static const struct {
        struct file file;
        const char *errors;
    } cases[] = {
        {{.apps = "[5,{\"script\":\"app.js\",\"killTimeout\":\"x\",\"args\":1},{\"name\":\"n\"}]"},
         "apps[0]: Expect an app to be a typeof [object Object], but now is [object Number]; "
         "apps[1].args: " TYPE("args", "[object Array] / [object String]",
                               "Number") "; "
                                         "apps[1].killTimeout: " TYPE(
                                             "kill_timeout", NUMBER,
                                             "String") "; "
                                                       "apps[2].script: No script path - aborting"},
        {{.apps = "[{\"script\":\"nope.js\",\"uid\":\"bob\",\"exec\":\"app.js\"}]"},
         "apps[0].script: Script not found: /w/nope.js; apps[0].uid: User bob cannot be found"},
        {{.apps = "[{\"exec\":\"nope.js\",\"instances\":5000,\"cwd\":3}]"},
         "apps[0].cwd: " TYPE("cwd", "[object String]",
                              "Number") "; apps[0].instances: The maximum "
                                        "of \"instances\" is 4096 processes of one app"},
        {{.apps = "[{\"script\":\"app.js\",\"interpreter\":\"zsh\",\"out\":\"sub\"}]"},
         "apps[0].interpreter: Interpreter zsh is NOT AVAILABLE in PATH. (type 'which zsh' to "
         "double check.); apps[0].out: out_file: /w/sub is a folder"},
        {{.apps = "[{\"script\":\"app.py\",\"exec_mode\":\"cluster\"}]"},
         "apps[0].exec_mode: cluster mode needs node or bun, or addresses in listen; use exec_mode "
         "fork"},
        {{.apps = "[{\"script\":\"app.js\"},{\"script\":\"./app.js\"},"
                  "{\"script\":\"app.js\",\"namespace\":\"b\"}]"},
         "apps[1].name: The name \"app\" is taken in namespace \"default\" by apps[0]"},
        {{.apps = "[{\"script\":\"app.js\",\"name\":\"a\\u0007\"}]"},
         "apps[0].name: name: a control character at byte 2"},
        {{.apps = "[{\"script\":\"app.js\",\"health\":{\"interval\":\"1x\",\"http\":\"ftp://x\"},"
                  "\"dependsOn\":{\"b\":\"up\"}}]"},
         "apps[0].dependsOn: \"depends_on.b\" must be \"started\", \"ready\", \"completed\" or "
         "\"port:NUMBER\", but now is \"up\"; apps[0].health.interval: " TYPE(
             "health.interval", NUMBER,
             "String") "; apps[0].health.http: \"health.http\" must be "
                       "a URL of the form http://host:port/path, but now is \"ftp://x\""},
        {{.apps = "[{\"script\":\"app.js\",\"env\":{\"A=B\":1}}]"},
         "apps[0].env: env: \"A=B\" is no name for a variable"},
        {{.apps = "[{\"script\":\"app.js\",\"env_p\":\"x\"}]", .env_name = "p"},
         "apps[0].env_p: " TYPE("env_p", "[object Object]", "String")},
        /* An app that was not chosen is checked as well. */
        {{.apps = "[{\"script\":\"app.js\"},{\"script\":1,\"name\":\"b\"}]", .only = "[\"app\"]"},
         "apps[1].script: " TYPE("script", "[object String]", "Number")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loaded l;
        load(&l, &cases[i].file);
        assert_int_equal(l.rc, 0);
        assert_notes(&l.set.errors, cases[i].errors);
        assert_int_equal(l.set.count, 0);
        loaded_fini(&l);
    }
}

static void lines_are_told(void **state)
{
    (void)state;
    struct loaded l;
    load(&l,
         &(struct file){
             .apps = "[{\"script\":\"app.js\",\"args\":1,\"time\":2,\"health\":{\"tcp\":\"x\"}}]",
             .lines = "{\"apps[0]\":3,\"apps[0].args\":5,\"apps[0].health\":7}"});
    assert_int_equal(l.set.errors.count, 3);
    assert_int_equal(l.set.errors.items[0].line, 5);
    assert_int_equal(l.set.errors.items[1].line, 3);
    assert_int_equal(l.set.errors.items[2].line, 7);
    loaded_fini(&l);

    l = (struct loaded){0};
    struct app_set_request rq =
        request_of(&l, &(struct file){.apps = "[{\"args\":1}]", .lines = "{\"apps[0].args\":5}"});
    rq.apps_at = "";
    assert_int_equal(app_set_build(&rq, &fake_world, &l.set, &l.e), 0);
    assert_string_equal(l.set.errors.items[0].path, "[0].args");
    assert_int_equal(l.set.errors.items[0].line, 5);
    loaded_fini(&l);
}

static void warnings_are_told(void **state)
{
    (void)state;
    static const struct {
        struct file file;
        const char *warnings;
    } cases[] = {
        {{.apps = "[{\"script\":\"app.js\",\"instnces\":2,\"__proto__\":{\"x\":1},"
                  "\"constructor\":1,\"rlimits\":{\"nofiles\":1}}]"},
         "apps[0].instnces: Unknown attribute \"instnces\", did you mean \"instances\"?; "
         "apps[0].__proto__: Unknown attribute \"__proto__\"; apps[0].constructor: Unknown "
         "attribute \"constructor\"; apps[0].rlimits.nofiles: Unknown attribute \"nofiles\", did "
         "you mean \"nofile\"?"},
        {{.apps = "[{\"script\":\"app.js\",\"time\":true,\"trace\":true,\"v8\":false}]"},
         "apps[0].trace: \"trace\" is kept without effect: nothing of ours runs inside the app"},
        {{.apps = "[{\"script\":\"app.js\",\"env_dev\":{}},{\"script\":\"a.sh\"}]",
          .env_name = "dev"},
         "apps[1]: Environment [dev] is not defined in process file"},
        {{.apps = "[{\"script\":\"app.js\"}]", .only = "[\"app\",\"b\"]"},
         ": No app of the file is called \"b\" (--only)"},
        {{.apps = "[{\"script\":\"app.js\"}]", .path = "/w/sub/eco.json", .cwd = "/home/me"},
         "apps[0].script: Script not found: /home/me/app.js, using the folder of the file: /w/sub"},
        {{.apps = "[{\"script\":\"app.js\",\"cwd\":\"sub\"}]", .cwd = "/home"},
         "apps[0].script: Script not found: /home/sub/app.js, using the folder of the file: "
         "/w/sub"},
        {{.apps = "[{\"script\":\"sleep\",\"cwd\":\"sub\"}]", .cwd = "/home"},
         "apps[0].cwd: cwd /home/sub: No such file or directory, using the folder of the file: "
         "/w/sub"},
        {{.apps = "[]"}, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loaded l;
        load(&l, &cases[i].file);
        assert_int_equal(l.rc, 0);
        assert_notes(&l.set.errors, "");
        assert_notes(&l.set.warnings, cases[i].warnings);
        loaded_fini(&l);
    }
}

/* ---- order and choice ---- */

#define APP(name, more) "{\"script\":\"app.js\",\"name\":\"" name "\"" more "}"
#define NEEDS(list)     ",\"depends_on\":" list

static void apps_come_in_order(void **state)
{
    (void)state;
    static const struct {
        struct file file;
        const char *names;
    } cases[] = {
        {{.apps = "[" APP("a", "") "," APP("b", "") "," APP("c", "") "]"}, "a b c"},
        {{.apps = "[" APP("web", NEEDS("[\"db\"]")) "," APP("x", "") "," APP("db", "") "]"},
         "db web x"},
        {{.apps = "[" APP("a", NEEDS("{\"c\":\"ready\",\"b\":\"port:80\"}")) "," APP(
              "b", "") "," APP("c", NEEDS("[\"b\"]")) "]"},
         "b c a"},
        {{.apps = "[" APP("a", NEEDS("[\"b\"]")) "," APP("b", "") "]", .only = "[\"a\"]"}, "a"},
        {{.apps = "[" APP("b", "") "," APP("a", "") "]", .only = "[\"a\",\"b\"]"}, "b a"},
        {{.apps = "[" APP("a", ",\"append_env_to_name\":true") "]", .env_name = "x"}, "a-x"},
        {{.apps = "[" APP("a", ",\"append_env_to_name\":true") "," APP("b", "") "]",
          .env_name = "x",
          .only = "[\"a\"]"},
         "a-x"},
        {{.apps = "[{\"script\":\"app.js\"},{\"script\":\"dir\",\"namespace\":\"n\"}]"}, "app dir"},
        /* The same name in two namespaces; the own one is meant. */
        {{.apps = "[" APP("a", NEEDS("[\"db\"]")) "," APP("db", ",\"namespace\":\"n\"") "," APP(
              "db", "") "]"},
         "db a db"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loaded l;
        load(&l, &cases[i].file);
        assert_notes(&l.set.errors, "");
        assert_names(&l.set, cases[i].names);
        for (size_t k = 0; k < l.set.count; k++)
            assert_true(l.set.items[k].index < json_array_size(l.apps));
        loaded_fini(&l);
    }
}

static void bad_needs_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *apps, *errors;
    } cases[] = {
        {"[" APP("a", NEEDS("[\"b\",\"x\"]")) "," APP("b", NEEDS("[\"c\"]")) "," APP(
             "c", NEEDS("[\"a\"]")) "]",
         "apps[0].depends_on.x: no app of this file is called \"x\"; apps[0].depends_on: these "
         "apps "
         "wait for each other: a -> b -> c -> a"},
        {"[" APP("a", NEEDS("[\"a\"]")) "]",
         "apps[0].depends_on: these apps wait for each other: a -> a"},
        {"[" APP("a", NEEDS("[\"b\"]")) "," APP("b", ",\"namespace\":\"n\"") "," APP(
             "b", ",\"namespace\":\"m\"") "]",
         "apps[0].depends_on.b: apps of several namespaces are called \"b\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct loaded l;
        load(&l, &(struct file){.apps = cases[i].apps});
        assert_notes(&l.set.errors, cases[i].errors);
        loaded_fini(&l);
    }
}

/* ---- values ---- */

static void the_command_line_lies_over_the_file(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, &(struct file){.apps = "[" APP("a", ",\"user\":\"bob\"") "," APP(
                                "b", ",\"namespace\":\"own\",\"watch\":false") "]",
                            .overlay = "{\"uid\":\"nobody\",\"namespace\":\"n\",\"watch\":true,"
                                       "\"cwd\":\"/w\"}",
                            .cwd = "/home"});
    assert_notes(&l.set.errors, "");
    assert_string_equal(json_get_str(l.set.items[0].conf, "namespace"), "n");
    assert_string_equal(json_get_str(l.set.items[1].conf, "namespace"), "own");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(json_integer_value(json_object_get(l.set.items[i].conf, "uid")), 65534);
        assert_true(json_is_true(json_object_get(l.set.items[i].conf, "watch")));
        assert_string_equal(json_get_str(l.set.items[i].conf, "pm_cwd"), "/w");
    }
    loaded_fini(&l);
}

static void variables_know_where_they_come_from(void **state)
{
    (void)state;
    struct loaded l;
    load(&l, &(struct file){.apps = "[" APP("a",
                                            ",\"env\":{\"A\":1,\"B\":2,\"C\":3,\"D\":{\"x\":null}},"
                                            "\"port\":80,\"io\":{\"q\":1},\"env_p\":{\"C\":5}") "]",
                            .deploy = "{\"B\":4,\"C\":4}",
                            .env_name = "p",
                            .lines = "{\"apps[0].env\":4,\"apps[0].env.B\":5,\"apps[0].env_p.C\":9,"
                                     "\"apps[0].port\":7}"});
    assert_notes(&l.set.errors, "");
    assert_same(json_object_get(l.set.items[0].conf, "env"),
                "{\"PATH\":\"/bin\",\"HOME\":\"/home/me\",\"SHELL_VAR\":\"s\",\"A\":1,\"B\":4,"
                "\"C\":5,\"D\":\"{\\\"x\\\":null}\",\"PORT\":80,\"io\":\"{\\\"q\\\":1}\","
                "\"PM2_HOME\":\"/p\",\"a\":\"{}\"}");
    assert_same(json_object_get(l.set.items[0].conf, CONF_ENV_FROM),
                "{\"A\":\"/w/eco.json:4\",\"B\":\"deploy /w/eco.json\",\"C\":\"env_p "
                "/w/eco.json:9\",\"D\":\"/w/eco.json:4\",\"PORT\":\"/w/eco.json:7\",\"io\":"
                "\"/w/eco.json\",\"PM2_HOME\":\"pm2\",\"a\":\"pm2\"}");
    AUTO_JSON list = app_environment(l.set.items[0].conf, NULL, false);
    AUTO(buf) text = BUF_INIT;
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_add_c(&text, json_string_value(json_array_get(list, i)));
    assert_null(strstr(text.data, CONF_ENV_FROM));
    loaded_fini(&l);
}

static void names_need_no_scripts(void **state)
{
    (void)state;
    struct loaded l = {0};
    struct file f = {.apps =
                         "[{\"script\":\"nope.js\",\"args\":5},{\"command\":\"x\",\"name\":\"b\","
                         "\"namespace\":\"n\"}]"};
    struct app_set_request rq = request_of(&l, &f);
    AUTO_JSON names = app_set_names(&rq, &l.e);
    assert_same(names, "[{\"name\":\"nope\",\"namespace\":\"default\"},"
                       "{\"name\":\"b\",\"namespace\":\"n\"}]");
    loaded_fini(&l);

    l = (struct loaded){0};
    f = (struct file){.apps = "[{\"script\":\"app.js\"},{\"args\":5}]"};
    rq = request_of(&l, &f);
    assert_null(app_set_names(&rq, &l.e));
    assert_string_equal(l.e.msg, "apps[1].script: No script path - aborting");
    loaded_fini(&l);
}

/* ---- caps ---- */

static void there_are_caps(void **state)
{
    (void)state;
    struct loaded l = {0};
    struct app_set_request rq = request_of(&l, &(struct file){.apps = "[]"});
    AUTO_JSON app = json_pack("{ss}", "script", "nope.js");
    for (int i = 0; i < LIMIT_FILE_APPS + 1; i++)
        json_array_append(l.apps, app);
    assert_int_equal(app_set_build(&rq, &fake_world, &l.set, &l.e), -E2BIG);
    assert_string_equal(l.e.msg, "The file has 10001 apps; the limit is 10000");
    assert_null(app_set_names(&rq, &l.e));

    json_array_remove(l.apps, 0);
    assert_int_equal(app_set_build(&rq, &fake_world, &l.set, &l.e), 0);
    assert_int_equal(l.set.errors.count, LIMIT_FILE_NOTES);
    assert_int_equal(l.set.errors.count + l.set.errors.more, 2 * LIMIT_FILE_APPS - 1);
    loaded_fini(&l);

    load(&l, &(struct file){.apps = "{}"});
    assert_int_equal(l.rc, -EINVAL);
    loaded_fini(&l);
}

/* Whatever a name is, its files stay where they belong. */
static void names_do_not_leave_their_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"../../etc/x", "/etc/passwd", "..", "a/../../b"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(buf) apps = BUF_INIT;
        struct loaded l;
        buf_printf(&apps, "[{\"script\":\"app.js\",\"log\":true,\"name\":\"%s\"}]", names[i]);
        load(&l, &(struct file){.apps = apps.data});
        assert_notes(&l.set.errors, "");
        static const char *const keys[] = {"pm_log_path", "pm_out_log_path", "pm_err_log_path",
                                           "pm_pid_path"};
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            const char *path = json_get_str(l.set.items[0].conf, keys[k]);
            const char *rest = path + strlen(k < 3 ? "/p/logs/" : "/p/pids/");
            assert_int_equal(strncmp(path, k < 3 ? "/p/logs/" : "/p/pids/", 8), 0);
            assert_null(strchr(rest, '/'));
        }
        loaded_fini(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_tell_everything),
        cmocka_unit_test(lines_are_told),
        cmocka_unit_test(warnings_are_told),
        cmocka_unit_test(apps_come_in_order),
        cmocka_unit_test(bad_needs_are_told),
        cmocka_unit_test(the_command_line_lies_over_the_file),
        cmocka_unit_test(variables_know_where_they_come_from),
        cmocka_unit_test(names_need_no_scripts),
        cmocka_unit_test(there_are_caps),
        cmocka_unit_test(names_do_not_leave_their_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
