/* SPDX-License-Identifier: MIT
 * The OOM loop: each scenario runs with its 1st, 2nd, nth allocation failing, until it gets
 * through. Every failure must be reported by a return code, and all memory must be free again
 * afterwards. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/oom_heap.h"
#include "wire/amp.h"
#include "wire/channel.h"
#include "wire/cluster.h"
#include "wire/rpc.h"
#include "json/write.h"

/* Run the frame in `in` through a reader in small pieces, then `parse` its message. */
typedef int parse_fn(const struct amp_msg *m);

static int read_frame(const struct buf *in, parse_fn *parse)
{
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    int rc = buf_oom(in) ? -ENOMEM : 0;
    for (size_t at = 0; rc == 0 && at < in->len; at += 100) {
        size_t n = in->len - at < 100 ? in->len - at : 100;
        rc = amp_reader_feed(&r, in->data + at, n);
        if (rc == 0)
            rc = amp_reader_next(&r, &m);
    }
    if (rc == 1)
        rc = parse(&m);
    amp_reader_fini(&r);
    return rc;
}

/* Some 1 KB of JSON: nested, with escapes. */
static void add_process(struct jw *w)
{
    jw_obj_begin(w);
    jw_kstr(w, "name", "caf\xC3\xA9 \"app\"\n");
    jw_kint(w, "pm_id", 0);
    jw_key(w, "env");
    jw_obj_begin(w);
    for (char name[] = "A"; name[0] <= 'Z'; name[0]++)
        jw_kstr(w, name, "a value of some length \t");
    jw_obj_end(w);
    jw_key(w, "cpu");
    jw_real(w, 0.25);
    jw_obj_end(w);
}

static int parse_request(const struct amp_msg *m)
{
    struct rpc_request r;
    struct err e = {0};
    int rc = rpc_request_parse(m, &r, &e);
    assert_true(str_eq(r.id, STR("s:1:0"))); /* so that the failure can be answered */
    assert_int_equal(e.code, rc);
    if (rc == 0)
        assert_string_equal(r.method, "prepare");
    rpc_request_fini(&r);
    return rc;
}

static int request(void)
{
    AUTO(buf) args = BUF_INIT;
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&args);
    jw_arr_begin(&w);
    add_process(&w);
    jw_arr_end(&w);
    if (buf_oom(&args))
        return -ENOMEM;
    rpc_request_write(&out, "prepare", buf_str(&args), STR("1:0"));
    return read_frame(&out, parse_request);
}

static int parse_result(const struct amp_msg *m)
{
    struct rpc_reply r;
    int rc = rpc_reply_parse(m, &r, NULL);
    if (rc == 0)
        assert_true(str_starts(r.value, STR("{\"name\":\"caf")));
    rpc_reply_fini(&r);
    return rc;
}

static int result(void)
{
    AUTO(buf) out = BUF_INIT;
    size_t mark = rpc_reply_open(&out);
    struct jw w = jw_to(&out);
    jw_obj_begin(&w);
    jw_key(&w, "escaped \\ key"); /* is decoded by the parser */
    jw_arr_begin(&w);
    jw_arr_end(&w);
    jw_key(&w, "args");
    jw_arr_begin(&w);
    add_process(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    rpc_reply_close(&out, mark, STR("s:1:0"));
    return read_frame(&out, parse_result);
}

#define LONG_ERROR                                                                                 \
    "ENOENT: no such file or directory, open "                                                     \
    "'/a/path/that/is/long/enough/to/make/the/buffer/grow'"

static int parse_failure(const struct amp_msg *m)
{
    struct rpc_reply r;
    int rc = rpc_reply_parse(m, &r, NULL);
    if (rc == 0)
        assert_string_equal(r.error, LONG_ERROR);
    rpc_reply_fini(&r);
    return rc;
}

/* The "stack" is the last thing written: without it the reply would still be good JSON. */
static int failure(void)
{
    AUTO(buf) out = BUF_INIT;
    rpc_reply_error(&out, STR("s:1:0"), LONG_ERROR);
    return read_frame(&out, parse_failure);
}

static int parse_event(const struct amp_msg *m)
{
    struct pub_event ev;
    int rc = pub_event_parse(m, &ev);
    assert_int_equal(rc, 0);
    assert_true(str_eq_c(ev.topic, "process:event"));
    return rc;
}

static int event(void)
{
    AUTO(buf) out = BUF_INIT;
    size_t mark = pub_event_open(&out, STR("process:event"));
    struct jw w = jw_to(&out);
    add_process(&w);
    pub_event_close(&out, mark);
    return read_frame(&out, parse_event);
}

static int channel(void)
{
    AUTO(buf) out = BUF_INIT;
    AUTO(buf) line = BUF_INIT;
    struct jw w = jw_to(&line);
    add_process(&w);
    if (buf_oom(&line))
        return -ENOMEM;
    channel_write(&out, buf_str(&line));
    channel_write(&out, STR("{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}"));
    if (buf_oom(&out))
        return -ENOMEM;
    struct channel_reader r;
    struct channel_msg m;
    channel_reader_init(&r);
    int rc = 0;
    int good = 0;
    for (size_t at = 0; rc == 0 && at < out.len; at += 100) {
        rc = channel_reader_feed(&r, out.data + at, out.len - at < 100 ? out.len - at : 100);
        while (rc == 0 && channel_reader_next(&r, &m) != CHANNEL_NONE) {
            good += m.kind == CHANNEL_APP || m.kind == CHANNEL_INTERNAL;
            rc = m.kind == CHANNEL_BAD ? -ENOMEM : 0; /* how the codec says it */
            json_decref(m.value);
        }
    }
    channel_reader_fini(&r);
    return rc == 0 && good != 2 ? -EINVAL : rc;
}

#define LONG_PATH "/a/path/that/is/long/enough/to/make/the/buffers/of/key/and/lines/grow/once/more"

static int cluster(void)
{
    AUTO(buf) key = BUF_INIT;
    AUTO(buf) out = BUF_INIT;
    const struct cluster_query q = {.type = CLUSTER_UNIX, .address = LONG_PATH, .port = -1};
    cluster_key(&q, &key);
    if (buf_oom(&key))
        return -ENOMEM;
    const struct cluster_answer a = {.ack = 1, .key = key.data, .with_handle = true};
    cluster_write_answer(&out, CLUSTER_NODE, &a, 1);
    cluster_write_newconn(&out, CLUSTER_BUN, key.data, 2);
    cluster_write_left(&out, CLUSTER_NODE, 3, 3);
    cluster_write_disconnect(&out, CLUSTER_NODE, 4);
    return buf_oom(&out) ? -ENOMEM : 0;
}

static const struct scenario {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"request", request}, {"result", result},   {"failure", failure},
    {"event", event},     {"channel", channel}, {"cluster", cluster},
};

static void oom_loop(void **state)
{
    const struct scenario *s = *state;
    long n = 0;
    do {
        heap.live = 0;
        heap.fired = false;
        heap.countdown = ++n;
        int rc = s->run();
        heap.countdown = 0;
        if (heap.live != 0)
            fail_msg("%s: %ld blocks leak when allocation %ld fails", s->name, heap.live, n);
        if (rc != (heap.fired ? -ENOMEM : 0))
            fail_msg("%s: returned %d, allocation %ld failed: %d", s->name, rc, n, heap.fired);
    } while (heap.fired);
    assert_true(n > 3); /* the hooks are in place */
}

int main(void)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    json_object_seed(1);
    struct CMUnitTest tests[ARRAY_LEN(scenarios)];
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
        tests[i] = (struct CMUnitTest){
            .name = scenarios[i].name,
            .test_func = oom_loop,
            .initial_state = (void *)&scenarios[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
