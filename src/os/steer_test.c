/* SPDX-License-Identifier: MIT
 * Steering, on real sockets of the loopback. */
#include "os/steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "os/fd.h"

#define SOCKETS     4
#define CONNECTIONS 400

struct group {
    int fds[SOCKETS];
    struct sockaddr_storage address;
    socklen_t size;
};

static int make_socket(const struct group *g, int reuse)
{
    int fd = socket(g->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int off = 0;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse, sizeof(reuse)), 0);
    if (g->address.ss_family == AF_INET6)
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
    return fd;
}

static int open_socket(struct group *g)
{
    int fd = make_socket(g, 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&g->address, g->size), 0);
    assert_int_equal(listen(fd, CONNECTIONS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&g->address, &g->size), 0);
    return fd;
}

static void group_open(struct group *g, int family, const char *address)
{
    *g = (struct group){.size = sizeof(g->address)};
    g->address.ss_family = (sa_family_t)family;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&g->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&g->address;
    g->size = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
    void *to = family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr;
    assert_int_equal(inet_pton(family, address, to), 1);
    for (int i = 0; i < SOCKETS; i++)
        g->fds[i] = open_socket(g);
}

static void group_close(struct group *g)
{
    for (int i = 0; i < SOCKETS; i++)
        fd_close(&g->fds[i]);
}

static void connect_once(const struct sockaddr *to, socklen_t size)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, to, size), 0);
    struct linger at_once = {1, 0}; /* no TIME_WAIT for each */
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

/* How many connections wait in the queue of a socket, which are taken out. */
static int take_all(int fd)
{
    int count = 0;
    for (int c; (c = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; count++)
        close(c);
    assert_true(errno == EAGAIN);
    return count;
}

static void count_each(struct group *g, const struct sockaddr *to, socklen_t size, int *counts)
{
    int sum = 0;
    memset(counts, 0, SOCKETS * sizeof(*counts));
    for (int done = 0; done < CONNECTIONS; done += CONNECTIONS / 4) {
        for (int i = 0; i < CONNECTIONS / 4; i++)
            connect_once(to, size);
        for (int i = 0; i < SOCKETS; i++)
            counts[i] += take_all(g->fds[i]);
    }
    for (int i = 0; i < SOCKETS; i++)
        sum += counts[i];
    assert_int_equal(sum, CONNECTIONS);
}

/* The group steers as it is told, step after step, for connections to `to`. */
static void check_steps(struct group *g, const struct sockaddr *to, socklen_t size)
{
    static const struct {
        unsigned active[SOCKETS];
        size_t n;
    } steps[] = {{{1}, 1}, {{0, 2}, 2}, {{3, 1, 0}, 3}, {{2}, 1}, {{0, 1, 2, 3}, 4}};
    int counts[SOCKETS];
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        assert_int_equal(steer_set(g->fds[s % SOCKETS], steps[s].active, steps[s].n), 0);
        count_each(g, to, size, counts);
        int share = CONNECTIONS / (int)steps[s].n;
        for (unsigned i = 0; i < SOCKETS; i++) {
            int is_active = 0;
            for (size_t k = 0; k < steps[s].n; k++)
                is_active |= steps[s].active[k] == i;
            if (is_active)
                assert_in_range(counts[i], share / 3, share * 2); /* 10 sigma and more */
            else
                assert_int_equal(counts[i], 0);
        }
    }
}

static void steers_v4(void **state)
{
    (void)state;
    struct group g;
    group_open(&g, AF_INET, "127.0.0.1");
    check_steps(&g, (struct sockaddr *)&g.address, g.size);
    group_close(&g);
}

static void steers_v6(void **state)
{
    (void)state;
    struct group g;
    group_open(&g, AF_INET6, "::1");
    check_steps(&g, (struct sockaddr *)&g.address, g.size);
    group_close(&g);
}

static void steers_v4_connections_of_dual_stack(void **state)
{
    (void)state;
    struct group g;
    group_open(&g, AF_INET6, "::");
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = ((struct sockaddr_in6 *)&g.address)->sin6_port,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    check_steps(&g, (struct sockaddr *)&v4, sizeof(v4));
    struct sockaddr_in6 v6 = *(struct sockaddr_in6 *)&g.address;
    v6.sin6_addr = in6addr_loopback;
    check_steps(&g, (struct sockaddr *)&v6, sizeof(v6));
    group_close(&g);
}

static void detached_is_hashed_over_all(void **state)
{
    (void)state;
    struct group g;
    int counts[SOCKETS];
    group_open(&g, AF_INET, "127.0.0.1");
    assert_int_equal(steer_set(g.fds[0], NULL, 0), 0); /* nothing there to detach */
    assert_int_equal(steer_set(g.fds[0], (unsigned[]){2}, 1), 0);
    assert_int_equal(steer_set(g.fds[3], NULL, 0), 0);
    count_each(&g, (struct sockaddr *)&g.address, g.size, counts);
    for (int i = 0; i < SOCKETS; i++)
        assert_in_range(counts[i], 1, CONNECTIONS / 2);
    group_close(&g);
}

/* What waits in a queue stays there; the socket that begins to listen last is the last one. */
static void inactive_keeps_its_queue(void **state)
{
    (void)state;
    struct group g;
    group_open(&g, AF_INET, "127.0.0.1");
    assert_int_equal(steer_set(g.fds[0], (unsigned[]){1}, 1), 0);
    connect_once((struct sockaddr *)&g.address, g.size);
    assert_int_equal(steer_set(g.fds[0], (unsigned[]){SOCKETS}, 1), 0);
    int late = open_socket(&g);
    connect_once((struct sockaddr *)&g.address, g.size);
    assert_int_equal(take_all(late), 1);
    assert_int_equal(take_all(g.fds[1]), 1);
    fd_close(&late);
    group_close(&g);
}

/* One that stops to listen gives its place to the last, and comes back as the last. */
static void shutdown_moves_the_last(void **state)
{
    (void)state;
    struct group g;
    group_open(&g, AF_INET, "127.0.0.1");
    assert_true(steer_is_listening(g.fds[1]));
    assert_int_equal(shutdown(g.fds[1], SHUT_RDWR), 0);
    assert_false(steer_is_listening(g.fds[1]));
    assert_int_equal(steer_set(g.fds[1], (unsigned[]){0}, 1), -EINVAL);
    assert_int_equal(steer_set(g.fds[0], (unsigned[]){1}, 1), 0);
    connect_once((struct sockaddr *)&g.address, g.size);
    assert_int_equal(take_all(g.fds[3]), 1);
    assert_int_equal(listen(g.fds[1], CONNECTIONS), 0);
    assert_int_equal(steer_set(g.fds[1], (unsigned[]){3}, 1), 0);
    connect_once((struct sockaddr *)&g.address, g.size);
    assert_int_equal(take_all(g.fds[1]), 1);
    group_close(&g);
}

static void refuses_what_it_cannot_steer(void **state)
{
    (void)state;
    static unsigned many[LIMIT_STEER_SOCKETS + 1];
    struct group g;
    group_open(&g, AF_INET, "127.0.0.1");
    assert_int_equal(steer_set(g.fds[0], many, LIMIT_STEER_SOCKETS + 1), -E2BIG);
    assert_int_equal(steer_set(g.fds[0], many, LIMIT_STEER_SOCKETS), 0);
    assert_int_equal(steer_set(-1, many, 1), -EINVAL);
    int alone = make_socket(&g, 0);
    assert_int_equal(listen(alone, 1), 0);
    assert_int_equal(steer_set(alone, many, 1), -EINVAL);
    close(alone);
    group_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steers_v4),
        cmocka_unit_test(steers_v6),
        cmocka_unit_test(steers_v4_connections_of_dual_stack),
        cmocka_unit_test(detached_is_hashed_over_all),
        cmocka_unit_test(inactive_keeps_its_queue),
        cmocka_unit_test(shutdown_moves_the_last),
        cmocka_unit_test(refuses_what_it_cannot_steer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
