/* SPDX-License-Identifier: MIT
 * Which reply is whose. */
#include "client/calls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/rpc.h"

/* The message of a reply with that id; it lies in `r`. */
static void reply_to(struct amp_reader *r, const char *id, const char *body, struct amp_msg *ret)
{
    char raw[64];
    AUTO(buf) out = BUF_INIT;
    int n = snprintf(raw, sizeof(raw), "s:%s", id);
    size_t mark = rpc_reply_open(&out);
    buf_add_c(&out, body);
    rpc_reply_close(&out, mark, (struct str){raw, (size_t)n});
    amp_reader_init(r);
    assert_int_equal(amp_reader_feed(r, out.data, out.len), 0);
    assert_int_equal(amp_reader_next(r, ret), 1);
}

static struct waiter *match(struct calls *c, const char *id)
{
    struct amp_reader r;
    struct amp_msg m;
    reply_to(&r, id, "{\"args\":[]}", &m);
    struct waiter *w = calls_match(c, &m);
    amp_reader_fini(&r);
    return w;
}

static void matches_in_any_order(void **state)
{
    struct calls c;
    struct waiter w[3];
    char id[3][32];
    AUTO(buf) out = BUF_INIT;
    (void)state;
    calls_init(&c);
    for (int i = 0; i < 3; i++) {
        int ticket = calls_add(&c, &w[i], "ping", STR("[{}]"), &out);
        assert_true(ticket > 0);
        snprintf(id[i], sizeof(id[i]), "%d:%d", (int)getpid(), ticket);
    }
    assert_ptr_equal(match(&c, id[2]), &w[2]);
    assert_null(match(&c, id[2])); /* once */
    calls_forget(&w[0]);
    assert_null(match(&c, id[0])); /* too late */
    assert_ptr_equal(match(&c, id[1]), &w[1]);
    assert_true(list_empty(&c.waiting));
}

static void ignores_strange_ids(void **state)
{
    static const char *const strange[] = {"", ":", "1:", "1:x", "1:0", "1:-1", "1:99999999999",
                                          "1"};
    struct calls c;
    struct waiter w;
    AUTO(buf) out = BUF_INIT;
    (void)state;
    calls_init(&c);
    assert_int_equal(calls_add(&c, &w, "ping", STR("[{}]"), &out), 1);
    for (size_t i = 0; i < ARRAY_LEN(strange); i++)
        assert_null(match(&c, strange[i]));
    calls_forget(&w);
}

static void tickets_start_again(void **state)
{
    struct calls c;
    struct waiter w;
    AUTO(buf) out = BUF_INIT;
    (void)state;
    calls_init(&c);
    c.last_ticket = INT32_MAX;
    assert_int_equal(calls_add(&c, &w, "ping", STR("[{}]"), &out), 1);
    calls_forget(&w);
}

static void tells_results(void **state)
{
    struct amp_reader r;
    struct amp_msg m;
    struct str value;
    struct err e = {0};
    (void)state;
    reply_to(&r, "1:1", "{\"args\":[{\"a\":1}]}", &m);
    assert_int_equal(calls_result(&m, &value, &e), 0);
    assert_true(str_eq(value, STR("{\"a\":1}")));
    amp_reader_fini(&r);
    reply_to(&r, "1:1", "{\"args\":[]}", &m);
    assert_int_equal(calls_result(&m, &value, &e), 0);
    assert_true(str_eq(value, STR("null")));
    amp_reader_fini(&r);
    reply_to(&r, "1:1", "{\"error\":\"no\"}", &m);
    assert_int_equal(calls_result(&m, &value, &e), -EREMOTEIO);
    assert_string_equal(e.msg, "no");
    amp_reader_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_in_any_order),
        cmocka_unit_test(ignores_strange_ids),
        cmocka_unit_test(tickets_start_again),
        cmocka_unit_test(tells_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
