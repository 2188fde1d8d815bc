/* SPDX-License-Identifier: MIT
 * timed COUNT PROGRAM ARGS...: run a program COUNT times, one after the other, and print for each
 * the nanoseconds from before its start until it was reaped. An interpreter as parent would add
 * its own way of starting children, which takes as long as some of the commands measured. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int run_once(char **argv, const posix_spawn_file_actions_t *files, int64_t *ret_ns)
{
    pid_t pid;
    int status = 0;
    int64_t start = now_ns();
    int code = posix_spawnp(&pid, argv[0], files, NULL, argv, environ);
    if (code != 0)
        return -code;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    *ret_ns = now_ns() - start;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t files;
    if (argc < 3) {
        fprintf(stderr, "timed COUNT PROGRAM ARGS...\n");
        return 2;
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < atoi(argv[1]); i++) {
        int64_t ns = 0;
        int rc = run_once(argv + 2, &files, &ns);
        if (rc < 0) {
            fprintf(stderr, "timed: %s: %s\n", argv[2],
                    rc == -ECHILD ? "it failed" : strerror(-rc));
            return 1;
        }
        printf("%lld\n", (long long)ns);
    }
    posix_spawn_file_actions_destroy(&files);
    return 0;
}
