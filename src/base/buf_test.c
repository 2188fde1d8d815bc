/* SPDX-License-Identifier: MIT
 * The byte buffer: growth, the NUL behind the end, sticky failure, the cap. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"

static void assert_buf(const struct buf *b, const char *want)
{
    assert_int_equal(b->len, strlen(want));
    assert_string_equal(b->data, want); /* and thereby the NUL */
}

static void empty_is_printable(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    assert_buf(&b, "");
    buf_clear(&b);
    buf_truncate(&b, 0);
    buf_consume(&b, 0);
    buf_trim(&b, 0);
    assert_buf(&b, "");
    struct buf other;
    buf_init(&other);
    assert_buf(&other, "");
    buf_fini(NULL);
    assert_int_equal(buf_empty_storage[0], '\0');
}

static void appends_of_every_kind(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add(&b, "one", 3);
    buf_add(&b, NULL, 0);
    buf_add_str(&b, STR(" two"));
    buf_add_str(&b, (struct str){0});
    buf_add_c(&b, " three");
    buf_add_byte(&b, ' ');
    buf_printf(&b, "%d-%s", 4, "four");
    buf_printf(&b, "%s", "");
    assert_buf(&b, "one two three 4-four");
    assert_true(str_eq(buf_str(&b), STR("one two three 4-four")));
    assert_false(buf_oom(&b));
}

static void keeps_nul_bytes(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add(&b, "a\0b", 3);
    buf_add_u32be(&b, 0x01020304u);
    assert_int_equal(b.len, 7);
    assert_memory_equal(b.data, "a\0b\1\2\3\4", 8);
}

static void grows_past_every_capacity(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_add_byte(&b, (char)('a' + i % 26));
        assert_true(b.cap > b.len);
        assert_int_equal(b.data[b.len], '\0');
    }
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
}

static void printf_longer_than_the_room(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "x");
    buf_printf(&b, "%0500d", 7);
    assert_int_equal(b.len, 501);
    assert_int_equal(b.data[500], '7');
    assert_int_equal(b.data[501], '\0');
}

static void consume_and_truncate(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "0123456789");
    buf_consume(&b, 4);
    assert_buf(&b, "456789");
    buf_truncate(&b, 3);
    assert_buf(&b, "456");
    buf_truncate(&b, 99);
    assert_buf(&b, "456");
    buf_consume(&b, 3);
    assert_buf(&b, "");
}

static void clear_keeps_and_trim_returns(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "something");
    size_t cap = b.cap;
    buf_trim(&b, 0); /* not empty: stays */
    assert_buf(&b, "something");
    buf_clear(&b);
    assert_buf(&b, "");
    assert_int_equal(b.cap, cap);
    buf_trim(&b, cap);
    assert_int_equal(b.cap, cap);
    buf_trim(&b, cap - 1);
    assert_int_equal(b.cap, 0);
    buf_add_c(&b, "again");
    assert_buf(&b, "again");
}

static void detach_hands_over(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "mine");
    char *p = buf_detach(&b);
    assert_string_equal(p, "mine");
    free(p);
    assert_buf(&b, "");
    p = buf_detach(&b); /* of nothing: still memory that can be freed */
    assert_string_equal(p, "");
    free(p);
}

static void cap_is_sticky(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "kept");
    assert_true(buf_reserve(&b, LIMIT_BUF_BYTES - b.len));
    assert_false(buf_reserve(&b, LIMIT_BUF_BYTES - b.len + 1));
    assert_true(buf_oom(&b));
    buf_add_c(&b, "lost");
    buf_add_byte(&b, 'x');
    buf_printf(&b, "%d", 5);
    buf_add_u32be(&b, 5);
    assert_false(buf_reserve(&b, 1));
    assert_buf(&b, "kept");
    buf_clear(&b);
    assert_false(buf_oom(&b));
    buf_add_c(&b, "new");
    assert_buf(&b, "new");
}

static void overflow_of_the_sum(void **state)
{
    (void)state;
    AUTO(buf) b = BUF_INIT;
    buf_add_c(&b, "kept");
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_null(buf_detach(&b));
    assert_buf(&b, "");
    assert_false(buf_oom(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_printable),
        cmocka_unit_test(appends_of_every_kind),
        cmocka_unit_test(keeps_nul_bytes),
        cmocka_unit_test(grows_past_every_capacity),
        cmocka_unit_test(printf_longer_than_the_room),
        cmocka_unit_test(consume_and_truncate),
        cmocka_unit_test(clear_keeps_and_trim_returns),
        cmocka_unit_test(detach_hands_over),
        cmocka_unit_test(cap_is_sticky),
        cmocka_unit_test(overflow_of_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
