/* SPDX-License-Identifier: MIT
 * The saved list on the disk: replaced whole, the one before kept, and never a damaged one used. */
#include "dump_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"
#include "os/atomic_file.h"

struct fixture {
    char folder[64], file[96], backup[96], sum[96], aside[96];
    struct dump_paths paths;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->folder, sizeof(f->folder), "/tmp/pm2c-dump-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof(f->file), "%s/dump.pm2", f->folder);
    snprintf(f->backup, sizeof(f->backup), "%s/dump.pm2.bak", f->folder);
    snprintf(f->sum, sizeof(f->sum), "%s/dump.pm2.sum", f->folder);
    snprintf(f->aside, sizeof(f->aside), "%s/dump.pm2.damaged", f->folder);
    f->paths = (struct dump_paths){f->file, f->backup};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->file);
    (void)unlink(f->backup);
    (void)unlink(f->sum);
    (void)unlink(f->aside);
    int rc = rmdir(f->folder); /* nothing else may be left */
    free(f);
    return rc;
}

static void write_list(struct fixture *f, const char *name)
{
    struct err e = {0};
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "[{\"name\":\"%s\",\"pm_exec_path\":\"/x\"}]", name);
    assert_int_equal(dump_file_write(&f->paths, buf_str(&text), &e), 0);
    assert_string_equal(e.msg, "");
}

static void put(const char *path, struct str text)
{
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    assert_int_equal(fwrite(text.p, 1, text.n, to), text.n);
    assert_int_equal(fclose(to), 0);
}

static void get(const char *path, struct buf *ret)
{
    struct err e = {0};
    assert_int_equal(file_read(path, 1 << 20, ret, &e), 0);
}

/* The name of the only app that is found; "" = nothing is. */
static void expect_found(struct fixture *f, const char *name, bool from_backup)
{
    struct dump_found found;
    dump_file_read(&f->paths, &found);
    const json_t *entry = json_array_get(found.entries, 0);
    const char *got = json_string_value(json_object_get(entry, "name"));
    assert_string_equal(got ? got : "", name);
    assert_int_equal(found.from_backup, from_backup);
    assert_int_equal(found.file.code == 0, !from_backup && *name);
    json_decref(found.entries);
}

static void nothing_is_there(void **state)
{
    struct fixture *f = *state;
    struct dump_found found;
    dump_file_read(&f->paths, &found);
    assert_null(found.entries);
    assert_false(found.exists);
    assert_int_equal(found.file.code, -ENOENT);
    assert_int_equal(found.backup.code, -ENOENT);
}

static void the_list_before_is_kept(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    write_list(f, "one");
    expect_found(f, "one", false);
    assert_int_equal(access(f->backup, F_OK), -1);
    write_list(f, "two");
    expect_found(f, "two", false);
    (void)unlink(f->file);
    expect_found(f, "one", true);
    assert_int_equal(stat(f->backup, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* PM2's file is for everybody to read; ours and its backup are not. */
static void a_list_of_pm2_becomes_the_backup(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    put(f->file, STR("[{\"name\":\"old\",\"pm_exec_path\":\"/x\"}]"));
    assert_int_equal(chmod(f->file, 0644), 0);
    expect_found(f, "old", false);
    write_list(f, "new");
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(f->backup, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    put(f->file, STR("[{\"name\":\"by pm2 again\",\"pm_exec_path\":\"/x\"}]"));
    expect_found(f, "by pm2 again", false);
}

static void no_flipped_bit_gets_through(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    write_list(f, "one");
    write_list(f, "two");
    get(f->file, &text);
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
        put(f->file, buf_str(&text));
        expect_found(f, "one", true);
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ (1 << bit % 8));
    }
}

static void no_torn_list_gets_through(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) text = BUF_INIT;
    write_list(f, "one");
    write_list(f, "two");
    get(f->file, &text);
    for (size_t n = 0; n < text.len; n++) {
        put(f->file, (struct str){text.data, n});
        expect_found(f, "one", true);
    }
}

/* A damaged file of sums is no reason to refuse a list, unless it looks like a sum of another. */
static void sums_may_be_torn(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) sums = BUF_INIT;
    write_list(f, "one");
    get(f->sum, &sums);
    for (size_t n = 0; n < sums.len; n++) {
        put(f->sum, (struct str){sums.data, n});
        expect_found(f, "one", false);
    }
}

static void a_damaged_list_does_not_become_the_backup(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) aside = BUF_INIT;
    write_list(f, "one");
    write_list(f, "two");
    put(f->file, STR("[{\"name\":"));
    write_list(f, "three");
    expect_found(f, "three", false);
    get(f->aside, &aside);
    assert_string_equal(aside.data, "[{\"name\":");
    (void)unlink(f->file);
    expect_found(f, "one", true);
}

/* Somebody keeps his list elsewhere: the link stays one. */
static void a_link_is_followed(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char elsewhere[128];
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", f->folder);
    put(elsewhere, STR("[]"));
    assert_int_equal(symlink("elsewhere", f->file), 0);
    write_list(f, "one");
    write_list(f, "two");
    assert_int_equal(lstat(f->file, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    expect_found(f, "two", false);
    assert_int_equal(unlink(elsewhere), 0);
    expect_found(f, "one", true);
}

static void both_are_refused_with_reasons(void **state)
{
    struct fixture *f = *state;
    struct dump_found found;
    put(f->file, STR("{\"apps\":[]}"));
    put(f->backup, STR("nonsense"));
    dump_file_read(&f->paths, &found);
    assert_null(found.entries);
    assert_true(found.exists);
    assert_non_null(strstr(found.file.msg, "dump.pm2: it holds no list of apps"));
    assert_non_null(strstr(found.backup.msg, "dump.pm2.bak: "));
}

static void what_cannot_be_written_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    write_list(f, "one");
    assert_int_equal(mkdir(f->sum, 0700) < 0 && unlink(f->sum) == 0 && mkdir(f->sum, 0700) == 0,
                     true);
    char inner[128];
    snprintf(inner, sizeof(inner), "%s/x", f->sum); /* rename replaces no folder that holds one */
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_true(dump_file_write(&f->paths, STR("[]"), &e) < 0);
    assert_non_null(strstr(e.msg, "dump.pm2.sum"));
    expect_found(f, "one", false);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(f->sum), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_there),
        CASE(the_list_before_is_kept),
        CASE(a_list_of_pm2_becomes_the_backup),
        CASE(no_flipped_bit_gets_through),
        CASE(no_torn_list_gets_through),
        CASE(sums_may_be_torn),
        CASE(a_damaged_list_does_not_become_the_backup),
        CASE(a_link_is_followed),
        CASE(both_are_refused_with_reasons),
        CASE(what_cannot_be_written_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
