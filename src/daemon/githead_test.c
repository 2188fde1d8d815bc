/* SPDX-License-Identifier: MIT
 * Commits as git lays them down: a branch, a packed one, a detached head, a work tree. */
#include "githead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <ftw.h>

#include "base/buf.h"
#include "os/atomic_file.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char root[64];

static void make(const char *name, const char *content)
{
    struct err e = {0};
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/%s", root, name);
    for (char *at = path.data + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path.data, 0700);
        *at = '/';
    }
    if (content)
        assert_int_equal(file_replace(path.data, str_from(content), &e), 0);
    else
        assert_int_equal(mkdir(path.data, 0700), 0);
}

static void expect(const char *folder, const char *want)
{
    char got[GITHEAD_BYTES];
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s%s%s", root, *folder ? "/" : "", folder);
    githead_find(path.data, got);
    assert_string_equal(got, want);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/pm2c-git-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_branch(void **state)
{
    (void)state;
    make("app/.git/HEAD", "ref: refs/heads/main\n");
    make("app/.git/refs/heads/main", COMMIT "\n");
    make("app/lib/deep", NULL);
    expect("app", "0123456789ab");
    expect("app/lib/deep", "0123456789ab");
    expect("", "");
    expect("nowhere", "");
}

static void a_packed_branch(void **state)
{
    (void)state;
    make("app/.git/HEAD", "ref: refs/heads/main\n");
    make("app/.git/packed-refs",
         "# pack-refs with: peeled\n"
         "ffffffffffffffffffffffffffffffffffffffff refs/heads/main2\n" COMMIT " refs/heads/main\n");
    expect("app", "0123456789ab");
}

static void a_detached_head(void **state)
{
    (void)state;
    make("app/.git/HEAD", COMMIT "\n");
    expect("app", "0123456789ab");
}

static void a_work_tree(void **state)
{
    (void)state;
    make("repo/.git/HEAD", "ref: refs/heads/main\n");
    make("repo/.git/refs/heads/side", COMMIT "\n");
    make("repo/.git/worktrees/w/HEAD", "ref: refs/heads/side\n");
    make("repo/.git/worktrees/w/commondir", "../..\n");
    make("w/.git", "gitdir: ../repo/.git/worktrees/w\n");
    expect("w", "0123456789ab");
}

static void nonsense(void **state)
{
    (void)state;
    make("app/.git/HEAD", "ref: refs/heads/none\n");
    make("b/.git/HEAD", "no commit at all\n");
    make("c/.git", "nothing\n");
    expect("app", "");
    expect("b", "");
    expect("c", "");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(a_branch), CASE(a_packed_branch), CASE(a_detached_head),
                                       CASE(a_work_tree), CASE(nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
