/* SPDX-License-Identifier: MIT
 * --attach and --no-daemon. */
#include "cli/foreground.h"

#include <errno.h>

#include "cli/cli.h"
#include "cli/follow.h"
#include "json/read.h"

#define OWN_MS       10000
#define GONE_MS      10000 /* all apps are gone by then, the daemon has only to exit */
#define CLOCK_FORMAT "HH:mm:ss"

void foreground_note(struct cli *cli, int64_t id)
{
    if (!cli->acted)
        cli->acted = json_array();
    json_array_append_new(cli->acted, json_integer(id));
}

static int own(struct cli *cli, struct err *e)
{
    struct str ignored;
    return cli_call(cli, "c.own", STR(""), OWN_MS, &ignored, e);
}

int foreground_begin(struct cli *cli, struct err *e)
{
    int rc = 0;
    if (cli->stays && (cli->is_owner || client_launched(cli->client))) {
        rc = own(cli, e);
        cli->is_owner = rc == 0;
    }
    if (rc == 0 && (cli->stays || cli->attaches))
        rc = client_subscribe(cli->client, e);
    return rc;
}

/* ---- --attach ---- */

static bool was_acted(void *ctx, const json_t *proc, int64_t id)
{
    const struct cli *cli = ctx;
    size_t i;
    json_t *acted;
    (void)proc;
    json_array_foreach (cli->acted, i, acted)
        if (json_integer_value(acted) == id)
            return true;
    return false;
}

static void tell_attach(struct cli *cli)
{
    AUTO(buf) ids = BUF_INIT;
    size_t i;
    json_t *id;
    json_array_foreach (cli->acted, i, id)
        buf_printf(&ids, "%s%lld", i > 0 ? " " : "", (long long)json_integer_value(id));
    AUTO(buf) shown = BUF_INIT;
    style_add(&shown, cli->ui.color[UI_OUT], STYLE_CYAN, buf_str(&ids));
    /* PM2's words, which scripts wait for. It does not keep the promise at their end either. */
    ui_message(&cli->ui, UI_OUT, UI_INFO,
               "Log streaming apps id: %s, exit with Ctrl-C or will exit in 10secs", shown.data);
}

/* ---- --no-daemon ---- */

static void tell_stay(struct cli *cli)
{
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "[--no-daemon] Exit on target PM2 exit pid=%d",
               client_daemon_pid(cli->client));
    ui_line(&cli->ui, UI_OUT, STR("[--no-daemon] Continue to stream logs"));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

/* The daemon was replaced: what the old one knew of us is lost. */
static bool on_again(void *ctx)
{
    struct cli *cli = ctx;
    struct err e = {0};
    return cli_connect_again(cli, &e) == 0 && foreground_begin(cli, &e) == 0;
}

int foreground_run(struct cli *cli)
{
    struct follow f;
    bool attaches = cli->attaches && json_array_size(cli->acted) > 0;
    if (!cli->stays && !attaches)
        return 0;
    follow_init(&f, cli);
    follow_catch(&f);
    f.kind[LOG_OUT] = f.kind[LOG_ERR] = true;
    f.ctx = cli;
    if (cli->stays) {
        tell_stay(cli);
        f.kind[LOG_PM2] = f.until_kill = true;
        f.show.timestamp = CLOCK_FORMAT;
        f.show.timestamp_style = STYLE_GREY;
        f.on_again = on_again;
    } else {
        tell_attach(cli);
        f.is_meant = was_acted;
    }
    int code = follow_run(&f);
    int signo = follow_release(f.signal_fd);
    follow_fini(&f);
    if (signo > 0)
        foreground_end(cli);
    return follow_die(signo, code);
}

static int end_daemon(struct cli *cli)
{
    struct err ignored = {0};
    struct str reply;
    int rc = cli_call(cli, "c.kill", STR(""), 0, &reply, &ignored);
    if (rc == 0)
        (void)client_wait_gone(cli->client, GONE_MS, &ignored);
    return rc;
}

void foreground_end(struct cli *cli)
{
    if (!cli->is_owner || !cli->client)
        return;
    ui_flush();
    if (end_daemon(cli) < 0 && on_again(cli)) /* it may have been replaced just now */
        (void)end_daemon(cli);
    cli->is_owner = false;
}
