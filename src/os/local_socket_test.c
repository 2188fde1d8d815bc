/* SPDX-License-Identifier: MIT
 * Sockets at paths and at abstract addresses; who has connected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "local_socket.h"

static char folder[] = "/tmp/pm2c-local-XXXXXX";
static char path[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/s", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

/* Something that is sent to `address` arrives at `fd`. */
static void expect_way(const char *address, int fd)
{
    char byte = 0;
    int sender = local_socket_connect(address, SOCK_DGRAM);
    assert_int_equal(send(sender, "x", 1, 0), 1);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    fd_close(&sender);
}

static void a_file_is_private_and_replaces_what_was_there(void **state)
{
    (void)state;
    struct stat st;
    char address[LOCAL_ADDRESS_MAX];
    int first = local_socket_at(path, SOCK_DGRAM);
    assert_true(first >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int second = local_socket_at(path, SOCK_DGRAM);
    assert_true(second >= 0);
    assert_int_equal(local_socket_address(second, address), 0);
    assert_string_equal(address, path);
    expect_way(address, second);
    (void)unlink(path);
    assert_int_equal(local_socket_address(second, address), -ESTALE);
    fd_close(&first);
    fd_close(&second);
}

static void a_path_that_is_too_long(void **state)
{
    (void)state;
    char text[LIMIT_SOCKET_PATH + 2];
    memset(text, '/', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(local_socket_at(text, SOCK_DGRAM), -ENAMETOOLONG);
}

static void an_abstract_address(void **state)
{
    (void)state;
    char address[LOCAL_ADDRESS_MAX];
    char again[LOCAL_ADDRESS_MAX];
    int fd = local_socket_abstract("pm2c-test-", SOCK_DGRAM, address);
    assert_true(fd >= 0);
    assert_int_equal(address[0], '@');
    assert_int_equal(local_socket_address(fd, again), 0);
    assert_string_equal(address, again);
    expect_way(address, fd);
    fd_close(&fd);
}

static void a_connection_tells_who_made_it(void **state)
{
    (void)state;
    char address[LOCAL_ADDRESS_MAX];
    pid_t pid = 0;
    uid_t uid = (uid_t)-1;
    int fd = local_socket_abstract("pm2c-test-", SOCK_STREAM, address);
    assert_int_equal(local_socket_accept(fd, &pid, &uid), -EAGAIN);
    int peer = local_socket_connect(address, SOCK_STREAM);
    assert_true(peer >= 0);
    int conn = local_socket_accept(fd, &pid, &uid);
    assert_true(conn >= 0);
    assert_int_equal(pid, getpid());
    assert_int_equal(uid, getuid());
    assert_int_equal(write(peer, "x", 1), 1);
    char byte;
    assert_int_equal(read(conn, &byte, 1), 1);
    fd_close(&peer);
    fd_close(&conn);
    fd_close(&fd);
}

/* To ask for the address of a listening socket leaves a connection behind that has ended. */
static void a_listening_socket_knows_its_address(void **state)
{
    (void)state;
    char address[LOCAL_ADDRESS_MAX];
    pid_t pid;
    uid_t uid;
    char byte;
    int fd = local_socket_at(path, SOCK_STREAM);
    assert_true(fd >= 0);
    assert_int_equal(local_socket_address(fd, address), 0);
    assert_string_equal(address, path);
    int conn = local_socket_accept(fd, &pid, &uid);
    assert_true(conn >= 0);
    assert_int_equal(read(conn, &byte, 1), 0);
    fd_close(&conn);
    (void)unlink(path);
    assert_int_equal(local_socket_address(fd, address), -ESTALE);
    fd_close(&fd);
}

static void addresses_that_lead_nowhere(void **state)
{
    (void)state;
    char text[LIMIT_SOCKET_PATH + 2];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(local_socket_connect(text, SOCK_STREAM), -EINVAL);
    assert_int_equal(local_socket_connect("", SOCK_STREAM), -EINVAL);
    assert_int_equal(local_socket_connect("/nobody/is/here", SOCK_STREAM), -ENOENT);
    assert_int_equal(local_socket_connect("@pm2c-nobody-is-here", SOCK_STREAM), -ECONNREFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_private_and_replaces_what_was_there),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(an_abstract_address),
        cmocka_unit_test(a_connection_tells_who_made_it),
        cmocka_unit_test(a_listening_socket_knows_its_address),
        cmocka_unit_test(addresses_that_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
