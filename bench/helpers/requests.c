/* SPDX-License-Identifier: MIT
 * requests PORT CLIENTS: connections to an HTTP server on 127.0.0.1 that are kept. For each line of
 * standard input, a number, all ask once, all wait for their answers, and again, until so many
 * requests have been answered; then the number is printed. An answer is one read of at most 4 KiB
 * that begins as one that is well. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 256, ANSWER_BYTES = 4096 };

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static const char well[] = "HTTP/1.1 200";

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        give_up("requests: connect");
    return fd;
}

static void read_answer(int fd)
{
    char answer[ANSWER_BYTES];
    ssize_t n = recv(fd, answer, sizeof(answer), 0);
    if (n < (ssize_t)sizeof(well) - 1 || memcmp(answer, well, sizeof(well) - 1) != 0)
        give_up("requests: no answer");
}

static void ask_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        if (send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
            give_up("requests: send");
    for (int i = 0; i < count; i++)
        read_answer(fds[i]);
}

int main(int argc, char **argv)
{
    int fds[MAX_CLIENTS];
    char line[32];
    int clients = argc == 3 ? atoi(argv[2]) : 0;
    if (clients < 1 || clients > MAX_CLIENTS) {
        fprintf(stderr, "requests PORT CLIENTS\n");
        return 2;
    }
    for (int i = 0; i < clients; i++)
        fds[i] = connect_to(atoi(argv[1]));
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        long done = 0;
        for (long wanted = atol(line); done < wanted; done += clients)
            ask_all(fds, clients);
        printf("%ld\n", done);
    }
    return 0;
}
