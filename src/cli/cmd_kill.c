/* SPDX-License-Identifier: MIT
 * pm2 kill: ends all apps and the daemon. Without a daemon it only says so. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "cli/actions.h"
#include "cli/cmd.h"
#include "cli/mem.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "json/read.h"

#define GONE_MS        10000 /* all apps are gone by then, the daemon has only to exit */
#define DAEMON_BACK_MS 3000  /* the keeper starts another one at once */
#define KEEPER_END_MS  3000
#define LOOK_MS        50

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

/* ---- a keeper whose daemon does not come up ---- */

/* Told once, it waits for a daemon that could end the apps as they wish; told twice, it ends them.
 */
static int end_keeper(struct cli *cli, int pid)
{
    int pidfd = pidfd_open_process(pid);
    ui_warn(&cli->ui, "The daemon does not come up (see %s): its keeper (pid %d) ends the apps",
            cli->paths.log_file, pid);
    bool ended = pidfd == -ESRCH;
    for (int i = 0; i < 2 && pidfd >= 0 && !ended; i++)
        ended = pidfd_signal(pidfd, SIGTERM) == -ESRCH ||
                pidfd_ends_by(pidfd, clock_mono_ms() + KEEPER_END_MS);
    fd_close(&pidfd);
    if (ended)
        return 0;
    ui_error(&cli->ui, "the keeper (pid %d) does not end", pid);
    return 1;
}

/* 0: the daemon answers now. -ENOENT: there is nobody. -ESRCH: a keeper is there, in *ret_pid. */
static int await_daemon(struct cli *cli, int *ret_pid)
{
    int rc = cli_connect(cli, 0);
    int64_t until = clock_mono_ms() + DAEMON_BACK_MS;
    while (rc == -ENOENT && (*ret_pid = client_lone_keeper(cli->paths.pid_file)) > 0) {
        if (clock_mono_ms() >= until)
            return -ESRCH;
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
        rc = cli_connect(cli, 0);
    }
    return rc;
}

static int run(struct cli *cli, const struct args *args)
{
    int pid = 0;
    (void)args;
    int rc = await_daemon(cli, &pid);
    if (rc == 0)
        return end_daemon(cli);
    if (rc != -ENOENT && rc != -ESRCH)
        return 1;
    if (rc == -ENOENT)
        ui_warn(&cli->ui, "No daemon is running in %s", cli->paths.home);
    else if (end_keeper(cli, pid) != 0)
        return 1;
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
