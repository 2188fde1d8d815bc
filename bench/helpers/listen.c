/* SPDX-License-Identifier: MIT
 * listen SOCKET TOPIC COUNT: a subscriber of pub.sock. Says "ready" when it is connected, reads
 * until COUNT events of that topic have come, and prints how many came per second, from the first
 * one to the last. It looks only at their topics. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { TOPIC_BYTES = 64, SILENCE_S = 20 };

static struct {
    char topic[TOPIC_BYTES]; /* the whole argument */
    size_t topic_bytes;
    long wanted, seen;
    int64_t first_ns, last_ns;
} hear;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t length_at(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* The bytes of the frame at p, 0 when it is not complete. */
static size_t frame(const char *p, size_t n)
{
    if (n < 5)
        return 0;
    size_t topic = length_at(p + 1);
    if (n < 5 + topic + 4)
        return 0;
    size_t whole = 5 + topic + 4 + length_at(p + 5 + topic);
    if (n < whole)
        return 0;
    if (topic == hear.topic_bytes && memcmp(p + 5, hear.topic, topic) == 0)
        hear.seen++;
    return whole;
}

static void listen_to(int fd)
{
    static char in[1 << 20];
    size_t have = 0;
    while (hear.seen < hear.wanted) {
        ssize_t n = recv(fd, in + have, sizeof(in) - have, 0);
        if (n <= 0) {
            fprintf(stderr, "listen: %ld of %ld events came\n", hear.seen, hear.wanted);
            exit(1);
        }
        have += (size_t)n;
        size_t at = 0, step;
        while ((step = frame(in + at, have - at)) > 0)
            at += step;
        memmove(in, in + at, have - at);
        have -= at;
        hear.last_ns = now_ns();
        if (hear.first_ns == 0 && hear.seen > 0)
            hear.first_ns = hear.last_ns;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval silence = {.tv_sec = SILENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (argc != 4 || strlen(argv[1]) >= sizeof(to.sun_path)) {
        fprintf(stderr, "listen SOCKET TOPIC COUNT\n");
        return 2;
    }
    strcpy(to.sun_path, argv[1]);
    hear.topic_bytes = (size_t)snprintf(hear.topic, TOPIC_BYTES, "s:%s", argv[2]);
    hear.wanted = atol(argv[3]);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) < 0) {
        perror("listen");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    listen_to(fd);
    printf("%.1f\n", (double)hear.seen / ((double)(hear.last_ns - hear.first_ns) / 1e9));
    return 0;
}
