/* SPDX-License-Identifier: MIT
 * pm2 kill: ends all apps and the daemon. Without a daemon it only says so. */
#include <errno.h>
#include <stdlib.h>

#include "cli/actions.h"
#include "cli/cmd.h"
#include "cli/mem.h"
#include "json/read.h"

#define GONE_MS 10000 /* all apps are gone by then, the daemon has only to exit */

static int by_number(const void *a, const void *b)
{
    json_int_t x = *(const json_int_t *)a;
    json_int_t y = *(const json_int_t *)b;
    return (x > y) - (x < y);
}

/* The ids of what was stopped, ascending. New reference. */
static json_t *ids_of(const json_t *stopped)
{
    size_t count = json_array_size(stopped);
    json_int_t *ids = mem_alloc(count * sizeof(*ids));
    json_t *ret = json_array();
    for (size_t i = 0; i < count; i++)
        ids[i] = json_integer_value(json_object_get(json_array_get(stopped, i), "id"));
    qsort(ids, count, sizeof(*ids), by_number);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ret, json_integer(ids[i]));
    free(ids);
    return ret;
}

static void tell_stopped(struct cli *cli, const json_t *stopped)
{
    size_t i;
    json_t *one;
    if (json_array_size(stopped) == 0) {
        ui_warn(&cli->ui, "No process found");
        return;
    }
    AUTO_JSON ids = ids_of(stopped);
    action_tell(cli, "deleteProcessId", "all", ids);
    json_array_foreach (stopped, i, one) {
        const char *name = json_get_str(one, "name");
        action_tell_done(cli, name, json_integer_value(json_object_get(one, "id")));
    }
}

static int end_daemon(struct cli *cli)
{
    struct err e = {0};
    AUTO_JSON answer = cli_ask(cli, "c.kill", STR(""), 0);
    if (!answer)
        return 1;
    tell_stopped(cli, json_object_get(answer, "stopped"));
    ui_info(&cli->ui, "[v] All Applications Stopped");
    if (client_wait_gone(cli->client, GONE_MS, &e) < 0)
        return cli_fail(cli, &e);
    ui_info(&cli->ui, "[v] PM2 Daemon Stopped");
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    (void)args;
    int rc = cli_connect(cli, 0);
    if (rc == 0)
        return end_daemon(cli);
    if (rc != -ENOENT)
        return 1;
    ui_warn(&cli->ui, "No daemon is running in %s", cli->paths.home);
    ui_info(&cli->ui, "[v] All Applications Stopped");
    ui_info(&cli->ui, "[v] PM2 Daemon Stopped");
    return 0;
}

const struct cmd cmd_kill_entry = {
    .name = "kill",
    .args = "",
    .summary = "end all processes and the daemon",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
