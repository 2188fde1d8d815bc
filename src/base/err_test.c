/* SPDX-License-Identifier: MIT
 * Errors with text: what callers return, and how a text that is too long is cut. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void set_returns_the_code(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, -ENOENT, "script not found: %s", "app.js"), -ENOENT);
    assert_int_equal(e.code, -ENOENT);
    assert_string_equal(e.msg, "script not found: app.js");
    assert_int_equal(err_set(NULL, -EIO, "%s", "nobody reads this"), -EIO);
}

static void prefix_goes_in_front(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, -EINVAL, "expected a number");
    assert_int_equal(err_prefix(&e, "apps[%d].instances", 2), -EINVAL);
    assert_string_equal(e.msg, "apps[2].instances: expected a number");
    assert_int_equal(err_prefix(NULL, "x"), 0);
}

/* The longest text that fits, then one byte more. */
static void long_text_is_cut(void **state)
{
    (void)state;
    char text[ERR_MSG_MAX + 1];
    memset(text, 'x', sizeof(text));
    text[ERR_MSG_MAX] = '\0';
    struct err e = {0};
    err_set(&e, -E2BIG, "%s", text + 1);
    assert_string_equal(e.msg, text + 1);
    err_set(&e, -E2BIG, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    assert_string_equal(e.msg + ERR_MSG_MAX - 6, "xx...");
}

static void cut_leaves_characters_whole(void **state)
{
    (void)state;
    struct err e = {0};
    for (int shift = 0; shift < 4; shift++) {
        char text[2 * ERR_MSG_MAX];
        size_t n = 0;
        while (n < (size_t)shift)
            text[n++] = 'a';
        while (n + 5 < sizeof(text)) {
            memcpy(text + n, "\xF0\x9F\x90\xA7", 4);
            n += 4;
        }
        text[n] = '\0';
        err_set(&e, -E2BIG, "%s", text);
        size_t len = strlen(e.msg);
        assert_string_equal(e.msg + len - 3, "...");
        assert_int_equal((len - 3 - (size_t)shift) % 4, 0);
        assert_true(len > ERR_MSG_MAX - 8);
    }
}

static void prefix_that_does_not_fit(void **state)
{
    (void)state;
    char text[ERR_MSG_MAX + 100];
    memset(text, 'p', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    struct err e = {0};
    err_set(&e, -EINVAL, "end");
    assert_int_equal(err_prefix(&e, "%s", text), -EINVAL);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    assert_string_equal(e.msg + ERR_MSG_MAX - 5, "p...");

    text[ERR_MSG_MAX - 4] = '\0'; /* now the prefix fits, and what was there does not */
    err_set(&e, -EINVAL, "0123456789");
    err_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
    assert_string_equal(e.msg + ERR_MSG_MAX - 5, "p...");
}

static void names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(err_name(-EACCES), "EACCES");
    assert_string_equal(err_name(EACCES), "EACCES");
    assert_string_equal(err_name(-99999), "E?");
    assert_string_equal(err_text(-EACCES), "Permission denied");
    assert_string_equal(err_text(ENOENT), "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_the_code),     cmocka_unit_test(prefix_goes_in_front),
        cmocka_unit_test(long_text_is_cut),         cmocka_unit_test(cut_leaves_characters_whole),
        cmocka_unit_test(prefix_that_does_not_fit), cmocka_unit_test(names_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
