/* SPDX-License-Identifier: MIT
 * What completion, man pages and tests rely on: the entries are complete and do not collide. */
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "json/read.h"

static void names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; cmd_at(i); i++) {
        assert_ptr_equal(cmd_find(cmd_at(i)->name), cmd_at(i));
        for (size_t a = 0; cmd_at(i)->aliases[a]; a++)
            assert_ptr_equal(cmd_find(cmd_at(i)->aliases[a]), cmd_at(i));
    }
    assert_null(cmd_find("frobnicate"));
    assert_null(cmd_find(""));
}

static void entries_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; cmd_at(i); i++) {
        const struct cmd *cmd = cmd_at(i);
        AUTO(buf) out = BUF_INIT;
        assert_non_null(cmd->args);
        assert_true(cmd->summary && cmd->summary[0]);
        for (size_t o = 0; o < cmd->opt_count; o++) {
            assert_true(cmd->opts[o].help[0]);
            /* a value exactly where the kind takes one */
            assert_int_equal(cmd->opts[o].value != NULL,
                             cmd->opts[o].kind == SC_VALUE || cmd->opts[o].kind == SC_OPTIONAL);
        }
        help_command(cmd, &out);
        assert_non_null(strstr(out.data, cmd->name));
    }
}

static void the_dump_is_json(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct err e = {0};
    size_t count = 0;
    (void)state;
    help_dump(&out);
    AUTO_JSON dump = json_read(buf_str(&out), &e);
    assert_non_null(dump);
    while (cmd_at(count))
        count++;
    assert_int_equal(json_array_size(json_object_get(dump, "commands")), count);
    const json_t *first = json_array_get(json_object_get(dump, "commands"), 0);
    assert_string_equal(json_get_str(first, "name"), "start");
    assert_true(json_get_bool(first, "available", false));
    assert_true(json_array_size(json_object_get(dump, "options")) > opts_common_count);
}

static void help_lists_only_what_is_there(void **state)
{
    AUTO(buf) out = BUF_INIT;
    (void)state;
    help_all(&out);
    assert_non_null(strstr(out.data, "restart "));
    assert_non_null(strstr(out.data, "--kill-timeout"));
    assert_null(strstr(out.data, "deepUpdate"));
    assert_non_null(strstr(out.data, "--wait-ip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(entries_are_complete),
        cmocka_unit_test(the_dump_is_json),
        cmocka_unit_test(help_lists_only_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
