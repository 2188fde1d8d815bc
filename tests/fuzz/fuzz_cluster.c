/* SPDX-License-Identifier: MIT
 * Cluster messages: what is taken is within its bounds and has what its kind must have, a key says
 * all that it shall, and what is written back is one line that reads as it was meant, in both
 * dialects. */
#include <jansson.h>

#include "base/buf.h"
#include "fuzz.h"
#include "wire/channel.h"
#include "wire/cluster.h"
#include "json/read.h"
#include "json/write.h"

static void check_query(const struct cluster_query *q)
{
    CHECK(q->type <= CLUSTER_FD);
    CHECK(q->port >= -1 && q->port <= 65535 && q->fd >= -1 && q->index >= 0);
    CHECK(q->type != CLUSTER_FD || q->fd >= 0);
    CHECK(q->type == CLUSTER_FD || (q->type == CLUSTER_UNIX) == (q->port < 0));
    CHECK(q->has_port || q->port == 0);
}

/* The message of a line that was written, inside its NODE_HANDLE. */
static const json_t *inner(const struct channel_msg *m)
{
    const json_t *wrapped = json_object_get(m->value, "msg");
    CHECK((wrapped != NULL) == (strcmp(m->cmd, "NODE_HANDLE") == 0));
    return wrapped ? wrapped : m->value;
}

/* As JavaScript sees them: 1.0 and 1 are one number. */
static bool reads_same(const json_t *a, const json_t *b)
{
    AUTO(buf) text_a = BUF_INIT;
    AUTO(buf) text_b = BUF_INIT;
    struct jw w = jw_to(&text_a);
    jw_dom(&w, a);
    w = jw_to(&text_b);
    jw_dom(&w, b);
    return a && str_eq(buf_str(&text_a), buf_str(&text_b));
}

static void check_written(const struct cluster_msg *m, const char *key, enum cluster_dialect d)
{
    AUTO(buf) out = BUF_INIT;
    struct cluster_answer a = {.ack = m->seq,
                               .key = key,
                               .data = m->query.data,
                               .with_handle = m->query.shared_only,
                               .address = m->query.address,
                               .family = 4};
    cluster_write_answer(&out, d, &a, 7);
    CHECK(!memchr(out.data, '\n', out.len));
    CHECK((out.data[0] == '\x02') == (d == CLUSTER_BUN));
    buf_add_byte(&out, '\n');
    struct channel_reader r;
    struct channel_msg line;
    channel_reader_init(&r);
    CHECK(channel_reader_feed(&r, out.data, out.len) == 0);
    CHECK(channel_reader_next(&r, &line) == CHANNEL_INTERNAL);
    const json_t *value = inner(&line);
    CHECK(strcmp(json_get_str(value, "key"), key) == 0);
    CHECK(json_integer_value(json_object_get(value, "ack")) == m->seq);
    CHECK(!m->query.data || reads_same(json_object_get(value, "data"), m->query.data));
    json_decref(line.value);
    channel_reader_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON value = json_read((struct str){(const char *)data, size}, NULL);
    struct cluster_msg m;
    if (!value || !cluster_parse(value, &m))
        return 0;
    CHECK(m.seq >= -1 && m.ack >= -1);
    CHECK((m.act == CLUSTER_REPLY) == (m.ack >= 0));
    CHECK((m.act == CLUSTER_CLOSE) == (m.key != NULL));
    if (m.act != CLUSTER_QUERY && m.act != CLUSTER_LISTENING)
        return 0;
    check_query(&m.query);
    CHECK(m.act != CLUSTER_QUERY || m.seq >= 0);
    AUTO(buf) key = BUF_INIT;
    cluster_key(&m.query, &key);
    CHECK(!buf_oom(&key) && key.len > 0);
    check_written(&m, key.data, CLUSTER_NODE);
    check_written(&m, key.data, CLUSTER_BUN);
    return 0;
}
