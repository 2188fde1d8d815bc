/* SPDX-License-Identifier: MIT */
#include "cli/module_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above */
#include <cmocka.h>

#include "base/attr.h"

static void kinds(void **state)
{
    static const struct {
        const char *word;
        enum module_kind kind;
    } cases[] = {
        {".", MODULE_HERE},
        {"..", MODULE_PATH},
        {"./x", MODULE_PATH},
        {"/srv/x", MODULE_PATH},
        {"~/x", MODULE_PATH},
        {"file:///srv/x", MODULE_PATH},
        {"x-1.0.0.tgz", MODULE_PATH},
        {"https://example.org/x.tar.gz", MODULE_NPM},
        {"pm2-logrotate", MODULE_NPM},
        {"user/repo#branch", MODULE_NPM},
        {"git+ssh://git@host/a/b.git", MODULE_NPM},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(module_word_kind(cases[i].word), cases[i].kind);
}

static void paths(void **state)
{
    static const char *const cases[][2] = {
        {"./x", "/w/./x"},  {"/a/x", "/a/x"},        {"~/x", "/h/x"},
        {"file:x", "/w/x"}, {"file:///a/x", "/a/x"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) path = BUF_INIT;
        module_word_path(cases[i][0], "/w", "/h", &path);
        assert_string_equal(path.data, cases[i][1]);
    }
}

static void names(void **state)
{
    static const char *const cases[][2] = {
        {"pm2-logrotate", "pm2-logrotate"},
        {"pm2-logrotate@2.7.0", "pm2-logrotate"},
        {"@pm2/x@1", "@pm2/x"},
        {"@pm2/x", "@pm2/x"},
        {"user/repo", "repo"},
        {"user/repo#main", "repo"},
        {"https://host/a/repo.git#v1", "repo"},
        {"git+ssh://git@host/a/repo.git", "repo"},
        {"/srv/modules/x/", "x"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) name = BUF_INIT;
        module_word_name(cases[i][0], &name);
        assert_string_equal(name.data, cases[i][1]);
    }
}

static void names_that_become_folders(void **state)
{
    static const char *const good[] = {"a", "pm2-logrotate", "@s/n", "a.b"};
    static const char *const bad[] = {"",    ".",     "..",  ".x",  "a/b", "@s/../x",
                                      "@/x", "@../x", "@s/", "a b", "a;b"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(module_name_ok(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(module_name_ok(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(paths),
        cmocka_unit_test(names),
        cmocka_unit_test(names_that_become_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
