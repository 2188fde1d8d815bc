/* SPDX-License-Identifier: MIT
 * Runs in the keeper, which is single-threaded and small: plain fork is cheap there, and the child
 * may call what it likes before exec. */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"
#include "os/pidfd.h"

#define SHELL            "/bin/sh"
#define DEFAULT_PATH     "/usr/local/bin:/usr/bin:/bin"
#define EXEC_WAIT_MS     10000
#define CHILD_FDS        4 /* stdin, stdout, stderr, channel */
#define LISTEN_FDS_START 3 /* where systemd's sd_listen_fds(3) begins to count */
#define FINAL_FDS_MAX    (CHILD_FDS + LIMIT_LINK_FDS)
#define LISTEN_PID       "LISTEN_PID="

enum { PARENT, CHILD, ENDS };

/* Both ends of everything between parent and child. */
struct plumbing {
    int fds[CHILD_FDS][ENDS];
    int report[ENDS]; /* the exec-error pipe */
};

struct report {
    int stage, code;
};

struct child {
    const struct spawn_spec *spec;
    struct plumbing *p;
    bool has_cgroup; /* born in it */
    int detail;      /* of the stage that failed */
};

/* ---- the child, in order ---- */

static int step_session(struct child *c)
{
    (void)c;
    return setsid() < 0 ? -errno : 0;
}

static int step_signals(struct child *c)
{
    (void)c;
    /* By system call: the wrappers refuse the two signals that libc keeps for itself, and those may
     * have been ignored by whoever started us. All zeros is SIG_DFL, no flags, an empty mask. */
    static const unsigned long long dfl[8];
    for (int signo = 1; signo < NSIG; signo++)
        (void)syscall(SYS_rt_sigaction, signo, dfl, NULL, NSIG / 8); /* KILL and STOP refuse */
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* In the order of their final numbers. */
static int list_fds(const struct child *c, int *ret)
{
    int count = 0;
    for (int i = 0; i < LISTEN_FDS_START; i++)
        ret[count++] = c->p->fds[i][CHILD];
    for (size_t i = 0; i < c->spec->listen_count; i++)
        ret[count++] = c->spec->listen_fds[i];
    if (c->spec->want_channel)
        ret[count++] = c->p->fds[CHILD_FDS - 1][CHILD];
    return count;
}

/* Final numbers: 0, 1, 2, [sockets], [channel], then the report pipe, then nothing. All are lifted
 * above these first, because any of them may sit on the number that another one needs. */
static int step_stdio(struct child *c)
{
    int lifted[FINAL_FDS_MAX];
    int count = list_fds(c, lifted);
    for (int i = 0; i < count; i++) {
        lifted[i] = fcntl(lifted[i], F_DUPFD_CLOEXEC, count + 1);
        if (lifted[i] < 0)
            return -errno;
    }
    int report = fcntl(c->p->report[CHILD], F_DUPFD_CLOEXEC, count + 1);
    if (report < 0)
        return -errno;
    c->p->report[CHILD] = report;
    for (int i = 0; i < count; i++)
        if (dup2(lifted[i], i) < 0)
            return -errno;
    if (dup3(report, count, O_CLOEXEC) < 0)
        return -errno;
    c->p->report[CHILD] = count;
    return 0;
}

/* The sockets are meant for the process with this pid, and not for its children, which inherit the
 * variables. Nobody but the child knows it. */
static int step_listen_pid(struct child *c)
{
    for (char *const *at = c->spec->env; c->spec->listen_count > 0 && *at; at++) {
        if (strncmp(*at, LISTEN_PID, sizeof(LISTEN_PID) - 1) == 0)
            snprintf(*at, strlen(*at) + 1, LISTEN_PID "%d", (int)getpid());
    }
    return 0;
}

/* Before the ids change: only we may write there. An app without its cgroup still is an app, unless
 * the cgroup limits it. */
static int step_cgroup(struct child *c)
{
    char path[PATH_MAX];
    if (c->has_cgroup || !c->spec->cgroup ||
        snprintf(path, sizeof(path), "%s/cgroup.procs", c->spec->cgroup) >= (int)sizeof(path))
        return 0;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : fd_write_all(fd, "0", 1);
    fd_close(&fd);
    return c->spec->need_cgroup ? rc : 0;
}

static int step_world(struct child *c)
{
    if (c->spec->set_umask)
        umask(c->spec->umask);
    struct rlimit limit;
    if (c->spec->nofile_soft == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = c->spec->nofile_soft;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int step_nice(struct child *c)
{
    return c->spec->set_nice && setpriority(PRIO_PROCESS, 0, c->spec->nice) < 0 ? -errno : 0;
}

static int step_rlimits(struct child *c)
{
    for (size_t i = 0; i < c->spec->rlimit_count; i++) {
        const struct spawn_rlimit *r = &c->spec->rlimits[i];
        if (setrlimit((__rlimit_resource_t)r->resource, &r->limit) < 0) {
            c->detail = r->resource;
            return -errno;
        }
    }
    return 0;
}

static int step_groups(struct child *c)
{
    if (!c->spec->set_ids)
        return 0;
    if (setgroups(c->spec->group_count, c->spec->groups) == 0)
        return 0;
    /* Only root may; if we are not, setgid and setuid decide whether anything is asked of us. */
    return geteuid() == 0 ? -errno : 0;
}

static int step_gid(struct child *c)
{
    return c->spec->set_ids && setgid(c->spec->gid) < 0 ? -errno : 0;
}

static int step_uid(struct child *c)
{
    return c->spec->set_ids && setuid(c->spec->uid) < 0 ? -errno : 0;
}

static int step_cwd(struct child *c)
{
    return c->spec->cwd && chdir(c->spec->cwd) < 0 ? -errno : 0;
}

static int step_close(struct child *c)
{
    return fd_close_from(c->p->report[CHILD] + 1);
}

/* What execvp(3) does with a script that lacks its "#!" line. */
static int exec_by_shell(const char *path, const struct spawn_spec *s)
{
    size_t argc = 0;
    while (s->argv[argc])
        argc++;
    char **argv = calloc(argc + 2, sizeof(*argv));
    if (!argv)
        return -ENOMEM;
    argv[0] = (char *)SHELL;
    argv[1] = (char *)path;
    for (size_t i = 1; i < argc; i++)
        argv[i + 1] = s->argv[i];
    execve(SHELL, argv, s->env);
    int code = -errno;
    free(argv);
    return code;
}

/* A broken binary must be reported, not read by a shell. */
static bool is_text(const char *path)
{
    char head[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
    fd_close(&fd);
    return n >= 0 && !memchr(head, '\0', (size_t)n);
}

static int exec_path(const char *path, const struct spawn_spec *s)
{
    execve(path, s->argv, s->env);
    int code = -errno;
    return code == -ENOEXEC && is_text(path) ? exec_by_shell(path, s) : code;
}

/* Errors of one folder of PATH that say nothing about the next one. */
static bool is_worth_going_on(int code)
{
    return code == -ENOENT || code == -ENOTDIR || code == -EACCES || code == -ESTALE ||
           code == -ENODEV || code == -ETIMEDOUT || code == -ENAMETOOLONG || code == -ELOOP;
}

static int exec_searched(const struct spawn_spec *s)
{
    const char *at = s->search_path ? s->search_path : DEFAULT_PATH;
    size_t name_len = strlen(s->file);
    int result = -ENOENT;
    if (name_len == 0)
        return -ENOENT;
    for (;;) {
        char path[PATH_MAX];
        size_t n = strcspn(at, ":");
        if (n + name_len + 2 <= sizeof(path)) {
            memcpy(path, at, n);
            if (n > 0) /* an empty item is the current folder */
                path[n] = '/';
            memcpy(path + n + (n > 0), s->file, name_len + 1);
            int rc = exec_path(path, s);
            if (rc == -EACCES)
                result = rc;
            else if (!is_worth_going_on(rc))
                return rc;
        }
        if (at[n] == '\0')
            return result;
        at += n + 1;
    }
}

static int step_exec(struct child *c)
{
    return strchr(c->spec->file, '/') ? exec_path(c->spec->file, c->spec) : exec_searched(c->spec);
}

static const struct {
    int (*run)(struct child *c);
    enum spawn_stage stage;
} steps[] = {
    {step_session, SPAWN_RESOURCES}, {step_signals, SPAWN_RESOURCES},
    {step_stdio, SPAWN_RESOURCES},   {step_listen_pid, SPAWN_RESOURCES},
    {step_cgroup, SPAWN_CGROUP},     {step_world, SPAWN_RESOURCES},
    {step_nice, SPAWN_NICE},         {step_rlimits, SPAWN_RLIMIT},
    {step_groups, SPAWN_GROUPS},     {step_gid, SPAWN_GID},
    {step_uid, SPAWN_UID},           {step_cwd, SPAWN_CWD},
    {step_close, SPAWN_RESOURCES},   {step_exec, SPAWN_EXEC},
};

static void ATTR_NORETURN run_child(struct child *c)
{
    struct report r = {0, 0};
    for (size_t i = 0; i < ARRAY_LEN(steps) && r.code == 0; i++)
        r = (struct report){steps[i].stage, steps[i].run(c)};
    r.stage += c->detail;
    (void)fd_write_all(c->p->report[CHILD], &r, sizeof(r));
    _exit(127);
}

/* ---- the parent ---- */

static void plumbing_close(struct plumbing *p, int end)
{
    for (int i = 0; i < CHILD_FDS; i++)
        fd_close(&p->fds[i][end]);
    fd_close(&p->report[end]);
}

/* A pipe in which `reader` (PARENT or CHILD) has the end to read from. */
static int make_pipe(int fds[ENDS], int reader)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    fds[reader] = ends[0];
    fds[1 - reader] = ends[1];
    return 0;
}

/* The same end, open for both ways (Linux gives that to who opens a pipe by its name in /proc).
 * Without /proc it stays as it is. */
static void make_lasting(int *fd)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
    int both = open(path, O_RDWR | O_CLOEXEC);
    if (both < 0)
        return;
    fd_close(fd);
    *fd = both;
}

static int make_channel(int fds[ENDS])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
}

static int plumbing_make(const struct spawn_spec *s, struct plumbing *p)
{
    int rc = make_pipe(p->report, PARENT);
    if (rc == 0)
        rc = make_pipe(p->fds[STDIN_FILENO], CHILD);
    if (rc == 0)
        rc = make_pipe(p->fds[STDOUT_FILENO], PARENT);
    if (rc == 0)
        rc = make_pipe(p->fds[STDERR_FILENO], PARENT);
    if (rc == 0 && s->want_channel)
        rc = make_channel(p->fds[CHILD_FDS - 1]);
    for (int i = 0; rc == 0 && i < CHILD_FDS; i++)
        if (p->fds[i][PARENT] >= 0)
            rc = fd_set_nonblock(p->fds[i][PARENT], true);
    for (int i = 0; rc == 0 && s->lasting_pipes && i <= STDERR_FILENO; i++)
        make_lasting(&p->fds[i][CHILD]);
    if (rc == 0 && s->pipe_bytes > 0) {
        (void)fcntl(p->fds[STDOUT_FILENO][PARENT], F_SETPIPE_SZ, (int)s->pipe_bytes);
        (void)fcntl(p->fds[STDERR_FILENO][PARENT], F_SETPIPE_SZ, (int)s->pipe_bytes);
    }
    return rc;
}

/* 0 once the child has exec'd, else -errno and the stage. */
static int await_exec(int report_fd, enum spawn_stage *ret_stage)
{
    struct pollfd pfd = {.fd = report_fd, .events = POLLIN};
    int rc = poll(&pfd, 1, EXEC_WAIT_MS);
    if (rc == 0) {
        *ret_stage = SPAWN_EXEC;
        return -ETIMEDOUT;
    }
    struct report r;
    ssize_t n;
    do
        n = read(report_fd, &r, sizeof(r));
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(r))
        return 0;
    *ret_stage = (enum spawn_stage)r.stage;
    return r.code;
}

static void end_child(pid_t pid, bool is_stuck)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, is_stuck ? WNOHANG : 0) < 0 && errno == EINTR)
        ;
}

/* A kernel or sandbox without pidfds is no reason to fail; lack of descriptors is. */
static int open_pidfd(pid_t pid)
{
    int fd = pidfd_open_process(pid);
    return fd == -ENOSYS || fd == -EPERM ? -1 : fd;
}

/* Born in its cgroup the child needs no move, which would wait for the kernel's readers (an RCU
 * grace period, many milliseconds). An older kernel: plain fork, and step_cgroup(). */
static pid_t fork_child(struct child *c)
{
    int fd = c->spec->cgroup ? open(c->spec->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return fork();
    struct clone_args args = {.flags = CLONE_INTO_CGROUP,
                              .exit_signal = SIGCHLD,
                              .cgroup = (uint64_t)fd};
    c->has_cgroup = true; /* as the child sees it */
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0) {
        c->has_cgroup = false;
        pid = fork();
    }
    if (pid != 0)
        fd_close(&fd);
    return pid;
}

static int fork_and_exec(const struct spawn_spec *s, struct plumbing *p, struct spawn_result *ret,
                         enum spawn_stage *ret_stage)
{
    struct child c = {.spec = s, .p = p};
    ret->pid = fork_child(&c);
    if (ret->pid < 0)
        return -errno;
    if (ret->pid == 0)
        run_child(&c);
    plumbing_close(p, CHILD);
    ret->pidfd = open_pidfd(ret->pid);
    int rc = ret->pidfd < -1 ? ret->pidfd : await_exec(p->report[PARENT], ret_stage);
    if (rc == 0)
        return 0;
    end_child(ret->pid, rc == -ETIMEDOUT);
    fd_close(&ret->pidfd);
    return rc;
}

int spawn_process(const struct spawn_spec *s, struct spawn_result *ret, enum spawn_stage *ret_stage)
{
    struct plumbing p = {.fds = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}, .report = {-1, -1}};
    *ret = (struct spawn_result){-1, -1, -1, -1, -1, -1};
    *ret_stage = SPAWN_RESOURCES;
    int rc = s->listen_count > LIMIT_LINK_FDS ? -EINVAL : plumbing_make(s, &p);
    if (rc == 0)
        rc = fork_and_exec(s, &p, ret, ret_stage);
    if (rc == 0) {
        ret->stdin_w = p.fds[STDIN_FILENO][PARENT];
        ret->stdout_r = p.fds[STDOUT_FILENO][PARENT];
        ret->stderr_r = p.fds[STDERR_FILENO][PARENT];
        ret->channel = p.fds[CHILD_FDS - 1][PARENT];
        fd_close(&p.report[PARENT]);
        return 0;
    }
    *ret = (struct spawn_result){-1, -1, -1, -1, -1, -1};
    plumbing_close(&p, PARENT);
    plumbing_close(&p, CHILD);
    return rc;
}
