/* SPDX-License-Identifier: MIT
 * Places and connections of probes; closed at every stage, with nothing left on the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "os/fd.h"
#include "probe_dial.h"

struct attempt {
    uv_loop_t loop;
    struct dial dial;
    unsigned done, closed;
    char error[128]; /* "" = connected */
};

static void on_done(void *ctx, const char *error)
{
    struct attempt *a = ctx;
    a->done++;
    snprintf(a->error, sizeof(a->error), "%s", error ? error : "");
    dial_close(&a->dial);
}

static void on_closed(void *ctx)
{
    struct attempt *a = ctx;
    a->closed++;
}

static void begin(struct attempt *a, const char *host, unsigned port)
{
    memset(a, 0, sizeof(*a));
    uv_loop_init(&a->loop);
    a->dial = (struct dial){.ctx = a, .done = on_done, .closed = on_closed};
    assert_int_equal(dial_start(&a->dial, &a->loop, host, port, NULL), 0);
}

static void finish(struct attempt *a)
{
    uv_run(&a->loop, UV_RUN_DEFAULT);
    assert_int_equal(a->closed, 1);
    assert_int_equal(uv_loop_close(&a->loop), 0);
}

/* A socket on a free port of 127.0.0.1; it listens, or not. */
static int make_port(bool listens, unsigned *ret_port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(where);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&where, length), 0);
    if (listens)
        assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &length), 0);
    *ret_port = ntohs(where.sin_port);
    return fd;
}

static void splits_places(void **state)
{
    (void)state;
    static const struct {
        const char *place;
        unsigned fallback;
        const char *host; /* NULL = refused */
        unsigned port;
    } rows[] = {
        {"a:1", 0, "a", 1},       {"127.0.0.1:65535", 0, "127.0.0.1", 65535},
        {"[::1]:5", 0, "::1", 5}, {"[::1]", 7, "::1", 7},
        {"a", 7, "a", 7},         {"a", 0, NULL, 0},
        {"", 7, NULL, 0},         {":5", 0, NULL, 0},
        {"a:0", 7, NULL, 0},      {"a:65536", 0, NULL, 0},
        {"a:000001", 0, NULL, 0}, {"a:b", 7, NULL, 0},
        {"[]:5", 0, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char host[DIAL_HOST_MAX];
        unsigned port = 0;
        int rc = dial_split(str_from(rows[i].place), rows[i].fallback, host, &port);
        assert_int_equal(rc, rows[i].host ? 0 : -EINVAL);
        if (rc < 0)
            continue;
        assert_string_equal(host, rows[i].host);
        assert_int_equal(port, rows[i].port);
    }
}

/* By address and by name, to a port that listens or does not. */
static void check_dial(bool listens, const char *error)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    unsigned port;
    int sock = make_port(listens, &port);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct attempt a;
        begin(&a, hosts[i], port);
        assert_int_equal(a.done, 0); /* never from within the start */
        finish(&a);
        assert_int_equal(a.done, 1);
        assert_string_equal(a.error, error);
    }
    fd_close(&sock);
}

static void an_address_and_a_name_connect(void **state)
{
    (void)state;
    check_dial(true, "");
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    check_dial(false, "connection refused");
}

static void nothing_is_told_after_a_close(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    unsigned port;
    int listener = make_port(true, &port);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct attempt a;
        begin(&a, hosts[i], port);
        dial_close(&a.dial);
        dial_close(&a.dial);
        finish(&a);
        assert_int_equal(a.done, 0);
    }
    fd_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_places),
        cmocka_unit_test(an_address_and_a_name_connect),
        cmocka_unit_test(a_refusal_is_told),
        cmocka_unit_test(nothing_is_told_after_a_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
