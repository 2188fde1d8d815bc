/* SPDX-License-Identifier: MIT
 * The axon envelopes: each message of the input is read as a request, a reply and an event; the
 * whole input also as the body of one. A reply that jansson can read must be found by the skipper,
 * with the same result. */
#include <errno.h>

#include "base/buf.h"
#include "fuzz.h"
#include "wire/amp.h"
#include "wire/rpc.h"
#include "json/read.h"
#include "json/write.h"

static void check_request(const struct amp_msg *m)
{
    struct rpc_request r;
    struct err e = {0};
    int rc = rpc_request_parse(m, &r, &e);
    CHECK(rc == 0 || rc == -EPROTO || rc == -EINVAL);
    CHECK(e.code == rc && (rc == -EPROTO) == (r.id.n == 0 && m->argc < 2));
    if (rc == 0 && r.type == RPC_CALL) {
        AUTO(buf) args = BUF_INIT;
        AUTO(buf) out = BUF_INIT;
        struct jw w = jw_to(&args);
        jw_dom(&w, r.args);
        rpc_request_write(&out, r.method, buf_str(&args), r.id);
        struct amp_reader reader;
        struct amp_msg again;
        struct rpc_request r2;
        amp_reader_init(&reader);
        CHECK(amp_reader_feed(&reader, out.data, out.len) == 0);
        CHECK(amp_reader_next(&reader, &again) == 1);
        CHECK(rpc_request_parse(&again, &r2, NULL) == 0);
        CHECK(strcmp(r.method, r2.method) == 0);
        CHECK(json_array_size(r.args) == json_array_size(r2.args));
        rpc_request_fini(&r2);
        amp_reader_fini(&reader);
    }
    rpc_request_fini(&r);
}

/* Alone, a number may read as an integer where a huge sibling made all numbers real. */
static bool same_kind(const json_t *a, const json_t *b)
{
    return a && (json_typeof(a) == json_typeof(b) || (json_is_number(a) && json_is_number(b)));
}

/* What a DOM says that the reply is. */
static void check_against_dom(const struct rpc_reply *r, int rc, const json_t *body)
{
    const json_t *args = json_object_get(body, "args");
    if (!json_is_object(body)) {
        CHECK(rc == -EPROTO);
    } else if (json_has(body, "error")) {
        const char *text = json_get_str(body, "error");
        CHECK(rc == 0 && r->error && r->value.n == 0);
        CHECK(!text || strcmp(text, r->error) == 0);
    } else if (args && !json_is_array(args)) {
        CHECK(rc == -EPROTO);
    } else {
        const json_t *want = args ? json_array_get(args, 0) : json_object_get(body, "methods");
        AUTO_JSON value = json_read(r->value, NULL);
        CHECK(rc == 0 && !r->error);
        CHECK(want ? same_kind(value, want) : r->value.n == 0);
    }
}

static void check_reply(const struct amp_msg *m)
{
    struct rpc_reply r;
    struct err e = {0};
    int rc = rpc_reply_parse(m, &r, &e);
    CHECK(rc == 0 || rc == -EPROTO);
    CHECK(e.code == rc);
    struct str text;
    if (m->argc >= 2 && amp_arg(m->argv[0], &text) == AMP_JSON) {
        AUTO_JSON body = json_read(text, NULL);
        if (body)
            check_against_dom(&r, rc, body);
    }
    rpc_reply_fini(&r);
}

static void check_message(const struct amp_msg *m)
{
    struct pub_event ev;
    check_request(m);
    check_reply(m);
    int rc = pub_event_parse(m, &ev);
    CHECK(rc == 0 || rc == -EPROTO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    CHECK(amp_reader_feed(&r, data, size) == 0);
    while (amp_reader_next(&r, &m) == 1)
        check_message(&m);
    amp_reader_fini(&r);

    AUTO(buf) body = BUF_INIT;
    buf_add_c(&body, "j:");
    buf_add(&body, data, size);
    m = (struct amp_msg){.argc = 2, .argv = {buf_str(&body), STR("s:1:0")}};
    check_message(&m);
    return 0;
}
