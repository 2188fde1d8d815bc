/* SPDX-License-Identifier: MIT
 * Patterns. The rows are what picomatch 2 with { dot: true } says, but for those under "own". */
#include "app/glob.h"
#include "app/glob_rules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"

static const struct {
    const char *pattern;
    const char *yes[8], *no[8];
} matches[] = {
    {"/a/*.log", {"/a/x.log", "/a/.log"}, {"/a/x.logs", "/a/b/x.log", "/x.log"}},
    {"/a/*", {"/a/b", "/a/.b"}, {"/a", "/a/b/c"}},
    {"/a/**", {"/a", "/a/b", "/a/b/.c/d"}, {"/b", "/ab"}},
    {"/a/**/b", {"/a/b", "/a/x/b", "/a/x/y/b"}, {"/a/b/c", "/a/xb"}},
    {"/a/**/x/**/b", {"/a/x/b", "/a/1/x/2/x/b"}, {"/a/b", "/a/b/x"}},
    {"**/tmp", {"/tmp", "/a/tmp", "/a/b/tmp"}, {"/a/tmp/x", "/a/tmps"}},
    {"/a/**/*.js", {"/a/b.js", "/a/x/.y/b.js"}, {"/a/b.jsx"}},
    {"/a/b**", {"/a/b", "/a/bc"}, {"/a/b/c"}},
    {"/a/?.js", {"/a/b.js", "/a/\xc3\xa9.js"}, {"/a/.js", "/a/bb.js"}},
    {"/a/[bc].js", {"/a/b.js", "/a/c.js"}, {"/a/d.js", "/a/bc.js"}},
    {"/a/[a-c]", {"/a/a", "/a/c"}, {"/a/d", "/a/-"}},
    {"/a/[^b].js", {"/a/c.js"}, {"/a/b.js"}},
    {"/a/[b", {"/a/[b"}, {"/a/b"}},
    {"/a/{b,c}.js", {"/a/b.js", "/a/c.js"}, {"/a/d.js", "/a/{b,c}.js"}},
    {"/a/{b,c/d}/*", {"/a/b/e", "/a/c/d/e"}, {"/a/c/e"}},
    {"/a/{b,{c,d}}", {"/a/b", "/a/c", "/a/d"}, {"/a/e"}},
    {"/a/{b,}c", {"/a/c", "/a/bc"}, {"/a/b"}},
    {"/a/{b}", {"/a/{b}"}, {"/a/b"}},
    {"/a/{1..3}", {"/a/1", "/a/3"}, {"/a/4"}},
    {"/a/{c..a}", {"/a/a", "/a/c"}, {"/a/d"}},
    {"/a/@(b|c).js", {"/a/b.js", "/a/c.js"}, {"/a/.js", "/a/bc.js"}},
    {"/a/?(b).js", {"/a/b.js", "/a/.js"}, {"/a/bb.js"}},
    {"/a/+(b|c)", {"/a/b", "/a/bcb"}, {"/a/d", "/a/bd"}},
    {"/a/*(b|c)x", {"/a/x", "/a/bcx"}, {"/a/dx"}},
    {"/a/!(b).js", {"/a/c.js", "/a/bb.js"}, {"/a/b.js"}},
    {"/a/!(*.js|*.ts)", {"/a/a.py", "/a/a"}, {"/a/a.js", "/a/a.ts"}},
    {"/a/(b|c)", {"/a/b", "/a/c"}, {"/a/d"}},
    {"/a/app (copy)", {"/a/app (copy)"}, {"/a/app copy"}},
    {"/a/**/node_modules/**", {"/a/node_modules", "/a/x/node_modules/y"}, {"/a/node_module"}},
    /* own: the "!" of a class means what it means in shells, and ranges may have many digits */
    {"/a/[!b].js", {"/a/c.js"}, {"/a/b.js"}},
    {"/a/{9..11}", {"/a/9", "/a/10", "/a/11"}, {"/a/1", "/a/12"}},
    {"/a/\\*", {"/a/*"}, {"/a/b"}},
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
        struct glob *g = glob_new(matches[i].pattern);
        assert_non_null(g);
        for (size_t k = 0; k < 8 && matches[i].yes[k]; k++)
            if (!glob_match(g, matches[i].yes[k]))
                fail_msg("%s should match %s", matches[i].pattern, matches[i].yes[k]);
        for (size_t k = 0; k < 8 && matches[i].no[k]; k++)
            if (glob_match(g, matches[i].no[k]))
                fail_msg("%s should not match %s", matches[i].pattern, matches[i].no[k]);
        glob_free(g);
    }
}

static const struct {
    const char *pattern, *folder;
    bool may;
} below[] = {
    {"/a/*.js", "/a", true},   {"/a/*.js", "/a/b", false},     {"/a/*.js", "/b", false},
    {"/a/**/x", "/a/b", true}, {"/a/b/*/c", "/a/b/x", true},   {"/a/b/*/c", "/a/c", false},
    {"/a/*.js", "/", true},    {"/a/{b/c,d}/*", "/a/b", true}, {"/a/{b/c,d}/*", "/a/c", false},
};

static void test_may_match_below(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        struct glob *g = glob_new(below[i].pattern);
        if (glob_may_match_below(g, below[i].folder) != below[i].may)
            fail_msg("%s below %s", below[i].pattern, below[i].folder);
        glob_free(g);
    }
}

static const struct {
    const char *text, *absolute, *parent;
    bool magic;
} texts[] = {
    {"src", "/w/src", "/w/src", false},
    {"./src/", "/w/src", "/w/src", false},
    {"../x/./y", "/x/y", "/x/y", false},
    {"../../../..", "/", "/", false},
    {".", "/w", "/w", false},
    {"/abs//p/", "/abs/p", "/abs/p", false},
    {"src/**/*.js", "/w/src/**/*.js", "/w/src", true},
    {"*", "/w/*", "/w", true},
    {"logs\\*.log", "/w/logs/*.log", "/w/logs", true},
    {"{a,b}/c", "/w/{a,b}/c", "/w", true},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(buf) absolute = BUF_INIT;
        AUTO(buf) parent = BUF_INIT;
        glob_absolute(&absolute, "/w", texts[i].text);
        assert_string_equal(absolute.data, texts[i].absolute);
        glob_parent(&parent, absolute.data);
        assert_string_equal(parent.data, texts[i].parent);
        assert_int_equal(glob_is_magic(absolute.data), texts[i].magic);
    }
}

static const struct {
    const char *patterns[4], *path;
    bool matches;
} rules[] = {
    {{"node_modules"}, "/w/node_modules", true},
    {{"node_modules"}, "/w/node_modules/a/b", true},
    {{"node_modules"}, "/w/x/node_modules", false}, /* as PM2: relative to the folder */
    {{"node_modules"}, "/w/node_modules2", false},
    {{"*.log"}, "/w/a.log", true},
    {{"*.log"}, "/w/x/a.log", false},
    {{"/"}, "/anything", true},
    {{"logs", "*.txt"}, "/w/a.txt", true},
    {{"logs", "!logs/keep"}, "/w/logs/keep", false},
    {{"!logs/keep", "logs"}, "/w/logs/keep", false},
    {{"!logs/keep", "logs"}, "/w/logs/drop", true},
    {{"!(a|b)"}, "/w/c", true},
    {{"!(a|b)"}, "/w/a", false},
    {{NULL}, "/w/a", false},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct glob_rules r = {0};
        for (size_t k = 0; k < 4 && rules[i].patterns[k]; k++)
            assert_int_equal(glob_rules_add(&r, "/w", rules[i].patterns[k]), 0);
        if (glob_rules_match(&r, rules[i].path) != rules[i].matches)
            fail_msg("%s ... and %s", rules[i].patterns[0], rules[i].path);
        glob_rules_fini(&r);
    }
}

/* A folder is a folder, whatever its name looks like. */
static void test_strange_folder(void **state)
{
    (void)state;
    struct glob_rules r = {0};
    const char *cwd = "/w/[x] {a,b} (c|d)*!";
    assert_int_equal(glob_rules_add(&r, cwd, "*.js"), 0);
    assert_int_equal(glob_rules_add(&r, cwd, "lib"), 0);
    assert_true(glob_rules_match(&r, "/w/[x] {a,b} (c|d)*!/a.js"));
    assert_true(glob_rules_match(&r, "/w/[x] {a,b} (c|d)*!/lib/b"));
    assert_false(glob_rules_match(&r, "/w/x a c/a.js"));
    assert_true(glob_rules_may_match_below(&r, "/w"));
    assert_false(glob_rules_may_match_below(&r, "/v"));
    glob_rules_fini(&r);
}

static void test_fixed_rules(void **state)
{
    (void)state;
    assert_true(glob_ignored_by_default("/.git/config"));
    assert_true(glob_ignored_by_default("/a/.env"));
    assert_true(glob_ignored_by_default("/a/node_modules/b"));
    assert_false(glob_ignored_by_default("/a/b.c"));
    assert_false(glob_ignored_by_default(""));
    assert_true(glob_is_editor_file("/a/.b.js.swp"));
    assert_true(glob_is_editor_file("/a/.b.js.swx"));
    assert_true(glob_is_editor_file("/a/b.js~"));
    assert_true(glob_is_editor_file("/a/.subl3f.tmp"));
    assert_false(glob_is_editor_file("/a/b.swp"));
    assert_false(glob_is_editor_file("/a/b.js"));
}

static void test_limits(void **state)
{
    (void)state;
    assert_null(glob_new("/{1..2000}"));
    assert_int_equal(errno, E2BIG);
    assert_null(glob_new("/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
    assert_int_equal(errno, E2BIG);
    struct glob *g = glob_new("/+(+(+(+(a|aa)|aaa)|a*)|*a)b");
    assert_non_null(g); /* would need billions of steps */
    assert_false(glob_match(g, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    glob_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),        cmocka_unit_test(test_may_match_below),
        cmocka_unit_test(test_texts),          cmocka_unit_test(test_rules),
        cmocka_unit_test(test_strange_folder), cmocka_unit_test(test_fixed_rules),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
