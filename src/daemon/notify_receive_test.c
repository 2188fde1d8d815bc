/* SPDX-License-Identifier: MIT
 * Datagrams of sd_notify: who sent one, what is closed, what is refused. */
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
#include <unistd.h>

#include "base/limits.h"
#include "notify_receive.h"
#include "os/fd.h"
#include "os/local_socket.h"

static void expect_message(int fd, const char *text)
{
    char bytes[LIMIT_NOTIFY_BYTES];
    pid_t pid;
    uid_t uid;
    assert_int_equal(notify_receive(fd, bytes, sizeof(bytes), &pid, &uid), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
    assert_int_equal(pid, getpid());
    assert_int_equal(uid, getuid());
}

static void one_that_is_too_long_is_dropped_alone(void **state)
{
    (void)state;
    char bytes[LIMIT_NOTIFY_BYTES];
    char address[LOCAL_ADDRESS_MAX];
    static char big[LIMIT_NOTIFY_BYTES + 1];
    pid_t pid;
    uid_t uid;
    int fd = local_socket_abstract("pm2c-test-", SOCK_DGRAM, address);
    int sender = local_socket_connect(address, SOCK_DGRAM);
    assert_int_equal(notify_receive(fd, bytes, sizeof(bytes), &pid, &uid), -EAGAIN);
    assert_int_equal(send(sender, big, sizeof(big), 0), sizeof(big));
    assert_int_equal(send(sender, "x", 1, 0), 1);
    assert_int_equal(notify_receive(fd, bytes, sizeof(bytes), &pid, &uid), -EMSGSIZE);
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
    char address[LOCAL_ADDRESS_MAX];
    int fd = local_socket_abstract("pm2c-test-", SOCK_DGRAM, address);
    int sender = local_socket_connect(address, SOCK_DGRAM);
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
        cmocka_unit_test(one_that_is_too_long_is_dropped_alone),
        cmocka_unit_test(descriptors_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
