/* SPDX-License-Identifier: MIT
 * Sockets as Node would make them, on loopback and in a folder of this test. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "os/fd.h"

static char folder[64];

static struct cluster_query tcp(const char *address, int port)
{
    return (struct cluster_query){.type = CLUSTER_TCP4, .address = address, .port = port, .fd = -1};
}

static struct cluster_query unix_at(const char *path)
{
    return (struct cluster_query){.type = CLUSTER_UNIX, .address = path, .port = -1, .fd = -1};
}

static struct listener opened(const struct cluster_query *q)
{
    struct listener l;
    assert_int_equal(listener_open(q, 022, &l), 0);
    assert_true(l.fd >= 0);
    return l;
}

static int port_of(const struct listener *l)
{
    struct listener_name name;
    assert_int_equal(listener_name(l, &name), 0);
    return name.port;
}

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    int rc = -errno;
    fd_close(&fd);
    return rc;
}

static int accepted(const struct listener *l)
{
    struct listener_peer peer;
    int fd = listener_accept(l, &peer);
    assert_true(fd >= 0);
    return fd;
}

/* ---- TCP ---- */

static void one_port_for_all(void **state)
{
    (void)state;
    struct cluster_query q = tcp("127.0.0.1", 0);
    struct listener l = opened(&q);
    struct listener_peer peer;
    assert_int_equal(listener_accept(&l, &peer), -EAGAIN);
    int client = connect_to(port_of(&l));
    assert_true(client >= 0);
    int fd = accepted(&l);
    assert_int_not_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_not_equal(fcntl(l.fd, F_GETFD) & FD_CLOEXEC, 0);
    fd_close(&fd);
    fd_close(&client);
    listener_close(&l);
}

static void who_connected(void **state)
{
    (void)state;
    static const unsigned char local[] = {127, 0, 0, 1};
    const char *addresses[] = {"127.0.0.1", NULL}; /* NULL: both families, on an IPv6 socket */
    for (size_t i = 0; i < 2; i++) {
        struct cluster_query q = tcp(addresses[i], 0);
        struct listener l = opened(&q);
        struct listener_peer peer;
        int client = connect_to(port_of(&l));
        int fd = listener_accept(&l, &peer);
        assert_true(fd >= 0);
        assert_int_equal(peer.n, 4);
        assert_memory_equal(peer.bytes, local, 4);
        fd_close(&fd);
        fd_close(&client);
        listener_close(&l);
    }
}

static int option_of(const struct listener *l, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(l->fd, level, option, &value, &size), 0);
    return value;
}

static void a_group(void **state)
{
    (void)state;
    const char *addresses[] = {"127.0.0.1", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct cluster_query q = tcp(addresses[i], 0);
        struct listener first, second, other;
        struct listener_name a, b;
        assert_int_equal(listener_open_first(&q, &first), 0);
        assert_int_equal(listener_open_beside(&first, 5, &second), 0);
        assert_int_equal(listener_name(&first, &a), 0);
        assert_int_equal(listener_name(&second, &b), 0);
        assert_memory_equal(&a, &b, sizeof(a));
        assert_int_equal(option_of(&second, SOL_SOCKET, SO_ACCEPTCONN), 1);
        if (a.family == 6)
            assert_int_equal(option_of(&second, IPPROTO_IPV6, IPV6_V6ONLY), 0);
        q.port = a.port; /* nobody else gets in by chance */
        assert_int_equal(listener_open_first(&q, &other), -EADDRINUSE);
        assert_int_equal(listener_open(&q, 022, &other), -EADDRINUSE);
        listener_close(&first);
        listener_close(&second);
    }
    struct cluster_query q = unix_at("/tmp/x");
    struct listener l;
    assert_int_equal(listener_open_first(&q, &l), -EINVAL);
}

static void no_address_means_any(void **state)
{
    (void)state;
    struct listener_name name;
    struct cluster_query q = tcp(NULL, 0);
    struct listener l = opened(&q);
    assert_int_equal(listener_name(&l, &name), 0);
    assert_true(strcmp(name.address, name.family == 6 ? "::" : "0.0.0.0") == 0);
    int client = connect_to(name.port); /* IPv4, whatever it is */
    assert_true(client >= 0);
    fd_close(&client);
    listener_close(&l);
}

static void ipv6_alone(void **state)
{
    (void)state;
    struct cluster_query q = {
        .type = CLUSTER_TCP6, .address = "::", .port = 0, .fd = -1, .flags = 1};
    struct listener l;
    int rc = listener_open(&q, 022, &l);
    if (rc == -EAFNOSUPPORT)
        skip();
    assert_int_equal(rc, 0);
    assert_int_equal(connect_to(port_of(&l)), -ECONNREFUSED);
    listener_close(&l);
}

static void errors_are_the_kernels(void **state)
{
    (void)state;
    struct listener l;
    struct cluster_query q = tcp("127.0.0.1", 0);
    struct listener first = opened(&q);
    q.port = port_of(&first);
    assert_int_equal(listener_open(&q, 022, &l), -EADDRINUSE);
    listener_close(&first);
    q = tcp("192.0.2.1", 0);
    assert_int_equal(listener_open(&q, 022, &l), -EADDRNOTAVAIL);
    q = tcp("no address", 0);
    assert_int_equal(listener_open(&q, 022, &l), -EINVAL);
    q = (struct cluster_query){.type = CLUSTER_FD, .fd = 0};
    assert_int_equal(listener_open(&q, 022, &l), -EBADF);
    assert_int_equal(l.fd, -1);
}

/* As the keeper holds one. */
static void the_end_is_one_for_all_copies(void **state)
{
    (void)state;
    struct cluster_query q = tcp("127.0.0.1", 0);
    struct listener l = opened(&q);
    q.port = port_of(&l);
    int copy = dup(l.fd);
    listener_close(&l);
    assert_int_equal(connect_to(q.port), -ECONNREFUSED);
    l = opened(&q); /* the same port again */
    listener_close(&l);
    fd_close(&copy);
}

static void to_let_go_is_no_end(void **state)
{
    (void)state;
    struct cluster_query q = tcp("127.0.0.1", 0);
    struct listener l = opened(&q);
    int port = port_of(&l);
    struct listener copy = {.fd = dup(l.fd)};
    listener_release(&l);
    int client = connect_to(port);
    assert_true(client >= 0);
    fd_close(&client);
    listener_close(&copy);
}

static void touched_or_not(void **state)
{
    (void)state;
    char byte = 'x';
    struct cluster_query q = tcp("127.0.0.1", 0);
    struct listener l = opened(&q);
    int client = connect_to(port_of(&l));
    int fd = accepted(&l);
    assert_false(listener_is_touched(fd));
    assert_int_equal(write(client, "hello", 5), 5);
    assert_false(listener_is_touched(fd));
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    assert_false(listener_is_touched(fd)); /* its end counts for nothing */
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_true(listener_is_touched(fd));
    fd_close(&fd);
    fd_close(&client);
    client = connect_to(port_of(&l));
    fd = accepted(&l);
    assert_int_equal(write(fd, &byte, 1), 1);
    assert_true(listener_is_touched(fd));
    fd_close(&fd);
    fd_close(&client);
    listener_close(&l);
}

/* ---- UDP ---- */

static void datagrams(void **state)
{
    (void)state;
    struct listener l;
    struct cluster_query q = {.type = CLUSTER_UDP4, .address = NULL, .port = 0, .fd = -1};
    struct listener first = opened(&q);
    assert_true(first.is_udp);
    struct listener_name name;
    assert_int_equal(listener_name(&first, &name), 0);
    assert_int_equal(name.family, 4);
    q.port = name.port;
    assert_int_equal(listener_open(&q, 022, &l), -EADDRINUSE);
    listener_close(&first);
    q.flags = 4; /* reuseAddr */
    q.port = 0;
    first = opened(&q);
    q.port = port_of(&first);
    l = opened(&q);
    listener_close(&first);
    listener_close(&l);
}

/* ---- UNIX sockets ---- */

static void path_in_folder(char *ret, size_t size, const char *name)
{
    snprintf(ret, size, "%s/%s", folder, name);
}

static mode_t mode_at(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 0777;
}

static void files_come_and_go(void **state)
{
    (void)state;
    char path[128];
    path_in_folder(path, sizeof(path), "s");
    struct cluster_query q = unix_at(path);
    struct listener l = opened(&q);
    assert_int_equal(mode_at(path), 0755);
    int client = sock_connect(path, NULL);
    assert_true(client >= 0);
    int fd = accepted(&l);
    assert_false(listener_is_touched(fd));
    fd_close(&fd);
    fd_close(&client);
    listener_close(&l);
    assert_int_equal(access(path, F_OK), -1);
    q.readable_all = q.writable_all = true;
    l = opened(&q);
    assert_int_equal(mode_at(path), 0777);
    listener_close(&l);
}

static void a_dead_ones_file_is_replaced(void **state)
{
    (void)state;
    char path[128];
    struct listener other;
    path_in_folder(path, sizeof(path), "s");
    struct cluster_query q = unix_at(path);
    struct listener l = opened(&q);
    assert_int_equal(listener_open(&q, 022, &other), -EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
    listener_release(&l); /* dies, and leaves its file */
    l = opened(&q);
    listener_close(&l);
}

static void what_is_no_socket_stays(void **state)
{
    (void)state;
    char path[128];
    struct listener l;
    path_in_folder(path, sizeof(path), "file");
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    (void)fclose(f);
    struct cluster_query q = unix_at(path);
    assert_int_equal(listener_open(&q, 022, &l), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
}

static void anothers_file_stays(void **state)
{
    (void)state;
    char path[128];
    path_in_folder(path, sizeof(path), "s");
    struct cluster_query q = unix_at(path);
    struct listener l = opened(&q);
    assert_int_equal(unlink(path), 0);
    struct listener heir = opened(&q);
    listener_close(&l);
    assert_int_equal(access(path, F_OK), 0);
    listener_close(&heir);
    assert_int_equal(access(path, F_OK), -1);
}

static void paths_have_limits(void **state)
{
    (void)state;
    struct listener l;
    char path[LIMIT_SOCKET_PATH + 2];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    struct cluster_query q = unix_at(path);
    assert_int_equal(listener_open(&q, 022, &l), -ENAMETOOLONG);
    q = unix_at("");
    assert_int_equal(listener_open(&q, 022, &l), -EINVAL);
    q = unix_at("/nowhere/at/all");
    assert_int_equal(listener_open(&q, 022, &l), -ENOENT);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/listener.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_port_for_all),
        cmocka_unit_test(who_connected),
        cmocka_unit_test(a_group),
        cmocka_unit_test(no_address_means_any),
        cmocka_unit_test(ipv6_alone),
        cmocka_unit_test(errors_are_the_kernels),
        cmocka_unit_test(the_end_is_one_for_all_copies),
        cmocka_unit_test(to_let_go_is_no_end),
        cmocka_unit_test(touched_or_not),
        cmocka_unit_test(datagrams),
        cmocka_unit_test(files_come_and_go),
        cmocka_unit_test(a_dead_ones_file_is_replaced),
        cmocka_unit_test(what_is_no_socket_stays),
        cmocka_unit_test(anothers_file_stays),
        cmocka_unit_test(paths_have_limits),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
