/* SPDX-License-Identifier: MIT
 * The keeper's tables, and the caps that need no process. */
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "os/fd.h"
#include "peer.h"

static struct child *add(struct children *c, uint64_t handle, pid_t pid)
{
    struct child *ch = child_new(handle, STR("note"));
    assert_non_null(ch);
    ch->pid = pid;
    children_add(c, ch);
    return ch;
}

static void found_by_handle_and_by_pid(void **state)
{
    (void)state;
    struct children c;
    children_init(&c);
    for (uint64_t i = 0; i < 2000; i++) /* several in each bucket */
        add(&c, i << 32 | 1, (pid_t)(1000 + i));
    assert_int_equal(c.count, 2000);
    assert_int_equal(children_find(&c, 1234ULL << 32 | 1)->pid, 2234);
    assert_null(children_find(&c, 1234ULL << 32 | 2));
    assert_true(children_reaped(&c, 2234, 9, 77) == children_find(&c, 1234ULL << 32 | 1));
    assert_int_equal(children_find(&c, 1234ULL << 32 | 1)->wait_status, 9);
    assert_null(children_reaped(&c, 2234, 9, 77)); /* the number may be another's now */
    assert_null(children_reaped(&c, 1, 0, 0));
    children_fini(&c);
    assert_int_equal(c.count, 0);
}

static void reused_pid_is_another_child(void **state)
{
    (void)state;
    struct children c;
    children_init(&c);
    struct child *old = add(&c, 1, 500);
    (void)children_reaped(&c, 500, 0, 1);
    struct child *new = add(&c, 2, 500);
    children_remove(&c, old);
    assert_true(children_reaped(&c, 500, 0, 2) == new);
    children_fini(&c);
}

static void removal_closes_fds(void **state)
{
    (void)state;
    struct children c;
    int ends[2];
    char byte;
    children_init(&c);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct child *ch = add(&c, 1, 500);
    ch->fds[LINK_FD_STDIN] = ends[1];
    children_remove(&c, ch);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    fd_close(&ends[0]);
}

static void store_has_caps(void **state)
{
    (void)state;
    struct store s;
    char name[LIMIT_LINK_NOTE_BYTES + 1] = "x";
    store_init(&s);
    assert_int_equal(store_put(&s, STR(""), -1), -EINVAL);
    assert_int_equal(store_put(&s, (struct str){name, sizeof(name)}, -1), -EINVAL);
    for (int i = 0; i < LIMIT_LINK_STORED; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(store_put(&s, str_from(name), -1), 0);
    }
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(store_put(&s, STR("one more"), fd), -ENOSPC);
    assert_int_equal(fcntl(fd, F_GETFD), -1);         /* taken, also on failure */
    assert_int_equal(store_put(&s, STR("7"), -1), 0); /* replaces */
    assert_int_equal(s.count, LIMIT_LINK_STORED);
    store_fini(&s);
    assert_int_equal(s.count, 0);
}

static void output_has_a_cap(void **state)
{
    (void)state;
    struct peer p;
    int ends[2];
    peer_init(&p);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    p.link = ends[0];
    assert_true(buf_reserve(&p.out, LIMIT_LINK_OUT_BYTES + 1));
    p.out.len = LIMIT_LINK_OUT_BYTES;
    assert_int_equal(peer_flush(&p), 1); /* nobody reads */
    p.out.len++;
    assert_int_equal(peer_flush(&p), -EMSGSIZE);
    p.is_deaf = true;
    assert_int_equal(peer_flush(&p), 0);
    assert_true(peer_is_idle(&p));
    peer_drop(&p);
    fd_close(&ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_handle_and_by_pid), cmocka_unit_test(reused_pid_is_another_child),
        cmocka_unit_test(removal_closes_fds),         cmocka_unit_test(store_has_caps),
        cmocka_unit_test(output_has_a_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
