/* SPDX-License-Identifier: MIT
 * Addresses to listen on: what is understood, how it is written, what is said of the rest. */
#include "app/listen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/schema.h"
#include "base/attr.h"
#include "base/limits.h"
#include "json/read.h"

/* As it stands in a conf, or the error. */
static void convert(const char *value, char *ret, size_t size)
{
    struct err e = {0};
    AUTO_JSON in = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(in);
    AUTO_JSON out = schema_convert(schema_find("listen"), in, &e);
    char *dump = out ? json_dumps(out, JSON_COMPACT) : NULL;
    assert_true(out || e.code < 0);
    snprintf(ret, size, "%s", dump ? dump : e.msg);
    free(dump);
}

static void one_spelling_of_each_address(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"8080", "[\"8080\"]"},
        {"\"8080\"", "[\"8080\"]"},
        {"\"08080\"", "[\"8080\"]"},
        {"\"*:1\"", "[\"1\"]"},
        {"\":65535\"", "[\"65535\"]"},
        {"\"localhost:80\"", "[\"127.0.0.1:80\"]"},
        {"\"0.0.0.0:80\"", "[\"0.0.0.0:80\"]"},
        {"\"[0:0::1]:80\"", "[\"[::1]:80\"]"},
        {"\"[FE80::1%eth0]:80\"", "[\"[fe80::1%eth0]:80\"]"},
        {"\"unix:/run/x.sock\"", "[\"unix:/run/x.sock\"]"},
        {"[80, \"127.0.0.1:80\", \"unix:/a b,c\"]", "[\"80\",\"127.0.0.1:80\",\"unix:/a b,c\"]"},
        {"\" 80, 81\\n82 \"", "[\"80\",\"81\",\"82\"]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512], again[512];
        convert(cases[i].in, text, sizeof(text));
        assert_string_equal(text, cases[i].out);
        convert(text, again, sizeof(again)); /* what a conf has is its own spelling */
        assert_string_equal(again, text);
    }
}

static void errors_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *in, *part;
    } cases[] = {
        {"0", "port 0 is a different one each time; name a port"},
        {"\"127.0.0.1:0\"", "port 0 is a different one"},
        {"-1", "\"listen\": \"-1\" is none of a port, \"host:port\""},
        {"65536", "a port is a number from 1 to 65535"},
        {"\"123456\"", "a port is a number from 1 to 65535"},
        {"80.5", "\"80.5\" is none of"},
        {"\"http\"", "\"http\" is none of"},
        {"\"127.0.0.1\"", "\"127.0.0.1\" is none of"},
        {"\"127.0.0.1:\"", "is none of"},
        {"\"example.org:80\"", "give the host as an address, not by its name"},
        {"\"::1:80\"", "an IPv6 address stands in [brackets]"},
        {"\"[::1\"", "an IPv6 address stands in [brackets]"},
        {"\"[1.2.3.4]:80\"", "is none of"},
        {"\"[]:80\"", "give the host as an address"},
        {"\"[fe80::1%]:80\"", "is none of"},
        {"\"unix:x.sock\"", "must be unix: and the absolute path"},
        {"\"unix:\"", "must be unix: and the absolute path"},
        {"\"unix:/run/\"", "must be unix: and the absolute path"},
        {"\"\"", "\"listen\" is empty; give a port"},
        {"[]", "\"listen\" is empty"},
        {"[[80]]", "an address is text or a number"},
        {"[\"80, 81\"]", "is none of"},
        {"[80, \"*:80\"]", "\"listen\" has 80 twice"},
        {"\"[::1]:5 [0::1]:5\"", "\"listen\" has [::1]:5 twice"},
        {"true", "Expect \"listen\" to be a typeof"},
        {"{}", "Expect \"listen\" to be a typeof"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ERR_MSG_MAX];
        convert(cases[i].in, text, sizeof(text));
        if (!strstr(text, cases[i].part))
            fail_msg("%s: %s", cases[i].in, text);
    }
}

static void limits_hold(void **state)
{
    (void)state;
    char text[1024] = "\"", result[ERR_MSG_MAX];
    for (int i = 0; i <= LIMIT_LISTEN; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof(text) - n, "%d ", 1000 + i);
    }
    size_t n = strlen(text);
    snprintf(text + n, sizeof(text) - n, "\"");
    convert(text, result, sizeof(result));
    assert_string_equal(result, "\"listen\" has more than 16 addresses");

    snprintf(text, sizeof(text), "\"unix:/%0*d\"", LIMIT_SOCKET_PATH - 1, 0);
    convert(text, result, sizeof(result));
    assert_int_equal(result[0], '[');
    snprintf(text, sizeof(text), "\"unix:/%0*d\"", LIMIT_SOCKET_PATH, 0);
    convert(text, result, sizeof(result));
    assert_non_null(strstr(result, "the path of a socket has at most 107 bytes, this one 108"));
    snprintf(text, sizeof(text), "\"[::1%%%0*d]:80\"", 200, 0);
    convert(text, result, sizeof(result));
    assert_non_null(strstr(result, "is none of"));
}

static void names_are_words(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {{"80", "80"},
                 {"[::1]:81", "81"},
                 {"unix:/run/web.sock", "web.sock"},
                 {"unix:/run/a:b c\303\244", "a_b_c__"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(buf) name = BUF_INIT;
        struct listen_address a;
        assert_int_equal(listen_parse(cases[i].in, &a, NULL), 0);
        listen_write_name(&a, &name);
        assert_string_equal(name.data, cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_spelling_of_each_address),
        cmocka_unit_test(errors_say_what_to_do),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(names_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
