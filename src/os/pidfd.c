/* SPDX-License-Identifier: MIT
 * pidfds by raw system call: glibc has wrappers since 2.36 only. */
#include "os/pidfd.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int pidfd_open_process(pid_t pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0); /* the kernel makes it CLOEXEC */
    return fd < 0 ? -errno : (int)fd;
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
