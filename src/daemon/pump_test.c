/* SPDX-License-Identifier: MIT
 * Log files and pumps on real pipes and a real loop: bytes whole, order kept, truncation from
 * outside without holes, several streams into one file, the combined file, the tap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "logfile.h"
#include "os/fd.h"
#include "pump.h"

struct fixture {
    char dir[64];
    uv_loop_t loop;
    struct logfiles files;
    struct buf seen;
    bool wants;
    int eofs;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/pm2c-pump-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    uv_loop_init(&f->loop);
    logfiles_init(&f->files);
    buf_init(&f->seen);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char name[128];
    static const char *const names[] = {".out.log.idx",     ".all.log.idx",
                                        "out.log",          "all.log",
                                        "sub/deep/out.log", "sub/deep/.out.log.idx",
                                        "sub/deep",         "sub"};
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* a leaked handle fails the test */
    assert_true(list_empty(&f->files.all));       /* a leaked file, too */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(name, sizeof(name), "%s/%s", f->dir, names[i]);
        if (unlink(name) < 0)
            rmdir(name);
    }
    assert_int_equal(rmdir(f->dir), 0);
    buf_fini(&f->seen);
    free(f);
    return 0;
}

static bool wants(void *ctx)
{
    return ((struct fixture *)ctx)->wants;
}

static void bytes(void *ctx, struct pump *p, struct str chunk)
{
    (void)p;
    buf_add_str(&((struct fixture *)ctx)->seen, chunk);
}

static void eof(void *ctx, struct pump *p)
{
    ((struct fixture *)ctx)->eofs++;
    pump_close(p);
}

static const char *path_of(struct fixture *f, const char *name)
{
    static char path[160];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return path;
}

static struct logfile *open_log(struct fixture *f, const char *name)
{
    struct err e = {0};
    struct logfile *log = logfile_open(&f->files, path_of(f, name), &e);
    assert_non_null(log);
    return log;
}

static void put(struct logfile *log, const char *bytes, size_t n)
{
    size_t left = n;
    off_t at = logfile_prepare(log, bytes, &left);
    assert_true(at >= 0);
    assert_int_equal(logfile_put(log, bytes, left, at), n);
}

static struct pump *new_pump(struct fixture *f, int *ret_write_end, struct logfile *file,
                             struct logfile *combined, bool discard)
{
    int fds[2];
    struct pump_handler h = {f, wants, bytes, eof};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fd_set_nonblock(fds[0], true);
    *ret_write_end = fds[1];
    struct pump_output out = {.file = file, .combined = combined, .discard = discard};
    struct pump *p = pump_new(&f->loop, fds[0], &out, &h);
    assert_non_null(p);
    return p;
}

static void assert_content(struct fixture *f, const char *name, const char *expected)
{
    char content[4096];
    int fd = open(path_of(f, name), O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, content, sizeof(content));
    assert_int_equal(n, (ssize_t)strlen(expected));
    assert_memory_equal(content, expected, (size_t)n);
    close(fd);
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void test_bytes_reach_the_file(void **state)
{
    struct fixture *f = *state;
    int w;
    new_pump(f, &w, open_log(f, "out.log"), NULL, false);
    say(w, "one\ntwo with no end");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->eofs, 1);
    assert_content(f, "out.log", "one\ntwo with no end");
    struct stat st;
    stat(path_of(f, "out.log"), &st);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_existing_content_is_kept(void **state)
{
    struct fixture *f = *state;
    int w;
    int fd = open(path_of(f, "out.log"), O_WRONLY | O_CREAT, 0600);
    say(fd, "old\n");
    close(fd);
    new_pump(f, &w, open_log(f, "out.log"), NULL, false);
    say(w, "new\n");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_content(f, "out.log", "old\nnew\n");
}

static void test_truncation_from_outside_leaves_no_hole(void **state)
{
    struct fixture *f = *state;
    int w;
    struct pump *p = new_pump(f, &w, open_log(f, "out.log"), NULL, false);
    say(w, "before the rotation\n");
    pump_drain(p);
    assert_int_equal(truncate(path_of(f, "out.log"), 0), 0);
    say(w, "after\n");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_content(f, "out.log", "after\n");
}

static void test_two_streams_share_a_file(void **state)
{
    struct fixture *f = *state;
    int a;
    int b;
    struct logfile *one = open_log(f, "out.log");
    struct logfile *two = open_log(f, "out.log");
    assert_ptr_equal(one, two);
    struct pump *pa = new_pump(f, &a, one, NULL, false);
    struct pump *pb = new_pump(f, &b, two, NULL, false);
    say(a, "a1\n");
    pump_drain(pa);
    say(b, "b1\n");
    pump_drain(pb);
    say(a, "a2\n");
    pump_drain(pa);
    close(a);
    close(b);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_content(f, "out.log", "a1\nb1\na2\n");
}

static void test_combined_and_tap_see_what_the_file_gets(void **state)
{
    struct fixture *f = *state;
    int w;
    f->wants = true;
    new_pump(f, &w, open_log(f, "out.log"), open_log(f, "all.log"), false);
    say(w, "seen by all\n");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_content(f, "out.log", "seen by all\n");
    assert_content(f, "all.log", "seen by all\n");
    assert_string_equal(f->seen.data, "seen by all\n");
}

static void test_discard_and_null(void **state)
{
    struct fixture *f = *state;
    int w;
    f->wants = true;
    new_pump(f, &w, open_log(f, "out.log"), NULL, true);
    say(w, "disabled\n");
    close(w);
    new_pump(f, &w, NULL, NULL, false); /* /dev/null: shown, not written */
    say(w, "only shown\n");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_content(f, "out.log", "");
    assert_string_equal(f->seen.data, "only shown\n");
}

static void test_folders_are_made(void **state)
{
    struct fixture *f = *state;
    struct logfile *log = open_log(f, "sub/deep/out.log");
    put(log, "x\n", 2);
    logfile_close(log);
    assert_content(f, "sub/deep/out.log", "x\n");
}

static void test_folder_in_place_of_a_file_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    assert_int_equal(mkdir(path_of(f, "sub"), 0700), 0);
    assert_null(logfile_open(&f->files, path_of(f, "sub"), &e));
    assert_int_equal(e.code, -EISDIR);
    assert_non_null(strstr(e.msg, "EISDIR"));
    assert_non_null(strstr(e.msg, path_of(f, "sub")));
}

/* /dev/full refuses every byte: the pipe must be emptied all the same. */
static void test_full_disk_does_not_block(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int w;
    struct logfile *log = logfile_open(&f->files, "/dev/full", &e);
    assert_non_null(log);
    log->refs++;
    new_pump(f, &w, log, NULL, false);
    say(w, "lost\n");
    close(w);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->eofs, 1);
    assert_true(log->dropped_bytes == 5);
    logfile_close(log);
}

static void test_reopen_follows_a_rename(void **state)
{
    struct fixture *f = *state;
    char moved[160];
    struct logfile *log = open_log(f, "out.log");
    put(log, "first\n", 6);
    snprintf(moved, sizeof(moved), "%s", path_of(f, "all.log"));
    assert_int_equal(rename(path_of(f, "out.log"), moved), 0);
    put(log, "still first\n", 12);
    logfiles_reopen(&f->files);
    put(log, "second\n", 7);
    logfile_close(log);
    assert_content(f, "all.log", "first\nstill first\n");
    assert_content(f, "out.log", "second\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_reach_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_existing_content_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncation_from_outside_leaves_no_hole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_two_streams_share_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_combined_and_tap_see_what_the_file_gets, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_discard_and_null, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folders_are_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_in_place_of_a_file_is_an_error, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_does_not_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen_follows_a_rename, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
