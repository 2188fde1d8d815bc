/* SPDX-License-Identifier: MIT
 * pm2 resurrect: what was saved is there again. */
#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/service.h"
#include "client/client.h"
#include "os/sd_notify.h"
#include "json/read.h"

/* PM2's words, and why. True when there was a file. */
static bool tell_failed(struct cli *cli, const char *path, const json_t *failed)
{
    if (!failed)
        return true;
    if (json_get_bool(failed, "missing", false)) {
        ui_error(&cli->ui, "Failed to read dump file in %s", path);
        return false;
    }
    ui_error(&cli->ui, "Failed to parse dump file in %s", path);
    ui_error(&cli->ui, "%s", json_get_str(failed, "error"));
    return true;
}

/* True when a file was there. */
static bool tell_files(struct cli *cli, const json_t *answer)
{
    const char *file = json_get_str(answer, "file");
    const char *backup = json_get_str(answer, "backup");
    const json_t *failed = json_object_get(answer, "file_failed");
    ui_info(&cli->ui, "Restoring processes located in %s", file);
    bool exists = tell_failed(cli, file, failed);
    if (!failed)
        return exists;
    ui_info(&cli->ui, "Restoring processes located in %s", backup);
    if (tell_failed(cli, backup, json_object_get(answer, "backup_failed")))
        exists = true;
    return exists;
}

static void tell_processes(struct cli *cli, const json_t *answer)
{
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(answer, "restored"), i, one)
        ui_info(&cli->ui, "Process %s restored", json_get_str(one, "script"));
    json_array_foreach (json_object_get(answer, "errors"), i, one) {
        const char *name = json_get_str(one, "name");
        ui_error(&cli->ui, "%s cannot be restored: %s", name ? name : "an app",
                 json_get_str(one, "error"));
    }
}

/* A service manager that waits for our word (Type=notify, as `pm2 startup` writes it) learns that
 * all is launched, and that from now on the keeper is the service. It would not take a keeper that
 * somebody started elsewhere, and end it for that by ExecStop: so it is better told of a failure.
 */
static int tell_manager(struct cli *cli, const json_t *answer)
{
    struct err e = {0};
    AUTO(buf) text = BUF_INIT;
    const char *address = getenv("NOTIFY_SOCKET");
    if (!address || !*address)
        return 0;
    struct cli_daemon daemon = {0};
    if (cli_hello(cli, &daemon, &e) < 0)
        return cli_fail(cli, &e);
    if (!service_owns(cli, daemon.keeper))
        return 1;
    buf_printf(&text, "MAINPID=%d\nREADY=1\nSTATUS=%zu processes restored\n", daemon.keeper,
               json_array_size(json_object_get(answer, "restored")));
    return sd_notify_send(address, text.data, &e) < 0 ? cli_fail(cli, &e) : 0;
}

/* A pm2d that dies over it has put back nothing, or everything: the next one starts that, and has
 * nothing left to do. So it may be asked once more, which at boot nobody else would do. */
static json_t *ask(struct cli *cli)
{
    struct err e = {0};
    struct str reply = {NULL, 0};
    int rc = cli_call(cli, "c.resurrect", STR(""), 0, &reply, &e);
    if (rc == -EPIPE) {
        client_free(cli->client);
        cli->client = NULL;
        return cli_connect(cli, CLI_LAUNCH) == 0 ? cli_ask(cli, "c.resurrect", STR(""), 0) : NULL;
    }
    json_t *answer = rc == 0 ? json_read(reply, &e) : NULL;
    if (!answer)
        cli_fail(cli, &e);
    return answer;
}

static int run(struct cli *cli, const struct args *args)
{
    if (args_has(args, "--stay"))
        return service_stay(cli);
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    ui_info(&cli->ui, "Resurrecting");
    AUTO_JSON answer = ask(cli);
    if (!answer)
        return 1;
    bool exists = tell_files(cli, answer);
    bool found = json_get_bool(answer, "found", false);
    if (!found)
        ui_error(&cli->ui,
                 exists ? "No processes restored" : "No processes saved; DUMP file doesn't exist");
    tell_processes(cli, answer);
    int code = cli_list(cli, args);
    /* One app that cannot start is no reason to fail: at boot, the others would be ended for it. */
    if (exists && !found)
        return 1;
    return code || tell_manager(cli, answer);
}

static const struct opt options[] = {
    {"--stay", NULL, "for a service: end with the daemon, leave at SIGUSR1, end all at SIGTERM",
     SC_FLAG, false},
};

const struct cmd cmd_resurrect_entry = {
    .name = "resurrect",
    .args = "",
    CMD_OPTS(options),
    .summary = "start what was saved",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
