/* SPDX-License-Identifier: MIT
 * Output of apps: the same lines in one read or in pieces; with the prefixes taken away, dated
 * lines are the input; no piece is longer than its cap. */
#include "app/log_format.h"
#include "base/limits.h"
#include "fuzz.h"

#define STAMP STR("\x01stamp: ")
#define ROOM  4096

/* Feed `in` in pieces, each followed by what the spool would do: what is left comes again. */
static void format(const struct log_format *f, struct cuts cuts, struct buf *out)
{
    AUTO(buf) raw = BUF_INIT;
    bool in_line = false;
    while (cuts.rest.n > 0) {
        struct str piece = cuts_next(&cuts);
        buf_add_str(&raw, piece);
        size_t used;
        do {
            used = log_format_add(f, STAMP, buf_str(&raw), LOG_WHOLE_LINES, ROOM, &in_line, out);
            CHECK(used <= raw.len);
            buf_consume(&raw, used);
        } while (used > 0);
        CHECK(raw.len < LIMIT_LOG_LINE_BYTES && !memchr(raw.data, '\n', raw.len));
    }
    while (raw.len > 0 || in_line) {
        size_t used = log_format_add(f, STAMP, buf_str(&raw), LOG_END, ROOM, &in_line, out);
        CHECK(used > 0 || raw.len == 0);
        buf_consume(&raw, used);
    }
}

/* Every line has its prefix, once; the rest is what came. */
static void check_dated(struct str in, struct str out)
{
    struct str line;
    while (out.n > 0) {
        CHECK(str_starts(out, STAMP));
        out.p += STAMP.n;
        out.n -= STAMP.n;
        CHECK(str_cut_line(&out, &line));
        CHECK(in.n >= line.n && memcmp(in.p, line.p, line.n) == 0);
        in.p += line.n;
        in.n -= line.n;
        CHECK(in.n > 0 ? *in.p == '\n' : out.n == 0);
        in.p += in.n > 0;
        in.n -= in.n > 0;
    }
    CHECK(in.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int is_json = 0; is_json < 2; is_json++) {
        AUTO(buf) whole = BUF_INIT;
        AUTO(buf) pieces = BUF_INIT;
        struct log_format *f = log_format_new("HH", is_json, false, 1, "app");
        struct cuts all = cuts_of(data, size);
        format(f, all, &pieces);
        if (is_json) {
            CHECK(size == 0 || (pieces.len > 0 && pieces.data[pieces.len - 1] == '\n'));
        } else {
            bool in_line = false;
            size_t used =
                log_format_add(f, STAMP, all.rest, LOG_END, SIZE_MAX / 2, &in_line, &whole);
            CHECK(used == size && !in_line);
            CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
            check_dated(all.rest, buf_str(&pieces));
        }
        log_format_free(f);
    }
    return 0;
}
