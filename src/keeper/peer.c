/* SPDX-License-Identifier: MIT
 * The keeper's side of the link. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"

#define READ_BYTES     16384
#define OUT_KEEP_BYTES 16384 /* memory that an idle link may keep */

extern char **environ;

void peer_init(struct peer *p)
{
    memset(p, 0, sizeof(*p));
    p->link = p->pidfd = -1;
    link_reader_init(&p->in);
    buf_init(&p->out);
}

void peer_drop(struct peer *p)
{
    fd_close(&p->link);
    for (unsigned i = 0; i < p->fds_in_count; i++)
        fd_close(&p->fds_in[i]);
    p->fds_in_count = 0;
    p->out_fd_count = 0;
    p->out_sent = 0;
    p->has_greeted = p->is_stalled = false;
    link_reader_fini(&p->in);
    buf_fini(&p->out);
}

/* ---- the process ---- */

static int set_up_spawn(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions, int link)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    /* A dup2 onto itself clears CLOEXEC here, by definition. */
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, link, LINK_FD);
    return -rc;
}

static int run_daemon(pid_t *ret_pid, const char *path, char *const *argv, int link)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    int rc = -posix_spawnattr_init(&attr);
    if (rc < 0)
        return rc;
    rc = -posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = set_up_spawn(&attr, &actions, link);
        if (rc == 0)
            rc = -posix_spawn(ret_pid, path, &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attr);
    return rc;
}

static char **make_argv(const char *path, const char *home, char *const *extra)
{
    size_t n = 0;
    while (extra[n])
        n++;
    char **argv = calloc(n + 4, sizeof(*argv));
    if (!argv)
        return NULL;
    argv[0] = (char *)path;
    argv[1] = (char *)"--home";
    argv[2] = (char *)home;
    memcpy(argv + 3, extra, n * sizeof(*argv));
    return argv;
}

int peer_start(struct peer *p, const char *path, const char *home, char *const *extra)
{
    int ends[2];
    char **argv = make_argv(path, home, extra);
    if (!argv)
        return -ENOMEM;
    int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
    if (rc == 0) {
        rc = fd_set_nonblock(ends[0], true);
        if (rc == 0)
            rc = run_daemon(&p->pid, path, argv, ends[1]);
        fd_close(&ends[1]);
        if (rc < 0)
            fd_close(&ends[0]);
    }
    free(argv);
    p->starts++;
    p->started_ms = clock_mono_ms();
    p->has_got_ready = false;
    if (rc < 0) {
        p->pid = 0;
        return rc;
    }
    p->link = ends[0];
    p->is_deaf = false;
    return 0;
}

int peer_join(struct peer *p, int take_link, pid_t pid)
{
    int pidfd = pidfd_open_process(pid);
    int rc = pidfd < 0 ? pidfd : fd_set_nonblock(take_link, true);
    if (rc < 0) {
        fd_close(&pidfd);
        fd_close(&take_link);
        return rc;
    }
    p->pid = pid;
    p->pidfd = pidfd;
    p->link = take_link;
    p->starts = 1;
    p->started_ms = clock_mono_ms();
    p->has_got_ready = p->is_deaf = false;
    return 0;
}

void peer_kill(const struct peer *p)
{
    if (p->pidfd >= 0)
        (void)pidfd_signal(p->pidfd, SIGKILL);
    else if (p->pid > 0)
        (void)kill(p->pid, SIGKILL);
}

/* ---- in ---- */

int peer_receive(struct peer *p)
{
    char bytes[READ_BYTES];
    unsigned room = PEER_FDS_MAX - p->fds_in_count;
    ssize_t n = fd_recv(p->link, bytes, sizeof(bytes), p->fds_in + p->fds_in_count, &room);
    if (n <= 0)
        return (int)n;
    p->fds_in_count += room;
    int rc = link_reader_feed(&p->in, bytes, (size_t)n);
    return rc < 0 ? rc : (int)n;
}

int peer_next(struct peer *p, struct link_frame *ret, int *ret_fds)
{
    int rc = link_reader_next(&p->in, ret);
    if (rc <= 0)
        return rc;
    if (ret->nfds > p->fds_in_count)
        return -EPROTO;
    memcpy(ret_fds, p->fds_in, ret->nfds * sizeof(int));
    p->fds_in_count -= ret->nfds;
    memmove(p->fds_in, p->fds_in + ret->nfds, p->fds_in_count * sizeof(int));
    return 1;
}

/* ---- out ---- */

void peer_lend_fds(struct peer *p, const int *fds, unsigned count)
{
    memcpy(p->out_fds, fds, count * sizeof(int));
    p->out_fd_count = count;
}

bool peer_is_idle(const struct peer *p)
{
    return p->out.len == 0;
}

static void forget_output(struct peer *p)
{
    buf_clear(&p->out);
    buf_trim(&p->out, OUT_KEEP_BYTES);
    p->out_sent = 0;
    p->out_fd_count = 0;
}

int peer_flush(struct peer *p)
{
    p->is_stalled = false;
    if (p->link < 0 || p->is_deaf) {
        forget_output(p);
        return 0;
    }
    if (buf_oom(&p->out))
        return -ENOMEM;
    if (p->out.len > LIMIT_LINK_OUT_BYTES)
        return -EMSGSIZE;
    while (p->out_sent < p->out.len) {
        ssize_t n = fd_send(p->link, p->out.data + p->out_sent, p->out.len - p->out_sent,
                            p->out_fds, p->out_fd_count);
        if (n == -EAGAIN)
            return 1;
        if (n == -ETOOMANYREFS) { /* per user: ours is not the only socket that counts */
            p->is_stalled = true;
            return 1;
        }
        if (n < 0)
            return (int)n;
        p->out_sent += (size_t)n;
        p->out_fd_count = 0;
    }
    forget_output(p);
    return 0;
}
