/* SPDX-License-Identifier: MIT
 * chatter COUNT GO: an app that sends COUNT messages `process:msg` to its manager over Node's
 * channel, as fast as they are taken, once the FIFO GO has a writer; then it sleeps.
 * It is no Node program, so that the managers are what is measured. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_BYTES = 16384, LINE_BYTES = 256 };

static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
            continue;
        }
        if (written <= 0) {
            perror("chatter: write");
            exit(1);
        }
        p += written;
        n -= (size_t)written;
    }
}

static void say(int fd, long count)
{
    char batch[BATCH_BYTES + LINE_BYTES];
    size_t n = 0;
    for (long i = 0; i < count; i++) {
        n += (size_t)snprintf(batch + n, LINE_BYTES,
                              "{\"type\":\"process:msg\",\"data\":{\"success\":true,"
                              "\"number\":%ld,\"text\":\"as long as many are\"}}\n",
                              i);
        if (n >= BATCH_BYTES || i == count - 1) {
            write_all(fd, batch, n);
            n = 0;
        }
    }
}

int main(int argc, char **argv)
{
    const char *channel = getenv("NODE_CHANNEL_FD");
    if (argc != 3 || !channel) {
        fprintf(stderr, "chatter COUNT GO, with NODE_CHANNEL_FD\n");
        return 2;
    }
    if (open(argv[2], O_RDONLY | O_CLOEXEC) < 0) {
        perror("chatter: GO");
        return 1;
    }
    say(atoi(channel), atol(argv[1]));
    for (;;)
        pause();
}
