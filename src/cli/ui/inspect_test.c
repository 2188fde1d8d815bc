/* SPDX-License-Identifier: MIT
 * Against texts that Node 20 printed for console.log(util.inspect(value, {depth: null})). */
#include "cli/ui/inspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

static const struct {
    const char *json, *text;
} cases[] = {
    /* clang-format off */
    {"[]",
     "[]"},
    {"{}",
     "{}"},
    {"null",
     "null"},
    {"true",
     "true"},
    {"0",
     "0"},
    {"-1.5",
     "-1.5"},
    {"1e+21",
     "1e+21"},
    {"1e-7",
     "1e-7"},
    {"[0]",
     "[ 0 ]"},
    {"[0,1]",
     "[ 0, 1 ]"},
    {"[\"99\"]",
     "[ '99' ]"},
    {"{\"msg\":\"pong\"}",
     "{ msg: 'pong' }"},
    {"[0,1,2,3,4,5]",
     "[ 0, 1, 2, 3, 4, 5 ]"},
    {"[0,1,2,3,4,5,6]",
     "[\n"
     "  0, 1, 2, 3,\n"
     "  4, 5, 6\n"
     "]"},
    {"[0,1,2,3,4,5,6,7,8,9,10,11,12]",
     "[\n"
     "   0, 1, 2, 3,  4,  5,\n"
     "   6, 7, 8, 9, 10, 11,\n"
     "  12\n"
     "]"},
    {"[100,2,30000,4,5,6,7,8]",
     "[\n"
     "  100, 2, 30000,\n"
     "    4, 5,     6,\n"
     "    7, 8\n"
     "]"},
    {"[\"a\",\"bb\",\"ccc\",\"d\",\"e\",\"f\",\"g\",\"h\"]",
     "[\n"
     "  'a', 'bb', 'ccc',\n"
     "  'd', 'e',  'f',\n"
     "  'g', 'h'\n"
     "]"},
    {"\"plain\"",
     "'plain'"},
    {"\"it's\"",
     "\"it's\""},
    {"\"say \\\"x\\\"\"",
     "'say \"x\"'"},
    {"\"it's \\\"x\\\"\"",
     "`it's \"x\"`"},
    {"\"it's \\\"x\\\" `y`\"",
     "'it\\'s \"x\" `y`'"},
    {"\"`${x}' \\\"\"",
     "'`${x}\\' \"'"},
    {"\"tab\\tnl\\nbell\\u0007del\177\"",
     "'tab\\tnl\\nbell\\x07del\\x7F'"},
    {"\"back\\\\slash\"",
     "'back\\\\slash'"},
    {"\"é漢😀\"",
     "'é漢😀'"},
    {"\"a long line with a newline in it\\nthat is longer than the line may be, so th"
     "at it is split into two\"",
     "'a long line with a newline in it\\n' +\n"
     "  'that is longer than the line may be, so that it is split into two'"},
    {"{\"1\":3,\"a-b\":1,\"a_b\":2,\"01\":4,\"\":5,\"$x\":6,\"Ab9\":7,\"é\":8,\"it's\""
     ":9}",
     "{\n"
     "  '1': 3,\n"
     "  'a-b': 1,\n"
     "  a_b: 2,\n"
     "  '01': 4,\n"
     "  '': 5,\n"
     "  '$x': 6,\n"
     "  Ab9: 7,\n"
     "  'é': 8,\n"
     "  \"it's\": 9\n"
     "}"},
    {"{\"2\":3,\"10\":2,\"b\":1,\"a\":4}",
     "{ '2': 3, '10': 2, b: 1, a: 4 }"},
    {"{\"a\":{\"b\":{\"c\":{}}}}",
     "{ a: { b: { c: {} } } }"},
    {"{\"a\":{\"b\":{\"c\":{\"d\":1}}}}",
     "{\n"
     "  a: { b: { c: { d: 1 } } }\n"
     "}"},
    {"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}",
     "{\n"
     "  a: {\n"
     "    b: { c: { d: { e: 1 } } }\n"
     "  }\n"
     "}"},
    {"[[[[[]]]]]",
     "[\n"
     "  [ [ [ [] ] ] ]\n"
     "]"},
    {"[[[[1]]]]",
     "[\n"
     "  [ [ [ 1 ] ] ]\n"
     "]"},
    {"[[1,2],[3,4]]",
     "[ [ 1, 2 ], [ 3, 4 ] ]"},
    {"{\"a\":1,\"b\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""
     "}",
     "{\n"
     "  a: 1,\n"
     "  b: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n"
     "}"},
    {"{\"a\":1,\"b\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
     "{ a: 1, b: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }"},
    {"{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
     "{\n"
     "  a: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxx'\n"
     "}"},
    {"[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]",
     "[\n"
     "  'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n"
     "]"},
    {"[{\"pid\":1,\"name\":\"app\",\"pm2_env\":{\"args\":[\"-c\",\"echo\"],\"env\":{\""
     "PATH\":\"/bin:/usr/bin\",\"HOME\":\"/root\",\"list\":[1,2,3]},\"axm_actions\":["
     "{\"action_name\":\"km:heapdump\",\"action_type\":\"internal\",\"arity\":2}],\"a"
     "xm_dynamic\":{}},\"monit\":{\"memory\":51392512,\"cpu\":0.2}}]",
     "[\n"
     "  {\n"
     "    pid: 1,\n"
     "    name: 'app',\n"
     "    pm2_env: {\n"
     "      args: [ '-c', 'echo' ],\n"
     "      env: { PATH: '/bin:/usr/bin', HOME: '/root', list: [ 1, 2, 3 ] },\n"
     "      axm_actions: [\n"
     "        {\n"
     "          action_name: 'km:heapdump',\n"
     "          action_type: 'internal',\n"
     "          arity: 2\n"
     "        }\n"
     "      ],\n"
     "      axm_dynamic: {}\n"
     "    },\n"
     "    monit: { memory: 51392512, cpu: 0.2 }\n"
     "  }\n"
     "]"},
    {"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
     "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"
     ",1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
     "[\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,\n"
     "  1, 1, 1, 1,\n"
     "  ... 1 more item\n"
     "]"},
    {"[\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\""
     "ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab"
     "\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\""
     ",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\""
     "ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab"
     "\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\""
     ",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\""
     "ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab"
     "\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\""
     ",\"ab\"]",
     "[\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab', 'ab',\n"
     "  ... 3 more items\n"
     "]"},
    {"[1,\"a\",null,true,{},[],2,3]",
     "[\n"
     "  1,    'a', null,\n"
     "  true, {},  [],\n"
     "  2,    3\n"
     "]"},
    {"{\"k\":[82,94,86,22,30,6,37,9,56,32,40]}",
     "{\n"
     "  k: [\n"
     "    82, 94, 86, 22, 30,\n"
     "     6, 37,  9, 56, 32,\n"
     "    40\n"
     "  ]\n"
     "}"},
    {"[\"漢字\",\"カタカナ\",\"x\",\"yy\",\"zzz\",\"a\",\"b\",\"c\",\"d\"]",
     "[ '漢字', 'カタカナ', 'x', 'yy', 'zzz', 'a', 'b', 'c', 'd' ]"},
    /* clang-format on */
};

static void prints_as_node(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        struct err e = {0};
        AUTO_JSON value = json_read(str_from(cases[i].json), &e);
        assert_non_null(value);
        inspect_value(&out, value);
        assert_string_equal(out.data, cases[i].text);
    }
}

/* What does not fit into a table of cases: the limits. */
static void shortens_very_long_texts(void **state)
{
    AUTO(buf) json = BUF_INIT;
    AUTO(buf) out = BUF_INIT;
    struct err e = {0};
    (void)state;
    buf_add_byte(&json, '"');
    for (int i = 0; i < 10003; i++)
        buf_add_byte(&json, 'x');
    buf_add_byte(&json, '"');
    AUTO_JSON value = json_read(buf_str(&json), &e);
    inspect_value(&out, value);
    assert_int_equal(out.len, 10002 + sizeof("... 3 more characters") - 1);
    assert_true(str_ends(buf_str(&out), STR("x'... 3 more characters")));
}

static void a_missing_value_is_null(void **state)
{
    AUTO(buf) out = BUF_INIT;
    (void)state;
    inspect_value(&out, NULL);
    assert_string_equal(out.data, "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_node),
        cmocka_unit_test(shortens_very_long_texts),
        cmocka_unit_test(a_missing_value_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
