/* SPDX-License-Identifier: MIT
 * pm2-keeper, the program: from the command line to the loop, and what must be undone after it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "keeper.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "os/program.h"

#define DAEMON_NAME "pm2d"

static const char usage[] =
    "Usage: pm2-keeper --home FOLDER --pid-file FILE --log-file FILE [options] [-- ARG...]\n"
    "\n"
    "Parent of all apps of one PM2 home; starts pm2d and keeps it running. The pm2 command\n"
    "starts it when needed. All paths are absolute.\n"
    "\n"
    "  --home FOLDER      passed on to pm2d\n"
    "  --pid-file FILE    locked while the keeper lives; holds its pid\n"
    "  --log-file FILE    output of the keeper and of pm2d is appended to it\n"
    "  --daemon FILE      the pm2d to run (default: beside pm2-keeper)\n"
    "  --ready-fd N       where to report R<version> or E<error>, one line\n"
    "  --peer-fd N, --peer-pid PID, --app-umask N, --app-nofile N\n"
    "                     given by a pm2d that replaces its dead keeper\n"
    "  --state-fd N       given by an older keeper that becomes this one: `pm2 update`\n"
    "  --check-state N    exit with 0 if that state can be taken over; else say why not\n"
    "  --version, --help\n"
    "  -- ARG...          further arguments for pm2d\n";

static void write_text(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

/* The line format of PM2's own log. */
static void log_line(void *ctx, enum log_level level, const char *text)
{
    char line[LIMIT_LOG_TEXT_BYTES + 64];
    char when[32];
    struct tm tm;
    time_t now = time(NULL);
    (void)ctx;
    if (!localtime_r(&now, &tm) || strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        when[0] = '\0';
    snprintf(line, sizeof(line), "%s: PM2 %s: %s\n", when, level >= LOG_WARN ? "error" : "log",
             text);
    write_text(STDERR_FILENO, line);
}

static int fail(int *ready_fd, const char *text)
{
    write_text(STDERR_FILENO, "pm2-keeper: ");
    write_text(STDERR_FILENO, text);
    write_text(STDERR_FILENO, "\n");
    launch_report(ready_fd, 'E', text);
    return EXIT_FAILURE;
}

/* With the lock held: the log, pm2d, the loop. Exit code. */
static int keep(struct keeper *k, struct launch_options *o, const struct launch_world *world,
                int lock_fd)
{
    static char daemon_path[4096];
    struct err e;
    int rc = 0;
    if (!o->daemon) {
        rc = program_beside_own(DAEMON_NAME, daemon_path, sizeof(daemon_path), &e);
        o->daemon = daemon_path;
    }
    if (rc == 0)
        rc = launch_open_log(o->log_file, &e);
    if (rc < 0)
        return fail(&o->ready_fd, e.msg);
    log_set_sink(log_line, NULL, LOG_INFO);
    rc = keeper_init(k, o, world);
    k->lock_fd = lock_fd;
    if (rc < 0)
        return fail(&o->ready_fd, err_text(rc));
    return keeper_run(k);
}

/* A fresh keeper. Exit code. */
static int launch(struct keeper *k, struct launch_options *o)
{
    struct launch_world world;
    struct err e;
    launch_detach(o, &world);
    int lock_fd = launch_lock(o->pid_file, &e);
    if (lock_fd < 0)
        return fail(&o->ready_fd, e.msg);
    return keep(k, o, &world, lock_fd);
}

/* The program of a keeper that runs, from now on. Exit code. */
static int resume(struct keeper *k, struct launch_options *o)
{
    struct err e = {0};
    log_set_sink(log_line, NULL, LOG_INFO);
    if (keeper_resume(k, o, &e) < 0)
        return fail(&o->ready_fd, e.msg);
    return keeper_run(k);
}

int main(int argc, char **argv)
{
    static struct keeper k = {.lock_fd = -1};
    struct launch_options o;
    struct err e;
    if (argc < 1 || launch_parse(argv, &o, &e) < 0)
        return fail(&(int){-1}, argc < 1 ? "no arguments" : e.msg);
    if (o.want_help || o.want_version) {
        write_text(STDOUT_FILENO, o.want_help ? usage : PM2C_VERSION "\n");
        return EXIT_SUCCESS;
    }
    if (o.check_fd >= 0)
        return handover_verify(o.check_fd, &e) < 0 ? fail(&o.ready_fd, e.msg) : EXIT_SUCCESS;
    int code = o.state_fd >= 0 ? resume(&k, &o) : launch(&k, &o);
    if (k.lock_fd < 0)
        return code;
    /* while it is locked: nobody else has written into it */
    file_unlink_own(o.pid_file, file_id_of(k.lock_fd));
    fd_close(&k.lock_fd);
    return code;
}
