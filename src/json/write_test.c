/* SPDX-License-Identifier: MIT
 * JSON out: commas, escapes and numbers as JSON.stringify has them. */
#include "json/write.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"

static void commas_everywhere(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    struct jw w = jw_to(&b);
    jw_obj_begin(&w);
    jw_kstr(&w, "s", "x");
    jw_kint(&w, "i", INT64_MIN);
    jw_kbool(&w, "t", true);
    jw_key(&w, "o");
    jw_obj_begin(&w);
    jw_obj_end(&w);
    jw_key_str(&w, STR("a"));
    jw_arr_begin(&w);
    jw_arr_end(&w);
    jw_key(&w, "l");
    jw_arr_begin(&w);
    jw_int(&w, 0);
    jw_int(&w, -10);
    jw_int(&w, INT64_MAX);
    jw_bool(&w, false);
    jw_null(&w);
    jw_real(&w, 0.5);
    jw_raw(&w, STR("{\"raw\":1}"));
    jw_arr_begin(&w);
    jw_str(&w, NULL);
    jw_arr_end(&w);
    jw_arr_end(&w);
    jw_kstr(&w, "n", NULL);
    jw_kdom(&w, "d", NULL);
    jw_obj_end(&w);
    assert_string_equal(
        b.data, "{\"s\":\"x\",\"i\":-9223372036854775808,\"t\":true,\"o\":{},"
                "\"a\":[],\"l\":[0,-10,9223372036854775807,false,null,0.5,{\"raw\":1},[null]],"
                "\"n\":null,\"d\":null}");
}

/* Each row is what node prints for JSON.stringify() of the string. */
static void strings(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *out;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
        {{"caf\xC3\xA9", 5}, "\"caf\xC3\xA9\""},
        {{"\xE2\x80\xA8", 3}, "\"\xE2\x80\xA8\""}, /* U+2028 stays */
        {{"\xF0\x9F\x98\x80", 4}, "\"\xF0\x9F\x98\x80\""},
        {{"a\xFFz", 3}, "\"a\xEF\xBF\xBDz\""},
        {{"\xC3", 1}, "\"\xEF\xBF\xBD\""},                                 /* cut short */
        {{"\xC0\x80", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* overlong */
        {{"\xE0\x80\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* overlong */
        {{"\xED\xA0\x80", 3}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* surrogate */
        {{"\xF5x", 2}, "\"\xEF\xBF\xBDx\""},
        {{"\xC3\"", 2}, "\"\xEF\xBF\xBD\\\"\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) b = BUF_INIT;
        json_quote(&b, rows[i].in);
        assert_string_equal(b.data, rows[i].out);
    }
}

/* What has to be escaped is found wherever it stands: eight bytes are looked at at a time. */
static void strings_at_every_place(void **state)
{
    (void)state;
    static const struct {
        unsigned char in;
        const char *out;
    } rows[] = {
        {'"', "\\\""},
        {'\\', "\\\\"},
        {'\0', "\\u0000"},
        {0x1F, "\\u001f"},
        {' ', " "},
        {'!', "!"},
        {'#', "#"},
        {'[', "["},
        {']', "]"},
        {0x7F, "\x7F"},
        {0x80, "\xEF\xBF\xBD"},
        {0xFF, "\xEF\xBF\xBD"},
        {'\n', "\\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t n = 1; n <= 24; n++) {
            for (size_t at = 0; at < n; at++) {
                char text[25] = "xxxxxxxxxxxxxxxxxxxxxxxx";
                char wanted[64];
                AUTO(buf) b = BUF_INIT;
                text[at] = (char)rows[i].in;
                snprintf(wanted, sizeof(wanted), "\"%.*s%s%.*s\"", (int)at, text, rows[i].out,
                         (int)(n - at - 1), text + at + 1);
                json_quote(&b, (struct str){text, n});
                assert_string_equal(b.data, wanted);
            }
        }
    }
}

/* Each row is what node prints for JSON.stringify() of the number. */
static void numbers(void **state)
{
    (void)state;
    static const struct {
        double in;
        const char *out;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1795232828765.0, "1795232828765"},
        {9007199254740993.0, "9007199254740992"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {123456789012345680000.0, "123456789012345680000"},
        {0.000001, "0.000001"},
        {0.0000001, "1e-7"},
        {-1.234e-7, "-1.234e-7"},
        {0.00012345, "0.00012345"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0x1p-1017, "7.120236347223045e-307"}, /* nearest of 16 digits does not read back */
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) b = BUF_INIT;
        json_number_text(&b, rows[i].in);
        assert_string_equal(b.data, rows[i].out);
    }
}

static void numbers_read_back(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        double value;
        memcpy(&value, &seed, sizeof(value));
        if (!isfinite(value))
            continue;
        AUTO(buf) b = BUF_INIT;
        json_number_text(&b, value);
        if (strtod(b.data, NULL) != value)
            fail_msg("%a was written as %s", value, b.data);
    }
}

static void dom_keeps_order(void **state)
{
    (void)state;
    static const char text[] =
        "{\"z\":1,\"a\":[true,false,null,\"x\\ny\",2.5,{}],\"m\":{\"k\":[]}}";
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    AUTO(buf) b = BUF_INIT;
    struct jw w = jw_to(&b);
    jw_dom(&w, value);
    json_decref(value);
    assert_string_equal(b.data, text);
}

static void oom_is_the_buffers(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    struct jw w = jw_to(&b);
    jw_arr_begin(&w);
    assert_false(buf_reserve(&b, LIMIT_BUF_BYTES));
    jw_str(&w, "lost");
    jw_arr_end(&w);
    assert_true(buf_oom(&b));
    assert_string_equal(b.data, "[");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_everywhere),      cmocka_unit_test(strings),
        cmocka_unit_test(strings_at_every_place), cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_read_back),      cmocka_unit_test(dom_keeps_order),
        cmocka_unit_test(oom_is_the_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
