/* SPDX-License-Identifier: MIT
 * Node channel lines: cut anywhere, of every kind, too long, broken, from Bun. */
#include "wire/channel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"

static void feed(struct channel_reader *r, struct str bytes)
{
    assert_int_equal(channel_reader_feed(r, bytes.p, bytes.n), 0);
}

/* Take the next message and forget its value. */
static enum channel_kind next_kind(struct channel_reader *r)
{
    struct channel_msg m;
    enum channel_kind kind = channel_reader_next(r, &m);
    json_decref(m.value);
    return kind;
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum channel_kind kind;
        const char *cmd;
    } rows[] = {
        {"\"ready\"", CHANNEL_APP, NULL},
        {"42", CHANNEL_APP, NULL},
        {"null", CHANNEL_APP, NULL},
        {"[1,2]", CHANNEL_APP, NULL},
        {"{\"type\":\"axm:monitor\",\"data\":{}}", CHANNEL_APP, NULL},
        {" \t{\"a\":1}\r", CHANNEL_APP, NULL},
        {"{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}", CHANNEL_INTERNAL,
         "NODE_CLUSTER"},
        {"{\"cmd\":\"NODE_X\"}", CHANNEL_INTERNAL, "NODE_X"},
        {"{\"cmd\":\"NODE_\"}", CHANNEL_APP, NULL}, /* too short: the app's own */
        {"{\"cmd\":\"node_x\"}", CHANNEL_APP, NULL},
        {"{\"cmd\":5}", CHANNEL_APP, NULL},
        {"{\"x\":{\"cmd\":\"NODE_CLUSTER\"}}", CHANNEL_APP, NULL},
        {"\"NODE_CLUSTER\"", CHANNEL_APP, NULL},
        {"[{\"cmd\":\"NODE_CLUSTER\"}]", CHANNEL_APP, NULL},
        {"\x02{\"cmd\":\"NODE_CLUSTER\",\"$hasHandle\":true}", CHANNEL_INTERNAL, "NODE_CLUSTER"},
        {"\x02{\"cmd\":\"other\"}", CHANNEL_INTERNAL, "other"},
        {"\x02[]", CHANNEL_INTERNAL, ""},
        {"\x02", CHANNEL_BAD, NULL},
        {"{\"cmd\":", CHANNEL_BAD, NULL},
        {"Debugger attached.", CHANNEL_BAD, NULL},
        {"{} {}", CHANNEL_BAD, NULL},
        {"\"\xFF\"", CHANNEL_BAD, NULL},
    };
    struct channel_reader r;
    channel_reader_init(&r);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        feed(&r, str_from(rows[i].line));
        feed(&r, STR("\n"));
        struct channel_msg m;
        if (channel_reader_next(&r, &m) != rows[i].kind)
            fail_msg("%s read as %d", rows[i].line, (int)m.kind);
        assert_int_equal(m.kind, rows[i].kind);
        assert_int_equal(m.value != NULL, m.kind != CHANNEL_BAD);
        if (rows[i].cmd)
            assert_string_equal(m.cmd, rows[i].cmd);
        else
            assert_null(m.cmd);
        json_decref(m.value);
        assert_int_equal(next_kind(&r), CHANNEL_NONE);
    }
    channel_reader_fini(&r);
}

static void line_is_the_text(void **state)
{
    (void)state;
    struct channel_reader r;
    struct channel_msg m;
    channel_reader_init(&r);
    feed(&r, STR(" {\"a\": 1}\r\n\x02{\"b\":2}\noops\n"));
    assert_int_equal(channel_reader_next(&r, &m), CHANNEL_APP);
    assert_true(str_eq_c(m.line, "{\"a\": 1}"));
    json_decref(m.value);
    assert_int_equal(channel_reader_next(&r, &m), CHANNEL_INTERNAL);
    assert_true(str_eq_c(m.line, "\x02{\"b\":2}"));
    json_decref(m.value);
    assert_int_equal(channel_reader_next(&r, &m), CHANNEL_BAD);
    assert_true(str_eq_c(m.line, "oops"));
    channel_reader_fini(&r);
}

static void empty_lines_are_skipped(void **state)
{
    (void)state;
    struct channel_reader r;
    channel_reader_init(&r);
    feed(&r, STR("\n\n \t\r\n1\n\n\n2\n\n"));
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    assert_int_equal(next_kind(&r), CHANNEL_NONE);
    assert_int_equal(r.taken, r.in.len);
    channel_reader_fini(&r);
}

/* At every cut, inside a UTF-8 sequence as well. */
static void cut_anywhere(void **state)
{
    (void)state;
    const struct str text = STR("{\"s\":\"caf\xC3\xA9\"}\n{\"cmd\":\"NODE_HANDLE_ACK\"}\nnull\n");
    for (size_t cut = 0; cut <= text.n; cut++) {
        static const enum channel_kind want[] = {CHANNEL_APP, CHANNEL_INTERNAL, CHANNEL_APP,
                                                 CHANNEL_NONE};
        struct channel_reader r;
        channel_reader_init(&r);
        size_t seen = 0;
        feed(&r, (struct str){text.p, cut});
        enum channel_kind kind;
        while ((kind = next_kind(&r)) != CHANNEL_NONE)
            assert_int_equal(kind, want[seen++]);
        assert_int_equal(r.scanned, r.in.len); /* not searched a second time */
        feed(&r, (struct str){text.p + cut, text.n - cut});
        while ((kind = next_kind(&r)) != CHANNEL_NONE)
            assert_int_equal(kind, want[seen++]);
        assert_int_equal(seen, 3);
        channel_reader_fini(&r);
    }
}

/* 5000 messages in one burst, taken a few at a time between feeds. */
static void bursts_and_back_pressure(void **state)
{
    (void)state;
    struct channel_reader r;
    channel_reader_init(&r);
    int fed = 0;
    int seen = 0;
    while (fed < 5000) {
        for (int k = 0; k < 50; k++, fed++) {
            char line[32];
            snprintf(line, sizeof(line), "{\"n\":%d}\n", fed);
            feed(&r, str_from(line));
        }
        while (seen < fed - 20 || (fed == 5000 && seen < fed)) {
            struct channel_msg m;
            assert_int_equal(channel_reader_next(&r, &m), CHANNEL_APP);
            assert_int_equal(json_integer_value(json_object_get(m.value, "n")), seen++);
            json_decref(m.value);
        }
    }
    assert_int_equal(next_kind(&r), CHANNEL_NONE);
    channel_reader_fini(&r);
}

/* A string message whose line has exactly `n` bytes, without newline. */
static void long_line(struct buf *b, size_t n)
{
    buf_clear(b);
    assert_true(buf_reserve(b, n + 1));
    memset(b->data, 'x', n);
    b->data[0] = b->data[n - 1] = '"';
    b->len = n;
}

static void longest_line(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    long_line(&b, LIMIT_CHANNEL_LINE_BYTES);
    struct channel_reader r;
    channel_reader_init(&r);
    feed(&r, buf_str(&b));
    assert_int_equal(next_kind(&r), CHANNEL_NONE);
    feed(&r, STR("\n7\n"));
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    feed(&r, STR("8\n")); /* the memory goes back when all is read */
    assert_true(r.in.cap < 1024UL * 1024);
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    channel_reader_fini(&r);
}

static void too_long_is_said_once(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    long_line(&b, LIMIT_CHANNEL_LINE_BYTES + 1);
    struct channel_reader r;
    struct channel_msg m;
    channel_reader_init(&r);
    feed(&r, STR("1\n"));
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    feed(&r, buf_str(&b)); /* no newline yet: known too long already, and dropped */
    assert_int_equal(channel_reader_next(&r, &m), CHANNEL_TOO_LONG);
    assert_int_equal(m.line.n, 0);
    assert_null(m.value);
    assert_int_equal(r.taken, r.in.len);
    for (int i = 0; i < 3; i++) {
        feed(&r, buf_str(&b));
        assert_int_equal(next_kind(&r), CHANNEL_NONE);
    }
    feed(&r, STR("a short piece, "));
    assert_int_equal(next_kind(&r), CHANNEL_NONE);
    feed(&r, STR("end of it\n\"next\"\n"));
    assert_int_equal(channel_reader_next(&r, &m), CHANNEL_APP);
    assert_string_equal(json_string_value(m.value), "next");
    json_decref(m.value);
    assert_int_equal(next_kind(&r), CHANNEL_NONE);

    buf_add_c(&b, "\n2\n"); /* the whole line in one feed */
    feed(&r, buf_str(&b));
    assert_int_equal(next_kind(&r), CHANNEL_TOO_LONG);
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    assert_int_equal(next_kind(&r), CHANNEL_NONE);
    channel_reader_fini(&r);
}

static void deep_message_is_bad(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++)
        buf_add_byte(&b, '[');
    for (int i = 0; i <= LIMIT_JSON_DEPTH; i++)
        buf_add_byte(&b, ']');
    buf_add_c(&b, "\n1\n");
    struct channel_reader r;
    channel_reader_init(&r);
    feed(&r, buf_str(&b));
    assert_int_equal(next_kind(&r), CHANNEL_BAD);
    assert_int_equal(next_kind(&r), CHANNEL_APP);
    channel_reader_fini(&r);
}

/* A reader that is never drained ends at the cap of buffers, and stays failed. */
static void undrained_reader_fails(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    long_line(&b, LIMIT_CHANNEL_LINE_BYTES);
    struct channel_reader r;
    channel_reader_init(&r);
    int rc = 0;
    for (size_t n = 0; n <= LIMIT_BUF_BYTES && rc == 0; n += b.len)
        rc = channel_reader_feed(&r, b.data, b.len);
    assert_int_equal(rc, -ENOMEM);
    assert_int_equal(next_kind(&r), CHANNEL_TOO_LONG);
    assert_int_equal(channel_reader_feed(&r, "1\n", 2), -ENOMEM);
    channel_reader_fini(&r);
}

static void writes_lines(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    channel_write(&out, STR("{\"cmd\":\"NODE_HANDLE_ACK\"}"));
    channel_write(&out, STR("null"));
    assert_string_equal(out.data, "{\"cmd\":\"NODE_HANDLE_ACK\"}\nnull\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(line_is_the_text),
        cmocka_unit_test(empty_lines_are_skipped),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(bursts_and_back_pressure),
        cmocka_unit_test(longest_line),
        cmocka_unit_test(too_long_is_said_once),
        cmocka_unit_test(deep_message_is_bad),
        cmocka_unit_test(undrained_reader_fails),
        cmocka_unit_test(writes_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
