/* SPDX-License-Identifier: MIT */
#include "cli/log_range.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "cli/log_index.h"

#define T0 1764244800000LL /* 2025-11-27T12:00:00Z */

struct scene {
    char folder[32];
    char log[64];
    struct buf lines, unknown;
    int failed;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    snprintf(s->folder, sizeof(s->folder), "/tmp/pm2c-range-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->log, sizeof(s->log), "%s/app-out.log", s->folder);
    buf_init(&s->lines);
    buf_init(&s->unknown);
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
    buf_fini(&s->lines);
    buf_fini(&s->unknown);
    free(s);
    return 0;
}

static void write_bytes(const char *path, const void *p, size_t n, int64_t mtime_ms)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    const struct timespec at[2] = {{.tv_sec = mtime_ms / 1000}, {.tv_sec = mtime_ms / 1000}};
    assert_int_equal(futimens(fd, at), 0);
    close(fd);
}

static void write_log(const struct scene *s, const char *name, const char *text, int64_t mtime_ms)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    write_bytes(path, text, strlen(text), mtime_ms);
}

/* Records of seconds since T0 and offsets, ended by -1. */
static void write_index(const struct scene *s, const char *name, const int *records)
{
    char path[96];
    uint64_t words[32];
    size_t n = 0;
    for (; records[n] >= 0; n += 2) {
        words[n] = htole64((uint64_t)(T0 + records[n] * 1000LL));
        words[n + 1] = htole64((uint64_t)records[n + 1]);
    }
    snprintf(path, sizeof(path), "%s/.%s.idx", s->folder, name);
    write_bytes(path, words, n * 8, T0);
}

static void on_line(void *ctx, int64_t at_ms, struct str line)
{
    struct scene *s = ctx;
    buf_printf(&s->lines, "%.*s@%lld ", STR_ARG(line), (long long)(at_ms - T0) / 1000);
}

static void on_unknown(void *ctx, const char *path)
{
    struct scene *s = ctx;
    buf_add_c(&s->unknown, strrchr(path, '/') + 1);
}

static void on_failed(void *ctx, const char *path, int code)
{
    struct scene *s = ctx;
    (void)path;
    s->failed = code;
}

static void expect(struct scene *s, int since_s, int until_s, const char *want)
{
    struct growth g;
    const struct log_range r = {.since_ms = since_s < 0 ? INT64_MIN : T0 + since_s * 1000LL,
                                .until_ms = until_s < 0 ? INT64_MAX : T0 + until_s * 1000LL,
                                .line = on_line,
                                .unknown = on_unknown,
                                .failed = on_failed,
                                .ctx = s};
    growth_init(&g, s->log);
    (void)growth_open(&g);
    log_range_show(&r, &g, NULL);
    growth_fini(&g);
    assert_string_equal(s->lines.data, want);
    buf_clear(&s->lines);
}

static void finds_lines_by_the_index(void **state)
{
    static const int records[] = {0, 0, 10, 2, 20, 5, 30, 9, -1};
    struct scene *s = *state;
    write_log(s, "app-out.log", "a\nb\nc\nd\nend", T0 + 40000);
    write_index(s, "app-out.log", records);
    expect(s, -1, -1, "a@0 b@10 c@20 d@20 end@30 ");
    expect(s, 10, -1, "b@10 c@20 d@20 end@30 ");
    /* The record at 20 is in the middle of "c": that line is shown whole. */
    expect(s, 15, -1, "c@20 d@20 end@30 ");
    expect(s, 31, -1, "");
    expect(s, -1, 12, "a@0 b@10 c@20 ");
    expect(s, 5, 9, "");
    assert_string_equal(s->unknown.data, "");
}

static void ignores_records_past_the_end(void **state)
{
    static const int records[] = {0, 0, 10, 2, 30, 4, 40, 999, -1};
    struct scene *s = *state;
    struct log_index ix;
    write_log(s, "app-out.log", "a\nb\nc\n", T0 + 40000);
    write_index(s, "app-out.log", records);
    log_index_read(&ix, s->log, 6);
    assert_int_equal(ix.count, 3);
    assert_int_equal(ix.at[2].at_ms, T0 + 30000);
    assert_int_equal(log_index_since(&ix, T0 + 10999, 6), 2); /* within its second */
    assert_int_equal(log_index_since(&ix, T0 + 11000, 6), 4);
    assert_int_equal(log_index_until(&ix, T0 + 9999, 6), 2);
    log_index_fini(&ix);
    expect(s, 25, -1, "c@30 ");
}

/* Each bit of it, one at a time: what does not fit together is not used. */
static void a_damaged_index_is_not_used(void **state)
{
    static const int records[] = {0, 0, 10, 2, 30, 4, 40, 6, -1};
    struct scene *s = *state;
    struct log_index ix;
    char path[96];
    unsigned whole = 0;
    snprintf(path, sizeof(path), "%s/.app-out.log.idx", s->folder);
    write_log(s, "app-out.log", "a\nb\nc\nd\n", T0 + 40000);
    for (unsigned bit = 0; bit < 4 * 16 * 8; bit++) {
        unsigned char byte;
        write_index(s, "app-out.log", records);
        int fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, bit / 8), 1);
        byte = (unsigned char)(byte ^ (1U << (bit % 8)));
        assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
        close(fd);
        log_index_read(&ix, s->log, 8);
        for (size_t i = 1; i < ix.count; i++)
            assert_true(ix.at[i].at_ms > ix.at[i - 1].at_ms && ix.at[i].offset <= 8);
        whole += ix.count == 4;
        log_index_fini(&ix);
    }
    assert_in_range(whole, 1, 4 * 16 * 8 / 2); /* the low bits of a time or place still fit */
}

static void of_too_many_records_it_takes_the_last(void **state)
{
    struct scene *s = *state;
    struct log_index ix;
    char path[96];
    uint64_t words[4] = {htole64(T0), 0, htole64(T0 + 5000), htole64(3)};
    snprintf(path, sizeof(path), "%s/.app-out.log.idx", s->folder);
    write_bytes(path, words, 16, T0);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, words + 2, 16, (off_t)LIMIT_CLI_INDEX_RECORDS * 16), 16);
    close(fd);
    log_index_read(&ix, s->log, 6);
    assert_int_equal(ix.count, 1);
    assert_int_equal(ix.at[0].offset, 3);
    assert_int_equal(ix.at[0].span_ms, 64000);
    log_index_fini(&ix);
}

static void finds_lines_by_their_dates(void **state)
{
    struct scene *s = *state;
    write_log(s, "app-out.log",
              "before any date\n2025-11-27T12:00:00Z: a\n2025-11-27T12:00:10Z: b\n  of b\n"
              "2025-11-27T12:00:20Z: c\n",
              T0 + 20000);
    expect(s, 5, 15, "2025-11-27T12:00:10Z: b@10   of b@10 ");
    expect(s, 0, 0, "before any date@0 2025-11-27T12:00:00Z: a@0 ");
    assert_string_equal(s->unknown.data, "");
}

static void halves_a_large_file(void **state)
{
    struct scene *s = *state;
    AUTO(buf) text = BUF_INIT;
    for (int i = 0; i < 3600 * 4; i++)
        buf_printf(&text, "2025-11-27T%02d:%02d:%02dZ: some text that makes it longer and longer\n",
                   12 + i / 3600, i / 60 % 60, i % 60);
    assert_true(text.len > 800000);
    write_log(s, "app-out.log", text.data, T0 + 3600 * 4000);
    expect(s, 9000, 9001,
           "2025-11-27T14:30:00Z: some text that makes it longer and longer@9000 "
           "2025-11-27T14:30:01Z: some text that makes it longer and longer@9001 ");
}

static void without_times_it_is_all_or_nothing(void **state)
{
    struct scene *s = *state;
    write_log(s, "app-out.log", "a\nb\n", T0 + 10000);
    expect(s, 11, -1, "");
    assert_string_equal(s->unknown.data, "");
    expect(s, 5, -1, "a@10 b@10 ");
    assert_string_equal(s->unknown.data, "app-out.log");
}

static void before_the_first_record_lines_are_older(void **state)
{
    static const int records[] = {100, 4, -1};
    struct scene *s = *state;
    write_log(s, "app-out.log", "a\nb\nc\n", T0 + 100000);
    write_index(s, "app-out.log", records);
    expect(s, 100, -1, "c@100 ");
    assert_string_equal(s->unknown.data, "");
    expect(s, 50, -1, "a@100 b@100 c@100 ");
    assert_string_equal(s->unknown.data, "app-out.log");
}

static void write_packed(const struct scene *s, const char *stem, const char *ending,
                         const char *text)
{
    char path[128];
    char bytes[256];
    snprintf(path, sizeof(path), "%s/%s%s", s->folder, stem, ending);
    if (strcmp(ending, ".gz") == 0) {
        gzFile gz = gzopen(path, "wb");
        assert_int_equal(gzwrite(gz, text, (unsigned)strlen(text)), (int)strlen(text));
        gzclose(gz);
        return;
    }
    size_t n = ZSTD_compress(bytes, sizeof(bytes), text, strlen(text), 1);
    assert_false(ZSTD_isError(n));
    write_bytes(path, bytes, n, T0);
}

static void goes_through_rotated_files(void **state)
{
    static const int first[] = {0, 0, 10, 2, -1};
    static const int second[] = {20, 0, 30, 2, -1};
    static const int third[] = {40, 0, -1};
    static const int last[] = {50, 0, -1};
    struct scene *s = *state;
    write_packed(s, "app-out__2025-11-27_12-00-20.log", ".gz", "a\nb\n");
    write_index(s, "app-out__2025-11-27_12-00-20.log", first);
    write_packed(s, "app-out__2025-11-27_12-00-40.log", ".zst", "c\nd\n");
    write_index(s, "app-out__2025-11-27_12-00-40.log", second);
    write_log(s, "app-out__2025-11-27_12-00-50.log", "e\n", T0 + 45000);
    write_index(s, "app-out__2025-11-27_12-00-50.log", third);
    write_log(s, "app-out.log", "f\n", T0 + 50000);
    write_index(s, "app-out.log", last);
    write_log(s, "app-outer.log", "no\n", T0 + 50000);
    expect(s, -1, -1, "a@0 b@10 c@20 d@30 e@40 f@50 ");
    expect(s, 10, 35, "b@10 c@20 d@30 ");
    expect(s, 45, -1, "f@50 ");
    assert_int_equal(s->failed, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        TEST(finds_lines_by_the_index),           TEST(ignores_records_past_the_end),
        TEST(a_damaged_index_is_not_used),        TEST(of_too_many_records_it_takes_the_last),
        TEST(finds_lines_by_their_dates),         TEST(halves_a_large_file),
        TEST(without_times_it_is_all_or_nothing), TEST(before_the_first_record_lines_are_older),
        TEST(goes_through_rotated_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
