/* SPDX-License-Identifier: MIT
 * Descriptors and unix sockets on the real kernel, in a private folder. */
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"

static char folder[] = "/tmp/fd_test.XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    return snprintf(path, sizeof(path), "%s/sock", folder) > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)rmdir(path);
    return 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void close_keeps_errno(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int copy = fd;
    errno = EXDEV;
    fd_close(&fd);
    fd_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(errno, EXDEV);
    assert_false(is_open(copy));
}

static void flags_are_set_and_cleared(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY);
    assert_int_equal(fd_set_nonblock(fd, true), 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_nonblock(fd, false), 0);
    assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_cloexec(fd, true), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    fd_close(&fd);
    assert_int_equal(fd_set_nonblock(fd, true), -EBADF);
}

static void close_from_leaves_the_lower_ones(void **state)
{
    (void)state;
    pid_t pid = fork(); /* not in the process that holds cmocka's descriptors */
    if (pid == 0) {
        int a = fcntl(0, F_DUPFD, 20), b = fcntl(0, F_DUPFD, 30);
        int rc = fd_close_from(25);
        _exit(rc == 0 && is_open(a) && !is_open(b) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void fds_travel(void **state)
{
    (void)state;
    int ends[2], pipes[2], got[LIMIT_LINK_FDS];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(fd_send(ends[0], "xyz", 3, pipes, 2), 3);
    char text[8];
    unsigned n = LIMIT_LINK_FDS;
    assert_int_equal(fd_recv(ends[1], text, sizeof(text), got, &n), 3);
    assert_int_equal(n, 2);
    assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(got[1], "!", 1), 1);
    assert_int_equal(read(pipes[0], text, 1), 1);
    for (int i = 0; i < 2; i++) {
        fd_close(&got[i]);
        fd_close(&pipes[i]);
        fd_close(&ends[i]);
    }
}

static void fds_without_room_are_closed(void **state)
{
    (void)state;
    int ends[2], pipes[2], got[1];
    char c;
    unsigned n = 1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    int many[3] = {pipes[1], pipes[1], pipes[1]};
    assert_int_equal(fd_send(ends[0], "x", 1, many, 3), 1);
    assert_int_equal(fd_recv(ends[1], &c, 1, got, &n), 1);
    assert_int_equal(n, 1);
    fd_close(&got[0]);
    fd_close(&pipes[1]);
    assert_int_equal(read(pipes[0], &c, 1), 0); /* EOF: no copy of the write end is left */
    fd_close(&pipes[0]);
    fd_close(&ends[0]);
    assert_int_equal(fd_recv(ends[1], &c, 1, got, &(unsigned){1}), 0);
    fd_close(&ends[1]);
}

static void send_errors(void **state)
{
    (void)state;
    int ends[2], many[LIMIT_LINK_FDS + 1] = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(fd_send(ends[0], "x", 1, many, LIMIT_LINK_FDS + 1), -EINVAL);
    assert_int_equal(fd_recv(ends[1], many, 1, many, &(unsigned){0}), -EAGAIN);
    fd_close(&ends[1]);
    assert_int_equal(fd_send(ends[0], "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
    fd_close(&ends[0]);
}

static void listen_is_private_and_unique(void **state)
{
    (void)state;
    struct err e = {0};
    struct stat st;
    uid_t uid;
    pid_t pid;
    int fd = sock_listen(path, 4, &e);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    int client = sock_connect(path, &e);
    assert_true(client >= 0);
    assert_int_equal(sock_peer(client, &uid, &pid), 0);
    assert_int_equal(uid, getuid());
    assert_int_equal(pid, getpid());
    assert_int_equal(sock_listen(path, 4, &e), -EADDRINUSE);
    assert_non_null(strstr(e.msg, path));
    fd_close(&client);
    fd_close(&fd);
}

static void listen_does_not_steal_a_busy_socket(void **state)
{
    (void)state;
    struct err e;
    int clients[2];
    int fd = sock_listen(path, 0, &e); /* a backlog of one */
    assert_true(fd >= 0);
    for (int i = 0; i < 2; i++)
        clients[i] = i == 0 ? sock_connect(path, &e) : -1;
    assert_int_equal(sock_listen(path, 4, &e), -EADDRINUSE);
    fd_close(&clients[0]);
    fd_close(&fd);
}

static void listen_replaces_what_is_dead(void **state)
{
    (void)state;
    struct err e;
    int fd = sock_listen(path, 4, &e);
    fd_close(&fd); /* the file stays */
    fd = sock_listen(path, 4, &e);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_equal(unlink(path), 0);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    fd_close(&file);
    fd = sock_listen(path, 4, &e);
    assert_true(fd >= 0);
    fd_close(&fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(sock_listen(path, 4, &e), -EEXIST);
}

static void long_paths_are_explained(void **state)
{
    (void)state;
    struct err e;
    char longer[LIMIT_SOCKET_PATH + 2];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(sock_listen(longer, 4, &e), -ENAMETOOLONG);
    assert_int_equal(sock_connect(longer, &e), -ENAMETOOLONG);
    assert_non_null(strstr(e.msg, longer));
    assert_non_null(strstr(e.msg, "107"));
    assert_int_equal(sock_connect(path, &e), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_keeps_errno),
        cmocka_unit_test(flags_are_set_and_cleared),
        cmocka_unit_test(close_from_leaves_the_lower_ones),
        cmocka_unit_test(fds_travel),
        cmocka_unit_test(fds_without_room_are_closed),
        cmocka_unit_test(send_errors),
        cmocka_unit_test_setup_teardown(listen_is_private_and_unique, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listen_does_not_steal_a_busy_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listen_replaces_what_is_dead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_paths_are_explained, set_up, tear_down),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}
