/* SPDX-License-Identifier: MIT
 * AMP, the frame of both PM2 sockets, as a codec that does no I/O.
 *
 * A frame is one byte (high nibble version 1, low nibble argc 0..15), then argc times a big-endian
 * u32 length and that many bytes. There is no total length: a frame ends with its last argument.
 * An argument starts with "s:" (UTF-8 string), "j:" (JSON text) or is a raw blob.
 *
 * PM2's own reader never checks the version nibble, hangs on argc 0 and buffers a bogus length for
 * ever. This one refuses a frame whose arguments together exceed LIMIT_FRAME_BYTES as soon as the
 * offending length is seen (-EMSGSIZE), and argc 0 or a version other than 1 (-EPROTO). After an
 * error the stream cannot be resynchronised: the connection is to be closed. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define AMP_ARGC_MAX 15

enum amp_kind { AMP_BLOB, AMP_STRING, AMP_JSON };

struct amp_msg {
    unsigned argc;
    struct str argv[AMP_ARGC_MAX]; /* with their prefix; see amp_arg() */
};

struct amp_reader {
    struct buf in;
    size_t taken; /* bytes of `in` that belong to messages already handed out */
    int error;    /* sticky */
};

void amp_reader_init(struct amp_reader *r);
void amp_reader_fini(struct amp_reader *r);

/* Take `n` bytes from the peer (copied). 0, or the sticky error, which -ENOMEM becomes as well:
 * bytes are lost then. */
int amp_reader_feed(struct amp_reader *r, const void *bytes, size_t n);

/* Next complete message: 1 and `ret` filled (borrowed until the next feed or next), 0 when more
 * bytes are needed, or the sticky error (-EPROTO, -EMSGSIZE). */
int amp_reader_next(struct amp_reader *r, struct amp_msg *ret);

/* Kind of an argument; `ret_payload` is the part after the prefix. */
enum amp_kind amp_arg(struct str arg, struct str *ret_payload);

/* Writing: amp_begin, then argc arguments. An argument whose length is not known in advance is
 * opened with amp_arg_open (returns a mark) and closed with amp_arg_close. */
void amp_begin(struct buf *out, unsigned argc);
void amp_add_string(struct buf *out, struct str s);
void amp_add_json(struct buf *out, struct str json);
void amp_add_raw(struct buf *out, struct str raw); /* bytes as they are, prefix included */
/* One argument more for the last frame of `out`, which begins at `start`. */
void amp_extend_json(struct buf *out, size_t start, struct str json);
size_t amp_arg_open(struct buf *out, enum amp_kind kind);
void amp_arg_close(struct buf *out, size_t mark);
