/* SPDX-License-Identifier: MIT
 * What is taken from programs, and what they are told when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "app/app_message.h"
#include "base/attr.h"
#include "base/str.h"
#include "json/read.h"

static void taken(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\"ready\"",
        "{\"type\":\"process:msg\",\"data\":1}",
        "{\"type\":\"process:msg\",\"data\":{\"a\":[]}}",
        "{\"type\":\"process:exception\",\"data\":{\"message\":\"m\"}}",
        "{\"type\":\"axm:monitor\",\"data\":{}}",
        "{\"type\":\"axm:option:configuration\",\"data\":{\"a\":1}}",
        "{\"type\":\"axm:action\",\"data\":{\"action_name\":\"a\",\"opts\":null}}",
        "{\"type\":\"axm:reply\",\"data\":{\"action_name\":\"a\",\"return\":null}}",
        "{\"type\":\"pm2:process\",\"data\":{\"pm_id\":\"3\"}}",
        "{\"type\":\"orders\",\"data\":\"x\"}",
        "{\"type\":\"axmonitor\",\"data\":{},\"more\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct err e = {0};
        AUTO_JSON value = json_read(str_from(lines[i]), NULL);
        assert_int_equal(app_message_check(value, &e), 0);
        assert_string_equal(e.msg, "");
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *told;
    } rows[] = {
        {"\"raedy\"", "\"raedy\": the only word is \"ready\""},
        {"\"\"", "\"\": the only word"},
        {"7", "got Number"},
        {"null", "got Null"},
        {"[\"ready\"]", "got Array"},
        {"{}", "type: expected a text"},
        {"{\"type\":\"\",\"data\":1}", "type: expected a text"},
        {"{\"type\":5,\"data\":1}", "type: expected a text"},
        {"{\"type\":\"orders\"}", "orders: data is missing"},
        {"{\"type\":\"orders\",\"data\":0}", "orders: data is missing"},
        {"{\"type\":\"axm:monitor\",\"data\":7}", "axm:monitor: data: expected an object"},
        {"{\"type\":\"axm:monitor\",\"data\":[]}", "got Array"},
        {"{\"type\":\"process:exception\",\"data\":\"x\"}", "expected an object, got String"},
        {"{\"type\":\"axm:action\",\"data\":{}}", "axm:action: data.action_name"},
        {"{\"type\":\"axm:action\",\"data\":{\"action_name\":\"\"}}", "data.action_name"},
        {"{\"type\":\"axm:reply\",\"data\":{\"return\":1}}", "axm:reply: data.action_name"},
        {"{\"type\":\"pm2:process\",\"data\":{\"pm_id\":\"x\"}}", "data.pm_id"},
        {"{\"type\":\"axm:monitr\",\"data\":{}}", "axm:monitr: no such type"},
        {"{\"type\":\"process:event\",\"data\":{}}", "process:event: no such type"},
        {"{\"type\":\"log:out\",\"data\":\"x\"}", "log:out: no such type"},
        {"{\"type\":\"pm2:kill\",\"data\":{}}", "pm2:kill: no such type"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = {0};
        AUTO_JSON value = json_read(str_from(rows[i].line), NULL);
        assert_int_equal(app_message_check(value, &e), -EINVAL);
        if (!strstr(e.msg, rows[i].told))
            fail_msg("%s: %s", rows[i].line, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
