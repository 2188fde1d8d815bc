/* SPDX-License-Identifier: MIT
 * Descriptors and unix sockets. No state, no logging. */
#include "os/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"

/* The kernel's SCM_MAX_FD: with room for that many nothing is ever lost to MSG_CTRUNC. */
#define KERNEL_FDS_MAX 253

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) > LIMIT_SOCKET_PATH,
               "LIMIT_SOCKET_PATH leaves no room for the NUL");

void fd_close(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    close(*fd); /* never again on EINTR: Linux has closed it already */
    *fd = -1;
    errno = saved;
}

static int set_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);
    if (flags < 0)
        return -errno;
    int wanted = on ? flags | flag : flags & ~flag;
    return wanted != flags && fcntl(fd, set, wanted) < 0 ? -errno : 0;
}

int fd_set_nonblock(int fd, bool on)
{
    return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fd_set_cloexec(int fd, bool on)
{
    return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

/* Kernels before 5.9, and seccomp filters that don't know close_range. */
static int close_from_listed(int lowest)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return -errno;
    struct dirent *entry;
    while ((entry = readdir(d))) {
        int fd = atoi(entry->d_name); /* "." and ".." read as 0 */
        if (fd >= lowest && fd != dirfd(d))
            close(fd);
    }
    closedir(d);
    return 0;
}

int fd_close_from(int lowest)
{
    if (syscall(SYS_close_range, (unsigned)lowest, ~0U, 0) == 0)
        return 0;
    return close_from_listed(lowest);
}

int fd_write_all(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n > 0) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

ssize_t fd_send(int sock, const void *p, size_t n, const int *fds, unsigned nfds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(LIMIT_LINK_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = (void *)p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (nfds > LIMIT_LINK_FDS)
        return -EINVAL;
    if (nfds > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static void take_fds(const struct cmsghdr *c, int *fds, unsigned room, unsigned *count)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        if (*count < room)
            fds[(*count)++] = fd;
        else
            close(fd);
    }
}

ssize_t fd_recv(int sock, void *p, size_t n, int *fds, unsigned *nfds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(KERNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    unsigned room = *nfds;
    *nfds = 0;
    ssize_t got;
    do
        got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            take_fds(c, fds, room, nfds);
    return got;
}

int sock_peer(int sock, uid_t *ret_uid, pid_t *ret_pid)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);
    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -errno;
    *ret_uid = cred.uid;
    *ret_pid = cred.pid;
    return 0;
}

static int make_address(const char *path, struct sockaddr_un *ret, struct err *e)
{
    size_t n = strlen(path);
    if (n > LIMIT_SOCKET_PATH)
        return err_set(e, -ENAMETOOLONG, "socket path of %zu bytes is longer than %d: %s", n,
                       LIMIT_SOCKET_PATH, path);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, n);
    return 0;
}

static int connect_address(const struct sockaddr_un *sa, int type_flags)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
    if (fd < 0)
        return -errno;
    int rc;
    do
        rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

int sock_connect(const char *path, struct err *e)
{
    struct sockaddr_un sa;
    int rc = make_address(path, &sa, e);
    if (rc < 0)
        return rc;
    rc = connect_address(&sa, 0);
    if (rc < 0)
        return err_set(e, rc, "cannot connect to %s: %s", path, err_text(rc));
    return rc;
}

/* Something has our name. Remove it if nobody listens there. */
static int clear_the_way(const struct sockaddr_un *sa, struct err *e)
{
    const char *path = sa->sun_path;
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_set(e, -errno, "%s: %s", path, err_text(errno));
    if (!S_ISSOCK(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(e, -EEXIST, "%s is in the way of a socket and is no file", path);
    if (S_ISSOCK(st.st_mode)) {
        int fd = connect_address(sa, SOCK_NONBLOCK);
        fd_close(&(int){fd});
        /* EAGAIN: the backlog of a live listener is full. */
        if (fd >= 0 || fd == -EAGAIN)
            return err_set(e, -EADDRINUSE, "another process listens on %s", path);
        if (fd != -ECONNREFUSED && fd != -ENOENT && fd != -EPROTOTYPE)
            return err_set(e, fd, "cannot replace %s: %s", path, err_text(fd));
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return err_set(e, -errno, "cannot remove %s: %s", path, err_text(errno));
    return 0;
}

static int bind_private(int fd, const struct sockaddr_un *sa)
{
    mode_t old = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 ? -errno : 0;
    umask(old);
    return rc;
}

int sock_listen(const char *path, int backlog, struct err *e)
{
    struct sockaddr_un sa;
    int rc = make_address(path, &sa, e);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, -errno, "cannot create a socket: %s", err_text(errno));
    rc = bind_private(fd, &sa);
    if (rc == -EADDRINUSE) {
        rc = clear_the_way(&sa, e);
        if (rc < 0)
            goto out;
        rc = bind_private(fd, &sa);
    }
    if (rc == 0 && listen(fd, backlog) < 0)
        rc = -errno;
    if (rc < 0)
        err_set(e, rc, "cannot listen on %s: %s", path, err_text(rc));
out:
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}
