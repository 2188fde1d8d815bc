/* SPDX-License-Identifier: MIT */
#include "cli/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"

static int file_with(struct str text)
{
    char path[] = "/tmp/pm2c-tail-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    return fd;
}

static void collect(void *ctx, struct str line)
{
    struct buf *out = ctx;
    buf_add_byte(out, '<');
    buf_add_str(out, line);
    buf_add_byte(out, '>');
}

static int tail_of(int fd, off_t end, size_t count, void (*line)(void *ctx, struct str line),
                   void *ctx, struct buf *partial)
{
    const struct tail t = {.count = count, .line = line, .ctx = ctx, .partial = partial};
    return tail_lines(fd, end, &t);
}

static void shows_the_last_lines(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *want;
    } cases[] = {
        {"", 3, ""},
        {"a\nb\nc\n", 2, "<b><c>"},
        {"a\nb\nc\n", 3, "<a><b><c>"},
        {"a\nb\nc\n", 9, "<a><b><c>"},
        {"a\nb\nc", 2, "<b><c>"},
        {"a\nb\nc", 1, "<c>"},
        {"a\n\n\nb\n", 3, "<><><b>"},
        {"\n", 1, "<>"},
        {"a", 1, "<a>"},
        {"a\nb", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        struct str text = str_from(cases[i].text);
        int fd = file_with(text);
        assert_int_equal(tail_of(fd, (off_t)text.n, cases[i].count, collect, &out, NULL), 0);
        assert_string_equal(out.data, cases[i].want);
        close(fd);
    }
}

static void keeps_an_open_line_apart(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *want, *partial;
    } cases[] = {
        {"a\nb\nc", 1, "<b>", "c"}, {"a\nb\nc", 5, "<a><b>", "c"}, {"a\nb\n", 1, "<b>", ""},
        {"open", 3, "", "open"},    {"a\nb\nc", 0, "", "c"},       {"", 2, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        AUTO(buf) partial = BUF_INIT;
        struct str text = str_from(cases[i].text);
        int fd = file_with(text);
        assert_int_equal(tail_of(fd, (off_t)text.n, cases[i].count, collect, &out, &partial), 0);
        assert_string_equal(out.data, cases[i].want);
        assert_string_equal(partial.data, cases[i].partial);
        close(fd);
    }
}

static void count_line(void *ctx, struct str line)
{
    size_t *seen = ctx;
    seen[0]++;
    seen[1] += line.n;
}

/* Lines longer than any block, and a file that has far more than is wanted. */
static void long_lines_stay_whole(void **state)
{
    AUTO(buf) text = BUF_INIT;
    size_t seen[2] = {0};
    (void)state;
    for (int i = 0; i < 20; i++) {
        for (int k = 0; k < 100000; k++)
            buf_add_byte(&text, (char)('a' + i));
        buf_add_byte(&text, '\n');
    }
    int fd = file_with(buf_str(&text));
    assert_int_equal(tail_of(fd, (off_t)text.len, 3, count_line, seen, NULL), 0);
    assert_int_equal(seen[0], 3);
    assert_int_equal(seen[1], 300000);
    close(fd);
}

static void endless_lines_come_in_pieces(void **state)
{
    AUTO(buf) text = BUF_INIT;
    size_t seen[2] = {0};
    (void)state;
    assert_true(buf_reserve(&text, LIMIT_CLI_LINE_BYTES + 100000));
    while (text.len < LIMIT_CLI_LINE_BYTES + 90000)
        buf_add_c(&text, "0123456789");
    int fd = file_with(buf_str(&text));
    assert_int_equal(tail_of(fd, (off_t)text.len, 1, count_line, seen, NULL), 0);
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], text.len);
    close(fd);
}

static void goes_no_further_than_the_end(void **state)
{
    AUTO(buf) out = BUF_INIT;
    (void)state;
    int fd = file_with(STR("old 1\nold 2\nnew\n"));
    assert_int_equal(tail_of(fd, 12, 9, collect, &out, NULL), 0);
    assert_string_equal(out.data, "<old 1><old 2>");
    buf_clear(&out);
    assert_int_equal(ftruncate(fd, 6), 0); /* shorter than what was measured */
    assert_int_equal(tail_of(fd, 16, 9, collect, &out, NULL), 0);
    assert_string_equal(out.data, "<old 1>");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_last_lines),
        cmocka_unit_test(keeps_an_open_line_apart),
        cmocka_unit_test(long_lines_stay_whole),
        cmocka_unit_test(endless_lines_come_in_pieces),
        cmocka_unit_test(goes_no_further_than_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
