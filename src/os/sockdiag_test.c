/* SPDX-License-Identifier: MIT
 * Real sockets on the loopback, as the kernel shows them. */
#include "os/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/clock.h"

static uint64_t inode_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* -1: no such family on this machine */
static int listening(int family, struct sockaddr_storage *ret, socklen_t *ret_size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(ret, 0, sizeof(*ret));
    ret->ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_loopback;
    *ret_size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (fd < 0 || bind(fd, (struct sockaddr *)ret, *ret_size) < 0)
        return -1;
    assert_int_equal(listen(fd, 7), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, ret_size), 0);
    return fd;
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
                                         : ((const struct sockaddr_in6 *)a)->sin6_port);
}

static int connected(const struct sockaddr_storage *a, socklen_t size)
{
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)a, size), 0);
    return fd;
}

static const struct sockdiag_socket *find(const struct sockdiag_socket *s, ssize_t count, int fd)
{
    for (ssize_t i = 0; i < count; i++)
        if (s[i].inode == inode_of(fd))
            return &s[i];
    return NULL;
}

static ssize_t ask(const struct sockdiag_query *q, struct sockdiag_socket **ret)
{
    ssize_t n = sockdiag_list(q, ret);
    if (n == -ENOENT || n == -EPROTONOSUPPORT)
        skip(); /* a kernel without it */
    assert_true(n >= 0);
    return n;
}

/* What was sent over the loopback is there a moment later when the kernel is busy. */
static void wait_unread(const struct sockdiag_query *q, int fd, uint32_t want)
{
    for (int i = 0; i < 5000; i++) {
        struct sockdiag_socket *all;
        ssize_t n = ask(q, &all);
        const struct sockdiag_socket *s = find(all, n, fd);
        bool there = s && s->unread == want;
        free(all);
        if (there)
            return;
        usleep(1000);
    }
    fail_msg("never has %u", want);
}

static void check_family(int family)
{
    struct sockaddr_storage a;
    socklen_t size;
    struct sockdiag_socket *s;
    int l = listening(family, &a, &size);
    if (l < 0)
        return;
    struct sockdiag_query q = {.tcp = true, .listening = true, .open = true, .port = port_of(&a)};
    int client = connected(&a, size), second = connected(&a, size);

    wait_unread(&q, l, 2);
    /* Both wait: the listener is all that there is at this port. */
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].inode, inode_of(l));
    assert_true(s[0].is_listening);
    assert_int_equal(s[0].family, family);
    assert_int_equal(s[0].port, port_of(&a));
    assert_int_equal(s[0].unread, 2);
    assert_int_equal(s[0].unsent, 7);
    free(s);

    int server = accept(l, NULL, NULL);
    assert_int_equal(write(client, "hello", 5), 5);
    wait_unread(&q, server, 5);
    assert_int_equal(ask(&q, &s), 2);
    assert_true(s[0].inode < s[1].inode);
    assert_int_equal(find(s, 2, l)->unread, 1);
    const struct sockdiag_socket *c = find(s, 2, server);
    assert_non_null(c);
    assert_false(c->is_listening);
    assert_int_equal(c->unread, 5);
    assert_int_equal(c->unsent, 0);
    assert_int_equal(c->received_ago_ms, SOCKDIAG_UNKNOWN_MS);
    free(s);

    q.open = false;
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].inode, inode_of(l));
    free(s);
    q.listening = false;
    q.open = true;
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].inode, inode_of(server));
    free(s);

    close(server);
    close(client);
    close(second);
    close(l);
    assert_int_equal(ask(&q, &s), 0);
    assert_null(s);
}

static void tcp4(void **state)
{
    (void)state;
    check_family(AF_INET);
}

static void tcp6(void **state)
{
    (void)state;
    check_family(AF_INET6);
}

static void more_than_may_be(void **state)
{
    (void)state;
    struct sockaddr_storage a;
    socklen_t size;
    struct sockdiag_socket *s;
    int l = listening(AF_INET, &a, &size);
    int client = connected(&a, size), server = accept(l, NULL, NULL);
    struct sockdiag_query q = {
        .tcp = true, .listening = true, .open = true, .port = port_of(&a), .max = 2};
    assert_int_equal(ask(&q, &s), 2);
    free(s);
    q.max = 1;
    assert_int_equal(sockdiag_list(&q, &s), -ENOBUFS);
    assert_null(s);
    close(server);
    close(client);
    close(l);
}

static void since_when_it_is_silent(void **state)
{
    (void)state;
    struct sockaddr_storage a;
    socklen_t size;
    struct sockdiag_socket *s;
    int l = listening(AF_INET, &a, &size);
    int client = connected(&a, size), server = accept(l, NULL, NULL);
    struct sockdiag_query q = {.tcp = true, .open = true, .with_times = true, .port = port_of(&a)};
    uint32_t ago = 0;
    while (ago < 100) { /* grows by itself */
        assert_int_equal(ask(&q, &s), 1);
        ago = s[0].received_ago_ms;
        free(s);
        usleep(1000);
    }
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].received_bytes, 0);
    assert_int_equal(s[0].sent_bytes, 0);
    free(s);
    int64_t before_ms = clock_mono_ms();
    assert_int_equal(write(client, "x", 1), 1);
    assert_int_equal(write(server, "yy", 2), 2);
    wait_unread(&q, server, 1);
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].received_bytes, 1);
    assert_int_equal(s[0].sent_bytes, 2);
    int64_t most = clock_mono_ms() - before_ms + 20; /* two ticks of a slow kernel */
    assert_true(s[0].received_ago_ms <= most);
    assert_true(s[0].sent_ago_ms <= most);
    assert_int_equal(s[0].unread, 1);
    free(s);
    close(server);
    close(client);
    close(l);
}

static void the_clients_half_close_is_no_end(void **state)
{
    (void)state;
    struct sockaddr_storage a;
    socklen_t size;
    struct sockdiag_socket *s;
    int l = listening(AF_INET, &a, &size);
    int client = connected(&a, size), server = accept(l, NULL, NULL);
    struct sockdiag_query q = {.tcp = true, .open = true, .port = port_of(&a)};
    shutdown(client, SHUT_WR);
    assert_int_equal(ask(&q, &s), 1);
    free(s);
    close(server);
    assert_int_equal(ask(&q, &s), 0);
    close(client);
    close(l);
}

static void whose_they_are(void **state)
{
    (void)state;
    struct sockaddr_storage a;
    socklen_t size;
    struct sockdiag_socket *s;
    int l = listening(AF_INET, &a, &size), ready[2];
    assert_int_equal(pipe(ready), 0);
    int client = connected(&a, size);
    pid_t child = fork();
    if (child == 0) { /* takes the connection, and keeps it */
        int got = accept(l, NULL, NULL);
        bool is_told = got >= 0 && write(ready[1], "+", 1) == 1;
        _exit(is_told ? pause() : 1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct sockdiag_query q = {.tcp = true, .open = true, .port = port_of(&a)};
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].pid, 0);
    pid_t me = getpid(), both[] = {me, child};
    assert_int_equal(sockdiag_owners(s, 1, &me, 1), 0);
    assert_int_equal(s[0].pid, 0);
    assert_int_equal(sockdiag_owners(s, 1, both, 2), 1);
    assert_int_equal(s[0].pid, child);
    free(s);

    /* The listener is of both: the first has it. */
    q = (struct sockdiag_query){.tcp = true, .listening = true, .port = port_of(&a)};
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(sockdiag_owners(s, 1, both, 2), 1);
    assert_int_equal(s[0].pid, me);
    free(s);

    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    q = (struct sockdiag_query){.tcp = true, .open = true, .port = port_of(&a)};
    assert_int_equal(ask(&q, &s), 0);
    assert_int_equal(sockdiag_owners(NULL, 0, both, 2), 0);
    close(client);
    close(l);
    close(ready[0]);
    close(ready[1]);
}

static void unix_sockets(void **state)
{
    (void)state;
    char folder[] = "/tmp/sockdiag.XXXXXX", path[64], other[64];
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct sockdiag_socket *s;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a", folder);
    snprintf(other, sizeof(other), "%s/ab", folder);
    memcpy(sa.sun_path, path, strlen(path));
    int l = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(l, 3), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&sa, sizeof(sa)), 0);
    struct sockdiag_query q = {
        .with_unix = true, .listening = true, .open = true, .unix_path = path};
    assert_int_equal(ask(&q, &s), 1);
    assert_int_equal(s[0].inode, inode_of(l));
    assert_int_equal(s[0].unread, 1);
    free(s);
    int server = accept(l, NULL, NULL);
    assert_int_equal(write(client, "hello", 5), 5);
    assert_int_equal(ask(&q, &s), 2);
    assert_non_null(find(s, 2, server));
    assert_int_equal(find(s, 2, server)->family, AF_UNIX);
    assert_true(find(s, 2, server)->unread > 0);
    free(s);
    q.unix_path = other;
    assert_int_equal(ask(&q, &s), 0);
    q.unix_path = NULL;
    ssize_t all = ask(&q, &s);
    assert_non_null(find(s, all, server));
    assert_null(find(s, all, client)); /* has no name */
    free(s);
    close(server);
    close(client);
    close(l);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp4),
        cmocka_unit_test(tcp6),
        cmocka_unit_test(more_than_may_be),
        cmocka_unit_test(since_when_it_is_silent),
        cmocka_unit_test(the_clients_half_close_is_no_end),
        cmocka_unit_test(whose_they_are),
        cmocka_unit_test(unix_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
