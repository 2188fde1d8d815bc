/* SPDX-License-Identifier: MIT
 * The main process of a service: it starts the other commands as programs, so that a signal can end
 * them, and watches the keeper through its pidfd. */
#include "cli/service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/program.h"
#include "os/sd_notify.h"

#define KEEPER_BACK_MS 15000 /* pm2d starts another keeper, a keeper another pm2d */
#define LOOK_MS        50

struct service {
    struct cli *cli;
    char program[PATH_MAX]; /* this one */
    int signals;            /* signalfd */
    int keeper_pid;
    int keeper; /* pidfd */
};

bool service_owns(struct cli *cli, int keeper)
{
    if (geteuid() == 0 || cgroup_holds(keeper))
        return true;
    ui_error(&cli->ui,
             "the daemon (pid %d) was not started by this service: pm2 save, pm2 kill, and "
             "start the service again",
             keeper);
    return false;
}

/* ---- signals ---- */

static int open_signals(struct service *s, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_set(e, -errno, "cannot block signals: %s", err_text(errno));
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 ? 0 : err_set(e, -errno, "cannot wait for signals: %s", err_text(errno));
}

/* The next signal, or 0 when none came in time or `other` (-1: none) can be read. -1 = no limit. */
static int await_signal(const struct service *s, int other, int timeout_ms)
{
    struct signalfd_siginfo info;
    struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    while (poll(fds, 2, timeout_ms) < 0 && errno == EINTR) {
    }
    return read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

/* ---- commands ---- */

/* Run `pm2 COMMAND`. Its exit code, or minus the signal that told us to end: then it has ended,
 * too. With `is_last` no signal does. */
static int command(const struct service *s, const char *word, bool is_last)
{
    struct err e = {0};
    pid_t pid = -1;
    int status = 0;
    int told = 0;
    const char *const argv[] = {s->program, word, NULL};
    if (child_begin((char *const *)argv, NULL, &pid, &e) < 0)
        return cli_fail(s->cli, &e);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int signo = await_signal(s, -1, -1);
        if (signo == SIGCHLD || signo == 0 || is_last || told)
            continue;
        told = signo;
        (void)kill(pid, SIGTERM);
    }
    return told ? -told : child_code(status);
}

/* What a signal wants of a service. Exit code. */
static int leave(const struct service *s, int signo)
{
    return signo == SIGUSR1 ? 0 : command(s, "kill", true);
}

/* ---- the keeper ---- */

/* 0, or -errno: no daemon answers. */
static int find_keeper(struct service *s)
{
    struct err e = {0};
    struct cli_daemon daemon = {0};
    client_free(s->cli->client);
    s->cli->client = NULL;
    fd_close(&s->keeper);
    int rc = cli_connect(s->cli, 0);
    if (rc == 0)
        rc = cli_hello(s->cli, &daemon, &e);
    if (rc < 0)
        return rc;
    s->keeper_pid = daemon.keeper;
    s->keeper = pidfd_open_process(s->keeper_pid);
    return s->keeper < 0 ? s->keeper : 0;
}

/* It has ended. 0: there is another one. A signal; or -1: the daemon is gone. */
static int find_another(struct service *s)
{
    int64_t until = clock_mono_ms() + KEEPER_BACK_MS;
    while (clock_mono_ms() < until && access(s->cli->paths.pid_file, F_OK) == 0) {
        int signo = await_signal(s, -1, LOOK_MS);
        if (signo != 0 && signo != SIGCHLD)
            return signo;
        if (find_keeper(s) == 0)
            return 0;
    }
    return -1;
}

/* ---- its life ---- */

/* All is there, or a signal or an exit code is in *ret. */
static bool begin(struct service *s, int *ret)
{
    bool was_there = find_keeper(s) == 0;
    *ret = 1;
    if (was_there && !service_owns(s->cli, s->keeper_pid))
        return false;
    int code = was_there ? command(s, "update", false) : 0;
    if (code > 0)
        ui_warn(&s->cli->ui, "the daemon that was there goes on as it is");
    if (code >= 0)
        code = command(s, "resurrect", false);
    if (code > 0 && !was_there)
        (void)command(s, "kill", true);
    *ret = code < 0 ? leave(s, -code) : code;
    return code == 0;
}

static int watch(struct service *s)
{
    for (;;) {
        int signo = await_signal(s, s->keeper, -1);
        if (signo == 0)
            signo = find_another(s);
        if (signo == -1)
            break;
        if (signo != 0 && signo != SIGCHLD)
            return leave(s, signo);
    }
    if (access(s->cli->paths.pid_file, F_OK) < 0)
        return 0; /* ended by pm2 kill */
    ui_error(&s->cli->ui, "the daemon is gone; its log is %s", s->cli->paths.log_file);
    return 1;
}

static int tell_ready(struct service *s, const char *address)
{
    struct err e = {0};
    if (!address || !*address)
        return 0;
    return sd_notify_send(address, "READY=1\nSTATUS=the saved list is launched\n", &e) < 0
               ? cli_fail(s->cli, &e)
               : 0;
}

int service_stay(struct cli *cli)
{
    struct err e = {0};
    struct service s = {.cli = cli, .signals = -1, .keeper = -1};
    const char *given = getenv("NOTIFY_SOCKET");
    char *address = given ? strdup(given) : NULL;
    int code = 1;
    (void)unsetenv("NOTIFY_SOCKET"); /* the main process is this one, whatever the commands do */
    if (program_beside_own("pm2", s.program, sizeof(s.program), &e) < 0 || open_signals(&s, &e) < 0)
        code = cli_fail(cli, &e);
    else if (begin(&s, &code))
        code = find_keeper(&s) < 0 || tell_ready(&s, address) != 0 ? 1 : watch(&s);
    fd_close(&s.signals);
    fd_close(&s.keeper);
    free(address);
    return code;
}
