/* SPDX-License-Identifier: MIT
 * The saved list and its checksums, from anybody: an entry either is refused with a reason, or
 * makes a conf that has no state in it, a command line and an environment; what is laid out reads
 * the same. Input: the sums, a NUL, the list. */
#include "app/conf.h"
#include "app/dump.h"
#include "app/fake_world.h"
#include "fuzz.h"
#include "json/indent.h"
#include "json/read.h"
#include "json/write.h"

static void use_conf(json_t *conf)
{
    struct app_command command = {0};
    CHECK(app_conf_number_paths(conf, 3) == 0);
    if (app_command_from_conf(conf, &command, NULL) == 0)
        app_command_fini(&command);
    AUTO_JSON state = json_object();
    AUTO_JSON environment = app_environment(conf, state, true);
    CHECK(json_is_array(environment));
}

static void take_entry(const json_t *entry)
{
    static const char *const state[] = {"status", "pm_id", "instances", "restart_time",
                                        "exit_code"};
    const struct app_world world = fake_world;
    struct dump_entry d;
    struct err e = {0};
    CHECK(dump_take(entry, &d) == 0);
    CHECK(d.id >= -1);
    for (size_t i = 0; i < sizeof(state) / sizeof(state[0]); i++)
        CHECK(!json_has(d.conf, state[i]));
    if (app_conf_check(d.conf, &world, &e) == 0)
        use_conf(d.conf);
    else
        CHECK(e.code < 0 && e.msg[0]);
    json_decref(d.conf);
}

static void lay_out(const json_t *list)
{
    AUTO(buf) compact = BUF_INIT;
    AUTO(buf) wide = BUF_INIT;
    AUTO(buf) again = BUF_INIT;
    struct jw w = jw_to(&compact);
    jw_dom(&w, list);
    json_indent(&wide, buf_str(&compact));
    json_indent(&again, buf_str(&wide));
    CHECK(str_eq(buf_str(&wide), buf_str(&again)));
    AUTO_JSON reread = json_read(buf_str(&wide), NULL);
    CHECK(reread && json_equal(reread, list));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, '\0', size);
    size_t n = nul ? (size_t)(nul - data) : 0;
    struct str sums = {(const char *)data, n};
    struct str text = {(const char *)data + n + (nul ? 1 : 0), size - n - (nul ? 1 : 0)};
    struct err e = {0};
    AUTO(buf) own = BUF_INIT;
    (void)dump_sum_check(sums, text);
    (void)dump_sum_line(sums, "dump.pm2");
    dump_sum_add(&own, "dump.pm2", text);
    CHECK(dump_sum_check(buf_str(&own), text) == DUMP_MATCHES);
    AUTO_JSON list = dump_parse(text, &e);
    CHECK(list ? json_is_array(list) : e.code < 0 && e.msg[0]);
    for (size_t i = 0; i < json_array_size(list); i++)
        take_entry(json_array_get(list, i));
    if (list)
        lay_out(list);
    return 0;
}
