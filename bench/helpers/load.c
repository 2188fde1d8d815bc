/* SPDX-License-Identifier: MIT
 * load PORT CLIENTS short|keep PAUSE_US LIMIT_MS: clients of an HTTP server on 127.0.0.1, each of
 * which asks one request after the other, over a new connection each time (short) or one connection
 * for as long as the server keeps it (keep). Every request counts exactly once: answered, cut (the
 * connection ended before the answer was complete), refused, late (no answer within LIMIT_MS), bad
 * (not 200). "running" is printed after the first answer; at the end of its standard input it asks
 * no more, waits for what is under way, and prints the counts as JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, EVENTS = 256, TICK_MS = 5, MAX_CLIENTS = 10000 };

enum outcome { ANSWERED, CUT, REFUSED, LATE, BAD, OUTCOMES };
static const char *const words[OUTCOMES] = {"answered", "cut", "refused", "late", "bad"};

struct client {
    int fd;         /* -1 = none */
    bool is_asking; /* a request is under way */
    bool is_new;    /* the connection is being made: the request is sent when it is there */
    int64_t asked_us, next_us;
    size_t length;
    char answer[ANSWER_BYTES];
};

static struct {
    int poll;
    struct sockaddr_in to;
    bool keep;
    int64_t pause_us, limit_us;
    const char *request;
    bool is_ending;
    long counts[OUTCOMES];
    int64_t last_answer_us, longest_gap_us;
    uint32_t *times_us;
    size_t times, times_room;
} load;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void hang_up(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void note_time(int64_t us)
{
    if (load.times == load.times_room) {
        load.times_room = load.times_room ? load.times_room * 2 : 65536;
        load.times_us = realloc(load.times_us, load.times_room * sizeof(*load.times_us));
        if (!load.times_us)
            exit(1);
    }
    load.times_us[load.times++] = (uint32_t)us;
}

/* The end of a request. */
static void settle(struct client *c, enum outcome what)
{
    int64_t now = now_us();
    load.counts[what]++;
    if (what == ANSWERED) {
        if (load.counts[ANSWERED] == 1)
            puts("running");
        else if (now - load.last_answer_us > load.longest_gap_us)
            load.longest_gap_us = now - load.last_answer_us;
        load.last_answer_us = now;
        note_time(now - c->asked_us);
    }
    c->is_asking = false;
    c->is_new = false;
    c->next_us = now + load.pause_us;
    if (what != ANSWERED || !load.keep)
        hang_up(c);
}

static void send_request(struct client *c)
{
    size_t n = strlen(load.request);
    c->is_new = false;
    if (send(c->fd, load.request, n, MSG_NOSIGNAL) != (ssize_t)n)
        settle(c, CUT);
}

static void watch(struct client *c, int how, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    epoll_ctl(load.poll, how, c->fd, &e);
}

static void ask(struct client *c)
{
    c->is_asking = true;
    c->length = 0;
    c->asked_us = now_us();
    if (c->fd >= 0) {
        send_request(c);
        return;
    }
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        perror("load: socket");
        exit(1);
    }
    c->is_new = true;
    if (connect(c->fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 && errno != EINPROGRESS)
        settle(c, REFUSED);
    else
        watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void connected(struct client *c)
{
    int error = 0;
    socklen_t n = sizeof(error);
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    if (error) {
        settle(c, error == ECONNREFUSED ? REFUSED : CUT);
        return;
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    send_request(c);
}

/* 1 when the answer is complete, 0 when not yet. Its length is that of Content-Length. */
static int is_complete(const struct client *c)
{
    const char *body = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\ncontent-length:");
    if (!body || !length || length > body)
        return 0;
    return c->length >= (size_t)(body + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static void finish(struct client *c)
{
    bool is_last = strcasestr(c->answer, "\r\nconnection: close") != NULL;
    settle(c, strncmp(c->answer, "HTTP/1.1 200", 12) == 0 ? ANSWERED : BAD);
    if (is_last)
        hang_up(c);
}

static void readable(struct client *c)
{
    ssize_t n = recv(c->fd, c->answer + c->length, ANSWER_BYTES - 1 - c->length, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) { /* between two requests the server may close */
        if (c->is_asking)
            settle(c, CUT);
        hang_up(c);
        return;
    }
    if (!c->is_asking) {
        hang_up(c);
        return;
    }
    c->length += (size_t)n;
    c->answer[c->length] = '\0';
    if (is_complete(c))
        finish(c);
    else if (c->length == ANSWER_BYTES - 1)
        settle(c, BAD);
}

/* Who may ask again asks, who waits too long gives up. Returns how many requests are under way. */
static int go_round(struct client *clients, int count)
{
    int64_t now = now_us();
    int asking = 0;
    for (struct client *c = clients; c < clients + count; c++) {
        if (c->is_asking && now - c->asked_us > load.limit_us)
            settle(c, LATE);
        if (!c->is_asking && !load.is_ending && now >= c->next_us)
            ask(c);
        asking += c->is_asking;
    }
    return asking;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_ms(double part)
{
    return load.times ? load.times_us[(size_t)(part * (double)(load.times - 1))] / 1e3 : 0;
}

static void report(void)
{
    qsort(load.times_us, load.times, sizeof(*load.times_us), compare);
    printf("{");
    for (int i = 0; i < OUTCOMES; i++)
        printf("\"%s\": %ld, ", words[i], load.counts[i]);
    printf("\"gap_ms\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           (double)load.longest_gap_us / 1e3, percentile_ms(0.5), percentile_ms(0.99),
           percentile_ms(1));
}

static void serve_events(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(load.poll, events, EVENTS, load.pause_us ? 1 : TICK_MS);
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        char byte;
        if (!c)
            load.is_ending = load.is_ending || read(STDIN_FILENO, &byte, 1) <= 0;
        else if (c->fd >= 0 && c->is_new)
            connected(c);
        else if (c->fd >= 0)
            readable(c);
    }
    if (load.is_ending)
        epoll_ctl(load.poll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

int main(int argc, char **argv)
{
    int count = argc == 6 ? atoi(argv[2]) : 0;
    if (count < 1 || count > MAX_CLIENTS) {
        fprintf(stderr, "load PORT CLIENTS short|keep PAUSE_US LIMIT_MS\n");
        return 2;
    }
    load.keep = strcmp(argv[3], "keep") == 0;
    load.request = load.keep ? "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
                             : "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    load.pause_us = atoll(argv[4]);
    load.limit_us = atoll(argv[5]) * 1000;
    load.to = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(argv[1])),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    if (load.poll < 0 || epoll_ctl(load.poll, EPOLL_CTL_ADD, STDIN_FILENO, &e) < 0)
        return 1;
    struct client *clients = calloc((size_t)count, sizeof(*clients));
    if (!clients)
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++)
        clients[i].fd = -1;
    while (go_round(clients, count) > 0 || !load.is_ending)
        serve_events();
    report();
    free(clients);
    return 0;
}
