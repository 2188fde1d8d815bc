/* SPDX-License-Identifier: MIT
 * The envelopes: byte for byte what PM2 7.0.4 writes, its error texts, and bodies of other shapes.
 */
#include "wire/rpc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "json/write.h"

#define ID "22683:0"

static struct amp_msg message(struct str body, struct str id)
{
    return (struct amp_msg){.argc = 2, .argv = {body, id}};
}

static void request_as_pm2_writes_it(void **state)
{
    (void)state;
    static const char want[] =
        "\x12\0\0\0\x2fj:{\"type\":\"call\",\"method\":\"nosuch\",\"args\":[{}]}"
        "\0\0\0\x09s:" ID;
    AUTO(buf) out = BUF_INIT;
    rpc_request_write(&out, "nosuch", STR("[{}]"), STR(ID));
    assert_int_equal(out.len, 65);
    assert_true(str_eq(buf_str(&out), STR(want)));
}

static void reply_as_pm2_writes_it(void **state)
{
    (void)state;
    static const char want[] = "\x12\0\0\0\x1dj:{\"args\":[{\"success\":true}]}\0\0\0\x09s:22708:0";
    AUTO(buf) out = BUF_INIT;
    size_t mark = rpc_reply_open(&out);
    buf_add_c(&out, "{\"args\":[{\"success\":true}]}");
    rpc_reply_close(&out, mark, STR("s:22708:0"));
    assert_int_equal(out.len, 47);
    assert_true(str_eq(buf_str(&out), STR(want)));
}

static void error_reply_has_error_and_stack(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    rpc_reply_error(&out, STR("s:" ID), "Unknown \"id\"");
    static const char body[] = "j:{\"error\":\"Unknown \\\"id\\\"\","
                               "\"stack\":\"Error: Unknown \\\"id\\\"\"}";
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    assert_int_equal(amp_reader_feed(&r, out.data, out.len), 0);
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_true(str_eq(m.argv[0], STR(body)));
    assert_true(str_eq(m.argv[1], STR("s:" ID)));
    amp_reader_fini(&r);
}

static void refusal_as_pm2_writes_it(void **state)
{
    (void)state;
    static const char want[] =
        "\x12\0\0\0\x2ej:{\"error\":\"method \\\"nosuch\\\" does not exist\"}"
        "\0\0\0\x09s:" ID;
    AUTO(buf) out = BUF_INIT;
    rpc_reply_refusal(&out, STR("s:" ID), "method \"nosuch\" does not exist");
    assert_int_equal(out.len, 64);
    assert_true(str_eq(buf_str(&out), STR(want)));
}

static void event_as_pm2_writes_it(void **state)
{
    (void)state;
    static const char want[] = "\x12\0\0\0\x0as:pm2:kill\0\0\0\x39j:"
                               "{\"status\":\"killed\",\"msg\":\"pm2 has been killed via CLI\"}";
    AUTO(buf) out = BUF_INIT;
    size_t mark = pub_event_open(&out, STR("pm2:kill"));
    struct jw w = jw_to(&out);
    jw_obj_begin(&w);
    jw_kstr(&w, "status", "killed");
    jw_kstr(&w, "msg", "pm2 has been killed via CLI");
    jw_obj_end(&w);
    pub_event_close(&out, mark);
    assert_int_equal(out.len, 76);
    assert_true(str_eq(buf_str(&out), STR(want)));
}

static void request_reads(void **state)
{
    (void)state;
    struct amp_msg m = message(
        STR("j:{\"type\":\"call\",\"method\":\"stopWatch\",\"args\":[\"stopProcessId\",0]}"),
        STR("s:22708:0"));
    struct rpc_request r;
    struct err e = {0};
    assert_int_equal(rpc_request_parse(&m, &r, &e), 0);
    assert_int_equal(r.type, RPC_CALL);
    assert_string_equal(r.method, "stopWatch");
    assert_int_equal(json_array_size(r.args), 2);
    assert_true(str_eq(r.id, STR("s:22708:0")));
    rpc_request_fini(&r);
    assert_null(r.body);
    rpc_request_fini(&r);
}

static void request_shapes_that_pm2_accepts(void **state)
{
    (void)state;
    struct rpc_request r;
    struct amp_msg m = message(STR("j:{\"type\":\"methods\"}"), STR("s:1:0"));
    assert_int_equal(rpc_request_parse(&m, &r, NULL), 0);
    assert_int_equal(r.type, RPC_METHODS);
    assert_null(r.method);
    assert_null(r.args);
    rpc_request_fini(&r);

    m = message(STR("j:{\"args\":[],\"extra\":{\"x\":1},\"method\":\"ping\"}"), STR("j:17"));
    assert_int_equal(rpc_request_parse(&m, &r, NULL), 0); /* no type; an id that is JSON */
    assert_int_equal(r.type, RPC_CALL);
    assert_true(str_eq(r.id, STR("j:17")));
    rpc_request_fini(&r);

    /* the id is the last argument, however many there are; here a blob */
    m = (struct amp_msg){.argc = 3, .argv = {m.argv[0], STR("s:between"), STR("\x01\x02")}};
    assert_int_equal(rpc_request_parse(&m, &r, NULL), 0);
    assert_true(str_eq(r.id, STR("\x01\x02")));
    rpc_request_fini(&r);
}

static void request_errors(void **state)
{
    (void)state;
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"j:{}", ".method required"},
        {"j:null", ".method required"},
        {"j:[1]", ".method required"},
        {"j:{\"type\":\"call\",\"args\":[]}", ".method required"},
        {"j:{\"method\":\"\",\"args\":[]}", ".method required"},
        {"j:{\"method\":5,\"args\":[]}", ".method required"},
        {"s:ping", ".method required"},
        {"", ".method required"},
        {"j:{\"type\":\"call\",\"method\":\"ping\"}", ".args required"},
        {"j:{\"method\":\"ping\",\"args\":null}", ".args required"},
        {"j:{\"method\":\"ping\",\"args\":{}}", ".args must be an array"},
        {"j:", "invalid JSON: "},
        {"j:{\"type\":", "invalid JSON: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct amp_msg m = message(str_from(rows[i].body), STR("s:" ID));
        struct rpc_request r;
        struct err e = {0};
        assert_int_equal(rpc_request_parse(&m, &r, &e), -EINVAL);
        if (strncmp(e.msg, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("%s gave %s", rows[i].body, e.msg);
        assert_true(str_eq(r.id, STR("s:" ID)));
        assert_null(r.body);
        assert_null(r.method);
    }
}

static void request_without_id(void **state)
{
    (void)state;
    struct amp_msg m = {.argc = 1, .argv = {STR("j:{\"type\":\"methods\"}")}};
    struct rpc_request r;
    struct err e = {0};
    assert_int_equal(rpc_request_parse(&m, &r, &e), -EPROTO);
    assert_int_equal(r.id.n, 0);
}

static void deep_body(struct buf *out, const char *head, int depth, const char *tail)
{
    buf_clear(out);
    buf_add_c(out, head);
    for (int i = 0; i < depth; i++)
        buf_add_byte(out, '[');
    for (int i = 0; i < depth; i++)
        buf_add_byte(out, ']');
    buf_add_c(out, tail);
}

static void request_depth_is_capped(void **state)
{
    (void)state;
    AUTO(buf) body = BUF_INIT;
    struct rpc_request r;
    struct err e = {0};
    deep_body(&body, "j:{\"method\":\"m\",\"args\":", LIMIT_JSON_DEPTH - 1, "}");
    struct amp_msg m = message(buf_str(&body), STR("s:" ID));
    assert_int_equal(rpc_request_parse(&m, &r, &e), 0);
    rpc_request_fini(&r);
    deep_body(&body, "j:{\"method\":\"m\",\"args\":", LIMIT_JSON_DEPTH, "}");
    m = message(buf_str(&body), STR("s:" ID));
    assert_int_equal(rpc_request_parse(&m, &r, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "nested"));
}

static void replies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *value, *error;
    } rows[] = {
        {"{\"args\":[{\"msg\":\"pong\"}]}", "{\"msg\":\"pong\"}", NULL},
        {"{\"args\":[\"7.0.4\"]}", "\"7.0.4\"", NULL},
        {"{\"args\":[[]]}", "[]", NULL},
        {"{\"args\":[]}", "", NULL},
        {"{\"args\":[null]}", "null", NULL},
        {"{\"args\":[1,2,3]}", "1", NULL},
        {" { \"args\" : [ -1.5e+3 , {} ] } ", "-1.5e+3", NULL},
        {"{}", "", NULL},
        {"{\"x\":{\"args\":[1]},\"args\":[\"a\\\"]}\"],\"y\":[[]]}", "\"a\\\"]}\"", NULL},
        {"{\"args\":[1],\"args\":[2]}", "2", NULL}, /* as JSON.parse: the last one */
        {"{\"\\u0061rgs\":[3]}", "3", NULL},
        {"{\"methods\":{\"ping\":{\"params\":[]}}}", "{\"ping\":{\"params\":[]}}", NULL},
        {"{\"error\":\"42 id unknown\",\"stack\":\"Error: 42\"}", "", "42 id unknown"},
        {"{\"stack\":\"x\",\"error\":\"caf\\u00e9 \\\"x\\\"\"}", "", "caf\xC3\xA9 \"x\""},
        {"{\"args\":[1],\"error\":\"e\"}", "", "e"},
        {"{\"error\":\"\"}", "", ""},
        {"{\"error\":null}", "", "null"},
        {"{\"error\":{\"code\":\"EACCES\"}}", "", "{\"code\":\"EACCES\"}"},
        {"{\"err\\u006fr\":\"escaped key\"}", "", "escaped key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) arg = BUF_INIT;
        buf_printf(&arg, "j:%s", rows[i].body);
        struct amp_msg m = message(buf_str(&arg), STR("s:" ID));
        struct rpc_reply r;
        struct err e = {0};
        if (rpc_reply_parse(&m, &r, &e) != 0)
            fail_msg("%s: %s", rows[i].body, e.msg);
        assert_true(str_eq(r.id, STR(ID)));
        assert_true(str_eq_c(r.body, rows[i].body));
        if (!str_eq_c(r.value, rows[i].value))
            fail_msg("%s gave %.*s", rows[i].body, STR_ARG(r.value));
        if (rows[i].error)
            assert_string_equal(r.error, rows[i].error);
        else
            assert_null(r.error);
        rpc_reply_fini(&r);
    }
}

static void malformed_replies(void **state)
{
    (void)state;
    static const char *const args[] = {
        "",
        "s:text",
        "j:",
        "j:null",
        "j:[1]",
        "j:{\"args\":5}",
        "j:{\"args\":{}}",
        "j:{\"args\":[1]",
        "j:{\"args\":[1,]}",
        "j:{\"args\":[1]}x",
        "j:{\"args\":[nul]}",
        "j:{\"error\":}",
        "j:{\"error\":\"\\ud800\"}",
        "j:{\"\\q\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        struct amp_msg m = message(str_from(args[i]), STR("s:" ID));
        struct rpc_reply r;
        struct err e = {0};
        if (rpc_reply_parse(&m, &r, &e) != -EPROTO)
            fail_msg("%s was accepted", args[i]);
        assert_int_equal(e.code, -EPROTO);
        assert_null(r.error);
        rpc_reply_fini(&r);
    }
    struct amp_msg lone = {.argc = 1, .argv = {STR("j:{\"args\":[]}")}};
    struct rpc_reply r;
    assert_int_equal(rpc_reply_parse(&lone, &r, NULL), -EPROTO);
}

static void reply_depth_is_capped(void **state)
{
    (void)state;
    AUTO(buf) body = BUF_INIT;
    struct rpc_reply r;
    deep_body(&body, "j:{\"args\":", LIMIT_JSON_DEPTH - 1, "}");
    struct amp_msg m = message(buf_str(&body), STR("s:" ID));
    assert_int_equal(rpc_reply_parse(&m, &r, NULL), 0);
    assert_int_equal(r.value.n, 2 * (LIMIT_JSON_DEPTH - 2));
    rpc_reply_fini(&r);
    deep_body(&body, "j:{\"args\":", LIMIT_JSON_DEPTH, "}");
    m = message(buf_str(&body), STR("s:" ID));
    assert_int_equal(rpc_reply_parse(&m, &r, NULL), -EPROTO);
}

static void events(void **state)
{
    (void)state;
    struct amp_msg m = message(STR("s:log:out"), STR("j:{\"data\":\"x\\n\"}"));
    struct pub_event ev;
    assert_int_equal(pub_event_parse(&m, &ev), 0);
    assert_true(str_eq_c(ev.topic, "log:out"));
    assert_true(str_eq_c(ev.payload, "{\"data\":\"x\\n\"}"));
    m = message(STR("j:123"), STR("j:{}")); /* an app sent a numeric type */
    assert_int_equal(pub_event_parse(&m, &ev), 0);
    assert_true(str_eq_c(ev.topic, "123"));
    m = message(STR("s:topic"), STR("s:no json"));
    assert_int_equal(pub_event_parse(&m, &ev), -EPROTO);
    m = (struct amp_msg){.argc = 1, .argv = {STR("s:topic")}};
    assert_int_equal(pub_event_parse(&m, &ev), -EPROTO);
}

static void numbers_of_events(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct amp_reader r;
    struct amp_msg m;
    struct pub_event ev;
    amp_reader_init(&r);
    pub_numbers_write(&out);
    size_t mark = pub_event_open(&out, STR("first"));
    pub_event_close(&out, mark);
    size_t start = out.len;
    mark = pub_event_open(&out, STR("second"));
    buf_add_c(&out, "{\"a\":1}");
    pub_event_close(&out, mark);
    pub_event_number(&out, start, 12345678901234);
    assert_int_equal(amp_reader_feed(&r, out.data, out.len), 0);
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_true(pub_numbers_is(&m));
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_false(pub_numbers_is(&m));
    assert_int_equal(pub_event_parse(&m, &ev), 0);
    assert_int_equal(ev.number, 0);
    assert_int_equal(amp_reader_next(&r, &m), 1);
    assert_int_equal(pub_event_parse(&m, &ev), 0);
    assert_true(str_eq_c(ev.topic, "second"));
    assert_true(str_eq_c(ev.payload, "{\"a\":1}"));
    assert_int_equal(ev.number, 12345678901234);
    amp_reader_fini(&r);
    m = message(STR("s:numbers"), STR("s:more"));
    assert_false(pub_numbers_is(&m));
    m = (struct amp_msg){.argc = 3, .argv = {STR("s:t"), STR("j:{}"), STR("j:-4")}};
    assert_int_equal(pub_event_parse(&m, &ev), 0);
    assert_int_equal(ev.number, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_as_pm2_writes_it),
        cmocka_unit_test(reply_as_pm2_writes_it),
        cmocka_unit_test(refusal_as_pm2_writes_it),
        cmocka_unit_test(error_reply_has_error_and_stack),
        cmocka_unit_test(event_as_pm2_writes_it),
        cmocka_unit_test(request_reads),
        cmocka_unit_test(request_shapes_that_pm2_accepts),
        cmocka_unit_test(request_errors),
        cmocka_unit_test(request_without_id),
        cmocka_unit_test(request_depth_is_capped),
        cmocka_unit_test(replies),
        cmocka_unit_test(malformed_replies),
        cmocka_unit_test(reply_depth_is_capped),
        cmocka_unit_test(events),
        cmocka_unit_test(numbers_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
