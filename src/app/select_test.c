/* SPDX-License-Identifier: MIT */
#include "app/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/attr.h"
#include "base/limits.h"

static const struct select_item items[] = {
    {0, "web", "default", "/srv/web.js", false},
    {1, "web", "default", "/srv/web.js", false},
    {2, "api", "back", "/srv/api.js", false},
    {3, "worker", "back", "/srv/worker.js", false},
    {7, "5", "default", "/srv/five.js", false},
    {5, "five", "2", "/srv/five.js", false},
    {9, "pm2-logrotate", "default", "/m/logrotate.js", true},
    {11, "default", "own", NULL, false},
    {12, "a/b", "own", "/srv/x/../y.js", false},
};

/* The ids as text, or the error. */
static const char *picked(const char *target, const char *cwd, int flags)
{
    static char text[ERR_MSG_MAX + 16];
    int ids[ARRAY_LEN(items)];
    struct err e = {0};
    int n = select_targets(items, ARRAY_LEN(items), target, cwd, flags, ids, &e);
    if (n < 0) {
        snprintf(text, sizeof(text), "%d %s", -n, e.msg);
        return text;
    }
    text[0] = '\0';
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, i ? " %d" : "%d", ids[i]);
    return text;
}

static const char *pick(const char *target)
{
    return picked(target, "/srv", 0);
}

static void test_all(void **state)
{
    (void)state;
    assert_string_equal(pick("all"), "0 1 2 3 7 5 11 12");
    assert_string_equal(picked("all", "/srv", SELECT_MODULES), "0 1 2 3 7 5 9 11 12");
}

static void test_all_of_nothing(void **state)
{
    (void)state;
    struct err e = {0};
    int ids[1];
    assert_int_equal(select_targets(NULL, 0, "all", "/", 0, ids, &e), -ESRCH);
    assert_string_equal(e.msg, "No process found");
    assert_int_equal(select_targets(&items[6], 1, "all", "/", 0, ids, &e), -ESRCH);
    assert_int_equal(select_targets(&items[6], 1, "all", "/", SELECT_MODULES, ids, &e), 1);
}

static void test_number(void **state)
{
    (void)state;
    assert_string_equal(pick("3"), "3");
    assert_string_equal(pick("5"), "7");   /* a process named so */
    assert_string_equal(pick("2"), "5");   /* a namespace named so */
    assert_string_equal(pick("99"), "99"); /* unknown: the method says so */
    assert_string_equal(pick("007"), "7");
}

/* An id is answered although there is no candidate at all. */
static void test_number_of_nothing(void **state)
{
    (void)state;
    int ids[1] = {-1};
    assert_int_equal(select_targets(NULL, 0, "4", NULL, 0, ids, NULL), 1);
    assert_int_equal(ids[0], 4);
}

static void test_name(void **state)
{
    (void)state;
    assert_string_equal(pick("web"), "0 1");
    assert_string_equal(pick("pm2-logrotate"), "9"); /* modules by name, always */
    assert_string_equal(pick("a/b"), "12");
}

static void test_script(void **state)
{
    (void)state;
    assert_string_equal(pick("/srv/web.js"), "0 1");
    assert_string_equal(pick("web.js"), "0 1");
    assert_string_equal(pick("./web.js"), "0 1");
    assert_string_equal(picked("../srv/./api.js", "/home", 0), "2");
    assert_string_equal(picked("web.js", "/home", 0), "3 Process or Namespace web.js not found");
}

static void test_namespace(void **state)
{
    (void)state;
    assert_string_equal(pick("back"), "2 3");
    assert_string_equal(pick("default"), "11"); /* a name wins */
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const words[] = {"nope", "-1", "1.5", "1e3", "0x1", "99999999999", "", "/"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        char want[64];
        snprintf(want, sizeof(want), "%d Process or Namespace %s not found", ESRCH, words[i]);
        assert_string_equal(pick(words[i]), want);
    }
}

static void test_regex(void **state)
{
    (void)state;
    static const struct {
        const char *target, *want;
    } cases[] = {
        {"/^w/", "0 1 3"},
        {"/w.b/", "0 1"},
        {"/web|api/", "0 1 2"},
        {"/^\\d+$/", "7"},
        {"/\\x77eb/", "0 1"},
        {"/\\u{77}eb/", "0 1"},
        {"/W/", "3 No process found"},   /* no flags */
        {"/log/", "9"},                  /* modules, too */
        {"/a/b/", "3 No process found"}, /* all slashes go: "ab" */
        {"//", "0 1 2 3 7 5 9 11 12"},
        {"/[]/", "3 No process found"},
        {"/w(?!e)/", "3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(pick(cases[i].target), cases[i].want);
}

static void test_bad_regex(void **state)
{
    (void)state;
    static const char *const targets[] = {"/(/", "/[/", "/*/", "/(?<n/", "/a{2,1}/", "/\\C/"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct err e = {0};
        int ids[ARRAY_LEN(items)];
        assert_int_equal(select_targets(items, ARRAY_LEN(items), targets[i], "/", 0, ids, &e),
                         -EINVAL);
        assert_non_null(strstr(e.msg, "Invalid regular expression: "));
    }
}

static void test_regex_limits(void **state)
{
    (void)state;
    static const struct select_item slow = {.name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"};
    static const struct select_item odd = {.name = "\xff\xfe"};
    struct err e = {0};
    int ids[1];
    assert_int_equal(select_targets(&slow, 1, "/^(a+)+$/", "/", 0, ids, &e), -EOVERFLOW);
    assert_int_equal(select_targets(&odd, 1, "/./", "/", 0, ids, &e), -ESRCH);
    char long_one[LIMIT_REGEX_BYTES + 4];
    memset(long_one, 'a', sizeof(long_one));
    long_one[0] = long_one[sizeof(long_one) - 2] = '/';
    long_one[sizeof(long_one) - 1] = '\0';
    assert_int_equal(select_targets(&slow, 1, long_one, "/", 0, ids, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),          cmocka_unit_test(test_all_of_nothing),
        cmocka_unit_test(test_number),       cmocka_unit_test(test_number_of_nothing),
        cmocka_unit_test(test_name),         cmocka_unit_test(test_script),
        cmocka_unit_test(test_namespace),    cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_regex),        cmocka_unit_test(test_bad_regex),
        cmocka_unit_test(test_regex_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
