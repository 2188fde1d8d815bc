/* SPDX-License-Identifier: MIT
 * spew BYTES GO STAMP: an app that writes BYTES of 128-byte lines to its standard output, in blocks
 * of 64 KiB, once somebody has opened the fifo GO for writing. The nanosecond of the first write
 * (CLOCK_MONOTONIC) goes to the file STAMP. Then it waits for its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 128, BLOCK_BYTES = 64 * 1024 };

static char block[BLOCK_BYTES];

static void fill(void)
{
    for (size_t at = 0; at < BLOCK_BYTES; at += LINE_BYTES) {
        memset(block + at, 'x', LINE_BYTES - 1);
        block[at + LINE_BYTES - 1] = '\n';
    }
}

static int put_stamp(const char *path)
{
    struct timespec t;
    FILE *f = fopen(path, "we");
    if (!f)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &t);
    fprintf(f, "%lld\n", (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    return fclose(f);
}

static int put(const char *data, size_t n)
{
    while (n > 0) {
        ssize_t got = write(STDOUT_FILENO, data, n);
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0) {
            data += got;
            n -= (size_t)got;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    fill();
    int go = open(argv[2], O_RDONLY | O_CLOEXEC); /* waits for a writer */
    if (go < 0 || put_stamp(argv[3]) < 0)
        return 1;
    for (long long left = atoll(argv[1]); left > 0; left -= BLOCK_BYTES)
        if (put(block, left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES) < 0)
            return 1;
    for (;;)
        pause();
}
