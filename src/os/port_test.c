/* SPDX-License-Identifier: MIT */
#include "os/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A socket bound to a free port, which is returned. */
static int bound(int family, int *ret_fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    memset(&sa, 0, sizeof(sa));
    sa.ss_family = (sa_family_t)family;
    *ret_fd = socket(family, SOCK_STREAM, 0);
    if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&sa, len) < 0)
        return -1;
    if (getsockname(*ret_fd, (struct sockaddr *)&sa, &len) < 0)
        return -1;
    return ntohs(family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
                                   : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

static void check_family(int family)
{
    int fd;
    int port = bound(family, &fd);
    if (port < 0)
        skip(); /* no such family on this machine */
    assert_false(port_accepts(port));
    assert_int_equal(listen(fd, 1), 0);
    assert_true(port_accepts(port));
    close(fd);
    assert_false(port_accepts(port));
}

static void test_v4(void **state)
{
    (void)state;
    check_family(AF_INET);
}

static void test_v6(void **state)
{
    (void)state;
    check_family(AF_INET6);
}

static void shared_by_those_who_let_others(void **state)
{
    (void)state;
    int fd;
    int on = 1;
    int port = bound(AF_INET, &fd);
    assert_int_equal(listen(fd, 1), 0);
    assert_false(port_is_shareable(AF_INET, (uint16_t)port, geteuid()));
    close(fd);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(port_is_shareable(AF_INET, (uint16_t)port, geteuid()));
    if (geteuid() == 0)
        assert_false(port_is_shareable(AF_INET, (uint16_t)port, 65534)); /* another user */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_v4), cmocka_unit_test(test_v6),
                                       cmocka_unit_test(shared_by_those_who_let_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
