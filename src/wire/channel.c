/* SPDX-License-Identifier: MIT
 * The Node channel codec. Runs in pm2d; no I/O, no fds, no idea what a NODE_* message asks for. */
#include "wire/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "json/read.h"

/* Bun puts this byte before its internal lines. */
#define BUN_INTERNAL '\x02'

/* Memory that an idle channel may keep. */
#define KEEP_BYTES (64UL * 1024)

static const struct str node_prefix = {"NODE_", 5};

void channel_reader_init(struct channel_reader *r)
{
    *r = (struct channel_reader){.in = BUF_INIT};
}

void channel_reader_fini(struct channel_reader *r)
{
    buf_fini(&r->in);
    channel_reader_init(r);
}

/* Drop what was handed out: for nothing when all of it was, else once it outweighs the rest. */
static void compact(struct channel_reader *r)
{
    if (r->taken == r->in.len) {
        buf_clear(&r->in);
        buf_trim(&r->in, KEEP_BYTES);
    } else if (r->taken >= r->in.len - r->taken) {
        buf_consume(&r->in, r->taken);
    } else {
        return;
    }
    r->scanned -= r->taken;
    r->taken = 0;
}

int channel_reader_feed(struct channel_reader *r, const void *bytes, size_t n)
{
    if (!buf_oom(&r->in)) {
        compact(r);
        buf_add(&r->in, bytes, n);
    }
    return buf_oom(&r->in) ? -ENOMEM : 0;
}

/* The next line, without its newline. CHANNEL_APP stands for "a line" here; the rest is as told. */
static enum channel_kind next_line(struct channel_reader *r, struct str *ret_line)
{
    for (;;) {
        const char *nl = NULL;
        if (r->scanned < r->in.len)
            nl = memchr(r->in.data + r->scanned, '\n', r->in.len - r->scanned);
        size_t end = nl ? (size_t)(nl - r->in.data) : r->in.len;
        bool too_long = end - r->taken > LIMIT_CHANNEL_LINE_BYTES;
        bool was_skipping = r->skipping;
        *ret_line = (struct str){r->in.data + r->taken, end - r->taken};

        r->scanned = nl ? end + 1 : end;
        if (nl || too_long || was_skipping)
            r->taken = r->scanned;
        r->skipping = !nl && (too_long || was_skipping);
        if (too_long && !was_skipping)
            return CHANNEL_TOO_LONG;
        if (!nl)
            return CHANNEL_NONE;
        if (!was_skipping)
            return CHANNEL_APP;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct str trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Node's rule: `cmd` is a string that starts with "NODE_" and goes on after it. */
static bool is_node_command(const char *cmd)
{
    struct str s = str_from(cmd);
    return s.n > node_prefix.n && str_starts(s, node_prefix);
}

static void classify(struct channel_msg *m)
{
    struct str text = m->line;
    bool is_bun = text.p[0] == BUN_INTERNAL;
    if (is_bun)
        text = (struct str){text.p + 1, text.n - 1};
    m->value = json_read(text, NULL);
    const char *cmd = json_get_str(m->value, "cmd");
    if (!m->value) {
        m->kind = CHANNEL_BAD;
    } else if (is_bun || is_node_command(cmd)) {
        m->kind = CHANNEL_INTERNAL;
        m->cmd = cmd ? cmd : "";
    }
}

enum channel_kind channel_reader_next(struct channel_reader *r, struct channel_msg *ret)
{
    struct str line;
    do {
        *ret = (struct channel_msg){.kind = next_line(r, &line)};
        if (ret->kind != CHANNEL_APP)
            return ret->kind;
        ret->line = trim(line);
    } while (ret->line.n == 0);
    classify(ret);
    return ret->kind;
}

void channel_write(struct buf *out, struct str json)
{
    assert(json.n > 0); /* an empty line is an uncaught SyntaxError in the child */
    buf_add_str(out, json);
    buf_add_byte(out, '\n');
}
