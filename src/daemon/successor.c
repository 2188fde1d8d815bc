/* SPDX-License-Identifier: MIT
 * Starting the keeper's successor. Runs in pm2d. */
#include "successor.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "keeperlink/proto.h"
#include "os/fd.h"
#include "os/program.h"

#define KEEPER_NAME "pm2-keeper"

extern char **environ;

static int run(const char *path, char **argv, int link)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    sigset_t all;
    pid_t pid;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawnattr_init(&attr) != 0)
        return -ENOMEM;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attr);
        return -ENOMEM;
    }
    int rc = posix_spawnattr_setsigmask(&attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(&attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                 POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, link, LINK_FD);
    if (rc == 0)
        rc = posix_spawn(&pid, path, &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return -rc;
}

int successor_start(const struct pm2_paths *paths, uint32_t app_umask, uint64_t app_nofile,
                    struct err *e)
{
    char path[4096];
    char fd_text[16];
    char pid_text[16];
    char umask_text[16];
    char nofile_text[24];
    int ends[2];
    int rc = program_beside_own(KEEPER_NAME, path, sizeof(path), e);
    if (rc < 0)
        return rc;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_set(e, -errno, "socketpair: %s", err_text(errno));
    snprintf(fd_text, sizeof(fd_text), "%d", LINK_FD);
    snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
    snprintf(umask_text, sizeof(umask_text), "%u", app_umask);
    snprintf(nofile_text, sizeof(nofile_text), "%llu", (unsigned long long)app_nofile);
    const char *argv[] = {
        path,         "--home",        paths->home, "--pid-file",   paths->pid_file,
        "--log-file", paths->log_file, "--peer-fd", fd_text,        "--peer-pid",
        pid_text,     "--app-umask",   umask_text,  "--app-nofile", nofile_text,
        NULL};
    rc = run(path, (char **)(void *)argv, ends[1]);
    fd_close(&ends[1]);
    if (rc < 0) {
        fd_close(&ends[0]);
        return err_set(e, rc, "cannot start %s: %s", path, err_text(rc));
    }
    return ends[0];
}
