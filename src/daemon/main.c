/* SPDX-License-Identifier: MIT
 * pm2d: the daemon. Started by pm2-keeper with its end of the link as fd 3. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "keeperlink/proto.h"

static int usage(FILE *to, int status)
{
    fputs(
        "Usage: pm2d --home FOLDER [--check-state]\n\n"
        "The daemon of pm2c. It is started by pm2-keeper, which pm2 starts when it is needed;\n"
        "there is no use in starting it by hand.\n\n"
        "  --check-state  exit with 0 if this program can take over what runs; else say why not\n",
        to);
    return status;
}

int main(int argc, char **argv)
{
    struct daemon_options o = {.link_fd = LINK_FD};
    struct err e = {0};
    bool is_check = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--home") == 0 && i + 1 < argc)
            o.home = argv[++i];
        else if (strcmp(argv[i], "--check-state") == 0)
            is_check = true;
        else if (strcmp(argv[i], "--version") == 0)
            return puts(PM2C_VERSION) < 0;
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout, 0);
        else
            return usage(stderr, 1);
    }
    if (!o.home || o.home[0] != '/')
        return usage(stderr, 1);
    if (is_check) {
        if (daemon_check(o.home, &e) < 0)
            fprintf(stderr, "%s\n", e.msg);
        return e.code ? 1 : 0;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    /* The keeper hears the signals that end us, and says so on the link. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* were it ignored, the status of a probe's command would be lost */
    umask(077);
    int status = daemon_run(&o, &e);
    if (e.code)
        fprintf(stderr, "pm2d: %s\n", e.msg);
    return status;
}
