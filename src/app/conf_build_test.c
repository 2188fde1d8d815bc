/* SPDX-License-Identifier: MIT
 * A conf from what a user typed: what PM2 7.0.4 sends for the same command lines, key by key. */
#include "app/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

/* One command line. Unset members have the values of request_of(). */
struct command {
    const char *script, *options, *args, *env;
};

static json_t *start(const struct command *c, const struct app_world *w, json_t *warnings,
                     struct err *e)
{
    AUTO_JSON options = c->options ? json_loads(c->options, 0, NULL) : NULL;
    AUTO_JSON args = c->args ? json_loads(c->args, JSON_DECODE_ANY, NULL) : NULL;
    AUTO_JSON env = json_loads(c->env ? c->env : "{\"PATH\":\"/bin\",\"HOME\":\"/home/me\"}",
                               JSON_DECODE_ANY, NULL);
    assert_true((c->options == NULL) == (options == NULL));
    assert_non_null(env);
    struct app_request rq = {
        .script = c->script,
        .options = options,
        .args = args,
        .cwd = "/w",
        .env = env,
        .home = "/p",
        .log_dir = "/p/logs",
        .pid_dir = "/p/pids",
    };
    return app_conf_from_request(&rq, w, warnings, e);
}

static json_t *good(const struct command *c)
{
    struct err e = {0};
    json_t *conf = start(c, &fake_world, NULL, &e);
    if (!conf)
        fail_msg("%s: %s", c->script, e.msg);
    return conf;
}

static void assert_same(const json_t *got, const char *want)
{
    char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

#define ENV_HEAD "\"env\":{\"PATH\":\"/bin\",\"HOME\":\"/home/me\",\"PM2_HOME\":\"/p\""
#define STANDARD                                                                                   \
    "\"vizion\":true,\"autostart\":true,\"autorestart\":true,\"watch\":false,\"instance_var\":"    \
    "\"NODE_APP_INSTANCE\",\"pmx\":true,\"automation\":true,\"treekill\":true,\"username\":"       \
    "\"root\",\"windowsHide\":true,\"kill_retry_time\":100"
#define FILES(stem)                                                                                \
    "\"pm_out_log_path\":\"/p/logs/" stem "-out.log\",\"pm_err_log_path\":\"/p/logs/" stem         \
    "-error.log\",\"pm_pid_path\":\"/p/pids/" stem ".pid\",\"km_link\":false"

static void plain_starts_look_like_pm2(void **state)
{
    (void)state;
    static const struct {
        struct command command;
        const char *conf;
    } cases[] = {
        {{.script = "app.js"},
         "{\"name\":\"app\",\"filter_env\":[],\"namespace\":\"default\"," ENV_HEAD
         ",\"app\":{}},\"merge_logs\":true," STANDARD ",\"node_args\":[],\"pm_exec_path\":"
         "\"/w/app.js\",\"pm_cwd\":\"/w\",\"exec_interpreter\":\"node\",\"exec_mode\":"
         "\"fork_mode\",\"instances\":1," FILES("app") "}"},
        {{.script = "app.py", .options = "{\"name\":\"w\"}"},
         "{\"name\":\"w\",\"filter_env\":[],\"namespace\":\"default\"," ENV_HEAD
         ",\"PYTHONUNBUFFERED\":\"1\",\"w\":{}},\"merge_logs\":true," STANDARD
         ",\"node_args\":[],\"pm_exec_path\":\"/w/app.py\",\"pm_cwd\":\"/w\",\"exec_interpreter\":"
         "\"python3\",\"exec_mode\":\"fork_mode\",\"instances\":1," FILES("w") "}"},
        {{.script = "sleep", .args = "[\"100\"]"},
         "{\"name\":\"sleep\",\"filter_env\":[],\"namespace\":\"default\",\"args\":[\"100\"]"
         "," ENV_HEAD ",\"sleep\":{}},\"merge_logs\":true," STANDARD
         ",\"node_args\":[],\"pm_exec_path\":\"/bin/sleep\",\"pm_cwd\":\"/w\",\"exec_interpreter\":"
         "\"none\",\"exec_mode\":\"fork_mode\",\"instances\":1," FILES("sleep") "}"},
        {{.script = "echo hi; sleep 1000", .options = "{\"name\":\"shellcmd\"}"},
         "{\"name\":\"shellcmd\",\"filter_env\":[],\"namespace\":\"default\",\"args\":[\"-c\","
         "\"echo hi; sleep 1000\"]," ENV_HEAD ",\"shellcmd\":{}},\"merge_logs\":true," STANDARD
         ",\"node_args\":[],\"pm_exec_path\":\"/bin/bash\",\"pm_cwd\":\"/w\",\"exec_interpreter\":"
         "\"none\",\"exec_mode\":\"fork_mode\",\"instances\":1," FILES("shellcmd") "}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = good(&cases[i].command);
        json_object_del(conf, CONF_ENV_FROM); /* ours */
        assert_same(conf, cases[i].conf);
    }
}

/* Given attributes stand in the order of the table, the others behind them. */
static void many_options_look_like_pm2(void **state)
{
    (void)state;
    AUTO_JSON conf = good(&(struct command){
        .script = "app.js",
        .options = "{\"name\":\"x y/z\",\"instances\":\"2\",\"execute_command\":true,\"output\":"
                   "\"o.log\",\"error\":\"NULL\",\"log\":true,\"pid\":\"p.pid\",\"node_args\":"
                   "\"--a=1 'b c'\",\"interpreter\":\"/bin/node\",\"kill_timeout\":\"0\",\"uid\":"
                   "\"nobody\",\"gid\":\"staff\",\"namespace\":\"n\",\"cwd\":\"sub\","
                   "\"max_restarts\":0,\"wait_ready\":true,\"merge_logs\":true}",
    });
    json_object_del(conf, CONF_ENV_FROM); /* ours */
    assert_same(
        conf,
        "{\"name\":\"x y/z\",\"filter_env\":[],\"namespace\":\"n\",\"cwd\":\"sub\","
        "\"exec_interpreter\":\"/bin/node\",\"node_args\":[\"--a=1\",\"b c\"],\"env\":{\"PATH\":"
        "\"/bin\",\"HOME\":\"/nonexistent\",\"PM2_HOME\":\"/p\",\"PWD\":\"/w/sub\",\"x y/z\":{}},"
        "\"wait_ready\":true,"
        "\"instances\":2,\"kill_timeout\":0,\"merge_logs\":true,\"vizion\":true,\"autostart\":true,"
        "\"autorestart\":true,\"watch\":false,\"max_restarts\":0,\"exec_mode\":\"fork_mode\","
        "\"instance_var\":\"NODE_APP_INSTANCE\",\"pmx\":true,\"automation\":true,\"treekill\":true,"
        "\"username\":\"root\",\"uid\":65534,\"gid\":50,\"windowsHide\":true,\"kill_retry_time\":"
        "100,\"pm_exec_path\":\"/w/sub/app.js\",\"pm_cwd\":\"/w/sub\",\"pm_log_path\":"
        "\"/p/logs/x-y-z.log\",\"pm_out_log_path\":\"/w/sub/o.log\",\"pm_err_log_path\":"
        "\"/dev/null\",\"pm_pid_path\":\"/w/sub/p.pid\",\"km_link\":false}");
}

static const struct {
    struct command command;
    const char *key, *value;
} single_keys[] = {
    /* names */
    {{.script = "node app.js"}, "name", "\"node app\""},
    {{.script = "echo hi; sleep 1"}, "name", "\"echo hi; sleep 1\""},
    {{.script = "app.js", .options = "{\"name\":\"\"}"}, "name", "\"app\""},
    {{.script = "app.js", .options = "{\"namespace\":\"\"}"}, "namespace", "\"default\""},
    /* scripts */
    {{.script = "./sub/../app.js"}, "pm_exec_path", "\"/w/app.js\""},
    {{.script = "/w//sub/app.js"}, "pm_exec_path", "\"/w/sub/app.js\""},
    {{.script = "my app.js"}, "pm_exec_path", "\"/w/my app.js\""},
    {{.script = "my app.js"}, "exec_interpreter", "\"node\""},
    {{.script = NULL, .options = "{\"cmd\":\"app.js\"}"}, "pm_exec_path", "\"/w/app.js\""},
    {{.script = "dir"}, "exec_interpreter", "\"/bin/node\""},
    {{.script = "shx"}, "exec_interpreter", "\"none\""},
    {{.script = "sleep 1", .env = "{\"PATH\":\"/busybox\"}"}, "pm_exec_path", "\"/busybox/sh\""},
    {{.script = "node a.js", .args = "[\"--x\",\"a b\"]"},
     "args",
     "[\"-c\",\"node a.js \\\"$@\\\"\",\"pm2\",\"--x\",\"a b\"]"},
    {{.script = "echo ${1} end", .args = "[\"x\"]"},
     "args",
     "[\"-c\",\"echo ${1} end\",\"pm2\",\"x\"]"},
    {{.script = "echo $HOME", .args = "[\"x\"]"},
     "args",
     "[\"-c\",\"echo $HOME \\\"$@\\\"\",\"pm2\",\"x\"]"},
    {{.script = "app.js", .options = "{\"args\":\"a 'b c'\"}"}, "args", "[\"a\",\"b c\"]"},
    {{.script = "app.js", .options = "{\"args\":\"a\"}", .args = "[\"z\"]"}, "args", "[\"z\"]"},
    {{.script = "app.js", .options = "{\"args\":\"a\"}", .args = "[]"}, "args", "[\"a\"]"},
    /* interpreters */
    {{.script = "app.js", .options = "{\"interpreter\":\"none\"}"}, "exec_interpreter", NULL},
    {{.script = "bin", .options = "{\"interpreter\":\"none\"}"}, "exec_interpreter", "\"none\""},
    {{.script = "a.ts", .options = "{\"node_args\":\"--x\"}"},
     "node_args",
     "[\"--experimental-strip-types\",\"--x\"]"},
    {{.script = "a.ts"}, "node_args", "[\"--experimental-strip-types\"]"},
    {{.script = "app.js", .options = "{\"env\":{\"PATH\":\"/opt\"},\"interpreter\":\"bun\"}"},
     "exec_interpreter",
     "\"bun\""},
    /* instances, mode, merge_logs */
    {{.script = "app.py", .options = "{\"instances\":2}"}, "instances", "2"},
    {{.script = "app.py", .options = "{\"instances\":2}"}, "merge_logs", NULL},
    {{.script = "app.py", .options = "{\"instances\":\"max\"}"}, "instances", "0"},
    {{.script = "app.py", .options = "{\"instances\":\"max\"}"}, "merge_logs", "true"},
    {{.script = "app.py", .options = "{\"instances\":-1}"}, "merge_logs", NULL},
    {{.script = "app.py", .options = "{\"merge_logs\":false}"}, "merge_logs", "false"},
    {{.script = "app.js", .options = "{\"instances\":1}"}, "exec_mode", "\"cluster_mode\""},
    {{.script = "app.js", .options = "{\"instances\":\"max\"}"}, "exec_mode", "\"cluster_mode\""},
    {{.script = "app.js", .options = "{\"exec_mode\":\"cluster\"}"}, "instances", "1"},
    {{.script = "app.js", .options = "{\"instances\":2,\"listen\":80}"},
     "exec_mode",
     "\"fork_mode\""},
    {{.script = "app.py", .options = "{\"exec_mode\":\"cluster\",\"listen\":80}"},
     "exec_mode",
     "\"cluster_mode\""},
    {{.script = "app.py", .options = "{\"listen\":\"80 unix:/x\"}"},
     "listen",
     "[\"80\",\"unix:/x\"]"},
    {{.script = "app.js", .options = "{\"instances\":2,\"execute_command\":true}"},
     "exec_mode",
     "\"fork_mode\""},
    {{.script = "app.js", .options = "{\"instances\":2,\"exec_mode\":\"fork\"}"},
     "exec_mode",
     "\"fork_mode\""},
    {{.script = "app.js", .options = "{\"automation\":false}"}, "pmx", "false"},
    {{.script = "app.js", .options = "{\"force\":true}"}, "force", "true"},
    {{.script = "app.js", .options = "{\"stop_exit_codes\":\"0,3\"}"}, "stop_exit_codes", "[0,3]"},
    /* files */
    {{.script = "app.js", .options = "{\"log\":\"~/c.log\"}"}, "pm_log_path", "\"/home/me/c.log\""},
    {{.script = "app.js", .options = "{\"out\":\"/dev/null\"}"},
     "pm_out_log_path",
     "\"/dev/null\""},
    {{.script = "app.js", .options = "{\"out\":\"\"}"},
     "pm_out_log_path",
     "\"/p/logs/app-out.log\""},
    {{.script = "app.js", .options = "{\"log\":false}"}, "pm_log_path", NULL},
    {{.script = "app.js", .options = "{\"cwd\":\"~\",\"script\":\"x\"}"}, "pm_cwd", NULL},
    {{.script = "/w/app.js", .options = "{\"cwd\":\"~\"}"}, "pm_cwd", "\"/home/me\""},
    {{.script = "app.js", .options = "{\"env_x\":{\"A\":1}}"}, "env_x", "{\"A\":1}"},
};

/* One key of the result of a start. */
static void single_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(single_keys); i++) {
        struct err e = {0};
        AUTO_JSON conf = start(&single_keys[i].command, &fake_world, NULL, &e);
        const json_t *value = json_object_get(conf, single_keys[i].key);
        if (!single_keys[i].value)
            assert_null(value);
        else if (!value)
            fail_msg("case %zu, %s: %s", i, single_keys[i].key, e.msg);
        else
            assert_same(value, single_keys[i].value);
    }
}

static void environments(void **state)
{
    (void)state;
    static const struct {
        struct command command;
        const char *env;
    } cases[] = {
        {{.script = "app.js",
          .options = "{\"env\":{\"A\":null,\"B\":{\"x\":1},\"C\":true,\"D\":1.5,\"E\":[1]},"
                     "\"port\":8}"},
         "{\"PATH\":\"/bin\",\"HOME\":\"/home/me\",\"A\":\"null\",\"B\":\"{\\\"x\\\":1}\",\"C\":"
         "true,\"D\":1.5,\"E\":\"[1]\",\"PORT\":8,\"PM2_HOME\":\"/p\",\"app\":{}}"},
        /* filters: part of a name, one name, everything that is not vital */
        {{.script = "app.js",
          .options = "{\"filter_env\":[\"OO\",\"\"],\"env\":{\"FOO\":\"mine\"}}",
          .env = "{\"PATH\":\"/bin\",\"FOO\":\"1\",\"BOOT\":\"2\"}"},
         "{\"PATH\":\"/bin\",\"FOO\":\"mine\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        {{.script = "app.js",
          .options = "{\"filter_env\":\"FOO\"}",
          .env = "{\"PATH\":\"/bin\",\"FOO\":\"1\",\"FOOD\":\"2\"}"},
         "{\"PATH\":\"/bin\",\"FOOD\":\"2\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        {{.script = "app.js",
          .options = "{\"filter_env\":true}",
          .env = "{\"PATH\":\"/bin\",\"FOO\":\"1\"}"},
         "{\"PATH\":\"/bin\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        /* a caller that is itself an app, and channels that are not ours */
        {{.script = "app.js",
          .env = "{\"PATH\":\"/bin\",\"pm_id\":\"3\",\"name\":\"evil\",\"status\":\"online\","
                 "\"max_restarts\":\"1\",\"instance_var\":\"INST\",\"INST\":\"2\",\"unique_id\":"
                 "\"u\",\"km_link\":\"false\",\"FOO\":\"1\",\"NODE_APP_INSTANCE\":\"0\"}"},
         "{\"PATH\":\"/bin\",\"FOO\":\"1\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        {{.script = "app.js",
          .options = "{\"env\":{\"NODE_CHANNEL_FD\":\"9\"}}",
          .env = "{\"PATH\":\"/bin\",\"name\":\"kept\",\"NODE_CHANNEL_FD\":\"3\","
                 "\"NODE_UNIQUE_ID\":\"1\",\"NODE_CHANNEL_SERIALIZATION_MODE\":\"json\"}"},
         "{\"PATH\":\"/bin\",\"name\":\"kept\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        /* what is no variable, a name that is one, and Python by choice */
        {{.script = "app.js",
          .env = "{\"PATH\":\"/bin\",\"\":\"1\",\"a=b\":\"2\",\"o\":{},"
                 "\"l\":[1],\"z\":null,\"PM2_HOME\":\"/old\"}"},
         "{\"PATH\":\"/bin\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
        {{.script = "app.js", .options = "{\"name\":\"PATH\"}"},
         "{\"PATH\":\"/bin\",\"HOME\":\"/home/me\",\"PM2_HOME\":\"/p\"}"},
        {{.script = "app.py", .env = "{\"PATH\":\"/bin\",\"PYTHONUNBUFFERED\":\"0\"}"},
         "{\"PATH\":\"/bin\",\"PYTHONUNBUFFERED\":\"0\",\"PM2_HOME\":\"/p\",\"app\":{}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_JSON conf = good(&cases[i].command);
        assert_same(json_object_get(conf, "env"), cases[i].env);
    }
}

#define CLUSTER "cluster mode needs node or bun, or addresses in listen; use exec_mode fork"

static const struct {
    struct command command;
    int code;
    const char *text;
} bad_starts[] = {
    {{.script = ""}, -ENOENT, "No script path - aborting"},
    {{.script = NULL}, -ENOENT, "No script path - aborting"},
    {{.script = "nope.js"}, -ENOENT, "Script not found: /w/nope.js"},
    {{.script = "./sleep"}, -ENOENT, "Script not found: /w/sleep"},
    {{.script = "/x/../y"}, -ENOENT, "Script not found: /y"},
    {{.script = "app.js", .options = "{\"cwd\":\"nope\"}"},
     -ENOENT,
     "Script not found: /w/nope/app.js"},
    {{.script = "/w/app.js", .options = "{\"cwd\":\"nope\"}"},
     -ENOENT,
     "cwd /w/nope: No such file or directory"},
    {{.script = "/w/app.js", .options = "{\"cwd\":\"app.js\"}"},
     -ENOTDIR,
     "cwd /w/app.js: Not a directory"},
    {{.script = "locked"}, -EACCES, "cannot use /w/locked: Permission denied"},
    {{.script = "fifo"}, -EINVAL, "/w/fifo is neither a file nor a folder"},
    {{.script = "secret.js"}, -EACCES, "cannot read /w/secret.js: Permission denied"},
    {{.script = "secret.js", .options = "{\"interpreter\":\"node\"}"},
     -EACCES,
     "cannot read /w/secret.js: Permission denied"},
    {{.script = "app.js", .options = "{\"interpreter\":\"none\"}"},
     -EACCES,
     "/w/app.js is not executable (chmod +x)"},
    {{.script = "dir", .options = "{\"interpreter\":\"none\"}"},
     -EISDIR,
     "/w/dir is a folder and cannot be executed"},
    {{.script = "app.js", .options = "{\"interpreter\":\"foobar\"}"},
     -ENOENT,
     "Interpreter foobar is NOT AVAILABLE in PATH. (type 'which foobar' to double check.)"},
    {{.script = "app.js", .options = "{\"interpreter\":\"node@18\"}"},
     -ENOSYS,
     "interpreter node@18 is not available yet"},
    {{.script = "app.py --x", .options = "{\"interpreter\":\"python3\"}"},
     -EINVAL,
     "\"app.py --x\" is a shell line and takes no interpreter: put the arguments of the script "
     "into args or behind --"},
    {{.script = "sleep 1", .env = "{\"PATH\":\"/opt\"}"},
     -ENOENT,
     "neither bash nor sh is in PATH to run: sleep 1"},
    {{.script = "app.py", .options = "{\"exec_mode\":\"cluster\"}"}, -EINVAL, CLUSTER},
    {{.script = "app.py", .options = "{\"exec_mode\":\"cluster_mode\",\"instances\":2}"},
     -EINVAL,
     CLUSTER},
    {{.script = "app.js", .options = "{\"exec_mode\":\"cluster\",\"listen\":80}"},
     -EINVAL,
     "listen is not for workers of Node's cluster, which share what they listen on anyway; leave "
     "it "
     "out, or use exec_mode fork"},
    {{.script = "app.py", .options = "{\"instances\":\"1e9\"}"},
     -EINVAL,
     "The maximum of \"instances\" is 4096 processes of one app"},
    {{.script = "nope.js", .options = "{\"uid\":\"bob\",\"args\":5}"},
     -EINVAL,
     "Expect \"args\" to be a typeof [object Array] / [object String], but now is [object Number], "
     "User bob cannot be found"},
    {{.script = "app.js", .options = "{\"uid\":\"bob\"}"}, -ENOENT, "User bob cannot be found"},
    {{.script = "app.js", .options = "{\"uid\":1.5}"}, -ENOENT, "User 1.5 cannot be found"},
    {{.script = "app.js", .options = "{\"gid\":\"x\"}"}, -ENOENT, "Group x cannot be found"},
    {{.script = "app.js", .options = "{\"out\":\"sub\"}"}, -EISDIR, "out_file: /w/sub is a folder"},
    {{.script = "app.js", .options = "{\"out\":\"app.js/x.log\"}"},
     -ENOTDIR,
     "out_file: /w/app.js is not a folder that can be used"},
    {{.script = "app.js", .options = "{\"env\":\"A=1\"}"},
     -EINVAL,
     "Expect \"env\" to be a typeof [object Object], but now is [object String]"},
    {{.script = "app.js", .options = "{\"env\":{\"A=\":1}}"},
     -EINVAL,
     "env: \"A=\" is no name for a variable"},
    {{.script = "app.js", .env = "[]"},
     -EINVAL,
     "Expect \"env\" of the caller to be a typeof [object Object], but now is [object Array]"},
    {{.script = "app.js", .args = "[{}]"},
     -EINVAL,
     "Expect \"args[0]\" to be a typeof [object String], but now is [object Object]"},
    {{.script = "app.js", .args = "7"},
     -EINVAL,
     "Expect \"args\" to be a typeof [object Array] / [object String], but now is [object "
     "Number]"},
};

static void bad_starts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_starts); i++) {
        struct err e = {0};
        assert_null(start(&bad_starts[i].command, &fake_world, NULL, &e));
        assert_string_equal(e.msg, bad_starts[i].text);
        assert_int_equal(e.code, bad_starts[i].code);
        /* Nobody has to want the text. */
        assert_null(start(&bad_starts[i].command, &fake_world, NULL, NULL));
    }
}

static void users_are_for_root(void **state)
{
    (void)state;
    struct app_world w = fake_world;
    w.is_root = false;
    struct err e = {0};
    assert_null(
        start(&(struct command){.script = "app.js", .options = "{\"uid\":0}"}, &w, NULL, &e));
    assert_string_equal(e.msg, "To use --uid and --gid please run pm2 as root");
    assert_int_equal(e.code, -EPERM);
}

static void a_group_alone_keeps_user_and_home(void **state)
{
    (void)state;
    AUTO_JSON conf = good(&(struct command){.script = "app.js", .options = "{\"gid\":\"staff\"}"});
    assert_null(json_object_get(conf, "uid"));
    assert_int_equal(json_integer_value(json_object_get(conf, "gid")), 50);
    assert_string_equal(json_get_str(json_object_get(conf, "env"), "HOME"), "/home/me");
}

static void names_are_checked(void **state)
{
    (void)state;
    char options[5000], name[4001];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(options, sizeof(options), "{\"name\":\"%s\"}", name);
    struct err e = {0};
    assert_null(
        start(&(struct command){.script = "app.js", .options = options}, &fake_world, NULL, &e));
    assert_int_equal(e.code, -EINVAL);
    assert_null(start(&(struct command){.script = "app.js", .options = "{\"name\":\"a\\nb\"}"},
                      &fake_world, NULL, &e));
    assert_int_equal(e.code, -EINVAL);
    snprintf(options, sizeof(options), "{\"name\":\"%.*s\"}", LIMIT_NAME_BYTES, name);
    AUTO_JSON conf = good(&(struct command){.script = "app.js", .options = options});
    assert_non_null(conf);
}

static void long_shell_lines_are_no_paths(void **state)
{
    (void)state;
    char line[600] = "echo ";
    memset(line + 5, 'x', sizeof(line) - 6);
    AUTO_JSON conf = good(&(struct command){.script = line, .options = "{\"name\":\"n\"}"});
    assert_string_equal(json_get_str(conf, "pm_exec_path"), "/bin/bash");
}

static void absent_folders_are_told(void **state)
{
    (void)state;
    AUTO_JSON warnings = json_array();
    struct err e = {0};
    AUTO_JSON conf =
        start(&(struct command){.script = "a.ts",
                                .options = "{\"out\":\"new/o.log\",\"err\":\"new/e.log\"}"},
              &fake_world, warnings, &e);
    assert_non_null(conf);
    assert_same(warnings, "[\"Folder does not exist: /w/new\",\"TypeScript without bun needs "
                          "Node.js 22.6 or newer\"]");
}

/* Whatever stands in an attribute: a conf that passes the check of confs, or an error. */
static void any_type_anywhere_is_survived(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "script", "name", "filter_env", "namespace", "cwd",        "args",  "exec_interpreter",
        "env",    "uid",  "instances",  "exec_mode", "log_file",   "port",  "node_args",
        "out",    "pid",  "merge_logs", "username",  "automation", "env_x", "increment_var",
    };
    static const char *const values[] = {"null",  "true", "5",  "-1e300",        "\"\"",
                                         "\"/\"", "[]",   "{}", "[[{\"a\":1}]]", "\"a\\tb\""};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            char options[100];
            snprintf(options, sizeof(options), "{\"%s\":%s}", keys[i], values[k]);
            struct err e = {0};
            AUTO_JSON conf = start(&(struct command){.script = "app.js", .options = options},
                                   &fake_world, NULL, &e);
            if (!conf)
                assert_true(e.code < 0 && e.msg[0] != '\0');
            else if (app_conf_check(conf, &fake_world, &e) < 0)
                fail_msg("%s: %s", options, e.msg);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_starts_look_like_pm2),
        cmocka_unit_test(many_options_look_like_pm2),
        cmocka_unit_test(single_values),
        cmocka_unit_test(environments),
        cmocka_unit_test(bad_starts_are_refused),
        cmocka_unit_test(users_are_for_root),
        cmocka_unit_test(a_group_alone_keeps_user_and_home),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(long_shell_lines_are_no_paths),
        cmocka_unit_test(absent_folders_are_told),
        cmocka_unit_test(any_type_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
