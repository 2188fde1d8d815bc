/* SPDX-License-Identifier: MIT */
#include "cli/log_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/read.h"

static char root[] = "/tmp/pm2c-logs-XXXXXX";

static void make_file(const char *name, const char *text, long seconds)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    const struct timespec at[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(futimens(fd, at), 0);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    make_file("pm2.log", "x", 900);
    make_file("a-out", "12345", 300);
    make_file("a-err", "", 200);
    make_file("shared", "1", 100);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"pm2.log", "a-out", "a-err", "shared"};
    char path[64];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        unlink(path);
    }
    return rmdir(root);
}

static json_t *list_of(void)
{
    char text[1024];
    struct err e;
    snprintf(text, sizeof(text),
             "[{\"id\":0,\"name\":\"a\",\"out_log\":\"%s/a-out\",\"err_log\":\"%s/a-err\"},"
             "{\"id\":1,\"name\":\"b\",\"out_log\":\"%s/shared\",\"err_log\":\"/dev/null\"},"
             "{\"id\":2,\"name\":\"b\",\"out_log\":\"%s/shared\",\"err_log\":\"%s/none\"}]",
             root, root, root, root, root);
    return json_read(str_from(text), &e);
}

static void sorts_and_drops(void **state)
{
    AUTO(log_files) f = {0};
    AUTO_JSON list = list_of();
    char pm2_log[64];
    (void)state;
    snprintf(pm2_log, sizeof(pm2_log), "%s/pm2.log", root);
    const struct log_wish all = {.kind = {true, true, true}, .pm2_log = pm2_log};
    log_files_collect(&f, list, &all);
    assert_int_equal(f.count, 4); /* no device, nothing missing, nothing twice */
    assert_int_equal(f.at[0].kind, LOG_PM2);
    assert_true(f.at[1].shared);
    assert_int_equal(f.at[1].id, 1);
    assert_int_equal(f.at[2].kind, LOG_ERR);
    assert_int_equal(f.at[3].kind, LOG_OUT);
    assert_int_equal(f.at[3].size, 5);
    assert_false(f.at[3].shared);
    assert_ptr_equal(log_files_find(&f, f.at[3].path), &f.at[3]);
    assert_null(log_files_find(&f, "/nowhere"));
}

static void takes_only_what_is_wanted(void **state)
{
    AUTO(log_files) f = {0};
    AUTO_JSON list = list_of();
    (void)state;
    const struct log_wish err_only = {.kind = {[LOG_ERR] = true}};
    log_files_collect(&f, list, &err_only);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.at[0].kind, LOG_ERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_and_drops),
        cmocka_unit_test(takes_only_what_is_wanted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
