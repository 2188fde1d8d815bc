/* SPDX-License-Identifier: MIT
 * pm2 update: pm2d and pm2-keeper become the programs that lie beside this one. Apps run on. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli/cmd.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/program.h"
#include "json/write.h"

#define BACK_MS  15000 /* more than the keeper needs for its first tries to start a pm2d */
#define AGAIN_MS 2

extern const struct cmd cmd_resurrect_entry;

/* The yes may be lost with the pm2d that gave it, so that its end is as good. */
static int ask_update(struct cli *cli, const struct cli_daemon *before, struct err *e)
{
    char folder[PATH_MAX];
    AUTO(buf) text = BUF_INIT;
    struct str reply;
    int rc = program_beside_own("", folder, sizeof(folder), e);
    if (rc < 0)
        return rc;
    *strrchr(folder, '/') = '\0';
    struct jw w = jw_to(&text);
    jw_obj_begin(&w);
    jw_kstr(&w, "folder", folder);
    jw_obj_end(&w);
    rc = cli_call(cli, "c.update", buf_str(&text), CLI_ANSWER_MS, &reply, e);
    if (rc == -EREMOTEIO && strstr(e->msg, "does not exist"))
        return err_set(e, rc,
                       "the running daemon (version %s) is too old to be replaced while apps run: "
                       "pm2 save, pm2 kill, pm2 resurrect",
                       before->version);
    return rc == -EPIPE ? 0 : rc;
}

/* `keeper`: its pidfd, or -errno. Where nobody reaps it, as in many a container, it is a zombie. */
static int await_successor(struct cli *cli, const struct cli_daemon *before, int keeper,
                           struct cli_daemon *ret, struct err *e)
{
    int64_t until = clock_mono_ms() + BACK_MS;
    while (clock_mono_ms() < until) {
        if (cli_connect_again(cli, e) == 0 && cli_hello(cli, ret, e) == 0 &&
            ret->pid != before->pid)
            return 0;
        if (keeper == -ESRCH || (keeper >= 0 && pidfd_has_ended(keeper)))
            return err_set(e, -ESRCH,
                           "the keeper was killed during the update; apps run on, and the next "
                           "command starts another one");
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
    }
    return err_set(e, -ETIMEDOUT, "no new daemon answers; apps run on. Why is in %s",
                   cli->paths.log_file);
}

static int update(struct cli *cli)
{
    struct err e = {0};
    struct cli_daemon before = {0};
    struct cli_daemon after = {0};
    int64_t began = clock_mono_ms();
    int rc = cli_hello(cli, &before, &e);
    int keeper = rc == 0 ? pidfd_open_process(before.keeper) : -1;
    if (rc == 0)
        rc = ask_update(cli, &before, &e);
    if (rc == 0)
        rc = await_successor(cli, &before, keeper, &after, &e);
    fd_close(&keeper);
    if (rc < 0)
        return cli_fail(cli, &e);
    ui_info(&cli->ui, "Daemon replaced in %d ms: version %s, before %s",
            (int)(clock_mono_ms() - began), after.version, before.version);
    if (after.keeper == before.keeper)
        return 0;
    ui_error(&cli->ui, "the keeper has ended meanwhile, another one (pid %d) is there",
             after.keeper);
    return 1;
}

static int run(struct cli *cli, const struct args *args)
{
    int rc = cli_connect(cli, 0);
    if (rc == -ENOENT) {
        ui_warn(&cli->ui, "No daemon is running in %s: starting one", cli->paths.home);
        return cmd_resurrect_entry.run(cli, args);
    }
    if (rc < 0 || update(cli) != 0)
        return 1;
    ui_line(&cli->ui, UI_OUT, STR(">>>>>>>>>> PM2 updated"));
    return cli_list(cli, args);
}

const struct cmd cmd_update_entry = {
    .name = "update",
    .aliases = {"updatePM2"},
    .args = "",
    .summary = "replace the running daemon by the one on the disk; apps run on",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
