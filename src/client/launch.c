/* SPDX-License-Identifier: MIT
 * fork and exec of the keeper, and the wait for its word. Between fork and exec only
 * async-signal-safe calls are made: the caller may be a program with threads. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/str.h"
#include "os/fd.h"

#define LOCK_NAME   ".launch.lock"
#define KEEPER_NAME "pm2-keeper"
#define DAEMON_NAME "pm2d"
#define READY_FD    3
#define TAKEN_WORD  "another daemon is running" /* what a keeper says when there is one */

extern char **environ;

/* ---- environment ---- */

static const char *const kept_names[] = {"PATH",
                                         "HOME",
                                         "USER",
                                         "LOGNAME",
                                         "SHELL",
                                         "LANG",
                                         "TZ",
                                         "NVM_DIR",
                                         "TMPDIR",
                                         "OVER_HOME",
                                         "EXP_BACKOFF_RESET_TIMER",
                                         "NODE_CLUSTER_SCHED_POLICY"};
static const struct str kept_prefixes[] = {{"LC_", 3}, {"XDG_", 4}, {"PM2_", 4}};
#define SANITIZER_SUFFIX STR("SAN_OPTIONS")

static bool is_kept(const char *entry)
{
    const char *eq = strchr(entry, '=');
    struct str name = {entry, eq ? (size_t)(eq - entry) : 0};
    if (!eq || str_eq_c(name, "PM2_HOME"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kept_names); i++)
        if (str_eq_c(name, kept_names[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(kept_prefixes); i++)
        if (str_starts(name, kept_prefixes[i]))
            return true;
    return str_ends(name, SANITIZER_SUFFIX);
}

char **launch_environment(char *const *env, const char *home)
{
    size_t count = 2; /* PM2_HOME and the end */
    size_t bytes = sizeof("PM2_HOME=") + strlen(home);
    for (char *const *at = env; *at; at++) {
        count++;
        bytes += strlen(*at) + 1;
    }
    char **ret = malloc(count * sizeof(char *) + bytes);
    if (!ret)
        return NULL;
    char *text = (char *)(ret + count);
    size_t n = 0;
    for (char *const *at = env; *at; at++) {
        if (!is_kept(*at))
            continue;
        size_t size = strlen(*at) + 1;
        ret[n++] = memcpy(text, *at, size);
        text += size;
    }
    ret[n++] = text;
    ret[n] = NULL;
    text = stpcpy(text, "PM2_HOME=");
    stpcpy(text, home);
    return ret;
}

/* ---- lock ---- */

int launch_lock_open(const char *home, struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/" LOCK_NAME, home);
    if (n < 0 || n >= (int)sizeof(path))
        return err_set(e, -ENAMETOOLONG, "PM2_HOME is too long: %s", home);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(e, -errno, "cannot open %s: %s", path, err_text(errno));
    return fd;
}

int launch_lock_try(int fd)
{
    int rc;
    do
        rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

/* ---- programs ---- */

struct programs {
    char keeper[PATH_MAX], daemon[PATH_MAX];
};

bool launch_put_beside(char *path, size_t size, const char *name)
{
    char *slash = strrchr(path, '/');
    size_t room = slash ? size - (size_t)(slash + 1 - path) : 0;
    return strlen(name) < room && snprintf(slash + 1, room, "%s", name) > 0;
}

static int find_programs(const struct launch_spec *s, struct programs *ret, struct err *e)
{
    if (s->keeper_path) {
        snprintf(ret->keeper, sizeof(ret->keeper), "%s", s->keeper_path);
    } else {
        ssize_t n = readlink("/proc/self/exe", ret->keeper, sizeof(ret->keeper) - 1);
        if (n < 0)
            return err_set(e, -errno, "cannot tell where this program lies: %s", err_text(errno));
        ret->keeper[n] = '\0';
        if (!launch_put_beside(ret->keeper, sizeof(ret->keeper), KEEPER_NAME))
            return err_set(e, -ENAMETOOLONG, "the path of this program is too long");
    }
    memcpy(ret->daemon, ret->keeper, sizeof(ret->daemon));
    if (!launch_put_beside(ret->daemon, sizeof(ret->daemon), DAEMON_NAME))
        return err_set(e, -EINVAL, "not a path of " KEEPER_NAME ": %s", ret->keeper);
    if (access(ret->keeper, X_OK) < 0)
        return err_set(e, -errno, "cannot start the daemon: %s: %s", ret->keeper, err_text(errno));
    return 0;
}

/* ---- child ---- */

struct child_plan {
    const char *file;
    char **argv, **env;
    int ready_w;
};

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL); /* refused for SIGKILL and SIGSTOP, which is fine */
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Any of 0, 1 and 2 may be closed in the caller, so the pipe may sit there: lift it first. */
static int arrange_fds(int ready_w)
{
    int lifted = fcntl(ready_w, F_DUPFD, READY_FD + 1);
    int null = open("/dev/null", O_RDWR);
    if (lifted < 0 || null < 0)
        return -1;
    for (int fd = 0; fd < READY_FD; fd++)
        if (null != fd && dup2(null, fd) < 0)
            return -1;
    if (dup2(lifted, READY_FD) < 0)
        return -1;
    return fd_close_from(READY_FD + 1);
}

ATTR_NORETURN static void run_keeper(const struct child_plan *p)
{
    int ready = p->ready_w;
    setsid();
    reset_signals();
    if (arrange_fds(p->ready_w) == 0) {
        ready = READY_FD;
        if (chdir("/") == 0) /* keeps no file system busy */
            execve(p->file, p->argv, p->env);
    }
    unsigned char word[2] = {'X', (unsigned char)errno};
    ssize_t n = write(ready, word, sizeof(word));
    _exit(n < 0 ? 126 : 127);
}

/* Two forks: the keeper is nobody's child then, and the caller has no zombie to collect later. */
static int spawn_keeper(const struct child_plan *p)
{
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        pid_t keeper = fork();
        if (keeper == 0)
            run_keeper(p);
        _exit(keeper < 0 ? errno & 0xff : 0);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0; /* the caller ignores SIGCHLD: the pipe will tell */
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* ---- the keeper's word ---- */

void launch_init(struct launch *l)
{
    l->ready_fd = -1;
    l->got = 0;
}

void launch_fini(struct launch *l)
{
    fd_close(&l->ready_fd);
}

int launch_begin(struct launch *l, const struct launch_spec *s, struct err *e)
{
    struct programs prog;
    int rc = find_programs(s, &prog, e);
    if (rc < 0)
        return rc;
    memcpy(l->keeper, prog.keeper, sizeof(l->keeper));
    char *argv[] = {prog.keeper,          (char *)"--home",    (char *)s->home,
                    (char *)"--pid-file", (char *)s->pid_file, (char *)"--log-file",
                    (char *)s->log_file,  (char *)"--daemon",  prog.daemon,
                    (char *)"--ready-fd", (char *)"3",         NULL};
    int ready[2];
    struct child_plan plan = {.file = prog.keeper,
                              .argv = argv,
                              .env = launch_environment(environ, s->home)};
    if (!plan.env)
        return err_set(e, -ENOMEM, "out of memory");
    if (pipe2(ready, O_CLOEXEC) < 0) {
        rc = -errno;
        free(plan.env);
        return err_set(e, rc, "cannot make a pipe: %s", err_text(rc));
    }
    plan.ready_w = ready[1];
    rc = fd_set_nonblock(ready[0], true);
    rc = rc < 0 ? rc : spawn_keeper(&plan);
    free(plan.env);
    fd_close(&ready[1]);
    l->ready_fd = ready[0];
    if (rc == 0)
        return 0;
    launch_fini(l);
    return err_set(e, rc, "cannot make a process: %s", err_text(rc));
}

static int judge(struct launch *l, const struct launch_spec *s, struct err *e)
{
    l->word[strcspn(l->word, "\n")] = '\0';
    const char *text = l->word + 1;
    switch (l->word[0]) {
    case 'R': return 0;
    case 'E':
        return err_set(e, strcmp(text, TAKEN_WORD) == 0 ? -EBUSY : -ECHILD,
                       "cannot start the daemon: %s", text);
    case 'X':
        return err_set(e, -(int)(unsigned char)*text, "cannot start the daemon: %s: %s", l->keeper,
                       err_text((unsigned char)*text));
    default:
        return err_set(e, -ECHILD, "the daemon ended before it was ready; see %s", s->log_file);
    }
}

int launch_step(struct launch *l, const struct launch_spec *s, struct err *e)
{
    for (;;) {
        ssize_t n = read(l->ready_fd, l->word + l->got, sizeof(l->word) - 1 - l->got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 1;
        if (n > 0)
            l->got += (size_t)n;
        l->word[l->got] = '\0';
        if (n <= 0 || strchr(l->word, '\n'))
            return judge(l, s, e);
    }
}
