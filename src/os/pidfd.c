/* SPDX-License-Identifier: MIT
 * pidfds by raw system call: glibc has wrappers since 2.36 only. */
#include "os/pidfd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/clock.h"

int pidfd_open_process(pid_t pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0); /* the kernel makes it CLOEXEC */
    return fd < 0 ? -errno : (int)fd;
}

bool pidfd_has_ended(int pidfd)
{
    return pidfd_ends_by(pidfd, 0);
}

bool pidfd_ends_by(int pidfd, int64_t deadline_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int rc;
    do {
        int64_t left = deadline_ms < 0 ? -1 : deadline_ms - clock_mono_ms();
        int wait_ms = deadline_ms < 0 ? -1 : left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
        rc = poll(&p, 1, wait_ms);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

int pidfd_take_fd(int pidfd, int fd)
{
    long own = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    return own < 0 ? -errno : (int)own;
}

int pidfd_signal(int pidfd, int signo)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}
