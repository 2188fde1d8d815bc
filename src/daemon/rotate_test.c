/* SPDX-License-Identifier: MIT
 * Rotation on real files: at the end of lines, nothing lost or doubled; names, limits, compression;
 * full disks (/dev/full, and a floor that no disk has). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/attr.h"
#include "base/buf.h"
#include "logfile.h"
#include "oldlogs.h"
#include "os/fd.h"
#include "rotate.h"

struct fixture {
    char dir[64];
    uv_loop_t loop;
    struct logfiles files;
    struct rotator *rotator;
    struct logfile *log;
    bool is_foreign;
};

static const char *path_of(const struct fixture *f, const char *name)
{
    static char path[400];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return path;
}

static bool is_foreign(void *ctx)
{
    return ((struct fixture *)ctx)->is_foreign;
}

static int setup(void **state)
{
    struct err e = {0};
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/pm2c-rotate-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    uv_loop_init(&f->loop);
    logfiles_init(&f->files);
    f->files.floor_bytes = 0;
    f->rotator = rotator_new(&f->loop, &f->files, is_foreign, f);
    f->log = logfile_open(&f->files, path_of(f, "app-out.log"), &e);
    assert_non_null(f->log);
    *state = f;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the folder, without those of indexes, in order; count. */
static size_t names_in(const struct fixture *f, char **ret, size_t room)
{
    size_t n = 0;
    DIR *d = opendir(f->dir);
    const struct dirent *entry;
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.' && n < room)
            ret[n++] = strdup(entry->d_name);
    closedir(d);
    qsort(ret, n, sizeof(*ret), by_name);
    return n;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    logfile_close(f->log);
    rotator_close(f->rotator);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    DIR *d = opendir(f->dir);
    const struct dirent *entry;
    while ((entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlink(path_of(f, entry->d_name));
    closedir(d);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void set_policy(struct fixture *f, int64_t max, int64_t retain, enum log_compress compress)
{
    f->log->policy = (struct log_policy){
        .max_bytes = max, .retain = retain, .compress = compress, .date_format = "[d]"};
    rotate_policy_changed(f->log);
}

static void put(struct fixture *f, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t n = left;
        off_t at = logfile_prepare(f->log, text, &n);
        assert_true(at >= 0);
        size_t w = logfile_put(f->log, text, n, at);
        assert_true(w > 0);
        text += w;
        left -= w;
    }
}

static void assert_content(const struct fixture *f, const char *name, const char *want)
{
    char got[512] = "";
    gzFile z = gzopen(path_of(f, name), "rb"); /* reads plain files as well */
    assert_non_null(z);
    assert_true(gzread(z, got, sizeof(got) - 1) >= 0);
    gzclose(z);
    assert_string_equal(got, want);
}

static void assert_names(struct fixture *f, const char *want)
{
    char *names[64] = {0};
    AUTO(buf) got = BUF_INIT;
    uv_run(&f->loop, UV_RUN_DEFAULT); /* the work in threads */
    size_t n = names_in(f, names, ARRAY_LEN(names));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&got, "%s ", names[i]);
        free(names[i]);
    }
    assert_string_equal(got.data, want);
}

static void test_at_the_end_of_lines(void **state)
{
    struct fixture *f = *state;
    set_policy(f, 10, 0, LOG_COMPRESS_NONE);
    put(f, "12345\n789\nabc\ndefghijklmnop\nq\n");
    put(f, "open");
    put(f, " line that is long\nrest\n");
    assert_names(f, "app-out.log app-out__d.log app-out__d_0001.log app-out__d_0002.log ");
    assert_content(f, "app-out__d.log", "12345\n789\n");
    assert_content(f, "app-out__d_0001.log", "abc\ndefghijklmnop\n");
    assert_content(f, "app-out__d_0002.log", "q\nopen line that is long\n");
    assert_content(f, "app-out.log", "rest\n");
    assert_int_equal(access(path_of(f, ".app-out__d.log.idx"), F_OK), 0);
}

static void test_bytes_in_a_pipe(void **state)
{
    struct fixture *f = *state;
    int fds[2];
    bool cut = false;
    ssize_t n;
    set_policy(f, 8, 0, LOG_COMPRESS_NONE);
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    const char text[] = "1234567890\nab\ncd\nef\ngh";
    assert_int_equal(write(fds[1], text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fds[1]);
    while ((n = logfile_move(f->log, fds[0], 1000, &cut)) > 0)
        ;
    assert_int_equal(n, 0);
    close(fds[0]);
    assert_names(f, "app-out.log app-out__d.log app-out__d_0001.log ");
    assert_content(f, "app-out__d.log", "1234567890\n");
    assert_content(f, "app-out__d_0001.log", "ab\ncd\nef\n");
    assert_content(f, "app-out.log", "gh");
}

static void test_oldest_go_first(void **state)
{
    struct fixture *f = *state;
    set_policy(f, 1, 2, LOG_COMPRESS_NONE);
    for (int i = 0; i < 6; i++) {
        char line[8];
        snprintf(line, sizeof(line), "%d\n", i);
        put(f, line);
        uv_run(&f->loop, UV_RUN_DEFAULT);
    }
    assert_names(f, "app-out.log app-out__d_0003.log app-out__d_0004.log ");
    assert_content(f, "app-out__d_0004.log", "4\n");
    set_policy(f, 1, 0, LOG_COMPRESS_NONE);
    f->log->policy.retain_bytes = 5;
    put(f, "6\n");
    assert_names(f, "app-out.log app-out__d_0004.log app-out__d_0005.log ");
}

static void test_compression(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    set_policy(f, 1, 0, LOG_COMPRESS_GZIP);
    assert_int_equal(chmod(path_of(f, "app-out.log"), 0640), 0);
    put(f, "one\ntwo\n");
    assert_names(f, "app-out.log app-out__d.log.gz ");
    assert_content(f, "app-out__d.log.gz", "one\n");
    stat(path_of(f, "app-out__d.log.gz"), &st);
    assert_int_equal(st.st_mode & 0777, 0640);
    stat(path_of(f, "app-out.log"), &st);
    assert_int_equal(st.st_mode & 0777, 0640); /* the new one, too */
    assert_int_equal(access(path_of(f, ".app-out__d.log.gz.idx"), F_OK), 0);
    set_policy(f, 1, 0, LOG_COMPRESS_ZSTD);
    put(f, "three\n");
    assert_names(f, "app-out.log app-out__d.log.gz app-out__d_0001.log.zst ");
}

/* What a death in the middle of compressing leaves is made good by the next rotation. */
static void test_interrupted_compression(void **state)
{
    struct fixture *f = *state;
    set_policy(f, 1, 0, LOG_COMPRESS_NONE);
    put(f, "one\ntwo\n");
    int fd = open(path_of(f, "app-out__d.log.gz"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    fd = open(path_of(f, ".app-out__d.log.gz.tmp"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    set_policy(f, 1, 0, LOG_COMPRESS_GZIP);
    put(f, "three\n");
    assert_names(f, "app-out.log app-out__d.log.gz app-out__d_0001.log.gz ");
    assert_content(f, "app-out__d.log.gz", "one\n");
    assert_int_equal(access(path_of(f, ".app-out__d.log.gz.tmp"), F_OK), -1);
}

static void test_numbers_go_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    int fd = open(path_of(f, "app-out__d_0041.log.gz"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    set_policy(f, 1, 0, LOG_COMPRESS_NONE);
    put(f, "one\ntwo\n");
    assert_names(f, "app-out.log app-out__d_0041.log.gz app-out__d_0042.log ");
}

static void test_others_rotate(void **state)
{
    struct fixture *f = *state;
    set_policy(f, 1, 0, LOG_COMPRESS_NONE);
    f->is_foreign = true;
    put(f, "one\ntwo\n");
    assert_names(f, "app-out.log ");
    assert_content(f, "app-out.log", "one\ntwo\n");
}

static void test_names_of_old_files(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool is_old, is_packed;
    } cases[] = {
        {"api__2026-11-27.log", true, false},
        {"api__2025-01-01_0002.log", true, false},
        {"api__2026-11-27.log.gz", true, true},
        {"api__2026-11-27_0001.log.zst", true, true},
        {"api__2.log", false, false},
        {"api__2026-11-27", false, false},
        {"api__2026-11-27-out.log", false, false},
        {"api-2026-11-27.log", false, false},
        {"api2__2026-11-27.log", false, false},
        {"api.log", false, false},
        {".api__2026-11-27.log.idx", false, false},
        {"api__x026-11-27.log", false, false},
    };
    struct oldlogs_name name;
    assert_true(oldlogs_name("/x/api.log", &name));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool is_packed;
        bool is_old = oldlogs_is_old(&name, cases[i].file, "2026-11-27", &is_packed);
        if (is_old != cases[i].is_old || (is_old && is_packed != cases[i].is_packed))
            fail_msg("%s", cases[i].file);
    }
}

/* ---- full disks ---- */

static void test_floor_of_free_space(void **state)
{
    struct fixture *f = *state;
    size_t n = 5;
    f->files.floor_bytes = INT64_MAX;
    assert_int_equal(logfile_prepare(f->log, "lost\n", &n), -ENOSPC);
    assert_int_equal(f->log->dropped_bytes, 5);
    f->files.floor_bytes = 0;
    f->log->retry_ms = f->log->look_ms = 0; /* the time has passed */
    put(f, "again\n");
    char got[256] = "";
    int fd = open(path_of(f, "app-out.log"), O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, got, sizeof(got) - 1) > 0);
    close(fd);
    assert_non_null(strstr(got, ": PM2: 5 bytes of output were lost: no free space\nagain\n"));
}

static void test_who_blocks_loses_nothing(void **state)
{
    struct fixture *f = *state;
    size_t n = 5;
    f->log->policy.blocks = true;
    f->files.floor_bytes = INT64_MAX;
    assert_int_equal(logfile_prepare(f->log, "wait\n", &n), -EBUSY);
    assert_int_equal(f->log->dropped_bytes, 0);
    f->files.floor_bytes = 0;
    f->log->retry_ms = f->log->look_ms = 0;
    put(f, "wait\n");
    assert_content(f, "app-out.log", "wait\n");
}

static void test_dropping_ends_at_a_line(void **state)
{
    struct fixture *f = *state;
    int fds[2];
    bool cut = false;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    f->log->policy.is_json = true; /* the notice is JSON then */
    put(f, "begin of a line");
    f->files.floor_bytes = INT64_MAX;
    f->log->look_ms = 0;
    assert_int_equal(write(fds[1], "lost\nlos", 8), 8);
    assert_int_equal(logfile_move(f->log, fds[0], 1000, &cut), 8);
    assert_true(cut);
    f->files.floor_bytes = 0;
    f->log->retry_ms = f->log->look_ms = 0;
    assert_int_equal(write(fds[1], "t\nkept\n", 7), 7);
    assert_int_equal(logfile_move(f->log, fds[0], 1000, &cut), 2);
    assert_false(cut);
    assert_int_equal(logfile_move(f->log, fds[0], 1000, &cut), 5);
    close(fds[0]);
    close(fds[1]);
    char got[512] = "";
    int fd = open(path_of(f, "app-out.log"), O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, got, sizeof(got) - 1) > 0);
    close(fd);
    assert_int_equal(f->log->dropped_bytes, 10);
    assert_int_equal(strncmp(got, "begin of a line\n{\"message\":\"PM2: 8 bytes of output", 50), 0);
    assert_non_null(strstr(got, "{\"message\":\"PM2: 2 bytes of output were lost"));
    assert_non_null(strstr(got, "\"type\":\"PM2\"}\nkept\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_at_the_end_of_lines),     TEST(test_bytes_in_a_pipe),
        TEST(test_oldest_go_first),         TEST(test_compression),
        TEST(test_interrupted_compression), TEST(test_numbers_go_on_after_a_restart),
        TEST(test_others_rotate),           TEST(test_names_of_old_files),
        TEST(test_floor_of_free_space),     TEST(test_who_blocks_loses_nothing),
        TEST(test_dropping_ends_at_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
