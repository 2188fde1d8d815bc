/* SPDX-License-Identifier: MIT
 * Sockets of sd_notify: who sent a message, what is closed, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify_socket.h"
#include "os/fd.h"

static char folder[] = "/tmp/pm2c-notify-XXXXXX";
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

static int connect_to(const char *address)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t n = strlen(address);
    memcpy(where.sun_path, address, n);
    if (address[0] == '@')
        where.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    assert_int_equal(connect(fd, (const struct sockaddr *)&where, length), 0);
    return fd;
}

static void expect_message(int fd, const char *text)
{
    char bytes[LIMIT_NOTIFY_BYTES];
    pid_t pid;
    uid_t uid;
    assert_int_equal(notify_socket_receive(fd, bytes, sizeof(bytes), &pid, &uid), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    assert_int_equal(pid, getpid());
    assert_int_equal(uid, getuid());
}

static void a_file_is_private_and_replaces_what_was_there(void **state)
{
    (void)state;
    struct stat st;
    char address[NOTIFY_ADDRESS_MAX];
    int first = notify_socket_at(path);
    assert_true(first >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int second = notify_socket_at(path);
    assert_true(second >= 0);
    assert_int_equal(notify_socket_address(second, address), 0);
    assert_string_equal(address, path);
    int sender = connect_to(address);
    assert_int_equal(send(sender, "READY=1", 7, 0), 7);
    expect_message(second, "READY=1");
    (void)unlink(path);
    assert_true(notify_socket_address(second, address) < 0);
    fd_close(&sender);
    fd_close(&first);
    fd_close(&second);
}

static void a_path_that_is_too_long(void **state)
{
    (void)state;
    char text[LIMIT_SOCKET_PATH + 2];
    memset(text, '/', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(notify_socket_at(text), -ENAMETOOLONG);
}

static void an_abstract_address(void **state)
{
    (void)state;
    char address[NOTIFY_ADDRESS_MAX];
    char again[NOTIFY_ADDRESS_MAX];
    int fd = notify_socket_abstract(address);
    assert_true(fd >= 0);
    assert_int_equal(address[0], '@');
    assert_int_equal(notify_socket_address(fd, again), 0);
    assert_string_equal(address, again);
    int sender = connect_to(address);
    assert_int_equal(send(sender, "", 0, 0), 0);
    expect_message(fd, "");
    fd_close(&sender);
    fd_close(&fd);
}

static void one_that_is_too_long_is_dropped_alone(void **state)
{
    (void)state;
    char bytes[LIMIT_NOTIFY_BYTES];
    char address[NOTIFY_ADDRESS_MAX];
    static char big[LIMIT_NOTIFY_BYTES + 1];
    pid_t pid;
    uid_t uid;
    int fd = notify_socket_abstract(address);
    int sender = connect_to(address);
    assert_int_equal(notify_socket_receive(fd, bytes, sizeof(bytes), &pid, &uid), -EAGAIN);
    assert_int_equal(send(sender, big, sizeof(big), 0), sizeof(big));
    assert_int_equal(send(sender, "x", 1, 0), 1);
    assert_int_equal(notify_socket_receive(fd, bytes, sizeof(bytes), &pid, &uid), -EMSGSIZE);
    expect_message(fd, "x");
    fd_close(&sender);
    fd_close(&fd);
}

static void send_with_fds(int sender, int fd, size_t count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * LIMIT_NOTIFY_FDS * sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)(uintptr_t) "READY=1", 7};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (size_t i = 0; i < count; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
    assert_int_equal(sendmsg(sender, &m, 0), 7);
}

/* The other end of a pipe tells when nobody holds this one any more: BARRIER=1 works like that. */
static void descriptors_are_closed(void **state)
{
    (void)state;
    static const size_t counts[] = {1, LIMIT_NOTIFY_FDS, 2 * LIMIT_NOTIFY_FDS};
    char address[NOTIFY_ADDRESS_MAX];
    int fd = notify_socket_abstract(address);
    int sender = connect_to(address);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int ends[2];
        char byte;
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        send_with_fds(sender, ends[1], counts[i]);
        fd_close(&ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), -1); /* they are on their way */
        expect_message(fd, "READY=1");
        assert_int_equal(read(ends[0], &byte, 1), 0);
        fd_close(&ends[0]);
    }
    fd_close(&sender);
    fd_close(&fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_private_and_replaces_what_was_there),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(an_abstract_address),
        cmocka_unit_test(one_that_is_too_long_is_dropped_alone),
        cmocka_unit_test(descriptors_are_closed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
