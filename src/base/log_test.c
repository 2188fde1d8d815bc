/* SPDX-License-Identifier: MIT
 * The log sink: threshold, silence, the cap of one line. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

struct heard {
    int count;
    enum log_level level;
    char text[2 * LIMIT_LOG_TEXT_BYTES];
};

static void hear(void *ctx, enum log_level level, const char *text)
{
    struct heard *h = ctx;
    h->count++;
    h->level = level;
    snprintf(h->text, sizeof(h->text), "%s", text);
}

static int silence(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL, LOG_DEBUG);
    return 0;
}

static void silent_without_a_sink(void **state)
{
    (void)state;
    log_error("nobody hears %d", 1);
}

static void threshold(void **state)
{
    (void)state;
    struct heard h = {0};
    log_set_sink(hear, &h, LOG_WARN);
    log_debug("no");
    log_info("no");
    assert_int_equal(h.count, 0);
    log_warn("pid %d", 7);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.level, LOG_WARN);
    assert_string_equal(h.text, "pid 7");
    log_error("%s", "worse");
    assert_int_equal(h.count, 2);
    assert_int_equal(h.level, LOG_ERROR);
}

static void long_line_is_cut(void **state)
{
    (void)state;
    char text[LIMIT_LOG_TEXT_BYTES + 1];
    memset(text, 'x', sizeof(text));
    text[LIMIT_LOG_TEXT_BYTES] = '\0';
    struct heard h = {0};
    log_set_sink(hear, &h, LOG_DEBUG);
    log_info("%s", text + 1);
    assert_string_equal(h.text, text + 1);
    log_info("%s", text);
    assert_int_equal(strlen(h.text), LIMIT_LOG_TEXT_BYTES - 1);
    assert_string_equal(h.text + LIMIT_LOG_TEXT_BYTES - 6, "xx...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(silent_without_a_sink, silence),
        cmocka_unit_test_teardown(threshold, silence),
        cmocka_unit_test_teardown(long_line_is_cut, silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
