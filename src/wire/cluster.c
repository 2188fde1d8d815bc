/* SPDX-License-Identifier: MIT
 * The cluster codec. Runs in pm2d; no I/O, no decisions. Workers run other people's code: numbers
 * are checked here, what they stand for is the primary's business. */
#include "wire/cluster.h"

#include <limits.h>
#include <string.h>

#include "base/attr.h"
#include "json/read.h"
#include "json/write.h"

#define PORT_MAX 65535
/* What JavaScript counts exactly (Number.MAX_SAFE_INTEGER). */
#define SEQ_MAX ((INT64_C(1) << 53) - 1)

/* Before each internal line of a Bun, in both directions. */
#define BUN_INTERNAL '\x02'

/* As addressType says it, and keys. A null one goes with an fd. */
static const char *const type_names[] = {
    [CLUSTER_TCP4] = "4",    [CLUSTER_TCP6] = "6",    [CLUSTER_UNIX] = "-1",
    [CLUSTER_UDP4] = "udp4", [CLUSTER_UDP6] = "udp6", [CLUSTER_FD] = "null",
};

static bool is_udp(enum cluster_type t)
{
    return t == CLUSTER_UDP4 || t == CLUSTER_UDP6;
}

/* A number from `min` to `max`, or `fallback` where there is none: Node leaves a member out or says
 * null or false ("backlog":false is what listen(port, host) sends). Strings of digits are numbers:
 * dgram's bind("53") passes them on. */
static bool get_number(const json_t *o, const char *name, int64_t min, int64_t max,
                       int64_t fallback, int64_t *ret)
{
    const json_t *v = json_object_get(o, name);
    *ret = fallback;
    if (!json_truthy(v) && !json_is_number(v))
        return true;
    return !json_is_real(v) && json_get_int(o, name, ret) && *ret >= min && *ret <= max;
}

static bool get_string(const json_t *o, const char *name, const char **ret)
{
    const json_t *v = json_object_get(o, name);
    *ret = json_string_value(v);
    return !v || json_is_null(v) || json_is_string(v);
}

static bool get_type(const json_t *o, int64_t fd, enum cluster_type *ret)
{
    const json_t *v = json_object_get(o, "addressType");
    const char *text = json_string_value(v);
    int64_t number;
    if (text && (strcmp(text, "udp4") == 0 || strcmp(text, "udp6") == 0)) {
        *ret = text[3] == '4' ? CLUSTER_UDP4 : CLUSTER_UDP6;
        return true;
    }
    if (fd >= 0) { /* it goes before an address, as in Node */
        *ret = CLUSTER_FD;
        return !json_truthy(v) || json_is_number(v);
    }
    if (!json_is_integer(v))
        return false;
    number = json_integer_value(v);
    *ret = number == 4 ? CLUSTER_TCP4 : number == 6 ? CLUSTER_TCP6 : CLUSTER_UNIX;
    return number == 4 || number == 6 || number == -1;
}

static bool parse_query(const json_t *o, struct cluster_query *ret)
{
    int64_t port, fd, flags, backlog, index;
    bool good = get_number(o, "fd", -1, INT_MAX, -1, &fd) && get_type(o, fd, &ret->type) &&
                get_number(o, "port", -1, PORT_MAX, 0, &port) &&
                get_number(o, "flags", 0, INT_MAX, 0, &flags) &&
                get_number(o, "backlog", INT_MIN, INT_MAX, 0, &backlog) &&
                get_number(o, "index", 0, INT_MAX, 0, &index) &&
                get_string(o, "address", &ret->address);
    if (!good || (ret->type != CLUSTER_FD && (ret->type == CLUSTER_UNIX) != (port < 0)))
        return false;
    const json_t *p = json_object_get(o, "port");
    const json_t *data = json_object_get(o, "data");
    ret->port = (int)port;
    ret->has_port = p && !json_is_null(p);
    ret->fd = (int)fd;
    ret->flags = (unsigned)flags;
    ret->backlog = (int)backlog;
    ret->index = (int)index;
    ret->data = json_truthy(data) ? data : NULL;
    ret->readable_all = json_truthy(json_object_get(o, "readableAll"));
    ret->writable_all = json_truthy(json_object_get(o, "writableAll"));
    ret->shared_only = json_truthy(json_object_get(o, "sharedOnly"));
    return true;
}

/* What a message must have beside its `act`. */
enum needs { NEEDS_SEQ = 1, NEEDS_KEY = 2, NEEDS_QUERY = 4 };

static const struct {
    const char *name;
    enum cluster_act act;
    unsigned needs;
} acts[] = {
    {"online", CLUSTER_ONLINE, 0},
    {"queryServer", CLUSTER_QUERY, NEEDS_SEQ | NEEDS_QUERY},
    {"listening", CLUSTER_LISTENING, NEEDS_QUERY}, /* without a seq from Bun's own servers */
    {"close", CLUSTER_CLOSE, NEEDS_KEY},
    {"exitedAfterDisconnect", CLUSTER_LEAVING, NEEDS_SEQ},
};

static bool parse_act(const json_t *o, const char *name, struct cluster_msg *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        if (strcmp(name, acts[i].name) != 0)
            continue;
        ret->act = acts[i].act;
        return ((acts[i].needs & NEEDS_SEQ) == 0 || ret->seq >= 0) &&
               ((acts[i].needs & NEEDS_KEY) == 0 || (ret->key = json_get_str(o, "key"))) &&
               ((acts[i].needs & NEEDS_QUERY) == 0 || parse_query(o, &ret->query));
    }
    return true;
}

bool cluster_parse(const json_t *value, struct cluster_msg *ret)
{
    *ret = (struct cluster_msg){.act = CLUSTER_UNKNOWN, .seq = -1, .ack = -1};
    if (!get_number(value, "seq", 0, SEQ_MAX, -1, &ret->seq) ||
        !get_number(value, "ack", 0, SEQ_MAX, -1, &ret->ack))
        return false;
    if (ret->ack >= 0) {
        ret->act = CLUSTER_REPLY;
        ret->accepted = json_truthy(json_object_get(value, "accepted"));
        return true;
    }
    const char *act = json_get_str(value, "act");
    return act && parse_act(value, act, ret);
}

void cluster_key(const struct cluster_query *q, struct buf *out)
{
    buf_add_c(out, q->address ? q->address : "null");
    buf_add_byte(out, ':');
    if (q->has_port)
        buf_printf(out, "%d", q->port);
    buf_printf(out, ":%s:", type_names[q->type]);
    if (q->fd >= 0 || is_udp(q->type))
        buf_printf(out, "%d", q->fd);
    if (q->port == 0)
        buf_printf(out, ":%d", q->index);
}

/* Up to where the members of the NODE_CLUSTER message go. `handle_type` NULL = no handle. */
static struct jw message_begin(struct buf *out, enum cluster_dialect d, const char *handle_type)
{
    if (d == CLUSTER_BUN)
        buf_add_byte(out, BUN_INTERNAL);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    if (handle_type && d == CLUSTER_NODE) {
        jw_kstr(&w, "cmd", "NODE_HANDLE");
        jw_kstr(&w, "type", handle_type);
        jw_key(&w, "msg");
        jw_obj_begin(&w);
    }
    jw_kstr(&w, "cmd", "NODE_CLUSTER");
    return w;
}

static void message_end(struct jw *w, enum cluster_dialect d, bool with_handle, int64_t seq)
{
    if (with_handle && d == CLUSTER_BUN)
        jw_kbool(w, "$hasHandle", true);
    jw_kint(w, "seq", seq);
    jw_obj_end(w);
    if (with_handle && d == CLUSTER_NODE)
        jw_obj_end(w);
}

static void write_sockname(struct jw *w, const struct cluster_answer *a)
{
    jw_key(w, "sockname");
    jw_obj_begin(w);
    jw_kstr(w, "address", a->address);
    jw_kstr(w, "family", a->family == 6 ? "IPv6" : "IPv4");
    jw_kint(w, "port", a->port);
    jw_obj_end(w);
}

void cluster_write_answer(struct buf *out, enum cluster_dialect d, const struct cluster_answer *a,
                          int64_t seq)
{
    bool with_handle = a->with_handle && a->code == 0;
    const char *type = a->is_udp ? "dgram.Native" : "net.Native";
    struct jw w = message_begin(out, d, with_handle ? type : NULL);
    jw_key(&w, "errno");
    if (a->code != 0 || with_handle)
        jw_int(&w, a->code);
    else
        jw_null(&w);
    jw_kstr(&w, "key", a->key);
    jw_kint(&w, "ack", a->ack);
    jw_kdom(&w, "data", a->data);
    if (!with_handle && a->code == 0 && a->address)
        write_sockname(&w, a);
    message_end(&w, d, with_handle, seq);
}

void cluster_write_newconn(struct buf *out, enum cluster_dialect d, const char *key, int64_t seq)
{
    struct jw w = message_begin(out, d, "net.Native");
    jw_kstr(&w, "act", "newconn");
    jw_kstr(&w, "key", key);
    message_end(&w, d, true, seq);
}

void cluster_write_disconnect(struct buf *out, enum cluster_dialect d, int64_t seq)
{
    struct jw w = message_begin(out, d, NULL);
    jw_kstr(&w, "act", "disconnect");
    message_end(&w, d, false, seq);
}

void cluster_write_left(struct buf *out, enum cluster_dialect d, int64_t ack, int64_t seq)
{
    struct jw w = message_begin(out, d, NULL);
    jw_kint(&w, "ack", ack);
    message_end(&w, d, false, seq);
}
