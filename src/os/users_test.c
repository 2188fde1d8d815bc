/* SPDX-License-Identifier: MIT
 * Users and groups: root exists everywhere, the rest is numbers. */
#include "os/users.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void known_users(void **state)
{
    (void)state;
    static const char *const names[] = {"root", "0"};
    for (size_t i = 0; i < 2; i++) {
        struct user_ids u;
        struct err e;
        assert_int_equal(users_lookup(names[i], NULL, &u, &e), 0);
        assert_int_equal(u.uid, 0);
        assert_int_equal(u.gid, 0);
        assert_string_equal(u.name, "root");
        assert_string_equal(u.home, "/root");
        assert_true(u.group_count >= 1);
        assert_int_equal(u.groups[0], 0);
        user_ids_fini(&u);
        assert_null(u.groups);
    }
}

static void numbers_need_no_entry(void **state)
{
    (void)state;
    struct user_ids u;
    struct err e;
    assert_int_equal(users_lookup("54321", NULL, &u, &e), 0);
    assert_int_equal(u.uid, 54321);
    assert_int_equal(u.gid, 54321);
    assert_int_equal(u.group_count, 0);
    assert_string_equal(u.name, "54321");
    assert_string_equal(u.home, "");
    user_ids_fini(&u);
    assert_int_equal(users_lookup("root", "54322", &u, &e), 0);
    assert_int_equal(u.gid, 54322);
    assert_int_equal(u.groups[0], 54322);
    user_ids_fini(&u);
}

static void unknown_names_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {"no-such-one", "", "-1", "4294967295", "1x"};
    struct user_ids u;
    struct err e;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(users_lookup(bad[i], NULL, &u, &e), -ENOENT);
    assert_string_equal(e.msg, "User 1x cannot be found");
    assert_int_equal(users_lookup("root", "no-such-group", &u, &e), -ENOENT);
    assert_string_equal(e.msg, "Group no-such-group cannot be found");
    assert_null(u.groups);
}

static void names_of_ids(void **state)
{
    (void)state;
    char name[8];
    users_name(0, name, sizeof(name));
    assert_string_equal(name, "root");
    users_name(54321, name, sizeof(name));
    assert_string_equal(name, "54321");
    users_name(0, name, 3); /* cut, not overrun */
    assert_string_equal(name, "ro");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_users),
        cmocka_unit_test(numbers_need_no_entry),
        cmocka_unit_test(unknown_names_are_errors),
        cmocka_unit_test(names_of_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
