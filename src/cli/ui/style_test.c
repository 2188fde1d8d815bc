/* SPDX-License-Identifier: MIT */
#include "cli/ui/style.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"

static void decides(void **state)
{
    static const struct {
        struct style_facts facts;
        bool messages, frames;
    } cases[] = {
        {{.is_terminal = false}, false, false},
        {{.is_terminal = true}, true, true},
        {{.is_terminal = true, .no_color = "1"}, false, false},
        {{.is_terminal = true, .no_color = ""}, true, true}, /* empty counts as not set */
        {{.is_terminal = true, .flag_no_color = true}, false, false},
        {{.is_terminal = true, .term = "dumb"}, false, false},
        {{.is_terminal = true, .force_color = "0"}, false, false},
        {{.is_terminal = true, .force_color = "false"}, false, false},
        {{.force_color = "1"}, true, true},
        {{.flag_color = true}, true, true},
        {{.flag_color = true, .flag_no_color = true}, false, false},
        {{.ci = "true"}, true, false},
        {{.ci = "true", .no_color = "1"}, false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(style_for_messages(&cases[i].facts), cases[i].messages);
        assert_int_equal(style_for_frames(&cases[i].facts), cases[i].frames);
    }
}

static void writes_sequences(void **state)
{
    AUTO(buf) out = BUF_INIT;
    (void)state;
    style_add(&out, true, STYLE_GREEN, STR("[PM2] "));
    style_add(&out, false, STYLE_GREEN, STR("plain"));
    style_add(&out, true, style_of_status("errored"), STR("x"));
    assert_string_equal(out.data, "\033[32m[PM2] \033[39mplain\033[31m\033[1mx\033[22m\033[39m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(writes_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
