/* SPDX-License-Identifier: MIT
 * YAML as js-yaml 4 loads it: scalars, merges, aliases; what is refused and where; bombs. */
#include "procfile/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"
#include "json/write.h"

static void is_json(const json_t *value, const char *want)
{
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&out);
    jw_dom(&w, value);
    assert_string_equal(out.data, want);
}

static void reads_as(const char *text, const char *want)
{
    struct err e = {0};
    AUTO_JSON value = yaml_read(str_from(text), NULL, &e);
    if (!value)
        fail_msg("%s: %s", text, e.msg);
    is_json(value, want);
}

/* The expectations are js-yaml 4.3's. */
static void plain_scalars(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "null"},
        {"~", "null"},
        {"NULL", "null"},
        {"nULL", "\"nULL\""},
        {"True", "true"},
        {"FALSE", "false"},
        {"yes", "\"yes\""},
        {"0", "0"},
        {"-0", "0"},
        {"+1", "1"},
        {"0123", "123"},
        {"0o17", "15"},
        {"0O17", "\"0O17\""},
        {"-0x1F", "-31"},
        {"0b101", "5"},
        {"0b2", "\"0b2\""},
        {"0x", "\"0x\""},
        {"1_000", "\"1_000\""},
        {"1.50", "1.5"},
        {"1.", "1"},
        {".5", "0.5"},
        {"-.5", "\"-.5\""},
        {"1e3", "1000"},
        {"1E-3", "0.001"},
        {"1e", "\"1e\""},
        {"1e400", "\"1e400\""},
        {"99999999999999999999", "100000000000000000000"},
        {".inf", "null"},
        {"-.INF", "null"},
        {".nan", "null"},
        {"-.nan", "\"-.nan\""},
        {"200M", "\"200M\""},
        {"1h", "\"1h\""},
        {"0.1.2", "\"0.1.2\""},
        {"12:30:45", "\"12:30:45\""},
        {"-", "\"-\""},
        {"2020-01-31", "\"2020-01-31T00:00:00.000Z\""},
        {"2020-1-3", "\"2020-1-3\""},
        {"2020-01-31 10:20:30", "\"2020-01-31T10:20:30.000Z\""},
        {"2020-1-31t1:20:30.5 +2", "\"2020-01-30T23:20:30.500Z\""},
        {"2020-01-31T10:20:30.123456-05:30", "\"2020-01-31T15:50:30.123Z\""},
        {"2020-02-31", "\"2020-03-02T00:00:00.000Z\""},
        {"2020-01-31 10:20", "\"2020-01-31 10:20\""},
        {"2020-01-31T10:20:30+0530", "\"2020-01-31T10:20:30+0530\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_JSON value = yaml_plain(str_from(rows[i].text));
        is_json(value, rows[i].json);
    }
}

static void documents(void **state)
{
    (void)state;
    reads_as("", "null");
    reads_as("# nothing\n", "null");
    reads_as("--- \na: 1\n...\n", "{\"a\":1}");
    reads_as("\xEF\xBB\xBF"
             "a: x\r\nb: y\r\n",
             "{\"a\":\"x\",\"b\":\"y\"}");
    reads_as("a: \"5\"\nb: '~'\nc: !!str 5\nd: ! 7\ne: !!int \"5\"\n",
             "{\"a\":\"5\",\"b\":\"~\",\"c\":\"5\",\"d\":\"7\",\"e\":5}");
    reads_as("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
    reads_as("- a\n-\n- [1, {b: 2}]\n", "[\"a\",null,[1,{\"b\":2}]]");
    reads_as("1: a\n0x10: b\n~: c\ntrue: d\n1.50: e\n'': f\n__proto__: g\n",
             "{\"1\":\"a\",\"16\":\"b\",\"null\":\"c\",\"true\":\"d\",\"1.5\":\"e\",\"\":\"f\","
             "\"__proto__\":\"g\"}");
}

static void anchors_and_merges(void **state)
{
    (void)state;
    reads_as("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n", "{\"a\":[1],\"b\":[1],\"c\":2,\"d\":2}");
    reads_as("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
             "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3}}");
    reads_as("a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x\n",
             "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"q\":3,\"p\":1}}");
    reads_as("- &x {p: 1}\n- &y {p: 2, q: 2}\n- <<: [*x, *y]\n",
             "[{\"p\":1},{\"p\":2,\"q\":2},{\"p\":1,\"q\":2}]");
    reads_as("- &x {p: 1, r: 1}\n- &y {<<: *x, p: 2}\n- <<: *y\n",
             "[{\"p\":1,\"r\":1},{\"p\":2,\"r\":1},{\"p\":2,\"r\":1}]");
    reads_as("'<<': 5\n", "{\"<<\":5}");
    reads_as("- &k a\n- {*k : 1}\n", "[\"a\",{\"a\":1}]");
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *msg;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", -EINVAL, "line 3 column 1: the key 'a' is there twice"},
        {"- &x {p: 1}\n- {<<: *x, p: 2, p: 3}\n", -EINVAL,
         "line 2 column 18: the key 'p' is there twice"},
        {"a: 1\n---\nb: 2\n", -EINVAL, "line 3 column 1: a second document begins"},
        {"a: *none\n", -EINVAL, "line 1 column 5: no anchor of this name before the alias *none"},
        {"a:\n  <<: 5\n", -EINVAL, "line 2 column 7: '<<' can merge only mappings"},
        {"a:\n  <<: [[]]\n", -EINVAL, "'<<' can merge only mappings"},
        {"? [a]\n: 1\n", -EINVAL, "line 1 column 4: a key can only be a scalar"},
        {"a: !foo x\n", -EINVAL, "line 1 column 9: the tag !foo cannot be used here"},
        {"a: !!int x\n", -EINVAL,
         "line 1 column 10: the tag tag:yaml.org,2002:int cannot be used here"},
        {"a: !!str [x]\n", -EINVAL,
         "line 1 column 11: the tag tag:yaml.org,2002:str cannot be used here"},
        {"a: [1\n", -EINVAL, "line 2 column 1: flow sequence without a closing bracket"},
        {"a: b: c\n", -EINVAL, "line 1 column 5: invalid nested block mapping on the same line"},
        {"a: \"\\0\"\n", -EILSEQ, "line 1 column 5: a string cannot have a NUL character"},
        {"a: 1\nb: \xFF\n", -EILSEQ, "line 2: not UTF-8 text (byte 0xFF)"},
        {"a: &a [*a]\n", -E2BIG, "line 1 column 9: nested deeper than 256 levels"},
        {"a: &a\n  <<: *a\n", -E2BIG, "line 2 column 3: nested deeper than 256 levels"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        assert_null(yaml_read(str_from(rows[i].text), NULL, &e));
        assert_string_equal(e.msg, rows[i].msg);
        assert_int_equal(e.code, rows[i].code);
        assert_null(yaml_read(str_from(rows[i].text), NULL, NULL));
    }
}

static void is_too_big(struct str text)
{
    struct err e = {0};
    assert_null(yaml_read(text, NULL, &e));
    assert_int_equal(e.code, -E2BIG);
}

static void bombs(void **state)
{
    (void)state;
    AUTO(buf) deep = BUF_INIT;
    for (int i = 0; i < 5000; i++)
        buf_add_byte(&deep, '[');
    is_too_big(buf_str(&deep));

    AUTO(buf) laughs = BUF_INIT; /* each name stands for nine of the one before */
    buf_add_c(&laughs, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (int c = 'b'; c <= 'z'; c++) {
        buf_printf(&laughs, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            buf_printf(&laughs, "%s*%c", i ? "," : "", c - 1);
        buf_add_c(&laughs, "]\n");
    }
    is_too_big(buf_str(&laughs));

    AUTO(buf) merges = BUF_INIT; /* the same with mappings that vanish in each other */
    buf_add_c(&merges, "a: &a {x: 1}\n");
    for (int c = 'b'; c <= 'z'; c++) {
        buf_printf(&merges, "%c: &%c {<<: [", c, c);
        for (int i = 0; i < 9; i++)
            buf_printf(&merges, "%s*%c", i ? "," : "", c - 1);
        buf_add_c(&merges, "]}\n");
    }
    is_too_big(buf_str(&merges));

    AUTO(buf) large = BUF_INIT; /* a comment, so that nothing else is wrong with it */
    buf_add_byte(&large, '#');
    while (large.len <= LIMIT_YAML_BYTES)
        buf_add_c(&large, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    is_too_big(buf_str(&large));
}

static void lines_by_path(void **state)
{
    (void)state;
    static const char text[] = "base: &base\n"
                               "  cwd: /srv\n"
                               "apps:\n"
                               "  - name: a\n"
                               "    <<: *base\n"
                               "    env:\n"
                               "      PORT: 80\n"
                               "  - *base\n";
    static const struct {
        const char *path;
        int line;
    } rows[] = {
        {"base", 1},         {"base.cwd", 2},    {"apps", 3},        {"apps[0]", 4},
        {"apps[0].name", 4}, {"apps[0].cwd", 2}, {"apps[0].env", 6}, {"apps[0].env.PORT", 7},
        {"apps[1]", 8},      {"apps[1].cwd", 2},
    };
    AUTO_JSON lines = json_object();
    AUTO_JSON value = yaml_read(str_from(text), lines, NULL);
    assert_non_null(value);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(json_integer_value(json_object_get(lines, rows[i].path)), rows[i].line);
    assert_int_equal(json_object_size(lines), ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars),
        cmocka_unit_test(documents),
        cmocka_unit_test(anchors_and_merges),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bombs),
        cmocka_unit_test(lines_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
