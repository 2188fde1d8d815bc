/* SPDX-License-Identifier: MIT */
#include "app/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/schema.h"
#include "base/attr.h"

static const char *nearest(const char *typed)
{
    struct nearest n;
    nearest_init(&n, typed);
    for (size_t i = 0; i < schema_row_count; i++) {
        nearest_offer(&n, schema_rows[i].name);
        for (size_t k = 0; k < ARRAY_LEN(schema_rows[i].aliases) && schema_rows[i].aliases[k]; k++)
            nearest_offer(&n, schema_rows[i].aliases[k]);
    }
    return n.best ? n.best : "-";
}

static void near_words_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *want;
    } cases[] = {
        {"instnces", "instances"},
        {"isntances", "instances"},
        {"instance", "instances"},
        {"max-memory-restart", "max_memory_restart"},
        {"MaxMemoryRestart", "max_memory_restart"},
        {"scirpt", "script"},
        {"envv", "env"},
        {"kill_timout", "kill_timeout"},
        {"dependsOn", "depends_on"},
        {"depend_on", "depends_on"},
        {"x", "-"},
        {"zz", "-"},
        {"something_else", "-"},
        {"__proto__", "-"},
        {"", "-"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(nearest(cases[i].typed), cases[i].want);
}

static void long_words_get_no_proposal(void **state)
{
    (void)state;
    char word[NEAREST_WORD_MAX + 2];
    struct nearest n;
    memset(word, 'a', sizeof(word));
    word[NEAREST_WORD_MAX + 1] = '\0';
    nearest_init(&n, word);
    nearest_offer(&n, word);
    assert_null(n.best);
    word[NEAREST_WORD_MAX] = '\0';
    nearest_init(&n, word);
    nearest_offer(&n, word);
    assert_ptr_equal(n.best, word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_words_are_found),
        cmocka_unit_test(long_words_get_no_proposal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
