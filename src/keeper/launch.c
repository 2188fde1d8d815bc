/* SPDX-License-Identifier: MIT
 * Runs once at the start of the keeper. Anything here may fail and end the launch; after it,
 * nothing may. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/fd.h"

#define LOCK_TRIES   100
#define FIRST_FREE   3 /* after stdio */
#define OPTION(name) offsetof(struct launch_options, name)

/* ---- command line ---- */

static const struct {
    const char *name;
    size_t offset;
    bool is_required;
} path_options[] = {
    {"--home", OPTION(home), true},
    {"--pid-file", OPTION(pid_file), true},
    {"--log-file", OPTION(log_file), true},
    {"--daemon", OPTION(daemon), false},
};

static const char **path_slot(struct launch_options *o, size_t i)
{
    return (const char **)(void *)((char *)o + path_options[i].offset);
}

/* `arg` is --name with the value behind "=" or in the next argument. NULL: not this option. */
static const char *value_of(char ***at, const char *name)
{
    const char *arg = **at;
    size_t n = strlen(name);
    if (strncmp(arg, name, n) != 0 || (arg[n] != '=' && arg[n] != '\0'))
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    if (!(*at)[1])
        return "";
    (*at)++;
    return **at;
}

static int parse_fd(const char *name, const char *value, int *ret, struct err *e)
{
    long long fd;
    if (!str_to_int(str_from(value), &fd) || fd < FIRST_FREE || fd > INT32_MAX ||
        fcntl((int)fd, F_GETFD) < 0)
        return err_set(e, -EINVAL, "%s needs the number of an open descriptor above 2", name);
    *ret = (int)fd;
    return 0;
}

static int parse_number(char ***at, struct launch_options *o, struct err *e)
{
    const struct {
        const char *name;
        int *slot;
    } fds[] = {{"--ready-fd", &o->ready_fd},
               {"--peer-fd", &o->peer_fd},
               {"--state-fd", &o->state_fd},
               {"--check-state", &o->check_fd}};
    const struct {
        const char *name;
        long long *slot;
    } numbers[] = {{"--peer-pid", &o->peer_pid},
                   {"--app-umask", &o->app_umask},
                   {"--app-nofile", &o->app_nofile}};
    const char *value;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if ((value = value_of(at, fds[i].name)))
            return parse_fd(fds[i].name, value, fds[i].slot, e);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!(value = value_of(at, numbers[i].name)))
            continue;
        if (!str_to_int(str_from(value), numbers[i].slot) || *numbers[i].slot < 0)
            return err_set(e, -EINVAL, "%s needs a number", numbers[i].name);
        return 0;
    }
    return err_set(e, -EINVAL, "unknown option: %s", **at);
}

static int parse_one(char ***at, struct launch_options *o, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(path_options); i++) {
        const char *value = value_of(at, path_options[i].name);
        if (!value)
            continue;
        if (*value != '/') /* our working folder will be "/" */
            return err_set(e, -EINVAL, "%s needs an absolute path", path_options[i].name);
        *path_slot(o, i) = value;
        return 0;
    }
    return parse_number(at, o, e);
}

int launch_parse(char **argv, struct launch_options *ret, struct err *e)
{
    static char *no_extra[] = {NULL};
    *ret = (struct launch_options){.ready_fd = -1,
                                   .peer_fd = -1,
                                   .state_fd = -1,
                                   .check_fd = -1,
                                   .peer_pid = -1,
                                   .app_umask = -1,
                                   .app_nofile = -1,
                                   .extra = no_extra};
    for (char **at = argv + 1; *at; at++) {
        if (strcmp(*at, "--") == 0) {
            ret->extra = at + 1;
            break;
        }
        ret->want_help = ret->want_help || strcmp(*at, "--help") == 0;
        ret->want_version = ret->want_version || strcmp(*at, "--version") == 0;
        if (ret->want_help || ret->want_version)
            return 0;
        int rc = parse_one(&at, ret, e);
        if (rc < 0)
            return rc;
    }
    if (ret->check_fd >= 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(path_options); i++)
        if (path_options[i].is_required && !*path_slot(ret, i))
            return err_set(e, -EINVAL, "%s is missing", path_options[i].name);
    if ((ret->peer_fd >= 0) != (ret->peer_pid > 0) || (ret->peer_fd >= 0 && ret->ready_fd >= 0))
        return err_set(e, -EINVAL, "--peer-fd goes with --peer-pid, and not with --ready-fd");
    return 0;
}

/* ---- detaching ---- */

/* A launcher may have closed 0, 1 or 2; no file of ours must land there. */
static void fill_stdio(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd < FIRST_FREE);
    fd_close(&fd);
}

static void reset_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGPIPE, SIGUSR1};
    for (int signo = 1; signo < NSIG; signo++)
        (void)signal(signo, SIG_DFL); /* an inherited "ignore SIGCHLD" would reap for us */
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
}

static void raise_nofile(struct launch_world *ret)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    ret->nofile_soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void launch_detach(struct launch_options *o, struct launch_world *ret)
{
    *ret = (struct launch_world){0};
    int *kept = o->peer_fd >= 0 ? &o->peer_fd : &o->ready_fd; /* the one that we go on with */
    if (*kept > FIRST_FREE && dup2(*kept, FIRST_FREE) == FIRST_FREE)
        *kept = FIRST_FREE;
    if (*kept >= 0)
        (void)fd_set_cloexec(*kept, true);
    (void)fd_close_from(*kept >= 0 ? *kept + 1 : FIRST_FREE);
    fill_stdio();
    reset_signals();
    if (getsid(0) != getpid())
        (void)setsid(); /* fails for a group leader, which a shell in the foreground makes us */
    (void)!chdir("/");
    ret->umask = umask(077);
    raise_nofile(ret);
    if (o->app_umask >= 0)
        ret->umask = (mode_t)o->app_umask & 0777;
    if (o->app_nofile >= 0)
        ret->nofile_soft = (uint64_t)o->app_nofile;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* ---- pid file ---- */

/* Does the name still lead to the file that we locked? Our predecessor may have removed it. */
static bool is_current(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

static int write_pid(int fd)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", (int)getpid());
    return ftruncate(fd, 0) < 0 ? -errno : fd_write_all(fd, text, (size_t)n);
}

int launch_lock(const char *pid_file, struct err *e)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = open(pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_set(e, -errno, "cannot open %s: %s", pid_file, err_text(errno));
        int rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
        if (rc == 0 && is_current(fd, pid_file)) {
            rc = write_pid(fd);
            if (rc == 0)
                return fd;
        }
        fd_close(&fd);
        if (rc == -EWOULDBLOCK)
            return err_set(e, -EBUSY, "another daemon is running");
        if (rc < 0)
            return err_set(e, rc, "cannot lock %s: %s", pid_file, err_text(rc));
    }
    return err_set(e, -EAGAIN, "%s is removed again and again", pid_file);
}

/* ---- log and report ---- */

int launch_open_log(const char *log_file, struct err *e)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int rc = 0;
    if (null < 0)
        rc = err_set(e, -errno, "cannot open /dev/null: %s", err_text(errno));
    else if (log < 0)
        rc = err_set(e, -errno, "cannot open %s: %s", log_file, err_text(errno));
    else if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
             dup2(log, STDERR_FILENO) < 0)
        rc = err_set(e, -errno, "dup2: %s", err_text(errno));
    fd_close(&null);
    fd_close(&log);
    return rc;
}

void launch_report(int *ready_fd, char kind, const char *text)
{
    char line[ERR_MSG_MAX + 2];
    if (*ready_fd < 0)
        return;
    size_t n = strcspn(text, "\n"); /* one line, whatever pm2d said */
    if (n > ERR_MSG_MAX)
        n = ERR_MSG_MAX;
    line[0] = kind;
    memcpy(line + 1, text, n);
    line[n + 1] = '\n';
    (void)fd_write_all(*ready_fd, line, n + 2);
    fd_close(ready_fd);
}
