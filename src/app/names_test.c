/* SPDX-License-Identifier: MIT
 * Names as the real PM2 makes them (7.0.4, observed), and what is refused here. */
#include "app/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/limits.h"

struct pair {
    const char *in, *out;
};

static void check_pairs(int (*fn)(const char *, struct buf *), const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(buf) out = BUF_INIT;
        buf_add_c(&out, "kept ");
        assert_int_equal(fn(pairs[i].in, &out), 0);
        assert_string_equal(out.data + strlen("kept "), pairs[i].out);
    }
}

static void test_default(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"app.js", "app"},
        {"./app.js", "app"},
        {"/srv/a.b.c.js", "a.b.c"},
        {"noext", "noext"},
        {".hidden", ".hidden"},
        {"./.h.js", ".h"},
        {"x..js", "x."},
        {"..js", "."},
        {"x.", "x"},
        {"dir.d/", "dir"},
        {"dir.d//", "dir"},
        {"été日本😀.js", "été日本😀"},
        /* shell lines */
        {"echo hi; sleep 1000", "echo hi; sleep 1000"},
        {"node app.js", "node app"},
        {"./app.js --port 3", "app"},
        {"node ./dir.d/index.js x/y", "y"},
        {"node a.b/c ", "c "},
        {"sleep 100/", "sleep 100"},
        {" ls", " ls"},
        {"a. b", "a"},
        {"", ""},
        {"/", ""},
        /* ours: PM2 keeps the control characters */
        {"echo a\necho b\xc2\x85\x7f", "echo a echo b  "},
    };
    check_pairs(name_default, pairs, ARRAY_LEN(pairs));
}

/* A default name is always one that name_check takes, however long the shell line is. */
static void test_default_is_cut(void **state)
{
    (void)state;
    AUTO(buf) line = BUF_INIT;
    AUTO(buf) name = BUF_INIT;
    for (int i = 0; i < 200; i++)
        buf_add_c(&line, "é");
    buf_add_c(&line, ".js");
    assert_int_equal(name_default(line.data, &name), 0);
    assert_int_equal(name.len, LIMIT_NAME_BYTES - 1); /* not half a character */
    assert_int_equal(name_check(name.data, NULL), 0);
}

static void test_check(void **state)
{
    (void)state;
    static const char *const good[] = {"app",  "a/b", "../x", ".",     "..", "a b", " ",
                                       "日本", "é",   "-x",   "A\\b:", "5",  "/"};
    static const struct pair bad[] = {
        {"", "name: it is empty"},
        {"a\nb", "name: a control character at byte 2"},
        {"\tx", "name: a control character at byte 1"},
        {"ab\x7f", "name: a control character at byte 3"},
        {"a\xc2\x9b"
         "1m",
         "name: a control character at byte 2"}, /* CSI of a terminal */
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(name_check(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        assert_int_equal(name_check(bad[i].in, &e), -EINVAL);
        assert_string_equal(e.msg, bad[i].out);
    }
}

static void test_check_limit(void **state)
{
    (void)state;
    char name[LIMIT_NAME_BYTES + 2];
    memset(name, 'x', sizeof(name));
    name[LIMIT_NAME_BYTES] = '\0';
    assert_int_equal(name_check(name, NULL), 0);
    name[LIMIT_NAME_BYTES] = 'x';
    name[LIMIT_NAME_BYTES + 1] = '\0';
    struct err e = {0};
    assert_int_equal(name_check(name, &e), -EINVAL);
    assert_string_equal(e.msg, "name: it has 256 bytes; the limit is 255");
}

static void test_stem(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"app", "app"},
        {"a.b-C9", "a.b-C9"},
        {"a/b", "a-b"},
        {"../x", "..-x"},
        {"/", "-"},
        {"a_b~c+d@e,f(g)=h%[i]", "a-b-c-d-e-f-g--h--i-"},
        {"A\\b:c*", "A\\b-c-"},
        {"new\nline", "new-line"},
        {"é", "-"},
        {"日本", "--"},
        {"😀", "--"}, /* two UTF-16 units */
        {"été日本😀", "-t-----"},
        {"echo hi; sleep 1000", "echo-hi--sleep-1000"},
    };
    check_pairs(name_stem, pairs, ARRAY_LEN(pairs));
}

static void test_stem_is_a_file_name(void **state)
{
    (void)state;
    char name[LIMIT_NAME_BYTES + 1];
    memset(name, 'x', LIMIT_NAME_BYTES);
    name[LIMIT_NAME_BYTES] = '\0';
    AUTO(buf) stem = BUF_INIT;
    assert_int_equal(name_stem(name, &stem), 0);
    assert_int_equal(stem.len, NAME_STEM_MAX);
    assert_true(stem.len + strlen("-error-65535.log") <= 255);
}

static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *path, *ext;
        int id;
        const char *out;
    } rows[] = {
        {"/o/foo.log", ".log", 0, "/o/foo-0.log"},
        {"/o/foo-12.log", ".log", 5, "/o/foo-5.log"},
        {"/o/foo-.log", ".log", 10, "/o/foo--10.log"},
        {"/o/5.log", ".log", 15, "/o/5-15.log"},
        {"/o/-5.log", ".log", 7, "/o/-7.log"},
        {"/o/a-1-2.log", ".log", 20, "/o/a-1-20.log"},
        {"/o/a-b3.log", ".log", 25, "/o/a-b3-25.log"},
        {"/o/a--4.log", ".log", 30, "/o/a--30.log"},
        {"/o/x-12-.log", ".log", 35, "/o/x-12--35.log"},
        {"/o/a-12a.log", ".log", 45, "/o/a-12a-45.log"},
        {"/o/..log", ".log", 40, "/o/.-40.log"},
        {"/o/foo.LOG", ".log", 1, "/o/foo.LOG"},
        {"/o/foo.log.1", ".log", 2, "/o/foo.log.1"},
        {"/o/foo", ".log", 4, "/o/foo"},
        {"/dev/null", ".log", 4, "/dev/null"},
        {"/o/foo.pid", ".log", 3, "/o/foo.pid"},
        {"/o/foo.pid", ".pid", 3, "/o/foo-3.pid"},
        {"/o/echo-hi--sleep-1000.pid", ".pid", 10, "/o/echo-hi--sleep-10.pid"},
        {"", ".pid", 1, ""},
        {".pid", ".pid", 1, "-1.pid"},
        {"12.pid", ".pid", 1, "12-1.pid"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) out = BUF_INIT;
        assert_int_equal(path_number(rows[i].path, rows[i].ext, rows[i].id, &out), 0);
        assert_string_equal(out.data, rows[i].out);
    }
}

static void test_oom(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    out.oom = true; /* as after a growth that failed */
    assert_int_equal(name_default("a.js", &out), -ENOMEM);
    assert_int_equal(name_stem("a", &out), -ENOMEM);
    assert_int_equal(path_number("a.log", ".log", 1, &out), -ENOMEM);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default), cmocka_unit_test(test_default_is_cut),
        cmocka_unit_test(test_check),   cmocka_unit_test(test_check_limit),
        cmocka_unit_test(test_stem),    cmocka_unit_test(test_stem_is_a_file_name),
        cmocka_unit_test(test_number),  cmocka_unit_test(test_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
