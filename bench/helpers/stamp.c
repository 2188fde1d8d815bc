/* SPDX-License-Identifier: MIT
 * stamp FILE: an app that appends "pid nanoseconds" (CLOCK_MONOTONIC) to FILE as the first thing it
 * does, and then waits for its end. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec t;
    char line[64];
    clock_gettime(CLOCK_MONOTONIC, &t);
    int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    int n = snprintf(line, sizeof(line), "%d %lld\n", (int)getpid(),
                     (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    if (fd < 0 || write(fd, line, (size_t)n) != n)
        return 1;
    for (;;)
        pause();
}
