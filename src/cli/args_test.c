/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct opt own[] = {
    {"--lines", "<n>", "", SC_VALUE, false},
    {"--raw", NULL, "", SC_FLAG, false},
    {"--stamp", "[format]", "", SC_OPTIONAL, true},
};

struct parsed {
    struct args a;
    struct err e;
    int rc;
    char *words[32];
    char text[256];
};

/* `line` has its words between '|'. */
static void parse(struct parsed *p, const char *line)
{
    int n = 0;
    char *save = NULL;
    memset(p, 0, sizeof(*p));
    snprintf(p->text, sizeof(p->text), "%s", line);
    for (char *w = strtok_r(p->text, "|", &save); w; w = strtok_r(NULL, "|", &save))
        p->words[n++] = w;
    args_init(&p->a);
    p->rc = args_parse(&p->a, n, p->words, &p->e);
    if (p->rc == 0)
        p->rc = args_parse_own(&p->a, own, ARRAY_LEN(own), &p->e);
}

static void join(const struct words *w, struct buf *out)
{
    for (size_t i = 0; i < w->count; i++)
        buf_printf(out, "%s%s", i ? "|" : "", w->at[i]);
}

/* What is left of a line: command, positions, literals. */
static void takes_lines_apart(void **state)
{
    static const struct {
        const char *line, *command, *position, *literal;
    } cases[] = {
        {"start|a.js|b.js", "start", "a.js|b.js", ""},
        {"-n|x|start|a.js", "start", "a.js", ""},
        {"start|a.js|--name=x", "start", "a.js", ""},
        {"start|a.js|--|-x|--|y=z", "start", "a.js", "-x|--|y=z"},
        {"start|--|a.js", "start", "", "a.js"},
        {"start|a.js|-i|-1", "start", "a.js", ""},
        {"start|a.js|-fm|b", "start", "a.js|b", ""},
        {"start|--log|-|x", "start", "x", ""},  /* a lone - is a value */
        {"start|--log|-f|x", "start", "x", ""}, /* an option is none */
        {"start|x=y", "start", "x=y", ""},
        {"logs|--lines|-5|app", "logs", "app", ""},
        {"logs|--raw|app|more", "logs", "app|more", ""},
        {"logs|one|--raw|two", "logs", "two|one", ""}, /* PM2's order */
        {"stop|-", "stop", "-", ""},
        {"", NULL, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) position = BUF_INIT;
        AUTO(buf) literal = BUF_INIT;
        struct parsed p;
        parse(&p, cases[i].line);
        assert_int_equal(p.rc, 0);
        if (cases[i].command)
            assert_string_equal(p.a.command, cases[i].command);
        else
            assert_null(p.a.command);
        join(&p.a.position, &position);
        join(&p.a.literal, &literal);
        assert_string_equal(position.data, cases[i].position);
        assert_string_equal(literal.data, cases[i].literal);
        assert_int_equal(p.a.has_literal, strstr(cases[i].line, "|--|") != NULL);
        args_fini(&p.a);
    }
}

static void makes_options(void **state)
{
    static const struct {
        const char *line, *json;
    } cases[] = {
        {"start|a.js", "{}"},
        {"start|a.js|-n|x|--name|y", "{\"name\":\"y\"}"},
        {"start|a.js|--no-autorestart|-f", "{\"autorestart\":false,\"force\":true}"},
        {"start|a.js|--kill-timeout=500", "{\"kill_timeout\":\"500\"}"},
        {"start|a.js|-i|-1|-x", "{\"instances\":\"-1\",\"execute_command\":true}"},
        {"start|a.js|-l", "{\"log_file\":true}"},
        {"start|a.js|-l|all.log", "{\"log_file\":\"all.log\"}"},
        {"start|a.js|--filter-env|A|--filter-env|B", "{\"filter_env\":[\"A\",\"B\"]}"},
        {"start|a.js|--name=a=b", "{\"name\":\"a=b\"}"},
        {"start|a.js|--name|--raw", "{\"name\":\"--raw\"}"},
        {"start|a.js|-o|\xff", "{\"out_file\":\"\xef\xbf\xbd\"}"},
        {"start|a.js|--update-env|--sort|id", "{}"}, /* no attributes */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) out = BUF_INIT;
        struct parsed p;
        struct jw w = jw_to(&out);
        parse(&p, cases[i].line);
        assert_int_equal(p.rc, 0);
        args_write_options(&p.a, &w);
        assert_string_equal(out.data, cases[i].json);
        args_fini(&p.a);
    }
}

static void complains_in_pm2s_words(void **state)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"start|a.js|--name", "option `-n --name <name>' argument missing"},
        {"start|a.js|-k", "option `-k --kill-timeout <ms>' argument missing"},
        {"logs|--lines", "option `--lines <n>' argument missing"},
        {"ls|--frobnicate", "unknown option `--frobnicate'"},
        {"ls|--frobnicate=3|x", "unknown option `--frobnicate'"},
        {"scale|app|-1", "unknown option `-1'"},
        {"ls|-fzm", "unknown option `-z'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed p;
        parse(&p, cases[i].line);
        assert_true(p.rc < 0);
        assert_string_equal(p.e.msg, cases[i].text);
        args_fini(&p.a);
    }
}

static void help_beats_strangers(void **state)
{
    struct parsed p;
    (void)state;
    parse(&p, "start|-h|app");
    assert_int_equal(p.rc, 0);
    assert_true(p.a.help);
    args_fini(&p.a);
    parse(&p, "start|--nonsense|--help");
    assert_int_equal(p.rc, 0);
    assert_true(p.a.help);
    args_fini(&p.a);
    parse(&p, "start|--name|-h"); /* a value */
    assert_false(p.a.help);
    args_fini(&p.a);
}

static void knows_what_was_given(void **state)
{
    struct parsed p;
    (void)state;
    parse(&p, "logs|--lines|5|--lines|7|-s|--stamp");
    assert_string_equal(args_value(&p.a, "--lines"), "7");
    assert_true(args_has(&p.a, "--silent"));
    assert_false(args_has(&p.a, "--raw"));
    assert_null(args_value(&p.a, "--raw"));
    assert_string_equal(args_later(&p.a)->typed, "--stamp");
    args_fini(&p.a);
}

static void finds_missing_arguments(void **state)
{
    struct parsed p;
    char name[64];
    (void)state;
    parse(&p, "sendSignal|SIGINT");
    assert_true(args_missing(&p.a, "<signal> <pm2_id|name>", name, sizeof(name)));
    assert_string_equal(name, "pm2_id|name");
    assert_false(args_missing(&p.a, "<signal> [name]", name, sizeof(name)));
    args_fini(&p.a);
    parse(&p, "stop");
    assert_true(args_missing(&p.a, "<id|name|all|json|stdin...>", name, sizeof(name)));
    assert_string_equal(name, "id|name|all|json|stdin");
    assert_false(args_missing(&p.a, "", name, sizeof(name)));
    args_fini(&p.a);
    parse(&p, "stop|--|-odd-name");
    args_take_literal(&p.a);
    assert_false(args_missing(&p.a, "<name>", name, sizeof(name)));
    assert_string_equal(p.a.position.at[0], "-odd-name");
    args_fini(&p.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_lines_apart),       cmocka_unit_test(makes_options),
        cmocka_unit_test(complains_in_pm2s_words), cmocka_unit_test(help_beats_strangers),
        cmocka_unit_test(knows_what_was_given),    cmocka_unit_test(finds_missing_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
