/* SPDX-License-Identifier: MIT
 * Node channel lines: the same messages in one read or in pieces, and one per line that is not
 * blank. On the instance socket each is either taken, or its writer is told why not. */
#include <jansson.h>

#include "app/app_message.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/channel.h"

static void check_word(const json_t *value)
{
    struct err e = {0};
    int rc = app_message_check(value, &e);
    CHECK((rc < 0) == (e.msg[0] != '\0'));
    if (rc < 0 || json_is_string(value))
        return;
    const char *type = json_string_value(json_object_get(value, "type"));
    CHECK(type && *type && json_object_get(value, "data"));
}

/* Write down all messages that are there. */
static void drain(struct channel_reader *r, struct buf *out)
{
    struct channel_msg m;
    while (channel_reader_next(r, &m) != CHANNEL_NONE) {
        CHECK(m.line.n > 0 && !memchr(m.line.p, '\n', m.line.n));
        CHECK((m.value != NULL) == (m.kind == CHANNEL_APP || m.kind == CHANNEL_INTERNAL));
        CHECK((m.cmd != NULL) == (m.kind == CHANNEL_INTERNAL));
        if (m.kind == CHANNEL_APP)
            check_word(m.value);
        buf_add_byte(out, (char)('0' + m.kind));
        if (m.cmd)
            buf_add_c(out, m.cmd);
        channel_write(out, m.line);
        json_decref(m.value);
    }
    CHECK(r->scanned == r->in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) whole = BUF_INIT;
    AUTO(buf) pieces = BUF_INIT;
    struct channel_reader r;
    channel_reader_init(&r);
    CHECK(channel_reader_feed(&r, data, size) == 0);
    drain(&r, &whole);
    channel_reader_fini(&r);

    channel_reader_init(&r);
    struct cuts cuts = cuts_of(data, size);
    while (cuts.rest.n > 0) {
        struct str piece = cuts_next(&cuts);
        CHECK(channel_reader_feed(&r, piece.p, piece.n) == 0);
        drain(&r, &pieces);
    }
    channel_reader_fini(&r);
    CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
