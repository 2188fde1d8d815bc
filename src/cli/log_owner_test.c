/* SPDX-License-Identifier: MIT */
#include "cli/log_owner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

static void collect(void *ctx, int64_t id, enum log_kind kind, struct str line)
{
    struct buf *out = ctx;
    buf_printf(out, "%lld%c:%.*s ", (long long)id, kind == LOG_ERR ? 'e' : 'o', STR_ARG(line));
}

static void names_lines_after_the_bus(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct log_owner o;
    (void)state;
    log_owner_init(&o);
    log_owner_written(&o, STR("a"), 0);
    log_owner_written(&o, STR("a"), 0);
    log_owner_said(&o, 7, LOG_ERR, STR("a"), 10);
    assert_true(log_owner_give(&o, 20, false, collect, &out) > 0); /* the second one waits */
    assert_string_equal(out.data, "7e:a ");
    log_owner_said(&o, 8, LOG_OUT, STR("a"), 30);
    assert_int_equal(log_owner_give(&o, 40, false, collect, &out), -1);
    assert_string_equal(out.data, "7e:a 8o:a ");
    log_owner_fini(&o);
}

static void keeps_the_order_of_the_file(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct log_owner o;
    (void)state;
    log_owner_init(&o);
    log_owner_said(&o, 1, LOG_OUT, STR("second"), 0);
    log_owner_written(&o, STR("first"), 0);
    log_owner_written(&o, STR("second"), 0);
    (void)log_owner_give(&o, 1, false, collect, &out);
    assert_string_equal(out.data, "");
    (void)log_owner_give(&o, 10000, false, collect, &out);
    assert_string_equal(out.data, "-1o:first 1o:second ");
    log_owner_fini(&o);
}

static void does_not_wait_in_a_hurry(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct log_owner o;
    (void)state;
    log_owner_init(&o);
    log_owner_written(&o, STR("x"), 0);
    assert_int_equal(log_owner_give(&o, 0, true, collect, &out), -1);
    assert_string_equal(out.data, "-1o:x ");
    log_owner_fini(&o);
}

/* The bus was too late for the first "x": what it says then is not about the second one. */
static void what_the_bus_says_too_late_is_about_what_was_given(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct log_owner o;
    (void)state;
    log_owner_init(&o);
    log_owner_written(&o, STR("x"), 0);
    (void)log_owner_give(&o, 1000, false, collect, &out);
    log_owner_said(&o, 1, LOG_OUT, STR("x"), 1001);
    log_owner_said(&o, 2, LOG_OUT, STR("x"), 1002);
    log_owner_written(&o, STR("x"), 1003);
    (void)log_owner_give(&o, 1004, false, collect, &out);
    assert_string_equal(out.data, "-1o:x 2o:x ");
    log_owner_fini(&o);
}

/* What the bus says and no file has is forgotten; it does not grow for ever. */
static void forgets_what_is_old_or_too_much(void **state)
{
    static char big[1024 * 1024];
    AUTO(buf) out = BUF_INIT;
    struct log_owner o;
    (void)state;
    log_owner_init(&o);
    log_owner_said(&o, 1, LOG_OUT, STR("x"), 0);
    log_owner_said(&o, 1, LOG_OUT, STR("y"), 100000);
    assert_int_equal(o.said_count, 1);
    for (int i = 0; i < 100; i++)
        log_owner_said(&o, 1, LOG_OUT, (struct str){big, sizeof(big)}, 100000);
    assert_true(o.bytes <= 10 * sizeof(big));
    log_owner_written(&o, STR("z"), 100000);
    (void)log_owner_give(&o, 200000, false, collect, &out);
    log_owner_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lines_after_the_bus),
        cmocka_unit_test(keeps_the_order_of_the_file),
        cmocka_unit_test(does_not_wait_in_a_hurry),
        cmocka_unit_test(what_the_bus_says_too_late_is_about_what_was_given),
        cmocka_unit_test(forgets_what_is_old_or_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
