/* SPDX-License-Identifier: MIT
 * Datagrams of sd_notify: what is taken from them, and where they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "notify_message.h"

static void reads_ready_and_status(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_ready;
        const char *status; /* NULL = none */
    } rows[] = {
        {"READY=1", true, NULL},
        {"READY=1\n", true, NULL},
        {"STATUS=loading\nREADY=1", true, "loading"},
        {"READY=1\nSTATUS=a=b\nMAINPID=7\n", true, "a=b"},
        {"STATUS=one\nSTATUS=two", false, "two"},
        {"STATUS=", false, ""},
        {"", false, NULL},
        {"\n\n", false, NULL},
        {"READY=0", false, NULL},
        {"READY=11", false, NULL},
        {" READY=1", false, NULL},
        {"xREADY=1", false, NULL},
        {"STOPPING=1\nRELOADING=1\nWATCHDOG=1", false, NULL},
        {"STATUS", false, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct notify_message m;
        notify_message_read(str_from(rows[i].text), &m);
        assert_int_equal(m.is_ready, rows[i].is_ready);
        assert_int_equal(m.has_status, rows[i].status != NULL);
        if (rows[i].status)
            assert_true(str_eq_c(m.status, rows[i].status));
    }
}

static void a_nul_ends_no_line(void **state)
{
    (void)state;
    struct notify_message m;
    notify_message_read(STR("READY=1\0STATUS=x"), &m);
    assert_false(m.is_ready);
    assert_false(m.has_status);
}

static void status_is_cut_between_characters(void **state)
{
    (void)state;
    char long_text[LIMIT_NOTIFY_STATUS_BYTES + 10];
    static const char accent[] = "é";
    for (size_t i = 0; i < sizeof(long_text); i++)
        long_text[i] = accent[i % 2];
    memmove(long_text + 1, long_text, sizeof(long_text) - 1);
    long_text[0] = 'x'; /* now the cap falls into a character */
    AUTO(buf) out = BUF_INIT;
    notify_add_shown(&out, (struct str){long_text, sizeof(long_text)}, LIMIT_NOTIFY_STATUS_BYTES);
    assert_int_equal(out.len, LIMIT_NOTIFY_STATUS_BYTES - 1);
    assert_memory_equal(out.data, long_text, out.len);
}

static void status_has_no_control_characters(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    notify_add_shown(&out, STR("a\033[31mb\tc\r\177"), 100);
    assert_string_equal(out.data, "a [31mb c  ");
}

static void cgroups_of_apps(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int app;
        unsigned slot;
    } rows[] = {
        {"0::/pm2c-0a/app-7", 7, 0},
        {"0::/pm2c-0a/app-7.1\n", 7, 1},
        {"0::/pm2c-0a/app-12.1/below", 12, 1},
        {"0::/pm2c-0a/app-7.2", -1, 0},
        {"0::/pm2c-0a/app-7.12", -1, 0},
        {"0::/pm2c-0a/app-7\n", 7, 0},
        {"0::/user.slice/pm2c-0a/app-12/below", 12, 0},
        {"0::/pm2c-0a/app-", -1, 0},
        {"0::/pm2c-0a/app-7x", -1, 0},
        {"0::/pm2c-0a/app-99999999999", -1, 0},
        {"0::/pm2c-0a", -1, 0},
        {"0::/pm2c-0ab/app-7", -1, 0},
        {"0::/xpm2c-0a/app-7", -1, 0},
        {"0::/", -1, 0},
        {"", -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned slot = 0;
        assert_int_equal(notify_cgroup_app(str_from(rows[i].line), "pm2c-0a", &slot), rows[i].app);
        if (rows[i].app >= 0)
            assert_int_equal(slot, rows[i].slot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ready_and_status),
        cmocka_unit_test(a_nul_ends_no_line),
        cmocka_unit_test(status_is_cut_between_characters),
        cmocka_unit_test(status_has_no_control_characters),
        cmocka_unit_test(cgroups_of_apps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
