/* SPDX-License-Identifier: MIT
 * The layout is the one that JSON.stringify makes. */
#include "json/indent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const char *json, const char *want)
{
    AUTO(buf) out = BUF_INIT;
    json_indent(&out, str_from(json));
    assert_string_equal(out.data, want);
}

static void lays_out(void **state)
{
    (void)state;
    expect("", "");
    expect("12", "12");
    expect("[]", "[]");
    expect("[ ]", "[]");
    expect("[{}]", "[\n  {}\n]");
    expect("[[],{}]", "[\n  [],\n  {}\n]");
    expect("{\"a\":[1,2],\"b\":{\"c\":null}}",
           "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}");
    expect("[{\"a\":[]}]", "[\n  {\n    \"a\": []\n  }\n]");
}

static void leaves_strings_alone(void **state)
{
    (void)state;
    expect("[\"{[,: \\\" ]}\"]", "[\n  \"{[,: \\\" ]}\"\n]");
    expect("{\"a\\\\\":1}", "{\n  \"a\\\\\": 1\n}");
}

static void may_be_done_twice(void **state)
{
    (void)state;
    expect("{\n  \"a\": [\n    1,\n    2\n  ]\n}", "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
    expect("[\n  {}\n]", "[\n  {}\n]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lays_out),
                                       cmocka_unit_test(leaves_strings_alone),
                                       cmocka_unit_test(may_be_done_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
