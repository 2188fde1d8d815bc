/* SPDX-License-Identifier: MIT */
#include "cli/ui/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct table_column fixed[] = {{"id", 4}, {"name", 8}};
static const struct table_column pairs[] = {{NULL, 0}, {NULL, 0}};

static void draws_heads_and_cuts(void **state)
{
    AUTO(table) t = {0};
    AUTO(buf) out = BUF_INIT;
    (void)state;
    table_init(&t, fixed, ARRAY_LEN(fixed));
    table_add_c(&t, STYLE_NONE, "0");
    table_add_c(&t, STYLE_NONE, "short");
    table_add_c(&t, STYLE_NONE, "1");
    table_add_c(&t, STYLE_NONE, "much-too-long");
    table_draw(&t, false, false, &out);
    assert_string_equal(out.data, "┌────┬────────┐\n"
                                  "│ id │ name   │\n"
                                  "├────┼────────┤\n"
                                  "│ 0  │ short  │\n"
                                  "│ 1  │ much-… │\n"
                                  "└────┴────────┘\n");
    assert_int_equal(table_width(fixed, ARRAY_LEN(fixed)), 12);
}

static void an_empty_one_has_no_middle_line(void **state)
{
    AUTO(table) t = {0};
    AUTO(buf) out = BUF_INIT;
    (void)state;
    table_init(&t, fixed, ARRAY_LEN(fixed));
    table_draw(&t, false, false, &out);
    assert_string_equal(out.data, "┌────┬────────┐\n"
                                  "│ id │ name   │\n"
                                  "└────┴────────┘\n");
}

static void grows_with_its_cells(void **state)
{
    AUTO(table) t = {0};
    AUTO(buf) out = BUF_INIT;
    (void)state;
    table_init(&t, pairs, ARRAY_LEN(pairs));
    table_add_c(&t, STYLE_NONE, "a");
    table_add_c(&t, STYLE_NONE, "漢字");
    table_add_c(&t, STYLE_NONE, "longer");
    table_add_c(&t, STYLE_NONE, "x\ny\033[2J");
    table_draw(&t, false, false, &out);
    assert_string_equal(out.data, "┌────────┬─────────┐\n"
                                  "│ a      │ 漢字    │\n"
                                  "│ longer │ x?y?[2J │\n"
                                  "└────────┴─────────┘\n");
}

static void colours(void **state)
{
    AUTO(table) t = {0};
    AUTO(buf) cells = BUF_INIT;
    AUTO(buf) all = BUF_INIT;
    (void)state;
    table_init(&t, pairs, ARRAY_LEN(pairs));
    table_add_c(&t, STYLE_NONE, "status");
    table_add_c(&t, STYLE_BOLD_GREEN, "online");
    table_draw(&t, true, false, &cells);
    assert_string_equal(cells.data, "┌────────┬────────┐\n"
                                    "│ status │ \033[32m\033[1monline\033[22m\033[39m │\n"
                                    "└────────┴────────┘\n");
    table_draw(&t, true, true, &all);
    assert_string_equal(all.data, "\033[90m┌────────┬────────┐\033[39m\n"
                                  "\033[90m│\033[39m\033[1m\033[36m status \033[39m\033[22m"
                                  "\033[90m│\033[39m \033[32m\033[1monline\033[22m\033[39m "
                                  "\033[90m│\033[39m\n"
                                  "\033[90m└────────┴────────┘\033[39m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_heads_and_cuts),
        cmocka_unit_test(an_empty_one_has_no_middle_line),
        cmocka_unit_test(grows_with_its_cells),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
