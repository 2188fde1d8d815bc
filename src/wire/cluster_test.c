/* SPDX-License-Identifier: MIT
 * Cluster messages: what Node 18 to 26 and Bun were seen to send, what nobody sends, what they
 * understand. */
#include "wire/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

/* `*ret_value` is what `ret` borrows from. */
static bool parse(const char *text, struct cluster_msg *ret, json_t **ret_value)
{
    struct err e = {0};
    *ret_value = json_read(str_from(text), &e);
    if (!*ret_value)
        fail_msg("%s: %s", text, e.msg);
    return cluster_parse(*ret_value, ret);
}

#define C "{\"cmd\":\"NODE_CLUSTER\","
#define Q C "\"act\":\"queryServer\","

/* From recorded traffic; the key is ours. */
static const struct {
    const char *line;
    struct cluster_query want;
    const char *key;
} queries[] = {
    /* listen(port): Node 20 has no flags then */
    {Q "\"index\":0,\"data\":null,\"address\":null,\"port\":8000,\"addressType\":4,\"flags\":0,"
       "\"backlog\":0,\"seq\":1}",
     {CLUSTER_TCP4, .port = 8000, .has_port = true, .fd = -1},
     "null:8000:4:"},
    {Q "\"index\":2,\"data\":null,\"address\":null,\"port\":8000,\"addressType\":4,\"backlog\":0,"
       "\"seq\":1}",
     {CLUSTER_TCP4, .port = 8000, .has_port = true, .fd = -1, .index = 2},
     "null:8000:4:"},
    /* listen(port, host): no backlog is false */
    {Q "\"index\":0,\"data\":null,\"address\":\"127.0.0.1\",\"port\":8001,\"addressType\":4,"
       "\"flags\":0,\"backlog\":false,\"seq\":1}",
     {CLUSTER_TCP4, .address = "127.0.0.1", .port = 8001, .has_port = true, .fd = -1},
     "127.0.0.1:8001:4:"},
    {Q "\"index\":0,\"data\":null,\"address\":\"127.0.0.1\",\"port\":8001,\"addressType\":4,"
       "\"flags\":0,\"backlog\":64,\"seq\":1}",
     {CLUSTER_TCP4, .address = "127.0.0.1", .port = 8001, .has_port = true, .fd = -1,
      .backlog = 64},
     "127.0.0.1:8001:4:"},
    {Q "\"index\":0,\"data\":null,\"address\":\"::\",\"port\":8004,\"addressType\":6,\"flags\":1,"
       "\"backlog\":0,\"seq\":1}",
     {CLUSTER_TCP6, .address = "::", .port = 8004, .has_port = true, .fd = -1, .flags = 1},
     ":::8004:6:"},
    /* port 0: the index counts */
    {Q "\"index\":1,\"data\":null,\"address\":null,\"port\":0,\"addressType\":4,\"flags\":0,"
       "\"backlog\":0,\"seq\":1}",
     {CLUSTER_TCP4, .has_port = true, .fd = -1, .index = 1},
     "null:0:4::1"},
    {Q "\"index\":0,\"data\":null,\"address\":\"/tmp/a.sock\",\"port\":-1,\"addressType\":-1,"
       "\"backlog\":7,\"readableAll\":true,\"writableAll\":true,\"seq\":1}",
     {CLUSTER_UNIX, .address = "/tmp/a.sock", .port = -1, .has_port = true, .fd = -1, .backlog = 7,
      .readable_all = true, .writable_all = true},
     "/tmp/a.sock:-1:-1:"},
    /* listen(handle) of Node up to 20 */
    {Q "\"index\":0,\"data\":null,\"address\":null,\"port\":-1,\"addressType\":-1,\"seq\":1}",
     {CLUSTER_UNIX, .port = -1, .has_port = true, .fd = -1},
     "null:-1:-1:"},
    {Q "\"index\":0,\"data\":null,\"address\":null,\"port\":null,\"addressType\":null,\"fd\":9,"
       "\"backlog\":0,\"seq\":1}",
     {CLUSTER_FD, .fd = 9},
     "null::null:9:0"},
    {Q "\"index\":0,\"data\":null,\"address\":\"0.0.0.0\",\"port\":8010,\"addressType\":\"udp4\","
       "\"fd\":-1,\"flags\":4,\"seq\":1}",
     {CLUSTER_UDP4, .address = "0.0.0.0", .port = 8010, .has_port = true, .fd = -1, .flags = 4},
     "0.0.0.0:8010:udp4:-1"},
    /* bind() is not bind(0): the worker counts them apart */
    {Q "\"index\":0,\"data\":null,\"address\":\"0.0.0.0\",\"addressType\":\"udp4\",\"fd\":-1,"
       "\"flags\":0,\"seq\":1}",
     {CLUSTER_UDP4, .address = "0.0.0.0", .fd = -1},
     "0.0.0.0::udp4:-1:0"},
    {Q "\"index\":0,\"data\":null,\"address\":\"0.0.0.0\",\"port\":0,\"addressType\":\"udp4\","
       "\"fd\":-1,\"flags\":0,\"seq\":1}",
     {CLUSTER_UDP4, .address = "0.0.0.0", .has_port = true, .fd = -1},
     "0.0.0.0:0:udp4:-1:0"},
    /* bind("8010"), bind({fd}) */
    {Q "\"index\":0,\"data\":null,\"address\":\"::\",\"port\":\"8010\",\"addressType\":\"udp6\","
       "\"fd\":-1,\"flags\":1,\"seq\":1}",
     {CLUSTER_UDP6, .address = "::", .port = 8010, .has_port = true, .fd = -1, .flags = 1},
     ":::8010:udp6:-1"},
    {Q "\"index\":0,\"data\":null,\"address\":null,\"port\":null,\"addressType\":\"udp4\","
       "\"fd\":5,\"flags\":null,\"seq\":1}",
     {CLUSTER_UDP4, .fd = 5},
     "null::udp4:5:0"},
    /* Bun, TLS */
    {Q "\"index\":0,\"data\":null,\"address\":null,\"port\":8007,\"addressType\":4,\"flags\":0,"
       "\"readableAll\":false,\"writableAll\":false,\"sharedOnly\":true,\"seq\":1}",
     {CLUSTER_TCP4, .port = 8007, .has_port = true, .fd = -1, .shared_only = true},
     "null:8007:4:"},
};

static void parses_queries(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        const struct cluster_query *want = &queries[i].want;
        AUTO(buf) key = BUF_INIT;
        AUTO_JSON value = NULL;
        struct cluster_msg m;
        if (!parse(queries[i].line, &m, &value))
            fail_msg("refused: %s", queries[i].line);
        const struct cluster_query *q = &m.query;
        assert_int_equal(m.act, CLUSTER_QUERY);
        assert_int_equal(m.seq, 1);
        assert_int_equal(q->type, want->type);
        assert_int_equal(q->address != NULL, want->address != NULL);
        if (q->address)
            assert_string_equal(q->address, want->address);
        assert_int_equal(q->port, want->port);
        assert_int_equal(q->has_port, want->has_port);
        assert_int_equal(q->fd, want->fd);
        assert_int_equal(q->flags, want->flags);
        assert_int_equal(q->backlog, want->backlog);
        assert_int_equal(q->index, want->index);
        assert_int_equal(q->readable_all, want->readable_all);
        assert_int_equal(q->writable_all, want->writable_all);
        assert_int_equal(q->shared_only, want->shared_only);
        assert_null(q->data);
        cluster_key(q, &key);
        assert_string_equal(key.data, queries[i].key);
    }
}

static void parses_other_acts(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        struct cluster_msg want;
    } rows[] = {
        {C "\"act\":\"online\",\"seq\":0}", {CLUSTER_ONLINE, .seq = 0, .ack = -1}},
        {C "\"act\":\"close\",\"key\":\"null:0:4::1\",\"seq\":33}",
         {CLUSTER_CLOSE, .seq = 33, .ack = -1, .key = "null:0:4::1"}},
        {C "\"act\":\"exitedAfterDisconnect\",\"seq\":9}", {CLUSTER_LEAVING, .seq = 9, .ack = -1}},
        {"{\"ack\":3,\"accepted\":true,\"cmd\":\"NODE_CLUSTER\",\"seq\":4}",
         {CLUSTER_REPLY, .seq = 4, .ack = 3, .accepted = true}},
        {C "\"ack\":0,\"accepted\":false,\"seq\":4}", {CLUSTER_REPLY, .seq = 4, .ack = 0}},
        {C "\"ack\":5,\"seq\":6}", {CLUSTER_REPLY, .seq = 6, .ack = 5}},
        {C "\"act\":\"somethingNew\",\"seq\":7}", {CLUSTER_UNKNOWN, .seq = 7, .ack = -1}},
        /* Node's act goes behind an ack that it waits for */
        {C "\"act\":\"close\",\"ack\":5,\"accepted\":true,\"seq\":6}",
         {CLUSTER_REPLY, .seq = 6, .ack = 5, .accepted = true}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_JSON value = NULL;
        struct cluster_msg m;
        if (!parse(rows[i].line, &m, &value))
            fail_msg("refused: %s", rows[i].line);
        assert_int_equal(m.act, rows[i].want.act);
        assert_int_equal(m.seq, rows[i].want.seq);
        assert_int_equal(m.ack, rows[i].want.ack);
        assert_int_equal(m.accepted, rows[i].want.accepted);
        assert_int_equal(m.key != NULL, rows[i].want.key != NULL);
        if (m.key)
            assert_string_equal(m.key, rows[i].want.key);
    }
}

static void parses_listening(void **state)
{
    (void)state;
    struct cluster_msg m;
    json_t *value;
    /* Bun's http servers: no index, no seq */
    assert_true(parse(C "\"act\":\"listening\",\"port\":18320,\"data\":null,\"address\":null,"
                        "\"addressType\":4}",
                      &m, &value));
    assert_int_equal(m.act, CLUSTER_LISTENING);
    assert_int_equal(m.seq, -1);
    assert_int_equal(m.query.port, 18320);
    json_decref(value);
    /* of an fd: the real port */
    assert_true(parse(C "\"act\":\"listening\",\"index\":0,\"data\":null,\"address\":null,"
                        "\"port\":8003,\"addressType\":null,\"fd\":9,\"backlog\":0,\"seq\":2}",
                      &m, &value));
    assert_int_equal(m.query.type, CLUSTER_FD);
    assert_int_equal(m.query.port, 8003);
    json_decref(value);
}

static void refuses_garbage(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "null",
        "[]",
        "\"NODE_CLUSTER\"",
        "{}",
        C "\"seq\":1}",
        C "\"act\":5,\"seq\":1}",
        C "\"act\":\"online\",\"seq\":-1}",
        C "\"act\":\"online\",\"seq\":\"x\"}",
        C "\"act\":\"online\",\"seq\":9007199254740992}",
        C "\"ack\":-1,\"accepted\":true,\"seq\":1}",
        C "\"ack\":{},\"accepted\":true,\"seq\":1}",
        C "\"ack\":1.5,\"accepted\":true,\"seq\":1}",
        C "\"act\":\"close\",\"seq\":1}",
        C "\"act\":\"close\",\"key\":7,\"seq\":1}",
        C "\"act\":\"exitedAfterDisconnect\"}",
        Q "\"port\":1,\"addressType\":4}", /* no seq: could not be answered */
        Q "\"port\":1,\"seq\":1}",
        Q "\"port\":1,\"addressType\":5,\"seq\":1}",
        Q "\"port\":1,\"addressType\":null,\"seq\":1}",
        Q "\"port\":1,\"addressType\":\"tcp4\",\"seq\":1}",
        Q "\"port\":1,\"addressType\":\"4\",\"seq\":1}",
        Q "\"port\":65536,\"addressType\":4,\"seq\":1}",
        Q "\"port\":-1,\"addressType\":4,\"seq\":1}",
        Q "\"port\":-2,\"addressType\":-1,\"seq\":1}",
        Q "\"port\":80,\"addressType\":-1,\"address\":\"/a\",\"seq\":1}",
        Q "\"port\":-1,\"addressType\":\"udp4\",\"seq\":1}",
        Q "\"port\":true,\"addressType\":4,\"seq\":1}",
        Q "\"port\":\"http\",\"addressType\":4,\"seq\":1}",
        Q "\"port\":80.5,\"addressType\":4,\"seq\":1}",
        Q "\"port\":1,\"addressType\":4,\"address\":7,\"seq\":1}",
        Q "\"port\":1,\"addressType\":4,\"flags\":-1,\"seq\":1}",
        Q "\"port\":1,\"addressType\":4,\"index\":-1,\"seq\":1}",
        Q "\"port\":1,\"addressType\":4,\"backlog\":99999999999,\"seq\":1}",
        Q "\"port\":null,\"addressType\":null,\"fd\":-2,\"seq\":1}",
        Q "\"port\":null,\"addressType\":null,\"fd\":\"/etc/passwd\",\"seq\":1}",
        Q "\"port\":null,\"addressType\":{},\"fd\":3,\"seq\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_JSON value = NULL;
        struct cluster_msg m;
        if (parse(rows[i], &m, &value))
            fail_msg("taken: %s", rows[i]);
    }
}

/* What TLS workers share comes back as it came. */
static void data_is_echoed(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    AUTO_JSON value = NULL;
    struct cluster_msg m;
    assert_true(parse(Q "\"data\":{\"ticketKeys\":\"0011ff\"},\"address\":null,\"port\":443,"
                        "\"addressType\":4,\"seq\":12}",
                      &m, &value));
    struct cluster_answer a = {.ack = m.seq, .key = "k", .code = -98, .data = m.query.data};
    cluster_write_answer(&out, CLUSTER_NODE, &a, 3);
    assert_string_equal(out.data, C "\"errno\":-98,\"key\":\"k\",\"ack\":12,"
                                    "\"data\":{\"ticketKeys\":\"0011ff\"},\"seq\":3}");
}

#define HANDLE(type) "{\"cmd\":\"NODE_HANDLE\",\"type\":\"" type "\",\"msg\":"

static void writes_answers(void **state)
{
    (void)state;
    static const struct {
        struct cluster_answer a;
        enum cluster_dialect d;
        const char *line;
    } rows[] = {
        {{.ack = 1, .key = "null:8000:4:", .address = "::", .family = 6, .port = 8000},
         CLUSTER_NODE,
         C "\"errno\":null,\"key\":\"null:8000:4:\",\"ack\":1,\"data\":null,\"sockname\":{"
           "\"address\":\"::\",\"family\":\"IPv6\",\"port\":8000},\"seq\":5}"},
        {{.ack = 1, .key = "k", .address = "127.0.0.1", .family = 4, .port = 8000},
         CLUSTER_BUN,
         "\x02" C "\"errno\":null,\"key\":\"k\",\"ack\":1,\"data\":null,\"sockname\":{"
         "\"address\":\"127.0.0.1\",\"family\":\"IPv4\",\"port\":8000},\"seq\":5}"},
        {{.ack = 0, .key = "/a \"b\":-1:-1:"}, /* a UNIX socket */
         CLUSTER_NODE,
         C "\"errno\":null,\"key\":\"/a \\\"b\\\":-1:-1:\",\"ack\":0,\"data\":null,\"seq\":5}"},
        {{.ack = 1, .key = "k", .with_handle = true, .address = "::", .family = 6},
         CLUSTER_NODE,
         HANDLE("net.Native") C "\"errno\":0,\"key\":\"k\",\"ack\":1,\"data\":null,\"seq\":5}}"},
        {{.ack = 1, .key = "k", .with_handle = true, .is_udp = true},
         CLUSTER_NODE,
         HANDLE("dgram.Native") C "\"errno\":0,\"key\":\"k\",\"ack\":1,\"data\":null,\"seq\":5}}"},
        {{.ack = 1, .key = "k", .with_handle = true, .is_udp = true},
         CLUSTER_BUN,
         "\x02" C "\"errno\":0,\"key\":\"k\",\"ack\":1,\"data\":null,\"$hasHandle\":true,"
         "\"seq\":5}"},
        /* an error brings no handle and no name */
        {{.ack = 1, .key = "k", .code = -99, .with_handle = true, .address = "::", .family = 6},
         CLUSTER_BUN,
         "\x02" C "\"errno\":-99,\"key\":\"k\",\"ack\":1,\"data\":null,\"seq\":5}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) out = BUF_INIT;
        cluster_write_answer(&out, rows[i].d, &rows[i].a, 5);
        assert_string_equal(out.data, rows[i].line);
    }
}

static void writes_the_rest(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    cluster_write_newconn(&out, CLUSTER_NODE, "k", 2);
    assert_string_equal(out.data,
                        HANDLE("net.Native") C "\"act\":\"newconn\",\"key\":\"k\",\"seq\":2}}");
    buf_clear(&out);
    cluster_write_newconn(&out, CLUSTER_BUN, "k", 2);
    assert_string_equal(out.data, "\x02" C "\"act\":\"newconn\",\"key\":\"k\","
                                  "\"$hasHandle\":true,\"seq\":2}");
    buf_clear(&out);
    cluster_write_disconnect(&out, CLUSTER_NODE, 3);
    assert_string_equal(out.data, C "\"act\":\"disconnect\",\"seq\":3}");
    buf_clear(&out);
    cluster_write_left(&out, CLUSTER_NODE, 9, 4);
    assert_string_equal(out.data, C "\"ack\":9,\"seq\":4}");
    buf_clear(&out);
    cluster_write_disconnect(&out, CLUSTER_BUN, 3);
    cluster_write_left(&out, CLUSTER_BUN, 9, 4);
    assert_string_equal(out.data, "\x02" C "\"act\":\"disconnect\",\"seq\":3}"
                                  "\x02" C "\"ack\":9,\"seq\":4}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_queries),   cmocka_unit_test(parses_other_acts),
        cmocka_unit_test(parses_listening), cmocka_unit_test(refuses_garbage),
        cmocka_unit_test(data_is_echoed),   cmocka_unit_test(writes_answers),
        cmocka_unit_test(writes_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
