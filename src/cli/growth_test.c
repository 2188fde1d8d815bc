/* SPDX-License-Identifier: MIT */
#include "cli/growth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "cli/log_input.h"

#define ROTATIONS 100

/* A folder with the log that is followed, and the lines that came. */
struct scene {
    char folder[32];
    char log[64];
    struct growth growth;
    struct buf lines;
    int rotations;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    snprintf(s->folder, sizeof(s->folder), "/tmp/pm2c-growth-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->log, sizeof(s->log), "%s/app-out.log", s->folder);
    growth_init(&s->growth, s->log);
    buf_init(&s->lines);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    DIR *d = opendir(s->folder);
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(s->folder);
    growth_fini(&s->growth);
    buf_fini(&s->lines);
    free(s);
    return 0;
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* As pm2d does it: the log is renamed. Names of one second are told apart by a number. */
static void rotate(struct scene *s, char *ret_name, size_t size)
{
    snprintf(ret_name, size, "%s/app-out__2026-11-27_00-00-00-%d.log", s->folder, ++s->rotations);
    assert_int_equal(rename(s->log, ret_name), 0);
}

static void on_line(void *ctx, struct str line)
{
    struct scene *s = ctx;
    buf_add_str(&s->lines, line);
    buf_add_byte(&s->lines, ' ');
}

static void expect(struct scene *s, const char *want)
{
    while (growth_step(&s->growth, on_line, s)) {
    }
    assert_string_equal(s->lines.data, want);
    buf_clear(&s->lines);
}

static void gives_what_is_appended(void **state)
{
    struct scene *s = *state;
    append(s->log, "old\n");
    assert_true(growth_open(&s->growth));
    expect(s, "");
    append(s->log, "one\ntw");
    expect(s, "one ");
    append(s->log, "o\nthree\n");
    expect(s, "two three ");
}

static void begins_with_a_file_that_comes_later(void **state)
{
    struct scene *s = *state;
    assert_false(growth_open(&s->growth));
    expect(s, "");
    append(s->log, "first\n");
    expect(s, "first ");
}

static void notices_that_it_was_emptied(void **state)
{
    struct scene *s = *state;
    append(s->log, "old\nolder\n");
    assert_true(growth_open(&s->growth));
    assert_int_equal(truncate(s->log, 0), 0);
    expect(s, "");
    append(s->log, "new\n");
    expect(s, "new ");
}

static void reads_the_renamed_file_to_its_end(void **state)
{
    struct scene *s = *state;
    char old[128];
    append(s->log, "1\n");
    assert_true(growth_open(&s->growth));
    append(s->log, "2\n");
    rotate(s, old, sizeof(old));
    append(s->log, "3\n");
    expect(s, "2 3 ");
}

/* logrotate(8) renames and creates; the writer goes on with the old one until it is told. */
static void waits_until_the_writer_has_noticed(void **state)
{
    struct scene *s = *state;
    char old[64];
    snprintf(old, sizeof(old), "%s/app-out.log.1", s->folder);
    append(s->log, "1\n");
    assert_true(growth_open(&s->growth));
    assert_int_equal(rename(s->log, old), 0);
    append(s->log, "");
    append(old, "2\n");
    expect(s, "2 ");
    append(old, "3\n");
    append(s->log, "4\n");
    expect(s, "3 4 ");
}

static void finds_all_files_of_many_rotations(void **state)
{
    struct scene *s = *state;
    AUTO(buf) want = BUF_INIT;
    char name[128];
    char text[32];
    append(s->log, "0\n");
    rotate(s, name, sizeof(name)); /* from before our time */
    append(s->log, "");
    assert_true(growth_open(&s->growth));
    for (int i = 1; i <= ROTATIONS; i++) {
        snprintf(text, sizeof(text), "%d\n", i);
        append(s->log, text);
        buf_printf(&want, "%d ", i);
        rotate(s, name, sizeof(name));
    }
    append(s->log, "last\n");
    buf_add_c(&want, "last ");
    expect(s, want.data);
    append(s->log, "and\n");
    expect(s, "and ");
}

static void pack(const char *path)
{
    char packed[160];
    char text[64];
    snprintf(packed, sizeof(packed), "%s.gz", path);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    gzFile gz = gzopen(packed, "wb");
    assert_int_equal(gzwrite(gz, text, (unsigned)n), n);
    gzclose(gz);
    unlink(path);
}

static void reads_what_was_compressed_meanwhile(void **state)
{
    struct scene *s = *state;
    char first[128];
    char second[128];
    append(s->log, "1\n");
    assert_true(growth_open(&s->growth));
    append(s->log, "2\n");
    rotate(s, first, sizeof(first));
    append(s->log, "3\n");
    rotate(s, second, sizeof(second));
    append(s->log, "4\n");
    pack(first); /* in our hands all the same */
    pack(second);
    expect(s, "2 3 4 ");
}

static void gives_the_open_line_on_demand(void **state)
{
    struct scene *s = *state;
    assert_false(growth_open(&s->growth));
    append(s->log, "no end");
    expect(s, "");
    growth_flush(&s->growth, on_line, s);
    expect(s, "no end ");
}

static void a_broken_archive_is_an_error(void **state)
{
    static const char *const endings[] = {"gz", "zst"};
    struct scene *s = *state;
    char path[64];
    char bytes[64];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/x.%s", s->folder, endings[i]);
        append(path, "\037\213\010\001garbage, no archive of either kind");
        struct log_input *in = log_input_open(path);
        assert_non_null(in);
        ssize_t n;
        do
            n = log_input_read(in, bytes, sizeof(bytes));
        while (n > 0);
        log_input_close(in);
        assert_int_equal(n, -EBADMSG);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_what_is_appended),
        TEST(begins_with_a_file_that_comes_later),
        TEST(notices_that_it_was_emptied),
        TEST(reads_the_renamed_file_to_its_end),
        TEST(waits_until_the_writer_has_noticed),
        TEST(finds_all_files_of_many_rotations),
        TEST(reads_what_was_compressed_meanwhile),
        TEST(gives_the_open_line_on_demand),
        TEST(a_broken_archive_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
