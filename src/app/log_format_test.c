/* SPDX-License-Identifier: MIT
 * Prefixes per line and not per chunk; JSON objects as PM2 writes them (recorded from PM2 7.0.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/log_format.h"
#include "base/attr.h"
#include "base/limits.h"

#define ROOM 100000
#define D    STR("D: ")

static struct log_format *dated(void)
{
    struct log_format *f = log_format_new("YYYY", false, false, 0, "app");
    assert_non_null(f);
    return f;
}

/* Give the texts one after the other, each as if read then; what is kept back comes again. */
static void check(struct log_format *f, struct str stamp, const char *const *reads,
                  enum log_flush last, const char *want)
{
    AUTO(buf) raw = BUF_INIT;
    AUTO(buf) out = BUF_INIT;
    bool in_line = false;
    for (; *reads; reads++) {
        buf_add_c(&raw, *reads);
        buf_consume(&raw, log_format_add(f, stamp, buf_str(&raw), reads[1] ? LOG_WHOLE_LINES : last,
                                         ROOM, &in_line, &out));
    }
    assert_string_equal(out.data, want);
    if (last == LOG_END)
        assert_int_equal(raw.len, 0);
    log_format_free(f);
}
#define CHECK(f, stamp, last, want, ...)                                                           \
    check((f), (stamp), (const char *const[]){__VA_ARGS__, NULL}, (last), (want))

static void test_a_prefix_per_line(void **state)
{
    (void)state;
    CHECK(dated(), D, LOG_WHOLE_LINES, "D: one\nD: two\nD: \nD: four\n", "one\ntwo\n\nfour\n");
}

/* FIELD: with PM2 --time the AAAA of the second and third line are lost. */
/* A spool has room for so much and no more. */
static void test_long_stamps_and_names_are_cut(void **state)
{
    (void)state;
    struct tm tm = {.tm_year = 126, .tm_mday = 1};
    AUTO(buf) format = BUF_INIT;
    for (size_t i = 0; i < 200000; i++)
        buf_add_c(&format, "\x01");
    for (int is_json = 0; is_json < 2; is_json++) {
        AUTO(buf) stamp = BUF_INIT;
        AUTO(buf) out = BUF_INIT;
        bool in_line = false;
        struct log_format *f = log_format_new(format.data, is_json, false, 0, format.data);
        log_format_stamp(f, &tm, &tm, 0, &stamp);
        assert_in_range(stamp.len, LIMIT_LOG_STAMP_BYTES, 6 * LIMIT_LOG_STAMP_BYTES);
        assert_int_equal(
            log_format_add(f, buf_str(&stamp), STR("a\n"), LOG_WHOLE_LINES, 1, &in_line, &out), 2);
        assert_in_range(out.len, LIMIT_LOG_STAMP_BYTES,
                        6 * (LIMIT_LOG_STAMP_BYTES + LIMIT_NAME_BYTES) + 256);
        log_format_free(f);
    }
}

static void test_lines_in_several_writes(void **state)
{
    (void)state;
    CHECK(dated(), D, LOG_WHOLE_LINES, "D: AAAABBBB\nD: AAAABBBB\nD: AAAABBBB\n", "AAAA",
          "BBBB\nAAAA", "BBBB\nAAAA", "BBBB\n");
}

static void test_a_prompt_and_its_rest(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct log_format *f = dated();
    bool in_line = false;
    assert_int_equal(log_format_add(f, D, STR("Name? "), LOG_WHOLE_LINES, ROOM, &in_line, &out), 0);
    assert_int_equal(log_format_add(f, D, STR("Name? "), LOG_ALL, ROOM, &in_line, &out), 6);
    assert_true(in_line);
    assert_int_equal(log_format_add(f, D, STR("Bob\nx\n"), LOG_WHOLE_LINES, ROOM, &in_line, &out),
                     6);
    assert_string_equal(out.data, "D: Name? Bob\nD: x\n");
    log_format_free(f);
}

static void test_the_last_line_gets_an_end(void **state)
{
    (void)state;
    CHECK(dated(), D, LOG_END, "D: a\nD: b\n", "a\nb");
    CHECK(dated(), D, LOG_END, "D: a\n", "a\n");
    CHECK(dated(), D, LOG_END, "", "");
}

static void test_carriage_returns_and_binary_stay(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct log_format *f = dated();
    bool in_line = false;
    CHECK(dated(), D, LOG_WHOLE_LINES, "D: a\r\nD: b\r\n", "a\r\nb\r\n");
    struct str raw = STR("a\0b\xFF\xFE\n");
    assert_int_equal(log_format_add(f, D, raw, LOG_WHOLE_LINES, ROOM, &in_line, &out), raw.n);
    assert_int_equal(out.len, raw.n + 3);
    assert_memory_equal(out.data + 3, raw.p, raw.n);
    log_format_free(f);
}

static void test_long_lines_come_in_parts(void **state)
{
    (void)state;
    AUTO(buf) raw = BUF_INIT;
    AUTO(buf) out = BUF_INIT;
    AUTO(buf) want = BUF_INIT;
    struct log_format *f = dated();
    bool in_line = false;
    for (size_t i = 0; i < LIMIT_LOG_LINE_BYTES * 2 + 10; i++)
        buf_add_byte(&raw, (char)('a' + i % 26));
    buf_add_c(&raw, "\nx\n");
    buf_add_c(&want, "D: ");
    buf_add(&want, raw.data, raw.len - 2);
    buf_add_c(&want, "D: x\n");
    /* As long as there is no end in sight the first part waits for the cap, no longer. */
    assert_int_equal(log_format_add(f, D, (struct str){raw.data, LIMIT_LOG_LINE_BYTES - 1},
                                    LOG_WHOLE_LINES, ROOM, &in_line, &out),
                     0);
    size_t used = log_format_add(f, D, (struct str){raw.data, LIMIT_LOG_LINE_BYTES},
                                 LOG_WHOLE_LINES, ROOM, &in_line, &out);
    assert_int_equal(used, LIMIT_LOG_LINE_BYTES);
    while (used < raw.len)
        used += log_format_add(f, D, (struct str){raw.data + used, raw.len - used}, LOG_WHOLE_LINES,
                               1, &in_line, &out);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.data, want.data, want.len);
    log_format_free(f);
}

static void test_room_is_kept_to(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct log_format *f = dated();
    bool in_line = false;
    assert_int_equal(log_format_add(f, D, STR("a\nb\nc\n"), LOG_WHOLE_LINES, 6, &in_line, &out), 4);
    assert_string_equal(out.data, "D: a\nD: b\n");
    log_format_free(f);
}

static struct log_format *json(bool is_err, const char *date)
{
    struct log_format *f = log_format_new(date, true, is_err, 3, "my \"app\"");
    assert_non_null(f);
    return f;
}

static void test_json(void **state)
{
    (void)state;
#define OBJECT(m)                                                                                  \
    "{\"message\":\"" m "\",\"timestamp\":\"T\",\"type\":\"err\",\"process_id\":3,"                \
    "\"app_name\":\"my \\\"app\\\"\"}\n"
    CHECK(json(true, NULL), STR("T"), LOG_WHOLE_LINES, OBJECT("a\\r\\n") OBJECT("\\t\\\"\\\\\\n"),
          "a\r\n\t\"\\\n");
    CHECK(json(true, NULL), STR("T"), LOG_WHOLE_LINES, OBJECT("\xEF\xBF\xBDx\\n"), "\xFFx\n");
    CHECK(json(true, NULL), STR("T"), LOG_WHOLE_LINES, OBJECT("\xE2\x82\xAC\\n"), "\xE2",
          "\x82\xAC\n");
    CHECK(json(true, NULL), STR("T"), LOG_WHOLE_LINES, OBJECT("one\\n") OBJECT("two\\n"), "on",
          "e\ntwo\n");
    /* What waited too long, and the end: no end of line is made up in a message. */
    CHECK(json(true, NULL), STR("T"), LOG_ALL, OBJECT("Name? "), "Name? ");
    CHECK(json(true, NULL), STR("T"), LOG_END, OBJECT("last"), "last");
    /* The rest of a character may be on its way. */
    CHECK(json(true, NULL), STR("T"), LOG_ALL, OBJECT("x"), "x\xE2\x82");
}

static void test_stamps(void **state)
{
    (void)state;
    struct tm utc = {.tm_year = 126, .tm_mon = 10, .tm_mday = 27, .tm_hour = 9, .tm_min = 5};
    struct tm local = utc;
    local.tm_hour = 10;
    static const struct {
        const char *format;
        bool is_json;
        const char *want;
    } cases[] = {
        {NULL, true, "2026-11-27T09:05:00.007Z"},
        {"HH:mm:ss.SSS", true, "10:05:00.007"},
        {"[\"]HH", true, "\\\"10"},
        {"YYYY-MM-DDTHH:mm:ss", false, "2026-11-27T10:05:00: "},
        {"%H:%M", false, "10:05: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        struct log_format *f = log_format_new(cases[i].format, cases[i].is_json, false, 0, "a");
        assert_non_null(f);
        assert_true(log_format_is_json(f) == cases[i].is_json);
        log_format_stamp(f, &local, &utc, 7, &out);
        assert_string_equal(out.data, cases[i].want);
        log_format_free(f);
    }
}

static void test_nothing_to_format(void **state)
{
    (void)state;
    assert_null(log_format_new(NULL, false, false, 0, "a"));
    assert_int_equal(errno, 0);
    assert_null(log_format_new("", false, false, 0, "a"));
    assert_false(log_format_is_json(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_prefix_per_line),
        cmocka_unit_test(test_long_stamps_and_names_are_cut),
        cmocka_unit_test(test_lines_in_several_writes),
        cmocka_unit_test(test_a_prompt_and_its_rest),
        cmocka_unit_test(test_the_last_line_gets_an_end),
        cmocka_unit_test(test_carriage_returns_and_binary_stay),
        cmocka_unit_test(test_long_lines_come_in_parts),
        cmocka_unit_test(test_room_is_kept_to),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_nothing_to_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
