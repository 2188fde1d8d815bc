/* SPDX-License-Identifier: MIT
 * What init systems are given: names, places, quoting, and what is refused. */
#include "cli/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct startup_facts facts(void)
{
    return (struct startup_facts){
        .user = "bob",
        .pm2 = "/usr/local/bin/pm2",
        .pm2_home = "/home/bob/.pm2",
        .path = "/usr/bin:/bin",
        .home = "/home/bob",
    };
}

static void plan_of(const char *platform, const struct startup_facts *f, struct startup_plan *ret)
{
    struct err e = {0};
    const struct startup_platform *p = startup_find(platform);
    assert_non_null(p);
    assert_int_equal(startup_check(f, &e), 0);
    assert_int_equal(startup_plan_init(ret, p, f, &e), 0);
}

static void every_name_of_pm2_is_known(void **state)
{
    static const char *const names[] = {"systemd", "ubuntu",   "centos",   "arch",        "oracle",
                                        "upstart", "ubuntu14", "ubuntu12", "systemv",     "amazon",
                                        "centos6", "openrc",   "launchd",  "macos",       "darwin",
                                        "rcd",     "freebsd",  "openbsd",  "rcd-openbsd", "smf",
                                        "sunos",   "solaris"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(startup_find(names[i]));
    assert_null(startup_find("foo"));
    assert_null(startup_find(""));
}

static void no_text_has_a_hole(void **state)
{
    const struct startup_platform *p;
    (void)state;
    for (size_t i = 0; (p = startup_at(i)) != NULL; i++) {
        struct startup_facts f = facts();
        struct startup_plan plan;
        plan_of(startup_name(p), &f, &plan);
        assert_non_null(strstr(plan.text.data, "/usr/local/bin/pm2"));
        assert_non_null(strstr(plan.text.data, "/home/bob/.pm2"));
        assert_non_null(strstr(plan.text.data, "resurrect"));
        assert_non_null(strstr(plan.text.data, "bob"));
        for (const char *at = plan.text.data; (at = strchr(at, '@')) != NULL; at++)
            if (at[1] >= 'A' && at[1] <= 'Z')
                fail_msg("%s: %.20s", startup_name(p), at);
        assert_true(plan.file[0] == '/');
        assert_true(json_array_size(plan.enable) > 0);
        assert_true(json_array_size(plan.disable) > 0);
        startup_plan_fini(&plan);
    }
}

static void files_lie_where_pm2_puts_them(void **state)
{
    static const struct {
        const char *platform, *file;
    } cases[] = {
        {"systemd", "/etc/systemd/system/pm2-bob.service"},
        {"upstart", "/etc/init.d/pm2-bob"},
        {"systemv", "/etc/init.d/pm2-bob"},
        {"openrc", "/etc/init.d/pm2"},
        {"launchd", "/home/bob/Library/LaunchAgents/pm2.bob.plist"},
        {"rcd", "/usr/local/etc/rc.d/pm2_bob"},
        {"openbsd", "/etc/rc.d/pm2_bob"},
        {"smf", "/tmp/pm2_bob.xml"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct startup_facts f = facts();
        struct startup_plan plan;
        plan_of(cases[i].platform, &f, &plan);
        assert_string_equal(plan.file, cases[i].file);
        startup_plan_fini(&plan);
    }
}

static void commands_are_lists_of_words(void **state)
{
    struct startup_facts f = facts();
    struct startup_plan plan;
    (void)state;
    f.service = "my.apps";
    plan_of("systemd", &f, &plan);
    assert_string_equal(plan.file, "/etc/systemd/system/my.apps.service");
    const json_t *first = json_array_get(plan.enable, 0);
    assert_int_equal(json_array_size(first), 3);
    assert_string_equal(json_string_value(json_array_get(first, 2)), "my.apps");
    startup_plan_fini(&plan);
    f.service = NULL;
    f.user = "a.b-c"; /* no name for a variable of a script */
    plan_of("freebsd", &f, &plan);
    assert_string_equal(plan.file, "/usr/local/etc/rc.d/pm2_a_b_c");
    assert_non_null(strstr(plan.text.data, "rcvar=\"pm2_a_b_c_enable\""));
    assert_non_null(strstr(plan.text.data, "pm2_user=a.b-c\n"));
    startup_plan_fini(&plan);
}

static void expect_text(const char *platform, const struct startup_facts *f, const char *text)
{
    struct startup_plan plan;
    plan_of(platform, f, &plan);
    if (!strstr(plan.text.data, text))
        fail_msg("%s lacks: %s\n%s", platform, text, plan.text.data);
    startup_plan_fini(&plan);
}

static void odd_values_keep_their_meaning(void **state)
{
    struct startup_facts f = facts();
    (void)state;
    f.pm2 = "/opt/a b$c/100%/\"x\"\\y/pm2";
    f.pm2_home = "/home/it's <me> & \"you\" $HOME";
    expect_text("systemd", &f, "ExecStart=\"/opt/a b$$c/100%%/\\\"x\\\"\\\\y/pm2\" resurrect\n");
    expect_text("systemd", &f, "Environment=\"PM2_HOME=/home/it's <me> & \\\"you\\\" $HOME\"\n");
    expect_text("upstart", &f, "PM2_HOME='/home/it'\\''s <me> & \"you\" $HOME'\n");
    expect_text("upstart", &f, "pm2_program='/opt/a b$c/100%/\"x\"\\y/pm2'\n");
    expect_text("launchd", &f,
                "<string>/home/it's &lt;me&gt; &amp; &quot;you&quot; $HOME</string>");
    expect_text("smf", &f, "exec=\"'/opt/a b$c/100%/&quot;x&quot;\\y/pm2' resurrect\"");
}

static void waits_for_the_network(void **state)
{
    struct startup_facts f = facts();
    (void)state;
    expect_text("systemd", &f, "\nAfter=network.target\n");
    f.wait_ip = true;
    expect_text("systemd", &f, "\nWants=network-online.target\nAfter=network-online.target\n");
}

static void expect_refused(const struct startup_facts *f, const char *why)
{
    struct err e = {0};
    assert_true(startup_check(f, &e) < 0);
    assert_non_null(strstr(e.msg, why));
}

static void what_could_be_a_command_is_refused(void **state)
{
    static const char *const bad[] = {"",     "-rf",  "a b",     "a;b",     "a\nb",
                                      "../x", "a/b",  ".hidden", "$HOME",   "`id`",
                                      "a'b",  "a\"b", "a%b",     "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct startup_facts f = facts();
        f.user = bad[i];
        expect_refused(&f, "is no user");
        f = facts();
        f.service = bad[i];
        expect_refused(&f, "is no name for a service");
    }
    struct startup_facts f = facts();
    f.pm2_home = "/home/x\nExecStartPre=/bin/evil";
    expect_refused(&f, "PM2_HOME has a control character");
    f = facts();
    f.path = "/bin\n";
    expect_refused(&f, "PATH has a control character");
    f = facts();
    f.home = "relative";
    expect_refused(&f, "the home folder must be an absolute path");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_pm2_is_known),
        cmocka_unit_test(no_text_has_a_hole),
        cmocka_unit_test(files_lie_where_pm2_puts_them),
        cmocka_unit_test(commands_are_lists_of_words),
        cmocka_unit_test(odd_values_keep_their_meaning),
        cmocka_unit_test(waits_for_the_network),
        cmocka_unit_test(what_could_be_a_command_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
