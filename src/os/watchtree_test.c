/* SPDX-License-Identifier: MIT
 * Watched trees, on real files. inotify tells what this process does at once, so nothing waits. */
#include "os/watchtree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[64];
    struct watchtree *w;
    struct watch_root *root;
    unsigned changes, asked;
    char last[PATH_MAX];
    int problem;
    struct watch_ops ops;
};

static enum watch_verdict verdict(void *ctx, const char *path, bool is_folder)
{
    struct fixture *f = ctx;
    const char *name = strrchr(path, '/') + 1;
    (void)is_folder;
    f->asked++;
    return strcmp(name, "skip") == 0   ? WATCH_SKIP
           : strcmp(name, "pass") == 0 ? WATCH_PASS
                                       : WATCH_COUNT;
}

static void changed(void *ctx, const char *path)
{
    struct fixture *f = ctx;
    f->changes++;
    snprintf(f->last, sizeof(f->last), "%s", path);
}

static void problem(void *ctx, const char *path, int code)
{
    struct fixture *f = ctx;
    (void)path;
    f->problem = code;
}

static const char *at(struct fixture *f, const char *name)
{
    static char path[4][PATH_MAX];
    static unsigned turn;
    char *ret = path[turn++ % 4];
    snprintf(ret, PATH_MAX, "%s/%s", f->dir, name);
    return ret;
}

static void make_file(struct fixture *f, const char *name)
{
    int fd = open(at(f, name), O_WRONLY | O_CREAT | O_APPEND, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void make_dir(struct fixture *f, const char *name)
{
    assert_int_equal(mkdir(at(f, name), 0755), 0);
}

/* Number of changes told since the last look. */
static unsigned look(struct fixture *f)
{
    f->changes = 0;
    for (int i = 0; i < 3; i++) {
        watchtree_read(f->w);
        while (watchtree_work(f->w, 1))
            ;
    }
    return f->changes;
}

static void begin(struct fixture *f, const char *name)
{
    f->root = watchtree_add(f->w, *name ? at(f, name) : f->dir, &f->ops);
    assert_non_null(f->root);
    assert_int_equal(look(f), 0);
}

static void assert_changed(struct fixture *f, const char *name)
{
    if (look(f) == 0)
        fail_msg("no change told for %s", name);
    assert_string_equal(f->last, *name ? at(f, name) : f->dir);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/watchtree.XXXXXX");
    if (!mkdtemp(f->dir)) {
        free(f);
        return -1;
    }
    f->w = watchtree_new(&e);
    f->ops = (struct watch_ops){verdict, changed, problem, f, -1, true};
    *state = f;
    return f->w ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    watchtree_free(f->w);
    int rc = nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return rc;
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    make_file(f, "old");
    make_dir(f, "sub");
    begin(f, "");
    make_file(f, "old");
    assert_changed(f, "old");
    make_file(f, "sub/new");
    assert_changed(f, "sub/new");
    assert_int_equal(unlink(at(f, "sub/new")), 0);
    assert_changed(f, "sub/new");
    assert_int_equal(rename(at(f, "old"), at(f, "sub/moved")), 0);
    assert_changed(f, "sub/moved");
    assert_int_equal(rmdir(at(f, "sub")) == -1 && errno == ENOTEMPTY, 1);
    assert_int_equal(look(f), 0);
}

static void test_attributes(void **state)
{
    struct fixture *f = *state;
    make_file(f, "a");
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, at(f, "a"), old, 0), 0);
    begin(f, "");
    assert_int_equal(chmod(at(f, "a"), 0600), 0);
    assert_int_equal(look(f), 0);
    assert_int_equal(utimensat(AT_FDCWD, at(f, "a"), NULL, 0), 0); /* touch */
    assert_changed(f, "a");
    close(open(at(f, "a"), O_RDONLY));
    close(open(at(f, "a"), O_WRONLY)); /* opened, nothing written */
    assert_int_equal(look(f), 0);
}

static void test_new_folders(void **state)
{
    struct fixture *f = *state;
    begin(f, "");
    make_dir(f, "a");
    make_dir(f, "a/b"); /* before there is a watch on a */
    make_file(f, "a/b/c");
    assert_changed(f, "a/b/c");
    make_file(f, "a/b/d");
    assert_changed(f, "a/b/d");
    assert_int_equal(rename(at(f, "a"), at(f, "z")), 0);
    assert_changed(f, "z/b/d");
    make_file(f, "z/b/e");
    assert_changed(f, "z/b/e");
    assert_int_equal(watchtree_root_size(f->root), 4); /* sentry, root, z, z/b */
}

static void test_moved_out(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "w");
    make_dir(f, "w/a");
    make_dir(f, "w/a/b");
    begin(f, "w");
    assert_int_equal(rename(at(f, "w/a"), at(f, "gone")), 0);
    assert_changed(f, "w/a");
    make_file(f, "gone/b/x");
    assert_int_equal(look(f), 0);
    assert_int_equal(watchtree_root_size(f->root), 2);
}

static void test_skipped(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "skip");
    make_dir(f, "skip/in");
    make_dir(f, "pass");
    begin(f, "");
    assert_int_equal(watchtree_root_size(f->root), 3);
    make_file(f, "skip/in/x");
    make_dir(f, "skip/more");
    assert_int_equal(look(f), 0);
    make_file(f, "pass/x");
    assert_changed(f, "pass/x");
    assert_int_equal(rename(at(f, "pass"), at(f, "other")), 0);
    assert_true(look(f) > 0);
    assert_int_equal(rename(at(f, "other"), at(f, "pass")), 0);
    assert_true(look(f) > 0);
}

static void test_depth(void **state)
{
    struct fixture *f = *state;
    f->ops.max_depth = 1;
    make_dir(f, "a");
    make_dir(f, "a/b");
    begin(f, "");
    make_file(f, "a/x");
    assert_changed(f, "a/x");
    make_file(f, "a/b/x");
    assert_int_equal(look(f), 0);
}

static void test_single_file(void **state)
{
    struct fixture *f = *state;
    make_file(f, "conf");
    make_file(f, "other");
    begin(f, "conf");
    make_file(f, "other");
    assert_int_equal(look(f), 0);
    make_file(f, "conf");
    assert_changed(f, "conf");
    make_file(f, "tmp");
    assert_int_equal(look(f), 0);
    assert_int_equal(rename(at(f, "tmp"), at(f, "conf")), 0);
    assert_changed(f, "conf");
    make_file(f, "conf");
    assert_changed(f, "conf");
    assert_int_equal(unlink(at(f, "conf")), 0);
    assert_changed(f, "conf");
    make_file(f, "conf");
    assert_changed(f, "conf");
    make_file(f, "conf");
    assert_changed(f, "conf");
}

static void test_not_there_yet(void **state)
{
    struct fixture *f = *state;
    begin(f, "a/b/c");
    assert_int_equal(f->problem, -ENOENT);
    make_dir(f, "a");
    assert_int_equal(look(f), 0);
    make_dir(f, "a/other");
    make_dir(f, "a/b");
    assert_int_equal(look(f), 0);
    make_dir(f, "a/b/c");
    assert_changed(f, "a/b/c");
    make_file(f, "a/b/c/d");
    assert_changed(f, "a/b/c/d");
}

/* The working folder of a process that lives: the kernel does not tell its own end. */
static void test_root_replaced(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "r");
    int held = open(at(f, "r"), O_RDONLY | O_DIRECTORY);
    begin(f, "r");
    assert_int_equal(rmdir(at(f, "r")), 0);
    assert_changed(f, "r");
    make_dir(f, "r");
    assert_changed(f, "r");
    make_file(f, "r/x");
    assert_changed(f, "r/x");
    assert_int_equal(rename(at(f, "r"), at(f, "away")), 0);
    assert_changed(f, "r");
    make_file(f, "away/y");
    assert_int_equal(look(f), 0);
    close(held);
}

static void test_links(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "w");
    make_dir(f, "out");
    make_dir(f, "out/deep");
    make_file(f, "file");
    assert_int_equal(symlink("../out", at(f, "w/link")), 0);
    assert_int_equal(symlink("..", at(f, "out/loop")), 0);
    assert_int_equal(symlink("../file", at(f, "w/f")), 0);
    begin(f, "w");
    make_file(f, "out/deep/x");
    assert_changed(f, "w/link/deep/x");
    make_file(f, "file");
    assert_true(look(f) > 0);
    make_file(f, "tmp");
    look(f);
    assert_int_equal(rename(at(f, "tmp"), at(f, "file")), 0);
    assert_true(look(f) > 0);
    make_file(f, "file");
    assert_true(look(f) > 0);
}

static void test_links_not_followed(void **state)
{
    struct fixture *f = *state;
    f->ops.follow_links = false;
    make_dir(f, "w");
    make_dir(f, "out");
    assert_int_equal(symlink("../out", at(f, "w/link")), 0);
    begin(f, "w");
    make_file(f, "out/x");
    assert_int_equal(look(f), 0);
    assert_int_equal(unlink(at(f, "w/link")), 0);
    assert_changed(f, "w/link");
}

/* A link "current" that is pointed elsewhere, as deployments do. */
static void test_root_is_link(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "one");
    make_dir(f, "two");
    assert_int_equal(symlink("one", at(f, "current")), 0);
    begin(f, "current");
    make_file(f, "one/x");
    assert_changed(f, "current/x");
    assert_int_equal(symlink("two", at(f, "new")), 0);
    assert_int_equal(rename(at(f, "new"), at(f, "current")), 0);
    assert_changed(f, "current");
    make_file(f, "one/y");
    assert_int_equal(look(f), 0);
    make_file(f, "two/y");
    assert_changed(f, "current/y");
}

static void test_shared_folder(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "w");
    begin(f, "w");
    struct watch_root *first = f->root;
    begin(f, "w");
    make_file(f, "w/x");
    assert_int_equal(look(f) % 2, 0); /* each is told */
    watchtree_remove(first);
    make_file(f, "w/y");
    assert_changed(f, "w/y");
    watchtree_remove(f->root);
    make_file(f, "w/z");
    assert_int_equal(look(f), 0);
}

/* In a process of its own that has changed what it may do; false: it cannot. */
static void in_child(struct fixture *f, bool (*restrict_self)(void), int problem_wanted)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err e;
        if (!restrict_self())
            _exit(77);
        struct watchtree *w = watchtree_new(&e);
        struct watch_root *r = w ? watchtree_add(w, f->dir, &f->ops) : NULL;
        while (r && watchtree_work(w, 8))
            ;
        _exit(f->problem == problem_wanted ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool be_nobody(void)
{
    return geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
}

static void test_unreadable(void **state)
{
    struct fixture *f = *state;
    make_dir(f, "a");
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod(at(f, "a"), 0), 0);
    in_child(f, be_nobody, -EACCES);
    assert_int_equal(chmod(at(f, "a"), 0755), 0);
}

/* The limit of a user namespace is the same one, and nobody else's. */
static bool have_five_watches(void)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return false;
    int fd = open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "5", 1) == 1;
}

static void test_limit_reached(void **state)
{
    struct fixture *f = *state;
    char name[8];
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        make_dir(f, name);
    }
    in_child(f, have_five_watches, -ENOSPC);
}

static void test_overflow(void **state)
{
    struct fixture *f = *state;
    long limit = watchtree_limit("max_queued_events");
    assert_true(limit > 0);
    if (limit > 100000)
        skip();
    make_file(f, "a");
    make_file(f, "b");
    begin(f, "");
    make_dir(f, "lost");
    for (long i = 0; i <= limit; i++) /* equal events in a row would be one */
        make_file(f, i % 2 ? "a" : "b");
    assert_true(look(f) > 0);
    look(f);
    make_file(f, "lost/x");
    assert_changed(f, "lost/x");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_files),
        T(test_attributes),
        T(test_new_folders),
        T(test_moved_out),
        T(test_skipped),
        T(test_depth),
        T(test_single_file),
        T(test_not_there_yet),
        T(test_root_replaced),
        T(test_links),
        T(test_links_not_followed),
        T(test_root_is_link),
        T(test_shared_folder),
        T(test_unreadable),
        T(test_overflow),
        T(test_limit_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
