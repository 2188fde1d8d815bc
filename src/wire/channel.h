/* SPDX-License-Identifier: MIT
 * Node's IPC channel, as lines (NODE_CHANNEL_SERIALIZATION_MODE=json): one JSON value per '\n'.
 * A read may hold many lines and end inside one. A value is any JSON value, null included.
 * Objects whose `cmd` is a string longer than 5 characters starting with "NODE_" are Node's own
 * and never reach users. Codec only: file descriptors travel beside it and are the caller's.
 *
 * A line longer than LIMIT_CHANNEL_LINE_BYTES is dropped whole and reported once as
 * CHANNEL_TOO_LONG; a line that is not JSON as CHANNEL_BAD; both leave the stream in step, because
 * the newline is the only frame. An empty line, or one of blanks only, is skipped. A leading byte
 * 0x02 (Bun's internal lines) is tolerated: it makes the message internal. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum channel_kind {
    CHANNEL_NONE,     /* more bytes needed */
    CHANNEL_APP,      /* a message of the app: `value` */
    CHANNEL_INTERNAL, /* a NODE_* message: `value`, `cmd` */
    CHANNEL_BAD,
    CHANNEL_TOO_LONG,
};

struct channel_msg {
    enum channel_kind kind;
    struct str line; /* borrowed until the next feed or next; without blanks around it, but with its
                        0x02: that tells a Bun. Empty when too long */
    json_t *value;   /* owned by the caller of channel_reader_next(): json_decref */
    const char *cmd; /* borrowed from value; internal only, "" when a 0x02 line has none */
};

struct channel_reader {
    struct buf in;
    size_t taken;
    size_t scanned; /* bytes known to hold no newline */
    bool skipping;  /* inside a line that was too long */
};

void channel_reader_init(struct channel_reader *r);
void channel_reader_fini(struct channel_reader *r);
/* 0, or -ENOMEM: bytes are lost, the stream is out of step, and every later feed fails as well. */
int channel_reader_feed(struct channel_reader *r, const void *bytes, size_t n);
/* Fills `ret`; returns ret->kind. */
enum channel_kind channel_reader_next(struct channel_reader *r, struct channel_msg *ret);

/* Append one message; `json` is valid JSON text without newlines, and not empty. */
void channel_write(struct buf *out, struct str json);
