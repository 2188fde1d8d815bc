/* SPDX-License-Identifier: MIT */
#include "cli/ui/proc_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "json/read.h"

#define NOW 1000000

static const char list_json[] =
    "[{\"id\":0,\"name\":\"web\",\"namespace\":\"default\",\"version\":\"1.2.3\","
    "\"mode\":\"cluster\",\"pid\":24697,\"pm_uptime\":880000,\"restarts\":2,\"status\":\"online\","
    "\"cpu\":4.3,\"memory\":51000000,\"user\":\"ann\",\"watching\":true,\"module\":false,"
    "\"err_log\":\"/h/web-error.log\",\"pid_path\":\"/h/web-0.pid\"},"
    "{\"id\":1,\"name\":\"app\",\"namespace\":\"back\",\"version\":\"N/A\",\"mode\":\"fork\","
    "\"pid\":0,\"pm_uptime\":990000,\"restarts\":15,\"status\":\"errored\",\"cpu\":0,\"memory\":0,"
    "\"user\":\"ann\",\"uid\":0,\"watching\":false,\"module\":false,\"reason\":\"no such file\","
    "\"reason_at\":940000},"
    "{\"id\":2,\"name\":\"app\",\"namespace\":\"back\",\"status\":\"stopped\",\"mode\":\"fork\"}]";

struct listed {
    json_t *json;
    struct proc_row *rows;
    size_t count;
};

static struct listed read_list(const char *text)
{
    struct err e = {0};
    struct listed l = {.json = json_read(str_from(text), &e)};
    assert_non_null(l.json);
    l.rows = proc_rows(l.json, &l.count);
    assert_non_null(l.rows);
    return l;
}

static void free_list(struct listed *l)
{
    free(l->rows);
    json_decref(l->json);
}

static void check_draw(int columns, const char *text, const char *want)
{
    AUTO(buf) out = BUF_INIT;
    struct listed l = read_list(text);
    const struct proc_table_look look = {.columns = columns, .now_ms = NOW};
    proc_rows_sort(l.rows, l.count, NULL);
    proc_table_draw(l.rows, l.count, &look, &out);
    assert_string_equal(out.data, want);
    free_list(&l);
}

/* clang-format off */
static void draws_the_full_layout(void **state)
{
    (void)state;
    check_draw(
        0, list_json,
        "┌────┬────────┬─────────────┬─────────┬─────────┬──────────┬────────┬──────┬───────────┬──────────┬──────────┬──────────┬──────────┐\n"
        "│ id │ name   │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status    │ cpu      │ mem      │ user     │ watching │\n"
        "├────┼────────┼─────────────┼─────────┼─────────┼──────────┼────────┼──────┼───────────┼──────────┼──────────┼──────────┼──────────┤\n"
        "│ 1  │ app    │ back        │ N/A     │ fork    │ 0        │ 0      │ 15   │ errored   │ 0%       │ 0b       │ root     │ disabled │\n"
        "│ 2  │ app    │ back        │ N/A     │ fork    │ N/A      │ 0      │ 0    │ stopped   │ 0%       │ 0b       │ N/A      │ disabled │\n"
        "│ 0  │ web    │ default     │ 1.2.3   │ cluster │ 24697    │ 2m     │ 2    │ online    │ 4.3%     │ 48.6mb   │ ann      │ enabled  │\n"
        "└────┴────────┴─────────────┴─────────┴─────────┴──────────┴────────┴──────┴───────────┴──────────┴──────────┴──────────┴──────────┘\n");
}

static void an_empty_list_has_a_head(void **state)
{
    (void)state;
    check_draw(
        0, "[]",
        "┌────┬───────────┬─────────────┬─────────┬─────────┬──────────┬────────┬──────┬───────────┬──────────┬──────────┬──────────┬──────────┐\n"
        "│ id │ name      │ namespace   │ version │ mode    │ pid      │ uptime │ ↺    │ status    │ cpu      │ mem      │ user     │ watching │\n"
        "└────┴───────────┴─────────────┴─────────┴─────────┴──────────┴────────┴──────┴───────────┴──────────┴──────────┴──────────┴──────────┘\n");
}

/* clang-format on */

static const char long_json[] =
    "[{\"id\":1234,\"name\":\"a-rather-long-application-name-that-goes-on-and-on\","
    "\"status\":\"online\",\"pm_uptime\":999000,\"pid\":5,\"mode\":\"fork\"},"
    "{\"id\":6,\"name\":\"pk\",\"module\":true,\"status\":\"online\",\"pid\":7,"
    "\"version\":\"1.2.3\"},"
    "{\"id\":7,\"name\":\"pm2-sysmonit\",\"module\":true,\"status\":\"online\"}]";

static void narrow_terminals_get_less(void **state)
{
    static const char condensed[] =
        "┌──────┬────────────────────┬──────────┬──────┬───────────┬──────────┬──────────┐\n"
        "│ id   │ name               │ mode     │ ↺    │ status    │ cpu      │ memory   │\n"
        "├──────┼────────────────────┼──────────┼──────┼───────────┼──────────┼──────────┤\n"
        "│ 1234 │ a-rather-long-app… │ fork     │ 0    │ online    │ 0%       │ 0b       │\n"
        "└──────┴────────────────────┴──────────┴──────┴───────────┴──────────┴──────────┘\n"
        "Module\n"
        "┌──────┬────────────────────┬──────────┬──────────┬──────────┐\n"
        "│ id   │ name               │ status   │ cpu      │ mem      │\n"
        "├──────┼────────────────────┼──────────┼──────────┼──────────┤\n"
        "│ 6    │ pk                 │ online   │ 0%       │ 0b       │\n"
        "└──────┴────────────────────┴──────────┴──────────┴──────────┘\n";
    static const char mini[] = "┌──────┬────────────────┬───────────┬────────┬──────────┐\n"
                               "│ id   │ name           │ status    │ cpu    │ mem      │\n"
                               "├──────┼────────────────┼───────────┼────────┼──────────┤\n"
                               "│ 1234 │ a-rather-long… │ online    │ 0%     │ 0b       │\n"
                               "└──────┴────────────────┴───────────┴────────┴──────────┘\n"
                               "Module\n"
                               "┌──────┬────────────────┬───────────┬────────┬──────────┐\n"
                               "│ id   │ name           │ status    │ cpu    │ mem      │\n"
                               "├──────┼────────────────┼───────────┼────────┼──────────┤\n"
                               "│ 6    │ pk             │ online    │ 0%     │ 0b       │\n"
                               "└──────┴────────────────┴───────────┴────────┴──────────┘\n";
    (void)state;
    /* 152 columns of cells and 14 for frames make the full layout, 73 and 8 the condensed one */
    check_draw(165, long_json, condensed);
    check_draw(81, long_json, condensed);
    check_draw(80, long_json, mini);
}

static void sorts(void **state)
{
    static const struct {
        const char *by;
        int64_t first, last;
    } cases[] = {
        {NULL, 1, 0},      {"name", 1, 0},          {"name:desc", 0, 2},   {"id", 0, 2},
        {"id:desc", 2, 0}, {"cpu:desc", 0, 2},      {"memory", 1, 0},      {"nonsense", 1, 0},
        {"status", 1, 2},  {"namespace:asc", 1, 0}, {"uptime:desc", 1, 2}, {"pid", 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listed l = read_list(list_json);
        proc_rows_sort(l.rows, l.count, cases[i].by);
        assert_int_equal(l.rows[0].id, cases[i].first);
        assert_int_equal(l.rows[2].id, cases[i].last);
        free_list(&l);
    }
}

static void mini_list(void **state)
{
    AUTO(buf) out = BUF_INIT;
    struct listed l = read_list(list_json);
    (void)state;
    proc_mini_draw(l.rows, 1, NOW, &out);
    assert_string_equal(out.data, "+--- web\n"
                                  "namespace : default\n"
                                  "version : 1.2.3\n"
                                  "pid : 24697\n"
                                  "pm2 id : 0\n"
                                  "status : online\n"
                                  "mode : cluster\n"
                                  "restarted : 2\n"
                                  "uptime : 2m\n"
                                  "memory usage : 48.6mb \n"
                                  "error log : /h/web-error.log\n"
                                  "watching : yes\n"
                                  "PID file : /h/web-0.pid\n\n");
    free_list(&l);
}

static void reads_reasons(void **state)
{
    struct listed l = read_list(list_json);
    (void)state;
    assert_null(l.rows[0].reason);
    assert_string_equal(l.rows[1].reason, "no such file");
    assert_int_equal(l.rows[1].reason_at, 940000);
    free_list(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_the_full_layout),
        cmocka_unit_test(an_empty_list_has_a_head),
        cmocka_unit_test(narrow_terminals_get_less),
        cmocka_unit_test(sorts),
        cmocka_unit_test(mini_list),
        cmocka_unit_test(reads_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
