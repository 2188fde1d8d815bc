/* SPDX-License-Identifier: MIT
 * Output that passes through a spool, with a death at each step: the next spool on the same memory
 * goes on at exactly the right byte. A death is to forget the spool and to open its memfd again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "logfile.h"
#include "os/fd.h"
#include "spool.h"

struct fixture {
    char dir[64];
    struct logfiles files;
    struct logfile *log[SPOOL_FILES];
    struct spool *s;
    int pipe[2];
};

static char *path_of(const struct fixture *f, const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return path;
}

static int setup(void **state)
{
    struct err e = {0};
    int rc;
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/pm2c-spool-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    logfiles_init(&f->files);
    f->log[0] = logfile_open(&f->files, path_of(f, "a.log"), &e);
    f->log[1] = logfile_open(&f->files, path_of(f, "b.log"), &e);
    f->s = spool_new(-1, &rc);
    assert_non_null(f->s);
    assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    (void)fcntl(f->pipe[1], F_SETPIPE_SZ, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a.log", "b.log", ".a.log.idx", ".b.log.idx"};
    struct fixture *f = *state;
    for (int i = 0; i < SPOOL_FILES; i++)
        logfile_close(f->log[i]);
    spool_free(f->s);
    fd_close(&f->pipe[0]);
    fd_close(&f->pipe[1]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unlink(path_of(f, names[i]));
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void die(struct fixture *f)
{
    int rc;
    int fd = dup(spool_fd(f->s)); /* the keeper's: the same description */
    spool_free(f->s);
    f->s = spool_new(fd, &rc);
    assert_int_equal(rc, 0);
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->pipe[1], text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(spool_fill(f->s, f->pipe[0]), (ssize_t)strlen(text));
}

static void assert_raw(const struct fixture *f, const char *want, bool want_in_line)
{
    bool in_line;
    struct str raw = spool_raw(f->s, &in_line);
    assert_int_equal(raw.n, strlen(want));
    assert_memory_equal(raw.p, want, raw.n);
    assert_int_equal(in_line, want_in_line);
}

static void assert_file(const struct fixture *f, const char *name, const char *want)
{
    char got[256] = "";
    int fd = open(path_of(f, name), O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, got, sizeof(got) - 1) >= 0);
    assert_string_equal(got, want);
    close(fd);
}

static void test_raw_bytes_survive(void **state)
{
    struct fixture *f = *state;
    say(f, "one\ntw");
    die(f);
    assert_raw(f, "one\ntw", false);
    say(f, "o\n");
    die(f);
    assert_raw(f, "one\ntwo\n", false);
}

static void test_what_is_committed_is_written_once(void **state)
{
    struct fixture *f = *state;
    say(f, "one\ntw");
    spool_commit(f->s, STR("D: one\n"), 4, false);
    die(f);
    assert_true(spool_is_pending(f->s));
    assert_int_equal(spool_fill(f->s, f->pipe[0]), -ENOBUFS);
    assert_int_equal(spool_write(f->s, f->log), 0);
    die(f);
    assert_false(spool_is_pending(f->s));
    assert_int_equal(spool_write(f->s, f->log), 0);
    assert_file(f, "a.log", "D: one\n");
    assert_file(f, "b.log", "D: one\n");
    assert_raw(f, "tw", false);
}

static void test_open_line_is_remembered(void **state)
{
    struct fixture *f = *state;
    say(f, "Name? ");
    spool_commit(f->s, STR("D: Name? "), 6, true);
    assert_int_equal(spool_write(f->s, f->log), 0);
    die(f);
    assert_raw(f, "", true);
    say(f, "Bob\n"); /* starts over at the front */
    die(f);
    assert_raw(f, "Bob\n", true);
}

/* The words of struct head that a death between two steps leaves; offsets as in spool.c. */
struct head_image {
    uint64_t magic, used, move, pending, used_after, text_at, text_len;
    struct {
        uint64_t at, done;
    } targets[SPOOL_FILES];
};

static void with_head(struct fixture *f, void (*change)(struct head_image *h))
{
    struct head_image *h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, spool_fd(f->s), 0);
    assert_true(h != MAP_FAILED);
    change(h);
    munmap(h, 4096);
}

static void announced(struct head_image *h)
{
    assert_int_equal(h->pending, 1);
    h->targets[0].at = 4;   /* behind "old\n" */
    h->targets[0].done = 1; /* nothing noted, one announced */
}

/* A write is announced, and SIGKILL comes before or while or after it is done. */
static void test_half_done_writes_are_completed(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "D: one\nD: two\n";
    for (size_t done = 0; done < sizeof(text); done++) {
        int fd = open(path_of(f, "a.log"), O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, "old\n", 4), 4);
        assert_int_equal(write(fd, text, done), (ssize_t)done);
        close(fd);
        say(f, "one\ntwo\n");
        spool_commit(f->s, str_from(text), 8, false);
        with_head(f, announced);
        die(f);
        struct logfile *const only[SPOOL_FILES] = {f->log[0], NULL};
        assert_int_equal(spool_write(f->s, only), 0);
        assert_file(f, "a.log", "old\nD: one\nD: two\n");
        assert_raw(f, "", false);
    }
}

static void position_was_reset(struct head_image *h)
{
    h->used = 100 << 1; /* behind the position, which is at the front already */
}

static void test_death_while_starting_over(void **state)
{
    struct fixture *f = *state;
    with_head(f, position_was_reset);
    die(f);
    assert_raw(f, "", false);
    say(f, "x\n");
    assert_raw(f, "x\n", false);
}

static void test_an_open_line_moves_to_the_front(void **state)
{
    struct fixture *f = *state;
    char block[32768];
    size_t total = 0;
    size_t used = 0;
    memset(block, 'x', sizeof(block));
    block[sizeof(block) - 1] = '\n';
    while (total < 3UL << 20) { /* several times what it holds; each time an open line stays */
        bool in_line;
        assert_int_equal(write(f->pipe[1], block + 100, sizeof(block) - 100),
                         (ssize_t)sizeof(block) - 100);
        assert_int_equal(write(f->pipe[1], block, 100), 100);
        ssize_t n = spool_fill(f->s, f->pipe[0]);
        assert_int_equal(n, (ssize_t)sizeof(block));
        total += (size_t)n;
        die(f);
        struct str raw = spool_raw(f->s, &in_line);
        assert_int_equal(raw.n, total - used);
        size_t whole = raw.n - 100;
        assert_int_equal(raw.p[whole - 1], '\n');
        spool_commit(f->s, (struct str){raw.p, whole}, whole, false);
        assert_int_equal(spool_write(f->s, f->log), 0);
        used += whole;
    }
    struct stat st;
    assert_int_equal(stat(path_of(f, "b.log"), &st), 0);
    assert_int_equal(st.st_size, (off_t)used);
    spool_rest(f->s); /* not while something is kept */
    bool in_line;
    assert_int_equal(spool_raw(f->s, &in_line).n, 100);
}

static void test_rest_gives_memory_back(void **state)
{
    struct fixture *f = *state;
    static char block[120000];
    struct stat before;
    struct stat after;
    assert_int_equal(write(f->pipe[1], block, sizeof(block)), (ssize_t)sizeof(block));
    assert_true(spool_fill(f->s, f->pipe[0]) == sizeof(block));
    bool in_line;
    spool_commit(f->s, spool_raw(f->s, &in_line), sizeof(block), false);
    assert_int_equal(spool_write(f->s, f->log), 0);
    fstat(spool_fd(f->s), &before);
    spool_rest(f->s);
    fstat(spool_fd(f->s), &after);
    assert_true(after.st_blocks * 512 <= 8192 && before.st_blocks > after.st_blocks);
    die(f);
    say(f, "x\n");
    assert_raw(f, "x\n", false);
}

static void test_what_is_no_spool_is_refused(void **state)
{
    (void)state;
    int rc;
    int fd = memfd_create("other", MFD_CLOEXEC);
    assert_null(spool_new(fd, &rc));
    assert_int_equal(rc, -EPROTO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_raw_bytes_survive),         TEST(test_what_is_committed_is_written_once),
        TEST(test_open_line_is_remembered),   TEST(test_half_done_writes_are_completed),
        TEST(test_death_while_starting_over), TEST(test_an_open_line_moves_to_the_front),
        TEST(test_rest_gives_memory_back),    TEST(test_what_is_no_spool_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
