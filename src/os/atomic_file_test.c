/* SPDX-License-Identifier: MIT
 * A disk that takes the file and not its name. */
#include "os/atomic_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/atomic_file_test.XXXXXX";
static char path[64];
static int folder_code; /* what fsync says of folders */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat st;
    if (folder_code == 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return __real_fsync(fd);
    errno = folder_code;
    return -1;
}

static void assert_content(const char *expected)
{
    AUTO(buf) text = BUF_INIT;
    struct err e = {0};
    assert_int_equal(file_read(path, 100, &text, &e), 0);
    assert_string_equal(text.data, expected);
}

static void a_name_that_is_not_durable_is_told(void **state)
{
    (void)state;
    struct err e = {0};
    folder_code = EIO;
    assert_int_equal(file_replace(path, STR("one"), &e), -EIO);
    assert_non_null(strstr(e.msg, path));
    assert_non_null(strstr(e.msg, "cannot be synced: Input/output error"));
    assert_content("one");
    assert_int_equal(file_write_new(path, STR("two"), &e), 0);
    assert_int_equal(file_put_new(path, &e), -EIO);
    assert_content("two");
}

static void who_cannot_be_asked_is_no_error(void **state)
{
    (void)state;
    struct err e = {0};
    folder_code = EINVAL;
    assert_int_equal(file_replace(path, STR("three"), &e), 0);
    assert_content("three");
    folder_code = 0;
    assert_int_equal(file_replace(path, STR("four"), &e), 0);
    assert_content("four");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) && snprintf(path, sizeof(path), "%s/file", folder) > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path) < 0 || rmdir(folder) < 0; /* nothing else was left there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_not_durable_is_told),
        cmocka_unit_test(who_cannot_be_asked_is_no_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
