/* SPDX-License-Identifier: MIT
 * The time index: a record a second, in order, gone with what it told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logindex.h"
#include "os/fd.h"

struct fixture {
    char dir[64], log[128], idx[128], other[128], other_idx[128];
    int fd;
    struct logindex x;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/pm2c-index-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->log, sizeof(f->log), "%s/a.log", f->dir);
    snprintf(f->idx, sizeof(f->idx), "%s/.a.log.idx", f->dir);
    snprintf(f->other, sizeof(f->other), "%s/b.log", f->dir);
    snprintf(f->other_idx, sizeof(f->other_idx), "%s/.b.log.idx", f->dir);
    f->fd = open(f->log, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    unlink(f->log);
    unlink(f->idx);
    unlink(f->other_idx);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void note(struct fixture *f, int64_t now_ms, off_t end)
{
    logindex_note(&f->x, f->log, f->fd, end, now_ms);
}

/* Records as "ms:offset ", in order. */
static const char *records(const char *path)
{
    static char text[512];
    unsigned char r[16];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    text[0] = '\0';
    while (fd >= 0 && read(fd, r, sizeof(r)) == sizeof(r)) {
        unsigned long long v[2] = {0, 0};
        for (int i = 15; i >= 0; i--)
            v[i / 8] = v[i / 8] << 8 | r[i];
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%llu:%llu ", v[0], v[1]);
    }
    fd_close(&fd);
    return text;
}

static void test_one_record_a_second(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    note(f, 5000, 0);
    note(f, 5999, 100);
    note(f, 6000, 150);
    note(f, 9000, 70000);
    assert_string_equal(records(f->idx), "5000:0 6000:150 9000:70000 ");
    assert_int_equal(stat(f->idx, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640); /* as the log */
}

static void test_time_that_goes_back_is_not_written(void **state)
{
    struct fixture *f = *state;
    note(f, 5000, 0);
    note(f, 4000, 10);
    logindex_reset(&f->x); /* nor by the next pm2d */
    note(f, 4500, 20);
    note(f, 7000, 30);
    assert_string_equal(records(f->idx), "5000:0 7000:30 ");
}

static void test_a_clock_set_back_by_days_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    note(f, 900000000, 0);
    logindex_empty(f->log); /* else the old time would still count */
    note(f, 1000, 10);
    assert_string_equal(records(f->idx), "1000:10 ");
}

static void test_truncation_from_outside_empties_it(void **state)
{
    struct fixture *f = *state;
    note(f, 1000, 0);
    note(f, 2000, 500);
    note(f, 3000, 499);
    assert_string_equal(records(f->idx), "3000:499 ");
}

static void test_a_torn_record_is_cut_off(void **state)
{
    struct fixture *f = *state;
    note(f, 1000, 0);
    note(f, 2000, 5);
    assert_int_equal(truncate(f->idx, 29), 0);
    note(f, 3000, 9);
    assert_string_equal(records(f->idx), "1000:0 3000:9 ");
}

static void test_it_follows_its_log(void **state)
{
    struct fixture *f = *state;
    note(f, 1000, 0);
    logindex_rename(f->log, f->other);
    assert_string_equal(records(f->other_idx), "1000:0 ");
    logindex_empty(f->other);
    assert_string_equal(records(f->other_idx), "");
}

static void test_a_large_one_grows_slower(void **state)
{
    struct fixture *f = *state;
    note(f, 1000, 0);
    assert_int_equal(truncate(f->idx, 2L << 20), 0);
    note(f, 2000, 5);
    note(f, 5999, 6);
    note(f, 6000, 7);
    struct stat st;
    assert_int_equal(stat(f->idx, &st), 0);
    assert_int_equal(st.st_size, (2L << 20) + 32);
}

static void test_a_link_in_its_place_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(symlink(f->log, f->idx), 0);
    note(f, 1000, 0);
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal(st.st_size, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_one_record_a_second),
        TEST(test_time_that_goes_back_is_not_written),
        TEST(test_a_clock_set_back_by_days_is_not_waited_for),
        TEST(test_truncation_from_outside_empties_it),
        TEST(test_a_torn_record_is_cut_off),
        TEST(test_it_follows_its_log),
        TEST(test_a_large_one_grows_slower),
        TEST(test_a_link_in_its_place_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
