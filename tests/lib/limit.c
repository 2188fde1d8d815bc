/* SPDX-License-Identifier: MIT
 * limit SECONDS PROGRAM [ARGUMENT...]: become that program, which SIGALRM ends after that time.
 * Unlike timeout(1) it is no further process, which counts when tests start thousands. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: limit SECONDS PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    alarm((unsigned)strtoul(argv[1], NULL, 10));
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
