/* SPDX-License-Identifier: MIT
 * Running node for a process file. Blocks; runs in clients only. */
#include "procfile/js.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "runner_js.h"
#include "json/json5.h"
#include "json/read.h"

enum { RESULT_FD = 3, CHILD_FD_BASE = 10, EXIT_NO_EXEC = 127, WAIT_STEP_MS = 10 };
#define CHUNK_BYTES (64UL * 1024)

struct child {
    pid_t pid;
    int pidfd; /* -1 on a kernel without */
    int result_r;
    int64_t deadline_ms;
    int status;     /* of waitpid */
    bool is_reaped; /* also when somebody else has taken the status, which is 0 then */
};

static int oom(struct err *e)
{
    return err_set(e, -ENOMEM, "out of memory");
}

/* node as the shell would find it. */
static int find_node(char *ret_path, size_t size, struct err *e)
{
    const char *dir = getenv("PATH");
    if (!dir)
        dir = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        size_t n = strcspn(dir, ":");
        int len = snprintf(ret_path, size, "%.*s/node", n ? (int)n : 1, n ? dir : ".");
        struct stat st;
        if (len > 0 && (size_t)len < size && stat(ret_path, &st) == 0 && S_ISREG(st.st_mode) &&
            access(ret_path, X_OK) == 0)
            return 0;
        if (dir[n] == '\0')
            return err_set(e, -ENOEXEC, "JavaScript needs node, and there is none in PATH");
        dir += n + 1;
    }
}

/* The child's stdin: the expression, or nothing. fd or -errno. */
static int open_stdin(const struct js_request *rq)
{
    if (!rq->expression) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (nothing < 0)
            return -errno;
        return nothing;
    }
    int fd = memfd_create("process file", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, rq->expression->p, rq->expression->n);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    fd_close(&fd);
    return rc;
}

/* Between fork and exec: only calls that are safe in a signal handler. */
static void become_node(const char *node, char *const argv[], const char *cwd, int stdin_fd,
                        int result_fd, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    /* an endless loop must not outlive a client that was interrupted: our group gets no Ctrl-C */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_NO_EXEC);
    int in = fcntl(stdin_fd, F_DUPFD, CHILD_FD_BASE);
    int out = fcntl(result_fd, F_DUPFD, CHILD_FD_BASE);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, RESULT_FD) < 0)
        _exit(EXIT_NO_EXEC);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    fd_close_from(RESULT_FD + 1);
    if (chdir(cwd) < 0)
        _exit(EXIT_NO_EXEC);
    execv(node, argv);
    _exit(EXIT_NO_EXEC);
}

static int start(const struct js_request *rq, struct child *ret, struct err *e)
{
    char node[PATH_MAX];
    int rc = find_node(node, sizeof(node), e);
    if (rc < 0)
        return rc;
    char *const argv[] = {
        "node",           "-e", (char *)runner_js, "--", rq->expression ? "expression" : "file",
        (char *)rq->file, NULL};
    int pipe_fds[2] = {-1, -1};
    int in = open_stdin(rq);
    rc = in < 0 ? in : pipe2(pipe_fds, O_CLOEXEC) < 0 ? -errno : 0;
    pid_t parent = getpid();
    pid_t pid = rc < 0 ? -1 : fork();
    if (pid == 0)
        become_node(node, argv, rq->cwd, in, pipe_fds[1], parent);
    if (rc == 0 && pid < 0)
        rc = -errno;
    fd_close(&in);
    fd_close(&pipe_fds[1]);
    if (rc < 0) {
        fd_close(&pipe_fds[0]);
        return err_set(e, rc, "%s cannot be started: %s", node, err_text(rc));
    }
    setpgid(pid, pid); /* as the child does: whoever comes first */
    int pidfd = pidfd_open_process(pid);
    *ret = (struct child){
        .pid = pid,
        .pidfd = pidfd < 0 ? -1 : pidfd,
        .result_r = pipe_fds[0],
        .deadline_ms = clock_mono_ms() + rq->timeout_ms,
    };
    return 0;
}

/* Read what is there: 1 = more may come, 0 = end. */
static int read_some(struct child *c, struct buf *out, struct err *e)
{
    if (!buf_reserve(out, CHUNK_BYTES))
        return oom(e);
    ssize_t n = read(c->result_r, out->data + out->len, CHUNK_BYTES);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 1 : err_set(e, -errno, "%s", err_text(errno));
    out->len += (size_t)n;
    out->data[out->len] = '\0';
    if (out->len > LIMIT_PROCFILE_BYTES)
        return err_set(e, -EFBIG, "it yields more than %lu bytes", LIMIT_PROCFILE_BYTES);
    return n > 0;
}

static int timed_out(const struct js_request *rq, struct err *e)
{
    return err_set(e, -ETIMEDOUT, "evaluation took longer than %g s (PM2_CONFIG_TIMEOUT)",
                   (double)rq->timeout_ms / 1000);
}

static int left_ms(const struct child *c)
{
    int64_t left = c->deadline_ms - clock_mono_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The result, up to its end or to the end of node: a process that it left behind may hold the pipe.
 */
static int collect(struct child *c, const struct js_request *rq, struct buf *out, struct err *e)
{
    int rc = 1;
    while (rc > 0) {
        struct pollfd fds[] = {{.fd = c->result_r, .events = POLLIN},
                               {.fd = c->pidfd, .events = POLLIN}};
        int n = poll(fds, 2, left_ms(c));
        if (n == 0)
            rc = timed_out(rq, e);
        else if (n > 0 && fds[0].revents)
            rc = read_some(c, out, e);
        else if (n > 0)
            rc = 0;
        else if (errno != EINTR)
            rc = err_set(e, -errno, "poll: %s", err_text(errno));
    }
    return rc;
}

static bool reap(struct child *c, int flags)
{
    pid_t got;
    do
        got = waitpid(c->pid, &c->status, flags);
    while (got < 0 && errno == EINTR);
    c->is_reaped = got != 0;
    if (got < 0)
        c->status = 0;
    return c->is_reaped;
}

/* node ends by itself within the time limit, or not: -ETIMEDOUT. */
static int await_exit(struct child *c, const struct js_request *rq, struct err *e)
{
    while (!reap(c, WNOHANG)) {
        struct pollfd gone = {.fd = c->pidfd, .events = POLLIN};
        int left = left_ms(c);
        if (left == 0)
            return timed_out(rq, e);
        poll(&gone, 1, c->pidfd >= 0 || left < WAIT_STEP_MS ? left : WAIT_STEP_MS);
    }
    return 0;
}

/* After a failure the whole group goes; after success what it has begun may stay. */
static void finish(struct child *c)
{
    if (!c->is_reaped) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL);
        reap(c, 0);
    }
    fd_close(&c->pidfd);
    fd_close(&c->result_r);
}

/* No result has come. */
static int no_result(const struct child *c, struct err *e)
{
    if (WIFSIGNALED(c->status))
        return err_set(e, -EPROTO, "node was killed by SIG%s", sigabbrev_np(WTERMSIG(c->status)));
    if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == EXIT_NO_EXEC)
        return err_set(e, -EPROTO, "node could not be run");
    return err_set(e, -EPROTO, "node ended with code %d", WEXITSTATUS(c->status));
}

static int read_result(struct str text, json_t **ret, struct err *e)
{
    AUTO_JSON result = json5_read(text, NULL, e);
    if (!result && e->code == -EINVAL)
        return err_set(e, -EPROTO, "its result was cut short");
    if (!result)
        return e->code;
    const char *error = json_get_str(result, "error");
    if (error)
        return err_set(e, json_get_bool(result, "syntax", false) ? -EINVAL : -EPROTO, "%s", error);
    json_t *value = json_object_get(result, "value");
    if (!value)
        return err_set(e, -EPROTO, "it exports nothing");
    *ret = json_incref(value);
    return 0;
}

int js_eval(const struct js_request *rq, json_t **ret, struct err *e)
{
    struct child c = {0};
    AUTO(buf) out = BUF_INIT;
    int rc = start(rq, &c, e);
    if (rc < 0)
        return rc;
    rc = collect(&c, rq, &out, e);
    if (rc == 0)
        rc = await_exit(&c, rq, e);
    finish(&c);
    if (rc < 0)
        return rc;
    return out.len > 0 ? read_result(buf_str(&out), ret, e) : no_result(&c, e);
}
