/* SPDX-License-Identifier: MIT */
#include "app/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/attr.h"
#include "base/limits.h"

/* An environment: pairs, NULL at the end. */
static const char *get(void *ctx, const char *name)
{
    for (const char *const *p = ctx; p && *p; p += 2) {
        if (strcmp(p[0], name) == 0)
            return p[1];
    }
    return NULL;
}

#define ENV(...) ((const char *[]){__VA_ARGS__, NULL})

static struct pm2_paths paths_of(const char **env, const char *fallback_home)
{
    struct pm2_paths p;
    struct err e = {0};
    assert_int_equal(pm2_paths_init(&p, get, env, fallback_home, "/some/dir", &e), 0);
    assert_int_equal(e.code, 0);
    return p;
}

static void check_home(const char **env, const char *fallback_home, const char *want)
{
    struct pm2_paths p = paths_of(env, fallback_home);
    assert_string_equal(p.home, want);
    pm2_paths_fini(&p);
}

static void test_home(void **state)
{
    (void)state;
    check_home(ENV("OVER_HOME", "/o", "PM2_HOME", "/p", "HOME", "/h"), "/f", "/o");
    check_home(ENV("OVER_HOME", "", "PM2_HOME", "/p", "HOME", "/h"), "/f", "/p");
    check_home(ENV("PM2_HOME", "", "HOME", "/h"), "/f", "/h/.pm2");
    check_home(ENV("HOME", ""), "/f", "/f/.pm2");
    check_home(NULL, "/f/", "/f/.pm2");
    check_home(NULL, NULL, "/etc/.pm2");
    check_home(NULL, "", "/etc/.pm2");
    check_home(ENV("HOME", "/"), NULL, "/.pm2");
    check_home(ENV("PM2_HOME", "x/../y/"), NULL, "/some/dir/y");
    check_home(ENV("PM2_HOME", "/"), NULL, "/");
}

static void test_layout(void **state)
{
    (void)state;
    struct pm2_paths p = paths_of(ENV("PM2_HOME", "/h/"), NULL);
    assert_string_equal(p.rpc_sock, "/h/rpc.sock");
    assert_string_equal(p.pub_sock, "/h/pub.sock");
    assert_string_equal(p.pid_file, "/h/pm2.pid");
    assert_string_equal(p.log_file, "/h/pm2.log");
    assert_string_equal(p.dump_file, "/h/dump.pm2");
    assert_string_equal(p.dump_backup, "/h/dump.pm2.bak");
    assert_string_equal(p.log_dir, "/h/logs");
    assert_string_equal(p.pid_dir, "/h/pids");
    assert_string_equal(p.module_dir, "/h/modules");
    assert_string_equal(p.module_conf, "/h/module_conf.json");
    assert_string_equal(p.reload_lock, "/h/reload.lock");
    assert_string_equal(p.touch, "/h/touch");
    pm2_paths_fini(&p);
    assert_null(p.home);
    pm2_paths_fini(&p); /* twice is fine */
}

static void test_overrides(void **state)
{
    (void)state;
    const char **env =
        ENV("PM2_HOME", "/h", "PM2_DAEMON_RPC_PORT", "/r", "PM2_DAEMON_PUB_PORT", "p",
            "PM2_PID_FILE_PATH", "/a", "PM2_LOG_FILE_PATH", "/b", "PM2_DUMP_FILE_PATH", "/c",
            "PM2_DUMP_BACKUP_FILE_PATH", "/d", "PM2_DEFAULT_LOG_PATH", "/e", "PM2_DEFAULT_PID_PATH",
            "/f", "PM2_DEFAULT_MODULE_PATH", "/g", "PM2_MODULE_CONF_FILE", "/i",
            "PM2_RELOAD_LOCKFILE", "");
    struct pm2_paths p = paths_of(env, NULL);
    assert_string_equal(p.rpc_sock, "/r");
    assert_string_equal(p.pub_sock, "/some/dir/p");
    assert_string_equal(p.pid_file, "/a");
    assert_string_equal(p.log_file, "/b");
    assert_string_equal(p.dump_file, "/c");
    assert_string_equal(p.dump_backup, "/d");
    assert_string_equal(p.log_dir, "/e");
    assert_string_equal(p.pid_dir, "/f");
    assert_string_equal(p.module_dir, "/g");
    assert_string_equal(p.module_conf, "/i");
    assert_string_equal(p.reload_lock, "/h/reload.lock");
    pm2_paths_fini(&p);
}

static void test_socket_urls(void **state)
{
    (void)state;
    static const char *const unix_forms[] = {"unix:/r/s", "unix:///r/s", "UNIX:/r/s", "/r/s"};
    for (size_t i = 0; i < ARRAY_LEN(unix_forms); i++) {
        struct pm2_paths p = paths_of(ENV("PM2_DAEMON_RPC_PORT", unix_forms[i]), NULL);
        assert_string_equal(p.rpc_sock, "/r/s");
        pm2_paths_fini(&p);
    }
    struct pm2_paths p;
    struct err e = {0};
    const char **env = ENV("PM2_DAEMON_PUB_PORT", "tcp://127.0.0.1:1");
    assert_int_equal(pm2_paths_init(&p, get, env, NULL, "/", &e), -ENOTSUP);
    assert_non_null(strstr(e.msg, "PM2_DAEMON_PUB_PORT=tcp://127.0.0.1:1"));
    assert_null(p.home);
}

static void test_socket_path_limit(void **state)
{
    (void)state;
    char home[LIMIT_SOCKET_PATH + 1];
    memset(home, 'x', sizeof(home));
    home[0] = '/';
    size_t fits = LIMIT_SOCKET_PATH - strlen("/rpc.sock");
    home[fits] = '\0';
    struct pm2_paths p = paths_of(ENV("PM2_HOME", home), NULL);
    assert_int_equal(strlen(p.rpc_sock), LIMIT_SOCKET_PATH);
    pm2_paths_fini(&p);

    home[fits] = 'x';
    home[fits + 1] = '\0';
    struct err e = {0};
    assert_int_equal(pm2_paths_init(&p, get, ENV("PM2_HOME", home), NULL, "/", &e), -ENAMETOOLONG);
    assert_non_null(strstr(e.msg, home));
    assert_non_null(strstr(e.msg, "has 108 bytes, the limit is 107"));
    assert_non_null(strstr(e.msg, "set PM2_HOME"));
    assert_null(p.rpc_sock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_socket_urls),
        cmocka_unit_test(test_socket_path_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
