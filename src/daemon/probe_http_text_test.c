/* SPDX-License-Identifier: MIT
 * What a probe reads and writes of HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#include "base/attr.h"
#include "probe_http_text.h"

static void reads_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        unsigned port;
        const char *authority, *target;
    } rows[] = {
        {"http://127.0.0.1:3000/health", "127.0.0.1", 3000, "127.0.0.1:3000", "/health"},
        {"http://localhost", "localhost", 80, "localhost", ""},
        {"http://a.b/c?d=e#f", "a.b", 80, "a.b", "/c?d=e"},
        {"http://a?x", "a", 80, "a", "?x"},
        {"http://a#x", "a", 80, "a", ""},
        {"http://[::1]:8080/x", "::1", 8080, "[::1]:8080", "/x"},
        {"http://[::1]/", "::1", 80, "[::1]", "/"},
        {"http://a:/x", "a", 80, "a:", "/x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct probe_url u;
        assert_int_equal(probe_url_read(str_from(rows[i].url), &u), 0);
        assert_string_equal(u.host, rows[i].host);
        assert_int_equal(u.port, rows[i].port);
        assert_true(str_eq_c(u.authority, rows[i].authority));
        assert_true(str_eq_c(u.target, rows[i].target));
    }
}

static void refuses_other_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",           "http://",       "https://a/",     "ftp://a",         "http:///x",
        "http://:80", "http://a:0",    "http://a:65536", "http://a:123456", "http://a:8x",
        "a/b",        "http://u:p@a/", "http://?x",      "http://a:-1/",
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct probe_url u;
        assert_int_equal(probe_url_read(str_from(urls[i]), &u), -EINVAL);
    }
}

static void refuses_a_host_that_is_too_long(void **state)
{
    (void)state;
    char url[7 + DIAL_HOST_MAX] = "http://";
    struct probe_url u;
    memset(url + 7, 'a', DIAL_HOST_MAX);
    assert_int_equal(probe_url_read((struct str){url, 7 + DIAL_HOST_MAX - 1}, &u), 0);
    assert_int_equal(probe_url_read((struct str){url, 7 + DIAL_HOST_MAX}, &u), -EINVAL);
}

static void writes_a_request(void **state)
{
    (void)state;
    struct probe_url u;
    AUTO(buf) out = BUF_INIT;
    assert_int_equal(probe_url_read(STR("http://a:81?q"), &u), 0);
    probe_request_write(&out, &u);
    assert_non_null(strstr(out.data, "GET /?q HTTP/1.1\r\nHost: a:81\r\n"));
    assert_non_null(strstr(out.data, "\r\nConnection: close\r\n"));
    assert_true(str_ends(buf_str(&out), STR("\r\n\r\n")));
}

static void reads_the_status(void **state)
{
    (void)state;
    static const struct {
        const char *received;
        int status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n", 200},
        {"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nbody", 404},
        {"HTTP/1.1 503\r\n", 503},
        {"HTTP/1.1 302\n", 302},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n", 204},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 500 x\r\n",
         500},
        {"HTTP/1.1 100 Continue\r\n\r\n", 0},
        {"HTTP/1.1 100 Continue\r\nA: b\r\n", 0},
        {"", 0},
        {"HTT", 0},
        {"HTTP/1.1 200 OK\r", 0},
        {"SSH-2.0-OpenSSH", -EPROTO},
        {"HTTX", -EPROTO},
        {"HTTP/2.0 200 OK\r\n", -EPROTO},
        {"HTTP/1.1 2x0 OK\r\n", -EPROTO},
        {"HTTP/1.1 20\r\n", -EPROTO},
        {"HTTP/1.1 2000 x\r\n", -EPROTO},
        {"HTTP/1.1 099 x\r\n", -EPROTO},
        {"HTTP/1.x 200 x\r\n", -EPROTO},
        {"HTTP/1.1  200 x\r\n", -EPROTO},
        {"\r\nHTTP/1.1 200 OK\r\n", -EPROTO},
        {"HTTP/1.1 100 Continue\r\n\r\nnonsense", -EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(probe_answer_status(str_from(rows[i].received)), rows[i].status);
}

static void any_split_of_an_answer_reads_the_same(void **state)
{
    (void)state;
    const struct str whole =
        STR("HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
    for (size_t n = 0; n <= whole.n; n++) {
        int status = probe_answer_status((struct str){whole.p, n});
        assert_true(status == 0 || status == 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(refuses_other_urls),
        cmocka_unit_test(refuses_a_host_that_is_too_long),
        cmocka_unit_test(writes_a_request),
        cmocka_unit_test(reads_the_status),
        cmocka_unit_test(any_split_of_an_answer_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
