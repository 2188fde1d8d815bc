/* SPDX-License-Identifier: MIT
 * The keeper link: frames in pieces read like frames in one read, and no payload, whatever its type
 * says, is read past its end. */
#include <errno.h>

#include "base/buf.h"
#include "fuzz.h"
#include "keeperlink/proto.h"

static void check_spawn(struct str payload)
{
    struct link_fields f = {.rest = payload};
    struct link_spawn_args a;
    int rc = link_get_spawn(&f, &a);
    CHECK(rc == 0 || rc == -EPROTO || rc == -ENOMEM);
    if (rc != 0)
        return;
    size_t sum = strlen(a.file) + strlen(a.search_path) + strlen(a.cwd) + a.note.n;
    for (char **s = a.argv; *s; s++)
        sum += strlen(*s);
    for (char **s = a.env; *s; s++)
        sum += strlen(*s);
    for (size_t i = 0; i < a.group_count; i++)
        sum += a.groups[i] & 1;
    CHECK(sum <= payload.n);
    CHECK(a.rlimit_count <= LIMIT_LINK_RLIMITS);
    link_spawn_args_fini(&a);
}

/* A child that was read and written again reads the same. */
static void check_child(struct str payload)
{
    struct link_fields f = {.rest = payload};
    struct link_child child = {0};
    link_get_child(&f, &child);
    if (f.bad)
        return;
    AUTO(buf) out = BUF_INIT;
    link_put_child(&out, &child);
    struct link_fields again = {.rest = buf_str(&out)};
    struct link_child copy = {0};
    link_get_child(&again, &copy);
    CHECK(!again.bad && again.rest.n == 0);
    CHECK(copy.handle == child.handle && copy.pid == child.pid);
    CHECK(copy.fd_mask == child.fd_mask && str_eq(copy.note, child.note));
}

/* Strings until there are none, then numbers, which must read as 0. */
static void check_fields(struct str payload)
{
    struct link_fields f = {.rest = payload};
    while (!f.bad) {
        struct str s = link_get_str(&f);
        CHECK(s.n == 0 || (s.p >= payload.p && s.p + s.n <= payload.p + payload.n));
    }
    f = (struct link_fields){.rest = payload};
    while (!f.bad) {
        uint64_t v = link_get_u64(&f);
        CHECK(!f.bad || v == 0);
    }
    f = (struct link_fields){.rest = payload};
    while (!f.bad) {
        int32_t v = link_get_i32(&f);
        CHECK(!f.bad || v == 0);
        uint32_t u = link_get_u32(&f);
        CHECK(!f.bad || u == 0);
    }
}

/* Write down all frames that are there; the last code of link_reader_next. */
static int drain(struct link_reader *r, struct buf *out)
{
    struct link_frame f;
    int rc;
    while ((rc = link_reader_next(r, &f)) == 1) {
        buf_printf(out, "%u %u %u:", f.type, f.seq, f.nfds);
        buf_add_str(out, f.payload);
        check_spawn(f.payload);
        check_child(f.payload);
        check_fields(f.payload);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) whole = BUF_INIT;
    AUTO(buf) pieces = BUF_INIT;
    struct link_reader r;
    link_reader_init(&r);
    CHECK(link_reader_feed(&r, data, size) == 0);
    int whole_rc = drain(&r, &whole);
    link_reader_fini(&r);

    link_reader_init(&r);
    struct cuts cuts = cuts_of(data, size);
    int rc = 0;
    while (rc == 0 && cuts.rest.n > 0) {
        struct str piece = cuts_next(&cuts);
        CHECK(link_reader_feed(&r, piece.p, piece.n) == 0);
        rc = drain(&r, &pieces);
    }
    link_reader_fini(&r);
    CHECK(rc == whole_rc && str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
