/* SPDX-License-Identifier: MIT
 * Conclusions: which end, whose order, what the log says, what has changed. */
#include "cli/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json/read.h"

static void expect_cause(const char *records, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    AUTO_JSON list = json_read(str_from(records), NULL);
    assert_non_null(list);
    const struct why_end w = why_last_end(list);
    assert_non_null(w.end);
    bool known = why_cause(&text, &w);
    assert_int_equal(known, *want != '\0');
    if (!strstr(text.data, want))
        fail_msg("got: %s; wanted: %s", text.data, want);
}

static void tells_the_cause(void **state)
{
    (void)state;
    expect_cause("[{\"what\":\"started\"},{\"what\":\"stop\",\"why\":\"its schedule\"},"
                 "{\"what\":\"ended\",\"signal\":2,\"ordered\":true}]",
                 "stop was asked for by its schedule");
    expect_cause("[{\"what\":\"started\"},{\"what\":\"stop\",\"why\":\"x\"},"
                 "{\"what\":\"killed\",\"after\":300},"
                 "{\"what\":\"ended\",\"signal\":9,\"ordered\":true}]",
                 "it had not ended 300ms after it was told to, and got SIGKILL");
    expect_cause("[{\"what\":\"started\"},{\"what\":\"ended\",\"signal\":9,\"oom\":true}]",
                 "out of memory");
    expect_cause("[{\"what\":\"ended\",\"signal\":9}]", "somebody killed it");
    expect_cause("[{\"what\":\"ended\",\"signal\":15}]", "somebody other than pm2");
    expect_cause("[{\"what\":\"ended\",\"signal\":11,\"core\":true}]", "it crashed");
    expect_cause("[{\"what\":\"ended\",\"code\":0}]", "nothing more to do");
    expect_cause("[{\"what\":\"ended\",\"code\":1}]", "");
    expect_cause("[{\"what\":\"cannot\",\"why\":\"/x: cannot execute\"}]", "/x: cannot execute");
}

/* An order that came after the end has nothing to do with it. */
static void an_order_counts_for_its_end_only(void **state)
{
    (void)state;
    expect_cause("[{\"what\":\"started\"},{\"what\":\"restart\",\"why\":\"x\"},"
                 "{\"what\":\"ended\",\"ordered\":true,\"signal\":2},{\"what\":\"started\"},"
                 "{\"what\":\"ended\",\"code\":1},{\"what\":\"stop\",\"why\":\"y\"}]",
                 "");
    AUTO_JSON none = json_read(STR("[{\"what\":\"started\"},{\"what\":\"stop\"}]"), NULL);
    assert_null(why_last_end(none).end);
}

static void expect_pending(const char *records, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    AUTO_JSON list = json_read(str_from(records), NULL);
    assert_non_null(list);
    why_pending(&text, list, 5000);
    assert_string_equal(text.len ? text.data : "", want);
}

static void tells_what_is_pending(void **state)
{
    (void)state;
    expect_pending("[{\"what\":\"started\"},{\"what\":\"late\",\"why\":\"it is late\"}]",
                   " It is late.");
    expect_pending("[{\"what\":\"late\",\"why\":\"it is late\"},{\"what\":\"started\"}]", "");
    expect_pending("[{\"what\":\"started\"},{\"what\":\"stop\",\"why\":\"x\",\"t\":2000}]",
                   " stop was asked for by x 3s ago, and it is still there.");
    expect_pending("[{\"what\":\"stop\",\"why\":\"x\",\"t\":2000},{\"what\":\"ended\"}]", "");
    expect_pending("[{\"what\":\"started\"},{\"what\":\"late\"}]", "");
}

static void expect_clue(const char *const *lines, int kind, int port, const char *text)
{
    struct why_clue clue = {.text = BUF_INIT};
    for (; *lines; lines++)
        why_clue_line(&clue, str_from(*lines));
    assert_int_equal(clue.kind, kind);
    assert_int_equal(clue.port, port);
    if (text)
        assert_string_equal(clue.text.data, text);
    buf_fini(&clue.text);
}

#define LINES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void reads_the_log(void **state)
{
    (void)state;
    expect_clue(LINES("Error: listen EADDRINUSE: address already in use :::3000", "  at x:12:5",
                      "  port: 3000", "Node.js v20.20.2"),
                CLUE_PORT, 3000, NULL);
    expect_clue(LINES("OSError: [Errno 98] Address already in use", "exit"), CLUE_PORT, 0, NULL);
    expect_clue(LINES("bind 127.0.0.1:8080: address already in use"), CLUE_PORT, 8080, NULL);
    expect_clue(LINES("Error: Cannot find module 'express'", "Require stack:"), CLUE_MODULE, 0,
                "express");
    expect_clue(LINES("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /a"),
                CLUE_MODULE, 0, "x");
    expect_clue(LINES("ModuleNotFoundError: No module named 'flask'"), CLUE_MODULE, 0, "flask");
    expect_clue(LINES("FATAL ERROR: JavaScript heap out of memory", "aborted: error"), CLUE_HEAP, 0,
                NULL);
    expect_clue(LINES("warming up", "TypeError: x is not a function", "    at f (a.js:1)"),
                CLUE_LINE, 0, "TypeError: x is not a function");
    expect_clue(LINES("bash: /x.sh: No such file or directory"), CLUE_LINE, 0,
                "bash: /x.sh: No such file or directory");
    expect_clue(LINES("ready", "listening on 80"), CLUE_NONE, 0, NULL);
}

static void expect_changes(const char *records, size_t run, const char *want)
{
    AUTO(buf) text = BUF_INIT;
    AUTO_JSON list = json_read(str_from(records), NULL);
    assert_non_null(list);
    why_changes(&text, list, json_array_get(list, run));
    assert_string_equal(text.data, want);
}

static void tells_what_has_changed(void **state)
{
    (void)state;
    expect_changes(
        "[{\"what\":\"started\",\"version\":\"1\",\"git\":\"aa\",\"conf\":{\"a\":\"1\",\"b\":\"2\"}"
        "},"
        "{\"what\":\"ended\",\"uptime\":20000},"
        "{\"what\":\"started\",\"version\":\"2\",\"git\":\"bb\",\"conf\":{\"a\":\"1\",\"b\":\"3\","
        "\"env.C\":\"1\"}},{\"what\":\"ended\",\"uptime\":5}]",
        2, "b, env.C, version 1 to 2, git aa to bb");
    /* the short run is no good one; a start without conf has that of the one before */
    expect_changes(
        "[{\"what\":\"started\",\"conf\":{\"a\":\"1\"}},"
        "{\"what\":\"ended\",\"ordered\":true,\"uptime\":5},"
        "{\"what\":\"started\",\"conf\":{\"a\":\"2\"}},{\"what\":\"ended\",\"uptime\":5},"
        "{\"what\":\"started\"},{\"what\":\"ended\",\"uptime\":5}]",
        4, "a");
    expect_changes("[{\"what\":\"started\",\"conf\":{\"a\":\"1\"}},{\"what\":\"ended\","
                   "\"uptime\":5}]",
                   0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_cause),
        cmocka_unit_test(tells_what_is_pending),
        cmocka_unit_test(an_order_counts_for_its_end_only),
        cmocka_unit_test(reads_the_log),
        cmocka_unit_test(tells_what_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
