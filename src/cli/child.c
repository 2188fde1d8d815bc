/* SPDX-License-Identifier: MIT
 * Programs that a command runs and waits for. */
#include "cli/child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "cli/ui/ui.h"

extern char **environ;

static int spawn(char *const *argv, const posix_spawn_file_actions_t *actions, pid_t *ret)
{
    sigset_t none;
    posix_spawnattr_t how;
    int rc = posix_spawnattr_init(&how);
    if (rc != 0)
        return rc;
    sigemptyset(&none);
    rc = posix_spawnattr_setsigmask(&how, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    if (rc == 0)
        rc = posix_spawnp(ret, argv[0], actions, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    return rc;
}

int child_begin(char *const *argv, const char *cwd, pid_t *ret, struct err *e)
{
    posix_spawn_file_actions_t actions;
    (void)ui_flush(); /* what it prints comes behind what we printed */
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        if (cwd)
            rc = posix_spawn_file_actions_addchdir_np(&actions, cwd);
        if (rc == 0)
            rc = spawn(argv, &actions, ret);
        posix_spawn_file_actions_destroy(&actions);
    }
    return rc == 0 ? 0 : err_set(e, -rc, "cannot run %s: %s", argv[0], err_text(rc));
}

int child_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_run(char *const *argv, const char *cwd, struct err *e)
{
    pid_t pid = -1;
    int status = 0;
    int rc = child_begin(argv, cwd, &pid, e);
    if (rc < 0)
        return rc;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_set(e, -errno, "lost sight of %s: %s", argv[0], err_text(errno));
    return child_code(status);
}
