/* SPDX-License-Identifier: MIT
 * AMP: a stream in pieces reads like the same stream in one read, and what was read is what would
 * be written. */
#include "base/buf.h"
#include "fuzz.h"
#include "wire/amp.h"

static void write_back(struct buf *out, const struct amp_msg *m)
{
    amp_begin(out, m->argc);
    for (unsigned i = 0; i < m->argc; i++) {
        struct str payload;
        switch (amp_arg(m->argv[i], &payload)) {
        case AMP_STRING: amp_add_string(out, payload); break;
        case AMP_JSON: amp_add_json(out, payload); break;
        case AMP_BLOB: amp_add_raw(out, payload); break;
        }
    }
}

/* Append all messages that are there; the last code of amp_reader_next. */
static int drain(struct amp_reader *r, struct buf *out)
{
    struct amp_msg m;
    int rc;
    while ((rc = amp_reader_next(r, &m)) == 1)
        write_back(out, &m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) whole = BUF_INIT;
    AUTO(buf) pieces = BUF_INIT;
    struct amp_reader r;
    amp_reader_init(&r);
    CHECK(amp_reader_feed(&r, data, size) == 0);
    int whole_rc = drain(&r, &whole);
    CHECK(whole.len <= size && memcmp(whole.data, data, whole.len) == 0);
    amp_reader_fini(&r);

    amp_reader_init(&r);
    struct cuts cuts = cuts_of(data, size);
    int rc = 0;
    while (rc == 0 && cuts.rest.n > 0) {
        struct str piece = cuts_next(&cuts);
        CHECK(amp_reader_feed(&r, piece.p, piece.n) == 0);
        rc = drain(&r, &pieces);
    }
    amp_reader_fini(&r);
    CHECK(rc == whole_rc && str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
