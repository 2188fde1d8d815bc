/* SPDX-License-Identifier: MIT
 * Pid files of apps. Runs in pm2d. A failure is logged: nobody's life depends on them. */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "os/fd.h"

void pidfile_write(const char *path, pid_t pid)
{
    if (!path || !*path)
        return;
    char text[16];
    int n = snprintf(text, sizeof(text), "%d", (int)pid);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)n);
    if (rc < 0)
        log_warn("cannot write %s: %s", path, err_text(rc));
    fd_close(&fd);
}

void pidfile_remove(const char *path)
{
    if (path && *path)
        (void)unlink(path);
}
