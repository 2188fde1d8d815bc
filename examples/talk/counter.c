/* SPDX-License-Identifier: MIT
 * Counts, and talks with pm2 about it: ready, a metric, an action. Without pm2 it counts alone.
 *
 *     cc -o counter counter.c
 *     pm2 start ./counter --wait-ready
 *     pm2 trigger counter reset
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 1000

static int pm2 = -1; /* the connection; -1 = none */
static char input[65536];
static size_t input_bytes;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    if (pm2 < 0 || n < 0 || n >= (int)sizeof(line) - 1)
        return;
    line[n++] = '\n';
    (void)send(pm2, line, (size_t)n, MSG_NOSIGNAL); /* when it is gone, take_input() sees it */
}

/* Also again, after both daemons of pm2 have been killed: then all is to be said anew. */
static void connect_pm2(void)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    const char *address = getenv("PM2_INSTANCE_SOCK");
    size_t n = address ? strlen(address) : 0;
    if (n == 0 || n >= sizeof(where.sun_path))
        return;
    memcpy(where.sun_path, address, n);
    socklen_t length = sizeof(where);
    if (address[0] == '@') { /* an abstract address: its first byte is NUL, and its length counts */
        where.sun_path[0] = '\0';
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    }
    pm2 = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pm2 >= 0 && connect(pm2, (struct sockaddr *)&where, length) < 0) {
        close(pm2);
        pm2 = -1;
    }
    input_bytes = 0;
    tell("{\"type\":\"axm:action\",\"data\":{\"action_name\":\"reset\"}}");
}

/* A program with a JSON library would look closer. An action comes as its name, or, when there is
 * more to say, as an object with the name in "msg". */
static void take_line(const char *line, int *value)
{
    if (strcmp(line, "\"reset\"") != 0 && !strstr(line, "\"msg\":\"reset\""))
        return;
    printf("reset at %d\n", *value);
    tell("{\"type\":\"axm:reply\",\"data\":{\"action_name\":\"reset\",\"return\":%d}}", *value);
    *value = 0;
}

static void take_input(int *value)
{
    ssize_t n = recv(pm2, input + input_bytes, sizeof(input) - 1 - input_bytes, 0);
    if (n <= 0) { /* the end, or a line that is too long for us */
        close(pm2);
        pm2 = -1;
        return;
    }
    input_bytes += (size_t)n;
    input[input_bytes] = '\0';
    for (char *end; (end = strchr(input, '\n'));) {
        *end = '\0';
        take_line(input, value);
        input_bytes -= (size_t)(end + 1 - input);
        memmove(input, end + 1, input_bytes + 1);
    }
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Take what pm2 says until then. */
static void listen_until(long end_ms, int *value)
{
    for (long left; (left = end_ms - now_ms()) > 0;) {
        struct pollfd from = {.fd = pm2, .events = POLLIN}; /* -1 is left alone */
        if (poll(&from, 1, (int)left) > 0)
            take_input(value);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    connect_pm2();
    tell("\"ready\"");
    for (int value = 1;; value++) {
        listen_until(now_ms() + STEP_MS, &value);
        if (pm2 < 0)
            connect_pm2();
        tell("{\"type\":\"axm:monitor\",\"data\":{\"count\":{\"value\":%d}}}", value);
    }
}
