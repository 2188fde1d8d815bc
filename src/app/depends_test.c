/* SPDX-License-Identifier: MIT
 * Conditions, and the order of large and odd graphs; app_set_test.c has the small ones. */
#include "app/depends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

static void conditions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum depend_condition condition;
        int port;
    } good[] = {
        {"started", DEPEND_STARTED, 0},     {"ready", DEPEND_READY, 0},
        {"completed", DEPEND_COMPLETED, 0}, {"port:1", DEPEND_PORT, 1},
        {"port:65535", DEPEND_PORT, 65535},
    };
    static const char *const bad[] = {"",         "Ready",    "port",       "port:",
                                      "port:0",   "port:x",   "port:65536", "port:-1",
                                      "port:80 ", "started ", "port:999999"};
    struct depend d;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(depend_parse(good[i].text, &d));
        assert_int_equal(d.condition, good[i].condition);
        assert_int_equal(d.port, good[i].port);
        assert_int_equal(strncmp(good[i].text, depend_word(d.condition), 4), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(depend_parse(bad[i], &d));
}

static void a_conf_has_a_list(void **state)
{
    (void)state;
    AUTO_JSON conf = json_loads("{\"depends_on\":{\"db\":\"port:5432\",\"odd\":5,\"no\":\"x\","
                                "\"q\":\"ready\"}}",
                                0, NULL);
    struct depend *list = NULL;
    assert_int_equal(depends_of(conf, &list), 2);
    assert_string_equal(list[0].name, "db");
    assert_int_equal(list[0].port, 5432);
    assert_string_equal(list[1].name, "q");
    assert_int_equal(list[1].condition, DEPEND_READY);
    free(list);
    AUTO_JSON none = json_object();
    assert_int_equal(depends_of(none, &list), 0);
    free(list);
}

/* A chain in which each needs the next one. */
static void a_long_chain_is_turned_round(void **state)
{
    (void)state;
    enum { N = LIMIT_FILE_APPS };
    struct depend_node *nodes = calloc(N, sizeof(*nodes));
    json_t **needs = calloc(N, sizeof(json_t *));
    char(*names)[16] = calloc(N, sizeof(*names));
    size_t *order = calloc(N, sizeof(*order));
    for (int i = 0; i < N; i++)
        snprintf(names[i], sizeof(names[i]), "n%d", i);
    for (int i = 0; i < N; i++) {
        needs[i] = i + 1 < N ? json_pack("{ss}", names[i + 1], "started") : NULL;
        nodes[i] = (struct depend_node){names[i], "default", needs[i]};
    }
    assert_int_equal(depends_order(nodes, N, NULL, NULL, order), 0);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(order[i], N - 1 - i);
    for (int i = 0; i < N; i++)
        json_decref(needs[i]);
    free(nodes);
    free(needs);
    free(names);
    free(order);
}

/* All processes of a name come first; what is unknown or goes in a circle does not stop the rest.
 */
static void processes_share_names(void **state)
{
    (void)state;
    AUTO_JSON needs_db = json_pack("{ssss}", "db", "ready", "gone", "ready");
    AUTO_JSON needs_web = json_pack("{ss}", "web", "ready");
    const struct depend_node nodes[] = {
        {"web", "default", needs_db}, {"db", "default", NULL}, {"x", "n", NULL},
        {"db", "default", needs_web}, {"web", "other", NULL},
    };
    size_t order[ARRAY_LEN(nodes)];
    static const size_t want[] = {1, 3, 0, 2, 4};
    assert_int_equal(depends_order(nodes, ARRAY_LEN(nodes), NULL, NULL, order), 0);
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_int_equal(order[i], want[i]);
    assert_int_equal(depends_order(NULL, 0, NULL, NULL, order), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_read),
        cmocka_unit_test(a_conf_has_a_list),
        cmocka_unit_test(a_long_chain_is_turned_round),
        cmocka_unit_test(processes_share_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
