/* SPDX-License-Identifier: MIT
 * Programs against libpm2 for the bats files, by name; each says "ok" when all went as it should.
 * Here those of the blocking face. */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct pm2 *connected(enum pm2_mode mode)
{
    struct pm2 *p = pm2_new();
    CHECK(p);
    CHECK(pm2_set_mode(p, mode) == 0);
    if (pm2_connect(p) < 0) {
        fprintf(stderr, "connect: %s\n", pm2_error_text(p));
        exit(1);
    }
    return p;
}

void start_ticking(struct pm2 *p, struct pm2_list **ret)
{
    struct pm2_app *a = pm2_app_new("api.sh");
    CHECK(a);
    pm2_app_set_name(a, "api");
    CHECK(pm2_start(p, a, ret) == 0);
    pm2_app_free(a);
}

static struct pm2_app *hello(void)
{
    struct pm2_app *a = pm2_app_new("show.sh");
    CHECK(a);
    pm2_app_set_name(a, "shown");
    pm2_app_set_namespace(a, "some");
    pm2_app_set_autorestart(a, 0);
    pm2_app_add_arg(a, "one");
    pm2_app_add_arg(a, "two words");
    pm2_app_set_env(a, "LIB_C_VALUE", "from C");
    pm2_app_set_json(a, "kill_timeout", "1234");
    return a;
}

static void check_fields(const struct pm2_proc *proc)
{
    CHECK(proc);
    CHECK(pm2_proc_id(proc) == 0);
    CHECK(pm2_proc_pid(proc) > 1);
    CHECK(kill(pm2_proc_pid(proc), 0) == 0);
    CHECK(strcmp(pm2_proc_name(proc), "api") == 0);
    CHECK(strcmp(pm2_proc_namespace(proc), "default") == 0);
    CHECK(pm2_proc_status(proc) == PM2_STATUS_ONLINE);
    CHECK(strcmp(pm2_proc_exec_mode(proc), "fork_mode") == 0);
    CHECK(strstr(pm2_proc_exec_path(proc), "/api.sh"));
    CHECK(pm2_proc_cwd(proc)[0] == '/');
    CHECK(strstr(pm2_proc_out_log(proc), "api-out.log"));
    CHECK(strstr(pm2_proc_error_log(proc), "api-error.log"));
    CHECK(strstr(pm2_proc_pid_path(proc), "api-0.pid"));
    CHECK(pm2_proc_interpreter(proc)[0]);
    CHECK(pm2_proc_user(proc)[0]);
    CHECK(pm2_proc_started_at_ms(proc) > 1500000000000);
    CHECK(pm2_proc_created_at_ms(proc) > 1500000000000);
    CHECK(pm2_proc_uptime_ms(proc) >= 0 && pm2_proc_uptime_ms(proc) < 600000);
    CHECK(pm2_proc_restarts(proc) == 0 && pm2_proc_unstable_restarts(proc) == 0);
    CHECK(pm2_proc_cpu_percent(proc) >= 0);
    CHECK(pm2_proc_env(proc, "PATH"));
    CHECK(!pm2_proc_env(proc, "NOT_THERE"));
    CHECK(strstr(pm2_proc_json(proc), "\"pm2_env\":{"));
    CHECK(pm2_proc_json(proc) == pm2_proc_json(proc));
}

static void blocking(void)
{
    struct pm2_list *l;
    const char *version;
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_has_launched(p) && pm2_is_connected(p) && pm2_daemon_pid(p) > 1);
    CHECK(pm2_connect(p) == -EISCONN && pm2_error_code(p) == -EISCONN);
    CHECK(pm2_ping(p) == 0);
    CHECK(pm2_daemon_version(p, &version) == 0 && strcmp(version, "7.0.4") == 0);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 0 && !pm2_list_at(l, 0));
    pm2_list_free(l);
    start_ticking(p, &l);
    CHECK(pm2_list_count(l) == 1);
    pm2_list_free(l);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 1);
    check_fields(pm2_list_find_id(l, 0));
    check_fields(pm2_list_find_name(l, "api"));
    pm2_list_free(l);
    CHECK(pm2_restart(p, "api", &l) == 0 && pm2_proc_restarts(pm2_list_at(l, 0)) == 1);
    pm2_list_free(l);
    CHECK(pm2_stop(p, "0", &l) == 0);
    CHECK(pm2_proc_status(pm2_list_at(l, 0)) == PM2_STATUS_STOPPED);
    CHECK(pm2_proc_pid(pm2_list_at(l, 0)) == 0 && pm2_proc_uptime_ms(pm2_list_at(l, 0)) == 0);
    pm2_list_free(l);
    CHECK(pm2_restart(p, "all", NULL) == 0);
    CHECK(pm2_describe(p, "api", &l) == 0 && pm2_list_count(l) == 1);
    pm2_list_free(l);
    CHECK(pm2_describe(p, "other", &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    CHECK(pm2_dump(p, 0) == 0);
    CHECK(pm2_delete(p, "api", &l) == 0 && pm2_list_count(l) == 1);
    CHECK(strcmp(pm2_proc_name(pm2_list_at(l, 0)), "api") == 0);
    pm2_list_free(l);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    CHECK(pm2_resurrect(p, &l) == 0 && pm2_list_count(l) == 1);
    check_fields(pm2_list_find_name(l, "api"));
    pm2_list_free(l);
    CHECK(pm2_kill_daemon(p) == 0 && !pm2_is_connected(p));
    CHECK(pm2_set_mode(p, PM2_NO_LAUNCH) == 0 && pm2_connect(p) == -ENOENT);
    pm2_free(p);
}

static void refusals(void)
{
    struct pm2_list *l = (struct pm2_list *)-1;
    struct pm2 *p = pm2_new();
    CHECK(p && pm2_error_code(p) == 0 && pm2_error_text(p)[0] == '\0');
    CHECK(pm2_list(p, &l) == -ENOTCONN && !l);
    CHECK(pm2_set_mode(p, PM2_NO_LAUNCH) == 0);
    CHECK(pm2_connect(p) == -ENOENT);
    CHECK(pm2_set_mode(p, PM2_LAUNCH) == 0);
    CHECK(pm2_connect(p) == 0);
    CHECK(pm2_set_home(p, "/tmp") == -EISCONN);
    CHECK(pm2_stop(p, "nobody", &l) == -EREMOTEIO && !l);
    CHECK(strstr(pm2_error_text(p), "nobody"));
    CHECK(pm2_stop(p, "", NULL) == -EINVAL && pm2_stop(p, NULL, NULL) == -EINVAL);
    struct pm2_app *a = pm2_app_new("not-there.sh");
    CHECK(pm2_start(p, a, &l) == -EREMOTEIO && strstr(pm2_error_text(p), "not-there.sh"));
    pm2_app_set_json(a, "watch", "{oops");
    pm2_app_set_name(a, "later");
    CHECK(pm2_start(p, a, &l) == -EINVAL && strstr(pm2_error_text(p), "watch"));
    pm2_app_free(a);
    CHECK(pm2_send_signal_to_process_name(p, SIGUSR1, "nobody") == -EREMOTEIO);
    CHECK(pm2_send_signal_to_process_id(p, SIGUSR1, 77) == -EREMOTEIO);
    CHECK(pm2_flush(p, "nobody") == -EREMOTEIO && strstr(pm2_error_text(p), "nobody"));
    CHECK(pm2_dump(p, 0) == -EREMOTEIO && strstr(pm2_error_text(p), "empty"));
    CHECK(pm2_dump(p, 1) == 0);
    CHECK(pm2_resurrect(p, &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    CHECK(pm2_flush(p, NULL) == 0 && pm2_reload_logs(p) == 0);
    pm2_disconnect(p);
    pm2_disconnect(p);
    CHECK(pm2_ping(p) == -ENOTCONN);
    CHECK(pm2_connect(p) == 0 && !pm2_has_launched(p) && pm2_ping(p) == 0);
    pm2_free(p);
    pm2_free(NULL);
}

/* What the application got reaches its log. */
static void options(void)
{
    struct pm2_list *l;
    struct pm2_app *a = hello();
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_start(p, a, &l) == 0);
    pm2_app_free(a);
    const struct pm2_proc *proc = pm2_list_find_name(l, "shown");
    CHECK(proc);
    CHECK(strcmp(pm2_proc_namespace(proc), "some") == 0);
    CHECK(strcmp(pm2_proc_env(proc, "LIB_C_VALUE"), "from C") == 0);
    CHECK(strstr(pm2_proc_json(proc), "\"kill_timeout\":1234"));
    CHECK(strstr(pm2_proc_json(proc), "\"args\":[\"one\",\"two words\"]"));
    pm2_list_free(l);
    pm2_free(p);
}

/* A signal that ends the application; the bus tells. */
static void events(void)
{
    const char *topic;
    const char *json;
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_next_event(p, 0, &topic, &json) == -EINVAL);
    CHECK(pm2_subscribe(p) == 0);
    start_ticking(p, NULL);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strcmp(topic, "log:out") != 0);
    CHECK(strstr(json, "tick"));
    CHECK(pm2_send_signal_to_process_name(p, SIGTERM, "api") == 0);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strcmp(topic, "process:event") != 0 || !strstr(json, "\"exit\""));
    CHECK(pm2_kill_daemon(p) == 0);
    pm2_free(p);
}

/* Says the pid of the application, then stays until stdin ends. */
static void own(void)
{
    char byte;
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_NO_DAEMON);
    start_ticking(p, &l);
    printf("%d %d\n", pm2_proc_pid(pm2_list_at(l, 0)), pm2_has_launched(p));
    fflush(stdout);
    pm2_list_free(l);
    CHECK(read(0, &byte, 1) == 0);
    pm2_free(p);
}

/* PM2_HOME is removed under the daemon: who is connected goes on. */
static void home_vanishes(void)
{
    struct pm2_list *l;
    char command[4200];
    struct pm2 *p = connected(PM2_LAUNCH);
    start_ticking(p, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", getenv("PM2_HOME"));
    CHECK(system(command) == 0);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 1);
    pm2_list_free(l);
    CHECK(pm2_subscribe(p) == -ENOENT && pm2_is_connected(p));
    struct pm2 *other = pm2_new();
    CHECK(other && pm2_set_mode(other, PM2_NO_LAUNCH) == 0 && pm2_connect(other) == -ENOENT);
    pm2_free(other);
    CHECK(pm2_stop(p, "api", &l) == 0);
    pm2_list_free(l);
    CHECK(pm2_kill_daemon(p) == 0);
    pm2_free(p);
}

/* Calls run into their time, and so does another one's connecting; then the daemon goes on. */
static void hanging(void)
{
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_LAUNCH);
    struct pm2 *other = pm2_new();
    int daemon = pm2_daemon_pid(p);
    CHECK(other && kill(daemon, SIGSTOP) == 0);
    CHECK(pm2_set_timeout(p, 100) == 0 && pm2_set_timeout(other, 100) == 0);
    int code = pm2_list(p, &l);
    int other_code = pm2_connect(other);
    CHECK(kill(daemon, SIGCONT) == 0);
    CHECK(code == -ETIMEDOUT && !l && strstr(pm2_error_text(p), "within 100 ms"));
    CHECK(other_code == -ETIMEDOUT && !pm2_is_connected(other));
    CHECK(pm2_set_timeout(p, -1) == 0 && pm2_list(p, &l) == 0);
    pm2_list_free(l);
    pm2_free(other);
    pm2_free(p);
}

/* Variables, arguments and options of what runs. */
static void restarted_with(void)
{
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_LAUNCH);
    start_ticking(p, NULL);
    struct pm2_app *changes = pm2_app_new(NULL);
    CHECK(changes && setenv("CALLERS", "now", 1) == 0);
    CHECK(pm2_start(p, changes, NULL) == -EINVAL);
    pm2_app_set_env(changes, "COLOR", "blue");
    pm2_app_add_arg(changes, "more");
    pm2_app_set_kill_timeout(changes, 4321);
    CHECK(pm2_restart_with(p, "api", changes, &l) == 0);
    const struct pm2_proc *proc = pm2_list_find_name(l, "api");
    CHECK(proc && strcmp(pm2_proc_env(proc, "COLOR"), "blue") == 0);
    CHECK(pm2_proc_restarts(proc) == 1 && !pm2_proc_env(proc, "CALLERS"));
    CHECK(strstr(pm2_proc_json(proc), "\"args\":[\"more\"]"));
    CHECK(strstr(pm2_proc_json(proc), "\"kill_timeout\":4321"));
    pm2_list_free(l);
    pm2_app_set_update_env(changes, 1);
    CHECK(pm2_restart_with(p, "api", changes, &l) == 0);
    CHECK(strcmp(pm2_proc_env(pm2_list_at(l, 0), "CALLERS"), "now") == 0);
    pm2_list_free(l);
    pm2_app_free(changes);
    pm2_free(p);
}

/* The successor is another process; one that fails leaves the one before it. */
static void reloaded(void)
{
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_LAUNCH);
    struct pm2_app *a = pm2_app_new("serve.js");
    CHECK(a);
    pm2_app_set_json(a, "exec_mode", "\"cluster\"");
    CHECK(pm2_start(p, a, &l) == 0);
    int before = pm2_proc_pid(pm2_list_at(l, 0));
    pm2_list_free(l);
    CHECK(pm2_reload(p, "serve", &l) == 0 && pm2_list_count(l) == 1);
    int after = pm2_proc_pid(pm2_list_at(l, 0));
    CHECK(after > 1 && after != before && kill(before, 0) < 0 && kill(after, 0) == 0);
    pm2_list_free(l);
    struct pm2_app *changes = pm2_app_new(NULL);
    CHECK(changes);
    pm2_app_set_env(changes, "BROKEN", "yes");
    CHECK(pm2_reload_with(p, "serve", changes, &l) == -EREMOTEIO && !l);
    CHECK(kill(after, 0) == 0);
    pm2_app_set_env(changes, "BROKEN", "");
    pm2_app_set_env(changes, "COLOR", "blue");
    CHECK(pm2_reload_with(p, "all", changes, &l) == 0);
    CHECK(strcmp(pm2_proc_env(pm2_list_at(l, 0), "COLOR"), "blue") == 0);
    pm2_list_free(l);
    CHECK(pm2_reload(p, "nobody", &l) == -EREMOTEIO && !l);
    pm2_app_free(changes);
    pm2_app_free(a);
    pm2_free(p);
}

static void scaled(void)
{
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_LAUNCH);
    start_ticking(p, NULL);
    CHECK(pm2_scale(p, "api", "3", &l) == 0 && pm2_list_count(l) == 3);
    pm2_list_free(l);
    CHECK(pm2_scale(p, "api", "+1", NULL) == 0);
    CHECK(pm2_scale(p, "api", "2", &l) == 0 && pm2_list_count(l) == 2);
    CHECK(pm2_list_find_id(l, 2) && pm2_list_find_id(l, 3));
    pm2_list_free(l);
    CHECK(pm2_scale(p, "api", "2", &l) == -EREMOTEIO && !l);
    CHECK(pm2_scale(p, "nobody", "2", NULL) == -EREMOTEIO);
    CHECK(strstr(pm2_error_text(p), "nobody"));
    CHECK(pm2_scale(p, NULL, "2", NULL) == -EINVAL && pm2_scale(p, "api", NULL, NULL) == -EINVAL);
    pm2_free(p);
}

/* Data, lines and actions reach the application of actions.js; any method can be called. */
static void messages(void)
{
    const char *json;
    struct pm2 *p = connected(PM2_LAUNCH);
    struct pm2_app *a = pm2_app_new("actions.js");
    CHECK(a && pm2_start(p, a, NULL) == 0);
    int rc;
    while ((rc = pm2_trigger(p, "actions", "hello", "[1,\"two\"]", &json)) == -EREMOTEIO)
        CHECK(strstr(pm2_error_text(p), "Action doesn't exist") && usleep(20000) == 0);
    CHECK(rc == 0 && strstr(json, "\"id\":0") && strstr(json, "\"opts\":[1,\"two\"]"));
    CHECK(pm2_trigger(p, "actions", "hello", NULL, &json) == 0);
    CHECK(strstr(json, "\"return\":{\"got\":\"hello\"}"));
    CHECK(pm2_trigger(p, "actions", "die", NULL, &json) == 0 && strstr(json, "has ended before"));
    CHECK(pm2_trigger(p, "actions", "hello", "{oops", &json) == -EINVAL && !json);
    CHECK(pm2_trigger(p, "nobody", "hello", NULL, &json) == -EREMOTEIO && !json);
    CHECK(pm2_trigger(p, "actions", NULL, NULL, &json) == -EINVAL);
    CHECK(pm2_trigger(p, NULL, "hello", NULL, &json) == -EINVAL);
    while ((rc = pm2_send_data_to_process_id(p, 0, "t", "{\"deep\":1}")) == -EREMOTEIO)
        CHECK(usleep(20000) == 0); /* it starts again */
    CHECK(rc == 0 && pm2_send_line_to_stdin(p, 0, "words") == 0);
    CHECK(pm2_send_data_to_process_id(p, 0, "t", "oops") == -EINVAL);
    CHECK(pm2_send_data_to_process_id(p, 0, NULL, "1") == -EINVAL);
    CHECK(pm2_send_data_to_process_id(p, 77, "t", "1") == -EREMOTEIO);
    CHECK(pm2_send_line_to_stdin(p, 77, "words") == -EREMOTEIO);
    CHECK(pm2_call(p, "ping", NULL, &json) == 0 && strcmp(json, "{\"msg\":\"pong\"}") == 0);
    CHECK(pm2_call(p, "c.env", "{\"id\":0}", &json) == 0 && strstr(json, "PATH"));
    CHECK(pm2_call(p, "dance", NULL, &json) == -EREMOTEIO && !json);
    CHECK(strstr(pm2_error_text(p), "does not exist"));
    CHECK(pm2_call(p, "ping", "{},{}", &json) == -EINVAL &&
          pm2_call(p, "", NULL, &json) == -EINVAL);
    pm2_app_free(a);
    pm2_free(p);
}

/* What the program pm2 does for the library. */
static void commands(void)
{
    struct pm2_list *l;
    const char *json;
    struct pm2 *p = pm2_new();
    CHECK(p && pm2_get(p, "one", &json) == -EREMOTEIO && strstr(pm2_error_text(p), "one"));
    CHECK(pm2_connect(p) == 0);
    CHECK(pm2_set(p, "api:color", "blue") == 0 && pm2_set(p, "plain", "1") == 0);
    CHECK(pm2_get(p, "api:color", &json) == 0 && strcmp(json, "\"blue\"") == 0);
    CHECK(pm2_multiset(p, "api:size 3 other:x y") == 0);
    CHECK(pm2_get(p, NULL, &json) == 0 && strstr(json, "\"size\":\"3\""));
    CHECK(pm2_set(p, "api:\"a.b\".c", "deep") == 0);
    CHECK(pm2_get(p, "api.'a.b':c", &json) == 0 && strcmp(json, "\"deep\"") == 0);
    CHECK(pm2_get(p, "api.a.b.c", &json) == -EREMOTEIO);
    CHECK(pm2_unset(p, "plain") == 0 && pm2_get(p, "plain", &json) == -EREMOTEIO);
    CHECK(pm2_set(p, "--help", "x") == -EINVAL && pm2_set(p, NULL, "x") == -EINVAL);
    CHECK(pm2_uninstall(p, "nobody") == -EREMOTEIO && strstr(pm2_error_text(p), "Unknown module"));
    CHECK(pm2_install(p, "") == -EINVAL);
    CHECK(pm2_startup(p, "no-such-init") == -EREMOTEIO && pm2_error_text(p)[0]);
    CHECK(pm2_launch_modules(p) == 0);
    CHECK(pm2_act_on_file(p, "start", "eco.json", &l) == 0 && pm2_list_count(l) == 2);
    CHECK(pm2_list_find_name(l, "one") && pm2_list_find_name(l, "two"));
    pm2_list_free(l);
    CHECK(pm2_act_on_file(p, "start", "eco.json", &l) == 0 && pm2_list_count(l) == 2);
    CHECK(pm2_proc_restarts(pm2_list_at(l, 0)) == 1);
    pm2_list_free(l);
    CHECK(pm2_reset(p, "one") == 0 && pm2_reset(p, "all") == 0);
    CHECK(pm2_reset(p, "nobody") == -EREMOTEIO && strstr(pm2_error_text(p), "nobody"));
    CHECK(pm2_describe(p, "one", &l) == 0 && pm2_proc_restarts(pm2_list_at(l, 0)) == 0);
    int pid = pm2_proc_pid(pm2_list_at(l, 0));
    pm2_list_free(l);
    CHECK(pm2_update(p) == 0 && pm2_describe(p, "one", &l) == 0);
    CHECK(pm2_proc_pid(pm2_list_at(l, 0)) == pid);
    pm2_list_free(l);
    CHECK(pm2_msg_process(p, "{\"name\":\"nobody\",\"msg\":\"x\"}", &json) == 0);
    CHECK(strstr(json, "\"process_count\":0"));
    CHECK(pm2_act_on_file(p, "dance", "eco.json", &l) == -EREMOTEIO && !l);
    CHECK(pm2_act_on_file(p, "start", "gone.json", &l) == -EREMOTEIO && !l);
    CHECK(pm2_act_on_file(p, "start", "bad.json", &l) == -EREMOTEIO && !l);
    CHECK(pm2_act_on_file(p, "delete", "eco.json", &l) == 0 && pm2_list_count(l) == 2);
    pm2_list_free(l);
    CHECK(pm2_list(p, &l) == 0 && pm2_list_count(l) == 0);
    pm2_list_free(l);
    pm2_free(p);
}

/* The daemon is killed: who subscribes again is connected again, and told of the gap. */
static void gap(void)
{
    const char *topic;
    const char *json;
    struct pm2 *p = connected(PM2_LAUNCH);
    CHECK(pm2_subscribe(p) == 0 && pm2_event_number(p) == 0);
    start_ticking(p, NULL);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strcmp(topic, "log:out") != 0);
    uint64_t number = pm2_event_number(p);
    CHECK(number > 0 && pm2_next_event(p, 20000, &topic, &json) == 1);
    CHECK(pm2_event_number(p) == number + 1);
    CHECK(kill(pm2_daemon_pid(p), SIGKILL) == 0);
    int rc;
    while ((rc = pm2_next_event(p, 20000, &topic, &json)) == 1)
        ;
    CHECK(rc == -EPIPE && pm2_subscribe(p) == 0);
    do
        CHECK(pm2_next_event(p, 20000, &topic, &json) == 1);
    while (strncmp(topic, "log:", 4) == 0); /* what comes before the daemon has been asked */
    CHECK(strcmp(topic, "pm2:gap") == 0 && strstr(json, "\"at\":"));
    pm2_free(p);
}

/* The script is looked for in the folder that was set. */
static void cwd(void)
{
    struct pm2_list *l;
    struct pm2 *p = connected(PM2_LAUNCH);
    struct pm2_app *a = pm2_app_new("api.sh");
    CHECK(a);
    pm2_app_set_cwd(a, "sub");
    CHECK(pm2_start(p, a, &l) == 0);
    CHECK(strstr(pm2_proc_exec_path(pm2_list_at(l, 0)), "/sub/api.sh"));
    CHECK(strstr(pm2_proc_cwd(pm2_list_at(l, 0)), "/sub"));
    pm2_list_free(l);
    pm2_app_free(a);
    a = pm2_app_new("api"); /* the name that the process has got is no script */
    CHECK(a && pm2_start(p, a, NULL) == -EREMOTEIO);
    pm2_app_free(a);
    pm2_free(p);
}

static const struct program programs[] = {
    {"blocking", blocking},
    {"commands", commands},
    {"cwd", cwd},
    {"events", events},
    {"gap", gap},
    {"hanging", hanging},
    {"home-vanishes", home_vanishes},
    {"messages", messages},
    {"options", options},
    {"own", own},
    {"refusals", refusals},
    {"reloaded", reloaded},
    {"restarted-with", restarted_with},
    {"scaled", scaled},
    {NULL, NULL},
};

static int run(const struct program *p, const char *name)
{
    while (p->name && strcmp(p->name, name) != 0)
        p++;
    if (!p->name)
        return 0;
    p->run();
    puts("ok");
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && (run(programs, argv[1]) || run(async_programs, argv[1])))
        return 0;
    fprintf(stderr, "no such program\n");
    return 2;
}
