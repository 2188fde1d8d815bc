/* SPDX-License-Identifier: MIT
 * The AMP codec. Runs in pm2d and in every client; no I/O.
 *
 * The reader keeps no parse state: a frame has at most 15 lengths, so that reading them again when
 * more bytes came costs less than remembering where we were. Handing out a message only advances
 * `taken`; bytes move at most once per feed, and only when at least half of them are dead. */
#include "wire/amp.h"

#include <assert.h>
#include <errno.h>

#include "base/limits.h"

#define VERSION      1
#define LENGTH_BYTES 4
#define PREFIX_BYTES 2

/* Memory that an idle connection may keep. */
#define KEEP_BYTES (64UL * 1024)

static const struct str prefixes[] = {
    [AMP_BLOB] = {"", 0},
    [AMP_STRING] = {"s:", PREFIX_BYTES},
    [AMP_JSON] = {"j:", PREFIX_BYTES},
};

static size_t get_u32be(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

static void put_u32be(char *p, size_t v)
{
    p[0] = (char)(v >> 24);
    p[1] = (char)(v >> 16);
    p[2] = (char)(v >> 8);
    p[3] = (char)v;
}

void amp_reader_init(struct amp_reader *r)
{
    *r = (struct amp_reader){.in = BUF_INIT};
}

void amp_reader_fini(struct amp_reader *r)
{
    buf_fini(&r->in);
    amp_reader_init(r);
}

/* Drop what was handed out: for nothing when all of it was, else once it outweighs the rest. */
static void compact(struct amp_reader *r)
{
    if (r->taken == r->in.len) {
        buf_clear(&r->in);
        buf_trim(&r->in, KEEP_BYTES);
    } else if (r->taken >= r->in.len - r->taken) {
        buf_consume(&r->in, r->taken);
    } else {
        return;
    }
    r->taken = 0;
}

int amp_reader_feed(struct amp_reader *r, const void *bytes, size_t n)
{
    if (r->error)
        return r->error;
    compact(r);
    buf_add(&r->in, bytes, n);
    if (buf_oom(&r->in))
        r->error = -ENOMEM; /* bytes are lost, and with them the frame */
    return r->error;
}

/* The frame at the front of `in`: 1, 0 when it is not complete, negative when it never can be. */
static int parse_frame(struct str in, struct amp_msg *ret, size_t *ret_size)
{
    if (in.n == 0)
        return 0;
    unsigned head = (unsigned char)in.p[0];
    ret->argc = head & 0x0F;
    if (head >> 4 != VERSION || ret->argc == 0)
        return -EPROTO;
    size_t at = 1;
    size_t payload = 0;
    for (unsigned i = 0; i < ret->argc; i++) {
        if (in.n - at < LENGTH_BYTES)
            return 0;
        size_t len = get_u32be(in.p + at);
        at += LENGTH_BYTES;
        payload += len;
        if (payload > LIMIT_FRAME_BYTES)
            return -EMSGSIZE;
        if (in.n - at < len)
            return 0;
        ret->argv[i] = (struct str){in.p + at, len};
        at += len;
    }
    *ret_size = at;
    return 1;
}

int amp_reader_next(struct amp_reader *r, struct amp_msg *ret)
{
    if (r->error)
        return r->error;
    struct str in = {r->in.data + r->taken, r->in.len - r->taken};
    size_t size = 0;
    int rc = parse_frame(in, ret, &size);
    if (rc < 0)
        r->error = rc;
    r->taken += size;
    return rc;
}

enum amp_kind amp_arg(struct str arg, struct str *ret_payload)
{
    enum amp_kind kind = AMP_BLOB;
    if (str_starts(arg, prefixes[AMP_STRING]))
        kind = AMP_STRING;
    else if (str_starts(arg, prefixes[AMP_JSON]))
        kind = AMP_JSON;
    size_t skip = prefixes[kind].n;
    *ret_payload = skip ? (struct str){arg.p + skip, arg.n - skip} : arg;
    return kind;
}

void amp_begin(struct buf *out, unsigned argc)
{
    assert(argc >= 1 && argc <= AMP_ARGC_MAX);
    buf_add_byte(out, (char)(VERSION << 4 | argc));
}

static void add_arg(struct buf *out, enum amp_kind kind, struct str payload)
{
    size_t mark = amp_arg_open(out, kind);
    buf_add_str(out, payload);
    amp_arg_close(out, mark);
}

void amp_add_string(struct buf *out, struct str s)
{
    add_arg(out, AMP_STRING, s);
}

void amp_add_json(struct buf *out, struct str json)
{
    add_arg(out, AMP_JSON, json);
}

void amp_add_raw(struct buf *out, struct str raw)
{
    add_arg(out, AMP_BLOB, raw);
}

void amp_extend_json(struct buf *out, size_t start, struct str json)
{
    if (buf_oom(out) || (out->data[start] & 0x0F) >= AMP_ARGC_MAX)
        return;
    out->data[start]++; /* the count is the low half */
    amp_add_json(out, json);
}

size_t amp_arg_open(struct buf *out, enum amp_kind kind)
{
    size_t mark = out->len;
    buf_add_u32be(out, 0);
    buf_add_str(out, prefixes[kind]);
    return mark;
}

void amp_arg_close(struct buf *out, size_t mark)
{
    if (buf_oom(out))
        return; /* the length may never have been written; the caller throws the frame away */
    put_u32be(out->data + mark, out->len - mark - LENGTH_BYTES);
}
