/* SPDX-License-Identifier: MIT
 * Channels on real sockets and a real loop: messages and handles in order, one handle at a time,
 * apps that do not read, apps that go away at any point, a Bun, and a real Node process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "chan.h"
#include "os/fd.h"

#define ACK  "{\"cmd\":\"NODE_HANDLE_ACK\"}\n"
#define NACK "{\"cmd\":\"NODE_HANDLE_NACK\"}\n"

struct fixture {
    uv_loop_t loop;
    struct chan *chan;
    int app;           /* the app's end */
    int pipe[2];       /* the read end is the handle that is sent */
    struct buf told;   /* what the chan has called back, a word each */
    bool close_on_ack; /* what the callback does */
    bool again_on_ack;
    bool is_pausing;
    int fds_before;
};

static int count_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* libuv's own pipe for signals stays open: have it before descriptors are counted. */
static int first_loop(void **state)
{
    (void)state;
    uv_loop_t loop;
    return uv_loop_init(&loop) < 0 ? -1 : uv_loop_close(&loop);
}

static void on_message(void *ctx, const json_t *value, struct str line)
{
    struct fixture *f = ctx;
    assert_non_null(value);
    buf_add_str(&f->told, line);
    buf_add_byte(&f->told, ' ');
}

static void on_cluster(void *ctx, const json_t *value, bool is_bun)
{
    struct fixture *f = ctx;
    buf_printf(&f->told, "%s:%s ", is_bun ? "bun" : "node",
               json_string_value(json_object_get(value, "act")));
}

static void on_closed(void *ctx)
{
    buf_add_c(&((struct fixture *)ctx)->told, "closed ");
}

static bool on_pause(void *ctx)
{
    struct fixture *f = ctx;
    buf_add_c(&f->told, f->is_pausing ? "pause " : "");
    return f->is_pausing;
}

static void on_done(void *ctx, int code)
{
    struct fixture *f = ctx;
    buf_printf(&f->told, "done%d ", code);
    if (f->again_on_ack) {
        f->again_on_ack = false;
        assert_int_equal(chan_send_handle(f->chan, STR("\"again\""), f->pipe[0], on_done, f), 0);
    }
    if (f->close_on_ack) {
        chan_close(f->chan);
        f->chan = NULL;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int pair[2];
    f->fds_before = count_fds();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->app = pair[1];
    assert_int_equal(fd_set_nonblock(f->app, true), 0);
    buf_init(&f->told);
    struct chan_handler h = {.ctx = f,
                             .message = on_message,
                             .cluster = on_cluster,
                             .closed = on_closed,
                             .pause = on_pause};
    f->chan = chan_new(&f->loop, pair[0], -1, &h);
    assert_non_null(f->chan);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    chan_close(f->chan);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0); /* a leaked handle fails the test */
    fd_close(&f->app);
    fd_close(&f->pipe[0]);
    fd_close(&f->pipe[1]);
    assert_int_equal(count_fds(), f->fds_before); /* a leaked descriptor, too */
    buf_fini(&f->told);
    free(f);
    return 0;
}

/* Let the chan see all that has happened. */
static void turn(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(fd_send(f->app, text, strlen(text), NULL, 0), strlen(text));
    turn(f);
}

static void assert_told(struct fixture *f, const char *expected)
{
    assert_string_equal(f->told.data, expected);
    buf_clear(&f->told);
}

/* What the app has to read now is `text`, and `handles` come with it. */
static void assert_reads(struct fixture *f, const char *text, unsigned handles)
{
    AUTO(buf) got = BUF_INIT;
    unsigned seen = 0;
    for (;;) {
        char bytes[4096];
        int fds[4];
        unsigned n = 4;
        ssize_t len = fd_recv(f->app, bytes, sizeof(bytes), fds, &n);
        if (len <= 0)
            break;
        buf_add(&got, bytes, (size_t)len);
        assert_true(n <= 1); /* each alone */
        for (unsigned i = 0; i < n; i++, seen++) {
            char c = '-';
            assert_int_equal(write(f->pipe[1], "x", 1), 1);
            assert_int_equal(read(fds[i], &c, 1), 1); /* it is the one */
            assert_int_equal(c, 'x');
            fd_close(&fds[i]);
        }
    }
    assert_string_equal(got.data, text);
    assert_int_equal(seen, handles);
}

static int send_handle(struct fixture *f, const char *text)
{
    return chan_send_handle(f->chan, str_from(text), f->pipe[0], on_done, f);
}

/* ---- */

/* One that says much may be left unread for a while; one that says little is not even asked. */
static void much_at_once_may_have_to_wait(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) much = BUF_INIT;
    for (int i = 0; i < 9000; i++)
        buf_add_byte(&much, i == 0 || i == 8998 ? '"' : i == 8999 ? '\n' : 'x');
    f->is_pausing = true;
    say(f, "1\n");
    assert_told(f, "1 ");
    say(f, much.data);
    assert_string_equal(f->told.data + f->told.len - 7, " pause ");
    buf_clear(&f->told);
    say(f, "2\n");
    assert_int_equal(chan_send(f->chan, STR("3")), 0); /* the other way is open */
    assert_reads(f, "3\n", 0);
    assert_told(f, "");
    chan_go_on(f->chan);
    turn(f);
    assert_told(f, "2 ");
    say(f, much.data);
    buf_clear(&f->told);
    say(f, "4\n");
    fd_close(&f->app);
    chan_drain(f->chan); /* at its end all that it said is heard */
    assert_told(f, "4 closed ");
}

static void messages_both_ways(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    assert_int_equal(chan_send(f->chan, STR("{\"a\":2}")), 0);
    assert_reads(f, "1\n{\"a\":2}\n", 0);
    say(f, "\"ready\"\n{\"cmd\":\"NODE_SOCKET_COUNT\"}\nnot json\n{\"cmd\":\"NODE_CLUSTER\","
           "\"act\":\"online\",\"seq\":0}\n");
    assert_told(f, "\"ready\" node:online ");
    assert_false(chan_is_bun(f->chan));
}

static void one_handle_at_a_time(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(chan_send(f->chan, STR("2")), 0);
    assert_int_equal(send_handle(f, "\"B\""), 0);
    assert_int_equal(send_handle(f, "\"C\""), 0);
    assert_int_equal(chan_send(f->chan, STR("3")), 0);
    turn(f);
    assert_reads(f, "1\n\"A\"\n", 1);
    turn(f);
    assert_reads(f, "", 0);
    assert_told(f, "");
    say(f, ACK);
    assert_told(f, "done0 ");
    assert_reads(f, "2\n\"B\"\n", 1);
    say(f, NACK);
    assert_told(f, "done-24 ");
    assert_reads(f, "\"C\"\n", 1);
    say(f, ACK);
    assert_reads(f, "3\n", 0);
    assert_told(f, "done0 ");
}

static void stray_answers_are_ignored(void **state)
{
    struct fixture *f = *state;
    say(f, ACK NACK ACK);
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_told(f, "");
    say(f, ACK NACK ACK);
    assert_told(f, "done0 ");
    assert_int_equal(send_handle(f, "\"B\""), 0);
    turn(f);
    assert_told(f, "");
    assert_reads(f, "\"A\"\n\"B\"\n", 2);
}

/* A handle of the app is answered once, also while ours is not: it may wait for that first. */
static void handles_of_the_app(void **state)
{
    struct fixture *f = *state;
    const char *line = "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":\"x\"}\n";
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    assert_reads(f, "\"A\"\n", 1);
    assert_int_equal(fd_send(f->app, line, strlen(line), &f->pipe[1], 1), strlen(line));
    turn(f);
    assert_reads(f, ACK, 0);
    say(f, ACK);
    assert_reads(f, "1\n", 0);
    assert_told(f, "done0 ");
}

/* The acknowledgement does not get into a line that has begun. */
static void answers_between_lines(void **state)
{
    struct fixture *f = *state;
    enum { N = 1000 * 1000 };
    AUTO(buf) big = BUF_INIT;
    assert_true(buf_reserve(&big, N));
    memset(big.data, '7', N);
    big.len = N;
    assert_int_equal(chan_send_handle(f->chan, buf_str(&big), f->pipe[0], on_done, f), 0);
    assert_int_equal(chan_send(f->chan, STR("8")), 0);
    say(f, "{\"cmd\":\"NODE_HANDLE\"}\n" ACK); /* answers what has not arrived: not heard */
    assert_told(f, "");
    AUTO(buf) got = BUF_INIT;
    unsigned handles = 0;
    while (got.len < N + 1 + strlen(ACK)) {
        char bytes[65536];
        int fds[4];
        unsigned n = 4;
        ssize_t len = fd_recv(f->app, bytes, sizeof(bytes), fds, &n);
        if (len > 0)
            buf_add(&got, bytes, (size_t)len);
        for (unsigned i = 0; i < n; i++, handles++) {
            assert_int_equal(got.len, (size_t)len); /* with the first byte */
            fd_close(&fds[i]);
        }
        turn(f);
    }
    assert_int_equal(handles, 1);
    assert_memory_equal(got.data, big.data, N);
    assert_string_equal(got.data + N, "\n" ACK);
    say(f, ACK);
    assert_told(f, "done0 ");
    assert_reads(f, "8\n", 0);
}

static void app_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) big = BUF_INIT;
    assert_true(buf_reserve(&big, 100000));
    memset(big.data, '7', 100000);
    big.len = 100000;
    unsigned n = 0;
    int rc;
    while ((rc = chan_send(f->chan, buf_str(&big))) == 0 && n < 10000)
        n++;
    assert_int_equal(rc, -ENOBUFS);
    assert_true(n >= LIMIT_CHANNEL_OUT_BYTES / 100100);
    assert_int_equal(send_handle(f, "1"), 0); /* small ones still fit, and wait */
    turn(f);
    assert_told(f, "");
    assert_true(chan_connected(f->chan));
}

static void too_many_handles(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    int rc;
    while ((rc = send_handle(f, "1")) == 0 && n < 10000)
        n++;
    assert_int_equal(rc, -ENOBUFS);
    assert_int_equal(n, LIMIT_CHANNEL_HANDLES);
    assert_int_equal(chan_send(f->chan, STR("2")), 0); /* messages may go on */
    say(f, ACK);
    assert_told(f, "done0 ");
    assert_int_equal(send_handle(f, "1"), 0);
}

/* All that the app said counts, though it is read after the end is known from a failed write. */
static void app_goes_away(void **state)
{
    struct fixture *f = *state;
    const char *last = ACK "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"close\"}\n\"bye\"\n";
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(send_handle(f, "\"B\""), 0);
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    assert_int_equal(fd_send(f->app, last, strlen(last), NULL, 0), strlen(last));
    fd_close(&f->app);
    turn(f);
    turn(f);
    assert_told(f, "done0 node:close \"bye\" done-32 closed ");
    assert_false(chan_connected(f->chan));
    assert_int_equal(chan_send(f->chan, STR("1")), -ENOTCONN);
    assert_int_equal(send_handle(f, "1"), -ENOTCONN);
    turn(f);
    assert_told(f, "");
}

static void write_fails_first(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fd_send(f->app, "\"bye\"\n", 6, NULL, 0), 6);
    fd_close(&f->app);
    assert_int_equal(send_handle(f, "\"A\""), 0); /* that it is in vain is told later */
    assert_told(f, "");
    assert_int_equal(chan_send(f->chan, STR("1")), -ENOTCONN);
    turn(f);
    assert_told(f, "\"bye\" done-32 closed ");
}

static void drains_to_the_end(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    while (fd_send(f->app, "1\n", 2, NULL, 0) == 2)
        n++;
    assert_true(n > 100);
    fd_close(&f->app);
    chan_drain(f->chan); /* without a turn of the loop */
    assert_int_equal(f->told.len, 2 * n + strlen("closed "));
    assert_true(str_ends(buf_str(&f->told), STR("1 closed ")));
    chan_drain(f->chan);
    chan_drain(NULL);
    turn(f);
    assert_int_equal(f->told.len, 2 * n + strlen("closed "));
}

static void drain_ends_while_the_app_lives(void **state)
{
    struct fixture *f = *state;
    chan_drain(f->chan);
    assert_int_equal(fd_send(f->app, "1\n", 2, NULL, 0), 2);
    chan_drain(f->chan);
    assert_told(f, "1 ");
    assert_true(chan_connected(f->chan));
}

static void close_tells_handles_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    assert_int_equal(send_handle(f, "\"B\""), 0);
    assert_int_equal(fd_send(f->app, ACK "1\n", strlen(ACK "1\n"), NULL, 0), strlen(ACK "1\n"));
    chan_close(f->chan);
    chan_close(f->chan);
    f->chan = NULL;
    turn(f);
    assert_told(f, "done-32 done-32 ");
}

static void callback_closes(void **state)
{
    struct fixture *f = *state;
    f->close_on_ack = true;
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(send_handle(f, "\"B\""), 0);
    say(f, ACK "\"not told\"\n");
    assert_told(f, "done0 done-32 ");
}

static void callback_sends(void **state)
{
    struct fixture *f = *state;
    f->again_on_ack = true;
    assert_int_equal(send_handle(f, "\"A\""), 0);
    assert_int_equal(chan_send(f->chan, STR("1")), 0);
    say(f, ACK);
    assert_reads(f, "\"A\"\n1\n\"again\"\n", 2);
    say(f, ACK);
    assert_told(f, "done0 done0 ");
}

static void bun_is_known_by_its_mark(void **state)
{
    struct fixture *f = *state;
    say(f, "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}\n");
    assert_told(f, "node:online ");
    say(f, "\x02{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}\n");
    assert_true(chan_is_bun(f->chan));
    assert_told(f, "bun:online ");
    assert_int_equal(send_handle(f, "\x02{\"$hasHandle\":true}"), 0);
    assert_reads(f, "\x02{\"$hasHandle\":true}\n", 1);
    say(f, ACK); /* it has no mark */
    assert_told(f, "done0 ");
}

static void on_bad(void *ctx, const char *why, struct str line)
{
    struct fixture *f = ctx;
    buf_printf(&f->told, "bad(%.*s: %s) ", STR_ARG(line), why);
}

/* With somebody who tells the writer what is wrong, there is nothing of Node on the channel, and
 * the end of the stream ends its last line. */
static void mistakes_are_told(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    struct chan_handler h = {.ctx = f, .message = on_message, .bad = on_bad, .closed = on_closed};
    static const char text[] = "{\n1\n{\"cmd\":\"NODE_HANDLE\"}\n\x02{}\n2";
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct chan *c = chan_new(&f->loop, pair[0], -1, &h);
    assert_int_equal(fd_send(pair[1], text, strlen(text), NULL, 0), strlen(text));
    turn(f);
    assert_told(f, "bad({: that is not JSON) 1 "
                   "bad({\"cmd\":\"NODE_HANDLE\"}: that is a message of Node's own; it means "
                   "nothing here) bad(\x02{}: that is a message of Node's own; it means nothing "
                   "here) ");
    assert_int_equal(chan_waiting_bytes(c), 0); /* a handle is not acknowledged */
    fd_close(&pair[1]);
    turn(f);
    assert_told(f, "2 closed ");
    chan_close(c);
    turn(f);
}

static void what_waits_is_counted(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chan_waiting_bytes(NULL), 0);
    assert_int_equal(send_handle(f, "1"), 0);
    assert_int_equal(chan_send(f->chan, STR("22")), 0); /* waits for the answer */
    assert_true(chan_waiting_bytes(f->chan) >= 3);
    say(f, ACK);
    assert_told(f, "done0 ");
    assert_int_equal(chan_waiting_bytes(f->chan), 0);
}

static void some_descriptors_break_apps(void **state)
{
    struct fixture *f = *state;
    int bad[] = {open("/dev/null", O_RDWR | O_CLOEXEC), open("/etc/passwd", O_RDONLY | O_CLOEXEC),
                 epoll_create1(EPOLL_CLOEXEC), socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                 socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    int good[] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                  socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                  socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(bad[i] >= 0);
        assert_int_equal(chan_send_handle(f->chan, STR("1"), bad[i], on_done, f), -EINVAL);
        fd_close(&bad[i]);
    }
    assert_int_equal(chan_send_handle(f->chan, STR("1"), -1, on_done, f), -EINVAL);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(chan_send_handle(f->chan, STR("1"), good[i], on_done, f), 0);
        say(f, ACK);
        fd_close(&good[i]);
    }
    assert_told(f, "done0 done0 done0 ");
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct chan *c = chan_new(&f->loop, pair[0], -1, &(struct chan_handler){.ctx = NULL});
    const char *text = "1\n{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\"}\n";
    assert_int_equal(fd_send(pair[1], text, strlen(text), NULL, 0), strlen(text));
    fd_close(&pair[1]);
    turn(f);
    assert_false(chan_connected(c));
    chan_close(c);
}

/* A chan may have no channel, or none that can be watched. */
static void no_channel(void **state)
{
    struct fixture *f = *state;
    struct chan_handler h = {.ctx = f};
    struct chan *c = chan_new(&f->loop, -1, -1, &h);
    assert_int_equal(chan_send(c, STR("1")), -ENOTCONN);
    assert_int_equal(chan_stdin(c, STR("1")), -EPIPE);
    chan_close(c);
    c = chan_new(&f->loop, -1, open("/etc/passwd", O_RDONLY | O_CLOEXEC), &h);
    assert_int_equal(chan_stdin(c, STR("1")), -EPIPE);
    chan_close(c);
}

static void stdin_of_the_app(void **state)
{
    struct fixture *f = *state;
    int in[2];
    char bytes[8] = "";
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    struct chan *c = chan_new(&f->loop, -1, in[1], &(struct chan_handler){.ctx = f});
    assert_int_equal(chan_stdin(c, STR("hello\n")), 0);
    assert_int_equal(read(in[0], bytes, sizeof(bytes)), 6);
    assert_string_equal(bytes, "hello\n");
    int rc = 0;
    for (int i = 0; i < 1000000 && rc == 0; i++)
        rc = chan_stdin(c, STR("a line that nobody reads, and another, and many more of them\n"));
    assert_int_equal(rc, -ENOBUFS);
    fd_close(&in[0]);
    turn(f);
    assert_int_equal(chan_stdin(c, STR("1")), -EPIPE);
    chan_close(c);
}

/* ---- the kernel's limit of descriptors under way, as a user who has one ---- */

#define NOBODY 65534

/* 0 = all went as it should, else the step that did not. */
static int flood_as_nobody(void)
{
    struct fixture f = {.told = BUF_INIT};
    const struct rlimit few = {64, 64};
    int flood[2], pair[2];
    int rc = 0;
    if (geteuid() == 0 &&
        (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
        return 1;
    if (setrlimit(RLIMIT_NOFILE, &few) < 0 || uv_loop_init(&f.loop) < 0 || pipe(f.pipe) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, flood) < 0 || fd_set_nonblock(flood[0], true) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 2;
    while (rc >= 0)
        rc = (int)fd_send(flood[0], "x", 1, &f.pipe[0], 1);
    if (rc != -ETOOMANYREFS)
        return 3;
    f.chan =
        chan_new(&f.loop, pair[0], -1,
                 &(struct chan_handler){.ctx = &f, .message = on_message, .closed = on_closed});
    if (send_handle(&f, "1") != 0 || chan_send(f.chan, STR("2")) != 0 || f.told.len > 0)
        return 4;
    turn(&f);
    if (strcmp(f.told.data, "done-24 ") != 0)
        return 5;
    char text[8] = "";
    if (read(pair[1], text, sizeof(text)) != 2 || strcmp(text, "2\n") != 0)
        return 6;
    close(flood[0]); /* takes what is under way with it */
    close(flood[1]);
    if (send_handle(&f, "3") != 0 || read(pair[1], text, sizeof(text)) != 2)
        return 7;
    return 0;
}

static void too_many_under_way(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(flood_as_nobody());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- with a real Node process, if there is one ---- */

#define NODE_WAIT_MS 30000

/* Greets each handle, repeats each message, and sends a handle of its own on request; what is said
 * behind that arrives only when the handle was acknowledged. */
static const char node_app[] =
    "const net = require('net');"
    "process.on('message', (m, h) => {"
    "  if (h) h.end('hello from ' + m);"
    "  if (m === 'handle') {"
    "    const s = net.createServer().listen(0, '127.0.0.1', () => {"
    "      process.send('mine', s, () => s.close()); process.send('after');"
    "    });"
    "  } else if (m === 'bye') process.disconnect();"
    "  else process.send(m + (h ? '+' : ''));"
    "});"
    "process.send('up');";

static void on_node_late(uv_timer_t *t)
{
    (void)t;
    fail_msg("node did not answer in time");
}

static pid_t spawn_node(int channel)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    char number[16];
    snprintf(number, sizeof(number), "%d", channel);
    fd_set_cloexec(channel, false);
    setenv("NODE_CHANNEL_FD", number, 1);
    setenv("NODE_CHANNEL_SERIALIZATION_MODE", "json", 1);
    unsetenv("NODE_UNIQUE_ID");
    execlp("node", "node", "-e", node_app, (char *)NULL);
    _exit(127);
}

static bool has_node(void)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        execlp("node", "node", "--version", (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_until(struct fixture *f, const char *told)
{
    while (!strstr(f->told.data, told))
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void assert_greeted(int fd, const char *expected)
{
    char text[64] = "";
    size_t n = 0;
    ssize_t got;
    while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    assert_string_equal(text, expected);
}

static void real_node(void **state)
{
    struct fixture *f = *state;
    if (!has_node())
        skip();
    static const char *const names[] = {"one", "two", "three"};
    int ends[3][2];
    uv_timer_t late;
    uv_timer_init(&f->loop, &late);
    uv_timer_start(&late, on_node_late, NODE_WAIT_MS, 0);
    pid_t pid = spawn_node(f->app);
    fd_close(&f->app);
    run_until(f, "\"up\" ");
    for (int i = 0; i < 3; i++) {
        char line[128];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]), 0);
        assert_int_equal(fd_set_nonblock(ends[i][1], true), 0);
        snprintf(line, sizeof(line),
                 "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":\"%s\"}", names[i]);
        assert_int_equal(chan_send_handle(f->chan, str_from(line), ends[i][1], on_done, f), 0);
        assert_int_equal(chan_send(f->chan, STR("\"m\"")), 0);
    }
    assert_int_equal(chan_send(f->chan, STR("\"handle\"")), 0);
    run_until(f, "\"after\" ");
    assert_told(f, "\"up\" done0 \"one+\" \"m\" done0 \"two+\" \"m\" done0 \"three+\" \"m\" "
                   "\"after\" ");
    for (int i = 0; i < 3; i++) {
        char expected[64];
        fd_close(&ends[i][1]);
        snprintf(expected, sizeof(expected), "hello from %s", names[i]);
        assert_greeted(ends[i][0], expected);
        fd_close(&ends[i][0]);
    }
    assert_int_equal(chan_send(f->chan, STR("\"bye\"")), 0);
    run_until(f, "closed ");
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    uv_close((uv_handle_t *)&late, NULL);
    turn(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(messages_both_ways),
        TEST(much_at_once_may_have_to_wait),
        TEST(one_handle_at_a_time),
        TEST(stray_answers_are_ignored),
        TEST(handles_of_the_app),
        TEST(answers_between_lines),
        TEST(app_that_does_not_read),
        TEST(too_many_handles),
        TEST(app_goes_away),
        TEST(write_fails_first),
        TEST(drains_to_the_end),
        TEST(drain_ends_while_the_app_lives),
        TEST(close_tells_handles_only),
        TEST(callback_closes),
        TEST(callback_sends),
        TEST(bun_is_known_by_its_mark),
        TEST(mistakes_are_told),
        TEST(what_waits_is_counted),
        TEST(some_descriptors_break_apps),
        TEST(too_many_under_way),
        TEST(nobody_listens),
        TEST(no_channel),
        TEST(stdin_of_the_app),
        TEST(real_node),
    };
    return cmocka_run_group_tests(tests, first_loop, NULL);
}
