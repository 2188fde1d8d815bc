/* SPDX-License-Identifier: MIT */
#include "cli/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"

static void collect(void *ctx, const struct line_stream *from, struct str line)
{
    struct buf *out = ctx;
    buf_printf(out, "%lld.%d<%.*s>", (long long)from->id, from->stream, STR_ARG(line));
}

static void joins_what_belongs_together(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct lines l;
    (void)state;
    lines_init(&l);
    lines_feed(&l, 0, 1, STR("he"), collect, &out);
    lines_feed(&l, 0, 2, STR("err\n"), collect, &out);
    lines_feed(&l, 7, 1, STR("other"), collect, &out);
    assert_string_equal(out.data, "0.2<err>");
    buf_clear(&out);
    lines_feed(&l, 0, 1, STR("llo\n\nworld\nre"), collect, &out);
    assert_string_equal(out.data, "0.1<hello>0.1<>0.1<world>");
    buf_clear(&out);
    lines_flush(&l, collect, &out);
    assert_string_equal(out.data, "0.1<re>7.1<other>");
    buf_clear(&out);
    lines_flush(&l, collect, &out);
    assert_string_equal(out.data, "");
    lines_fini(&l);
}

static void count_bytes(void *ctx, const struct line_stream *from, struct str line)
{
    (void)from;
    *(size_t *)ctx += line.n;
}

static void an_endless_line_is_given_up_in_pieces(void **state)
{
    struct lines l;
    size_t seen = 0;
    size_t fed = 0;
    (void)state;
    lines_init(&l);
    while (fed <= LIMIT_CLI_LINE_BYTES) {
        char chunk[4096] = {'x'};
        lines_feed(&l, 0, 0, (struct str){chunk, sizeof(chunk)}, count_bytes, &seen);
        fed += sizeof(chunk);
    }
    assert_int_equal(seen, LIMIT_CLI_LINE_BYTES);
    lines_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_what_belongs_together),
        cmocka_unit_test(an_endless_line_is_given_up_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
