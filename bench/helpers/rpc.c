/* SPDX-License-Identifier: MIT
 * rpc SOCKET METHOD CLIENTS DEPTH SECONDS: clients of rpc.sock, each of which has DEPTH calls under
 * way and asks again when one is answered. All answers that one read brings are followed by as many
 * calls in one write. Prints as JSON: calls per second, bytes of the largest answer, percentiles of
 * the time of a call. An error, or the end of a connection, fails the whole. It looks only at how
 * frames begin, so that the server is what is measured. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CLIENTS = 2000, MAX_DEPTH = 256, EVENTS = 256, SAMPLES = 1 << 20 };

/* Both arguments have their length before them; of the first one the beginning is compared. */
static const char good[] = "j:{\"args\":[";
enum { GOOD_BYTES = sizeof(good) - 1, HEAD_BYTES = 1 + 4 + GOOD_BYTES };

struct client {
    int fd;
    int64_t asked_ns[MAX_DEPTH]; /* a ring: equal calls are answered in the order of asking */
    unsigned asked, answered;
    unsigned char head[HEAD_BYTES]; /* of a frame, or the length of its second argument */
    size_t gathered;
    size_t skip;     /* bytes of the argument that are still to come */
    bool is_in_body; /* the second argument comes next */
};

static struct {
    int poll;
    struct sockaddr_un to;
    char calls[MAX_DEPTH * 512]; /* the same call again and again */
    size_t call_bytes;
    long answers;
    size_t answer_bytes;
    uint32_t times_us[SAMPLES];
    char in[1 << 20];
} load;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "rpc: %s\n", what);
    exit(1);
}

/* ---- calls ---- */

static size_t put_arg(char *to, const char *text)
{
    size_t n = strlen(text);
    unsigned char length[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};
    memcpy(to, length, 4);
    memcpy(to + 4, text, n);
    return 4 + n;
}

static void make_calls(const char *method)
{
    char body[256];
    int n = snprintf(body, sizeof(body), "j:{\"type\":\"call\",\"method\":\"%s\",\"args\":[{}]}",
                     method);
    if (n < 0 || (size_t)n >= sizeof(body))
        fail("the name of the method is too long");
    load.calls[0] = 0x12; /* version 1, two arguments */
    load.call_bytes = 1 + put_arg(load.calls + 1, body);
    load.call_bytes += put_arg(load.calls + load.call_bytes, "s:1:1"); /* all have the same id */
    for (size_t i = 1; i < MAX_DEPTH; i++)
        memcpy(load.calls + i * load.call_bytes, load.calls, load.call_bytes);
}

static void ask(struct client *c, unsigned count)
{
    int64_t now = now_ns();
    for (unsigned i = 0; i < count; i++)
        c->asked_ns[c->asked++ % MAX_DEPTH] = now;
    size_t n = count * load.call_bytes;
    if (send(c->fd, load.calls, n, MSG_NOSIGNAL) != (ssize_t)n)
        fail(strerror(errno));
}

/* ---- answers ---- */

static void note_answer(struct client *c, int64_t now)
{
    int64_t took_ns = now - c->asked_ns[c->answered++ % MAX_DEPTH];
    load.times_us[load.answers++ % SAMPLES] = (uint32_t)(took_ns / 1000);
}

static size_t length_at(const unsigned char *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* What was gathered is complete. True at the end of a frame, but for what has to be skipped. */
static bool take_head(struct client *c)
{
    c->gathered = 0;
    c->is_in_body = !c->is_in_body;
    if (!c->is_in_body) {
        c->skip = length_at(c->head);
        return true;
    }
    if (c->head[0] != 0x12 || memcmp(c->head + 5, good, GOOD_BYTES) != 0)
        fail("an answer is an error");
    c->skip = length_at(c->head + 1) - GOOD_BYTES;
    if (c->skip > load.answer_bytes)
        load.answer_bytes = c->skip;
    return false;
}

/* How many frames have come to their end. */
static unsigned take_bytes(struct client *c, const char *p, size_t n)
{
    unsigned ended = 0;
    while (n > 0) {
        size_t wanted = c->is_in_body ? 4 : HEAD_BYTES;
        size_t step = c->skip ? c->skip : wanted - c->gathered;
        if (step > n)
            step = n;
        if (c->skip) {
            c->skip -= step;
        } else {
            memcpy(c->head + c->gathered, p, step);
            c->gathered += step;
            if (c->gathered == wanted)
                ended += take_head(c);
        }
        p += step;
        n -= step;
    }
    return ended;
}

static void readable(struct client *c)
{
    ssize_t n = recv(c->fd, load.in, sizeof(load.in), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        fail("the server has closed a connection");
    unsigned ended = take_bytes(c, load.in, (size_t)n);
    if (ended == 0)
        return;
    int64_t now = now_ns();
    for (unsigned i = 0; i < ended; i++)
        note_answer(c, now);
    ask(c, ended);
}

/* ---- the whole ---- */

static void connect_one(struct client *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 ||
        epoll_ctl(load.poll, EPOLL_CTL_ADD, c->fd, &e) < 0)
        fail(strerror(errno));
}

static void serve_events(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(load.poll, events, EVENTS, 10000);
    if (n == 0)
        fail("no answer within 10 s");
    for (int i = 0; i < n; i++)
        readable(events[i].data.ptr);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(double seconds)
{
    size_t n = load.answers < SAMPLES ? (size_t)load.answers : SAMPLES;
    qsort(load.times_us, n, sizeof(*load.times_us), compare);
    printf("{\"per_s\": %.1f, \"bytes\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"max_ms\": %.3f}\n",
           (double)load.answers / seconds, load.answer_bytes, load.times_us[n / 2] / 1e3,
           load.times_us[n * 99 / 100] / 1e3, load.times_us[n - 1] / 1e3);
}

static void run(struct client *clients, unsigned count, unsigned depth, double seconds)
{
    for (unsigned i = 0; i < count; i++)
        connect_one(&clients[i]);
    int64_t began = now_ns(), now = began;
    for (unsigned i = 0; i < count; i++)
        ask(&clients[i], depth);
    for (; (double)(now - began) < seconds * 1e9; now = now_ns())
        serve_events();
    report((double)(now - began) / 1e9);
}

int main(int argc, char **argv)
{
    unsigned count = argc == 6 ? (unsigned)atoi(argv[3]) : 0;
    unsigned depth = argc == 6 ? (unsigned)atoi(argv[4]) : 0;
    if (count < 1 || count > MAX_CLIENTS || depth < 1 || depth > MAX_DEPTH ||
        strlen(argv[1]) >= sizeof(load.to.sun_path)) {
        fprintf(stderr, "rpc SOCKET METHOD CLIENTS DEPTH SECONDS\n");
        return 2;
    }
    struct client *clients = calloc(count, sizeof(*clients));
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || load.poll < 0)
        return 1;
    load.to.sun_family = AF_UNIX;
    strcpy(load.to.sun_path, argv[1]);
    make_calls(argv[2]);
    run(clients, count, depth, atof(argv[5]));
    free(clients);
    return 0;
}
