/* SPDX-License-Identifier: MIT */
#include "client/home.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"

static char root[64];
static char paths[5][128]; /* in the order of struct home_spec */

static struct home_spec spec_in(const char *home)
{
    static const char *const names[] = {"", "/logs", "/pids", "/modules", "/module_conf.json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s%s", root, home, names[i]);
    return (struct home_spec){paths[0], paths[1], paths[2], paths[3], paths[4]};
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/pm2c-home-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = ARRAY_LEN(paths); i-- > 0;)
        if (unlink(paths[i]) < 0)
            rmdir(paths[i]);
    char *slash;
    while ((slash = strrchr(paths[0], '/')) != NULL && strlen(paths[0]) > strlen(root)) {
        *slash = '\0';
        if (rmdir(paths[0]) < 0)
            unlink(paths[0]);
    }
    return access(root, F_OK) == 0 ? rmdir(root) : 0;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void makes_everything_private(void **state)
{
    struct err e = {0};
    (void)state;
    const struct home_spec h = spec_in("a/b/.pm2");
    assert_int_equal(home_prepare(&h, &e), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mode_of(paths[i]), 0700);
    assert_int_equal(mode_of(h.module_conf), 0600);
    char text[8] = "";
    int fd = open(h.module_conf, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    close(fd);
    assert_string_equal(text, "{}");
}

static void leaves_what_is_there(void **state)
{
    struct err e = {0};
    (void)state;
    const struct home_spec h = spec_in("home");
    assert_int_equal(mkdir(h.home, 0755), 0);
    int fd = open(h.module_conf, O_CREAT | O_WRONLY, 0644);
    assert_int_equal(write(fd, "{\"a\":1}", 7), 7);
    close(fd);
    assert_int_equal(home_prepare(&h, &e), 0);
    assert_int_equal(home_prepare(&h, &e), 0);
    struct stat st;
    assert_int_equal(stat(h.module_conf, &st), 0);
    assert_int_equal(st.st_size, 7);
    assert_int_equal(mode_of(h.home), 0755);
}

static void a_file_in_the_way_is_named(void **state)
{
    struct err e = {0};
    (void)state;
    const struct home_spec h = spec_in("file");
    close(open(h.home, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(home_prepare(&h, &e), -ENOTDIR);
    assert_non_null(strstr(e.msg, h.home));
    assert_non_null(strstr(e.msg, "not a folder"));
}

static void a_folder_of_others_is_named(void **state)
{
    struct err e = {0};
    (void)state;
    if (geteuid() == 0)
        skip();
    const struct home_spec h = spec_in("sealed/home");
    char sealed[128];
    snprintf(sealed, sizeof(sealed), "%s/sealed", root);
    assert_int_equal(mkdir(sealed, 0500), 0);
    assert_int_equal(home_prepare(&h, &e), -EACCES);
    assert_non_null(strstr(e.msg, h.home));
    assert_non_null(strstr(e.msg, "PM2_HOME"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_everything_private, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_of_others_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
