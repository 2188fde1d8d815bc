/* SPDX-License-Identifier: MIT
 * A web server that gets its sockets from pm2, or from systemd; started by hand it opens one itself.
 *
 *     cc -o hello hello.c
 *     pm2 start ./hello -i 4 --listen 8080,unix:/tmp/hello.sock
 *     ./hello
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define FDS_MAX  16

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

/* The variables are inherited by whatever we start; the sockets are meant for one process only. */
static int inherited_sockets(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (!pid || !count || atoi(pid) != getpid())
        return 0;
    return atoi(count) < FDS_MAX ? atoi(count) : FDS_MAX;
}

static int open_socket(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons(8080),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || listen(fd, SOMAXCONN) < 0) {
        perror("127.0.0.1:8080");
        exit(1);
    }
    return fd;
}

static void answer(int connection)
{
    char request[4096], text[128], body[64];
    int n = snprintf(body, sizeof(body), "hello from\n%d\n", (int)getpid());
    if (read(connection, request, sizeof(request)) > 0) {
        n = snprintf(text, sizeof(text), "HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", n,
                     body);
        if (write(connection, text, (size_t)n) != n)
            perror("write");
    }
    close(connection);
}

int main(void)
{
    struct pollfd sockets[FDS_MAX];
    int count = inherited_sockets();
    for (int i = 0; i < count; i++)
        sockets[i] = (struct pollfd){.fd = FIRST_FD + i, .events = POLLIN};
    if (count == 0)
        sockets[count++] = (struct pollfd){.fd = open_socket(), .events = POLLIN};
    for (int i = 0; i < count; i++) /* another process may be faster than we */
        fcntl(sockets[i].fd, F_SETFL, fcntl(sockets[i].fd, F_GETFL) | O_NONBLOCK);

    /* Signals arrive in ppoll() only. */
    sigset_t while_waiting, stops;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &while_waiting);

    while (!is_ending) {
        if (ppoll(sockets, (nfds_t)count, NULL, &while_waiting) < 0)
            continue;
        for (int i = 0; i < count; i++) {
            int connection = sockets[i].revents ? accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC)
                                                : -1;
            if (connection >= 0)
                answer(connection);
        }
    }
    return 0;
}
