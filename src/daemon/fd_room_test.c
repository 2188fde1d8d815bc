/* SPDX-License-Identifier: MIT
 * Places for descriptors: as many as were asked for, or none of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd_room.h"

/* How many can still be opened below the limit. */
static int count_free(int limit)
{
    int n = 0;
    for (int fd = 0; fd < limit; fd++)
        n += fcntl(fd, F_GETFD) < 0;
    return n;
}

static void places_are_taken_and_given_up(void **state)
{
    (void)state;
    struct fd_room r = {0};
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){40, was.rlim_max}), 0);
    int before = count_free(40);
    assert_int_equal(fd_room_grow(&r, 5), 0);
    assert_int_equal(count_free(40), before - 5);
    assert_int_equal(fd_room_grow(&r, 3), 0); /* there already */
    assert_int_equal(fd_room_grow(&r, 100), -EMFILE);
    assert_int_equal(count_free(40), before - 5); /* nothing of it is kept */
    fd_room_shrink(&r, 2);
    assert_int_equal(count_free(40), before - 2);
    fd_room_shrink(&r, 4);
    assert_int_equal(r.count, 2);
    fd_room_fini(&r);
    assert_int_equal(count_free(40), before);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_are_taken_and_given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
