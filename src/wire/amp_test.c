/* SPDX-License-Identifier: MIT
 * The AMP codec against bytes that PM2 7.0.4 sent, cut and joined in every way, and against frames
 * that no honest peer sends. */
#include "wire/amp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"

/* What a PM2 client and daemon said to each other: a ping. */
#define PING_CALL "{\"type\":\"call\",\"method\":\"ping\",\"args\":[{}]}"
#define PING_ID   "22667:0"
static const char ping_frame[] = "\x12\0\0\0\x2dj:" PING_CALL "\0\0\0\x09s:" PING_ID;
static const char pong_frame[] = "\x12\0\0\0\x1bj:{\"args\":[{\"msg\":\"pong\"}]}"
                                 "\0\0\0\x09s:" PING_ID;
#define FRAME(literal) ((struct str){(literal), sizeof(literal) - 1})

static void feed(struct amp_reader *r, struct str bytes)
{
    assert_int_equal(amp_reader_feed(r, bytes.p, bytes.n), 0);
}

static void assert_ping(const struct amp_msg *m)
{
    struct str body;
    struct str id;
    assert_int_equal(m->argc, 2);
    assert_int_equal(amp_arg(m->argv[0], &body), AMP_JSON);
    assert_int_equal(amp_arg(m->argv[1], &id), AMP_STRING);
    assert_true(str_eq_c(body, PING_CALL));
    assert_true(str_eq_c(id, PING_ID));
}

static void writes_what_pm2_writes(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    amp_begin(&out, 2);
    amp_add_json(&out, STR(PING_CALL));
    amp_add_string(&out, STR(PING_ID));
    assert_true(str_eq(buf_str(&out), FRAME(ping_frame)));

    buf_clear(&out);
    amp_begin(&out, 2);
    size_t mark = amp_arg_open(&out, AMP_JSON);
    buf_add_c(&out, "{\"args\":[{\"msg\":");
    buf_add_c(&out, "\"pong\"}]}");
    amp_arg_close(&out, mark);
    amp_add_raw(&out, STR("s:" PING_ID));
    assert_true(str_eq(buf_str(&out), FRAME(pong_frame)));
}

static void reads_at_every_cut(void **state)
{
    (void)state;
    const struct str frame = FRAME(ping_frame);
    struct amp_msg m;
    for (size_t cut = 0; cut <= frame.n; cut++) {
        struct amp_reader r;
        amp_reader_init(&r);
        feed(&r, (struct str){frame.p, cut});
        assert_int_equal(amp_reader_next(&r, &m), cut == frame.n);
        feed(&r, (struct str){frame.p + cut, frame.n - cut});
        if (cut < frame.n)
            assert_int_equal(amp_reader_next(&r, &m), 1);
        assert_ping(&m);
        assert_int_equal(amp_reader_next(&r, &m), 0);
        amp_reader_fini(&r);
    }
}

static void reads_byte_by_byte(void **state)
{
    (void)state;
    const struct str frame = FRAME(ping_frame);
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < frame.n; i++) {
            assert_int_equal(amp_reader_next(&r, &m), 0);
            feed(&r, (struct str){frame.p + i, 1});
        }
        assert_int_equal(amp_reader_next(&r, &m), 1);
        assert_ping(&m);
    }
    amp_reader_fini(&r);
}

/* Messages of one feed stay valid, and where they are, until the next feed. */
static void coalesced_frames_stay_put(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    AUTO(buf) in = BUF_INIT;
    for (int i = 0; i < COUNT; i++)
        buf_add_str(&in, FRAME(ping_frame));
    struct amp_reader r;
    amp_reader_init(&r);
    feed(&r, buf_str(&in));
    const char *data = r.in.data;
    struct amp_msg m;
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(amp_reader_next(&r, &m), 1);
        assert_ping(&m);
        assert_ptr_equal(m.argv[0].p, data + (size_t)i * (sizeof(ping_frame) - 1) + 5);
    }
    assert_int_equal(amp_reader_next(&r, &m), 0);
    amp_reader_fini(&r);
}

/* A caller may stop reading in the middle (back pressure) and feed more: nothing is lost. */
static void feeding_before_all_was_taken(void **state)
{
    (void)state;
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    int fed = 0;
    int seen = 0;
    for (int i = 0; i < 50; i++) {
        for (int k = 0; k < 3; k++, fed++)
            feed(&r, FRAME(ping_frame));
        for (int k = 0; k < i % 6 && seen < fed; k++, seen++) {
            assert_int_equal(amp_reader_next(&r, &m), 1);
            assert_ping(&m);
        }
    }
    for (; seen < fed; seen++) {
        assert_int_equal(amp_reader_next(&r, &m), 1);
        assert_ping(&m);
    }
    assert_int_equal(amp_reader_next(&r, &m), 0);
    amp_reader_fini(&r);
}

static void kinds_of_arguments(void **state)
{
    (void)state;
    static const struct {
        struct str arg;
        enum amp_kind kind;
        const char *payload;
    } rows[] = {
        {{"s:text", 6}, AMP_STRING, "text"},
        {{"s:", 2}, AMP_STRING, ""},
        {{"j:null", 6}, AMP_JSON, "null"},
        {{"j:", 2}, AMP_JSON, ""},
        {{"s", 1}, AMP_BLOB, "s"},
        {{"S:x", 3}, AMP_BLOB, "S:x"},
        {{"", 0}, AMP_BLOB, ""},
        {{NULL, 0}, AMP_BLOB, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str payload;
        assert_int_equal(amp_arg(rows[i].arg, &payload), rows[i].kind);
        assert_true(str_eq_c(payload, rows[i].payload));
    }
}

static void argc_1_to_15(void **state)
{
    (void)state;
    for (unsigned argc = 1; argc <= AMP_ARGC_MAX; argc++) {
        AUTO(buf) out = BUF_INIT;
        amp_begin(&out, argc);
        for (unsigned i = 0; i < argc; i++) /* the first is empty */
            amp_add_raw(&out, (struct str){"0123456789abcdef", i});
        struct amp_reader r;
        struct amp_msg m;
        amp_reader_init(&r);
        feed(&r, buf_str(&out));
        assert_int_equal(amp_reader_next(&r, &m), 1);
        assert_int_equal(m.argc, argc);
        for (unsigned i = 0; i < argc; i++)
            assert_int_equal(m.argv[i].n, i);
        assert_int_equal(amp_reader_next(&r, &m), 0);
        amp_reader_fini(&r);
    }
}

static void assert_refused(struct str bytes, int error)
{
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    feed(&r, bytes);
    assert_int_equal(amp_reader_next(&r, &m), error);
    assert_int_equal(amp_reader_next(&r, &m), error); /* sticky */
    assert_int_equal(amp_reader_feed(&r, "\x11\0\0\0\0", 5), error);
    assert_int_equal(amp_reader_next(&r, &m), error);
    amp_reader_fini(&r);
}

static void refuses_bad_heads(void **state)
{
    (void)state;
    assert_refused(STR("\x10"), -EPROTO);             /* argc 0 */
    assert_refused(STR("\x22"), -EPROTO);             /* version 2 */
    assert_refused(STR("\x02"), -EPROTO);             /* version 0 */
    assert_refused(STR("GET / HTTP/1.1"), -EPROTO);   /* a browser */
    assert_refused(STR("{\"type\":\"x\"}"), -EPROTO); /* a human */
}

static void good_frames_before_a_bad_one_count(void **state)
{
    (void)state;
    AUTO(buf) in = BUF_INIT;
    buf_add_str(&in, FRAME(ping_frame));
    buf_add_byte(&in, '\x10');
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    feed(&r, buf_str(&in));
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_ping(&m);
    assert_int_equal(amp_reader_next(&r, &m), -EPROTO);
    amp_reader_fini(&r);
}

static void refuses_a_length_as_soon_as_it_is_seen(void **state)
{
    (void)state;
    AUTO(buf) in = BUF_INIT;
    amp_begin(&in, 1);
    buf_add_u32be(&in, LIMIT_FRAME_BYTES + 1);
    assert_refused(buf_str(&in), -EMSGSIZE);
    assert_refused(STR("\x11\xff\xff\xff\xff"), -EMSGSIZE);

    buf_clear(&in); /* the sum counts, not the single argument */
    amp_begin(&in, 2);
    amp_add_raw(&in, STR("x"));
    buf_add_u32be(&in, LIMIT_FRAME_BYTES);
    assert_refused(buf_str(&in), -EMSGSIZE);
}

static void largest_frame(void **state)
{
    (void)state;
    AUTO(buf) in = BUF_INIT;
    amp_begin(&in, 2);
    amp_add_raw(&in, STR("x"));
    size_t mark = amp_arg_open(&in, AMP_BLOB);
    assert_true(buf_reserve(&in, LIMIT_FRAME_BYTES));
    memset(in.data + in.len, 'y', LIMIT_FRAME_BYTES - 1);
    in.len += LIMIT_FRAME_BYTES - 1;
    amp_arg_close(&in, mark);

    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    feed(&r, buf_str(&in));
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_int_equal(m.argv[1].n, LIMIT_FRAME_BYTES - 1);
    feed(&r, FRAME(ping_frame)); /* an idle connection gives the memory back */
    assert_true(r.in.cap < 1024UL * 1024);
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_ping(&m);
    amp_reader_fini(&r);
}

static void writing_into_a_full_buffer_is_harmless(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    assert_false(buf_reserve(&out, LIMIT_BUF_BYTES + 1));
    amp_begin(&out, 2);
    size_t mark = amp_arg_open(&out, AMP_JSON);
    amp_arg_close(&out, mark);
    amp_add_string(&out, STR("id"));
    assert_true(buf_oom(&out));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_pm2_writes),
        cmocka_unit_test(reads_at_every_cut),
        cmocka_unit_test(reads_byte_by_byte),
        cmocka_unit_test(coalesced_frames_stay_put),
        cmocka_unit_test(feeding_before_all_was_taken),
        cmocka_unit_test(kinds_of_arguments),
        cmocka_unit_test(argc_1_to_15),
        cmocka_unit_test(refuses_bad_heads),
        cmocka_unit_test(good_frames_before_a_bad_one_count),
        cmocka_unit_test(refuses_a_length_as_soon_as_it_is_seen),
        cmocka_unit_test(largest_frame),
        cmocka_unit_test(writing_into_a_full_buffer_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
