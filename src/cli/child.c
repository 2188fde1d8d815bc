/* SPDX-License-Identifier: MIT
 * Programs that a command runs and waits for. */
#include "cli/child.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

#include "cli/ui/ui.h"

extern char **environ;

static int spawn(char *const *argv, const char *cwd, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return -rc;
    if (cwd)
        rc = posix_spawn_file_actions_addchdir_np(&actions, cwd);
    if (rc == 0)
        rc = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

int child_run(char *const *argv, const char *cwd, struct err *e)
{
    pid_t pid = -1;
    int status = 0;
    (void)ui_flush(); /* what it prints comes behind what we printed */
    int rc = spawn(argv, cwd, &pid);
    if (rc < 0)
        return err_set(e, rc, "cannot run %s: %s", argv[0], err_text(rc));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_set(e, -errno, "lost sight of %s: %s", argv[0], err_text(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
