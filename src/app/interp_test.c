/* SPDX-License-Identifier: MIT
 * Which program runs a script. */
#include "app/interp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/fake_world.h"
#include "base/attr.h"

#define NOT_AVAILABLE(x)                                                                           \
    "Interpreter " x " is NOT AVAILABLE in PATH. (type 'which " x "' to double check.)"

static void scripts_get_interpreters(void **state)
{
    (void)state;
    static const struct {
        const char *script, *path, *interpreter, *node_arg;
    } cases[] = {
        {"/w/app.js", "/bin", "node", NULL},
        {"/w/app.py", "/bin", "python3", NULL},
        {"/w/app.py", "/bin:/opt", "python", NULL},
        {"/w/a.sh", "/bin", "bash", NULL},
        {"/w/a.php", "/bin", "php", NULL},
        {"/w/a.ts", "/bin:/opt", "bun", NULL},
        {"/w/a.ts", "/bin", "node", "--experimental-strip-types"},
        {"/w/a.tsx", "/opt", "bun", NULL},
        {"/w/a.mjs", "/bin", "/bin/node", NULL},
        {"/w/a.PY", "/bin", "/bin/node", NULL},
        {"/w/.js", "/bin", "/bin/node", NULL},
        {"/w/noext", "/nowhere:/bin", "/bin/node", NULL},
        {"/w/empty", "/bin", "/bin/node", NULL},
        {"/w/shx", "/bin", "none", NULL},
        {"/w/shnox", "/bin", "/bin/node", NULL},
        {"/w/nodex", "/bin", "/bin/node", NULL},
        {"/w/bin", "/bin", "none", NULL},
        {"/w/only-x", "/bin", "none", NULL},
        {"/w/dir", "/bin", "/bin/node", NULL},
        {"/w/pkg", "/bin", "/bin/node", NULL},
        {"/w/noext", NULL, "/bin/node", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct interp_place place = {.path = cases[i].path, .cwd = "/w"};
        struct err e = {0};
        char *interpreter;
        const char *node_arg;
        if (interp_choose(cases[i].script, &place, &fake_world, &interpreter, &node_arg, &e) < 0)
            fail_msg("%s: %s", cases[i].script, e.msg);
        assert_string_equal(interpreter, cases[i].interpreter);
        if (cases[i].node_arg)
            assert_string_equal(node_arg, cases[i].node_arg);
        else
            assert_null(node_arg);
        free(interpreter);
    }
}

static void useless_scripts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *script, *path, *text;
    } cases[] = {
        {"/w/app.js", "/nowhere", NOT_AVAILABLE("node")},
        {"/w/noext", "/nowhere", NOT_AVAILABLE("node")},
        {"/w/a.rb", "/bin", NOT_AVAILABLE("ruby")},
        {"/w/a.pl", "/bin", NOT_AVAILABLE("perl")},
        {"/w/a.tsx", "/bin", NOT_AVAILABLE("bun")},
        {"/w/app.py", "", NOT_AVAILABLE("python")},
        {"/w/secret", "/bin", "cannot read /w/secret: Permission denied"},
        {"/w/secret.js", "/bin", "cannot read /w/secret.js: Permission denied"},
        {"/w/binx", "/bin",
         "cannot execute /w/binx: Permission denied (EACCES): the file is a program but not "
         "executable (chmod +x)"},
        {"/w/sub", "/bin",
         "/w/sub is a folder without index.js and without a package.json that names a main file"},
        {"/w/badpkg", "/bin",
         "/w/badpkg is a folder without index.js and without a package.json that names a main "
         "file"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct interp_place place = {.path = cases[i].path, .cwd = "/w"};
        struct err e = {0};
        char *interpreter;
        const char *node_arg;
        assert_true(
            interp_choose(cases[i].script, &place, &fake_world, &interpreter, &node_arg, &e) < 0);
        assert_null(interpreter);
        assert_string_equal(e.msg, cases[i].text);
    }
}

static void programs_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name, *path, *cwd, *found;
    } cases[] = {
        {"node", "/bin", "/w", "/bin/node"},
        {"node", "/nowhere:/bin/:/opt", "/w", "/bin/node"},
        {"bin", "", "/w", "/w/bin"},
        {"bin", "/opt::/bin", "/w", "/w/bin"},
        {"python3", "venv", "/w", "/w/venv/python3"},
        {"./bin", "/bin", "/w", "/w/bin"},
        {"../w/./bin", "", "/w/sub", NULL},
        {"../bin", "", "/w/sub", "/w/bin"},
        {"/bin/node", "", "/w", "/bin/node"},
        {"perl", "/bin", "/w", NULL},
        {"", "/bin", "/w", NULL},
        {"w", "/", "/", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct interp_place place = {.path = cases[i].path, .cwd = cases[i].cwd};
        char *found = interp_find(cases[i].name, &place, &fake_world);
        if (cases[i].found)
            assert_string_equal(found, cases[i].found);
        else
            assert_null(found);
        free(found);
    }
}

static void named_interpreters_are_checked(void **state)
{
    (void)state;
    struct interp_place place = {.path = "/bin", .cwd = "/w/sub"};
    struct err e = {0};
    char *got;
    static const struct {
        const char *name, *result;
    } good[] = {
        {"none", "none"},
        {"node", "node"},
        {"/bin/php", "/bin/php"},
        {"../bin", "../bin"},
        /* Relative to the caller's folder only: absolute, because the app runs elsewhere. */
        {"venv/python3", "/w/venv/python3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(interp_check(good[i].name, &place, "/w", &fake_world, &got, &e), 0);
        assert_string_equal(got, good[i].result);
        free(got);
    }
    assert_true(interp_check("foobar", &place, "/w", &fake_world, &got, &e) < 0);
    assert_string_equal(e.msg, NOT_AVAILABLE("foobar"));
    assert_true(interp_check("node --x", &place, "/w", &fake_world, &got, &e) < 0);
    assert_true(interp_check("bin", &place, "/w", &fake_world, &got, &e) < 0);
    assert_int_equal(interp_check("node@18", &place, "/w", &fake_world, &got, &e), -ENOSYS);
    assert_string_equal(e.msg, "interpreter node@18 is not available yet");
}

static void programs_are_told_from_text(void **state)
{
    (void)state;
#define HEAD(s)                                                                                    \
    {                                                                                              \
        (s), sizeof(s) - 1                                                                         \
    }
    static const struct {
        const char *p;
        size_t n;
    } text[] = {HEAD(""),
                HEAD("#!/bin/sh\n\tls\r\n"),
                HEAD("gr\303\274\303\237e \360\237\230\200"),
                HEAD("\357\273\277// BOM"),
                HEAD("cut at the end: \360\237"),
                HEAD("a little Latin-1: M\374ller, and so on")},
      binary[] = {HEAD("\0"),
                  HEAD("text\0text"),
                  HEAD("\177ELF\2\1\1"),
                  HEAD("\374\374\374 abc"),
                  HEAD("\300\200\300\200aa"),
                  HEAD("\1\2ab")};
#undef HEAD
    for (size_t i = 0; i < ARRAY_LEN(text); i++)
        assert_false(interp_is_binary(text[i].p, text[i].n));
    for (size_t i = 0; i < ARRAY_LEN(binary); i++)
        assert_true(interp_is_binary(binary[i].p, binary[i].n));
}

static void cluster_is_for_node_and_bun(void **state)
{
    (void)state;
    assert_true(interp_can_cluster("node"));
    assert_true(interp_can_cluster("/usr/bin/node"));
    assert_true(interp_can_cluster("bun"));
    assert_false(interp_can_cluster("none"));
    assert_false(interp_can_cluster("python3"));
    assert_false(interp_can_cluster("/opt/node/tsx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_get_interpreters),
        cmocka_unit_test(useless_scripts_are_refused),
        cmocka_unit_test(programs_are_found),
        cmocka_unit_test(named_interpreters_are_checked),
        cmocka_unit_test(programs_are_told_from_text),
        cmocka_unit_test(cluster_is_for_node_and_bun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
