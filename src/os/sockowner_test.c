/* SPDX-License-Identifier: MIT
 * The owners of our own sockets are found, and of no others. */
#include "os/sockowner.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/fd.h"

static void assert_is_us(const struct sockowner *o)
{
    char own[64] = "";
    FILE *f = fopen("/proc/self/comm", "re");
    assert_non_null(fgets(own, sizeof(own), f));
    fclose(f);
    own[strcspn(own, "\n")] = '\0';
    assert_int_equal(o->pid, getpid());
    assert_int_equal(o->uid, geteuid());
    assert_string_equal(o->command, own);
}

static void tcp(void **state)
{
    (void)state;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(sa);
    struct sockowner o;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
    uint16_t port = ntohs(sa.sin_port);
    assert_false(sockowner_find(port, NULL, &o)); /* bound, and does not listen */
    assert_int_equal(listen(fd, 1), 0);
    assert_true(sockowner_find(port, NULL, &o));
    assert_is_us(&o);
    fd_close(&fd);
    assert_false(sockowner_find(port, NULL, &o));
}

static void unix_path(void **state)
{
    (void)state;
    char folder[] = "/tmp/sockowner_test.XXXXXX", path[64];
    struct sockowner o;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x.sock", folder);
    int fd = sock_listen(path, 1, NULL);
    assert_true(fd >= 0);
    assert_true(sockowner_find(0, path, &o));
    assert_is_us(&o);
    fd_close(&fd);
    assert_false(sockowner_find(0, path, &o));
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tcp), cmocka_unit_test(unix_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
