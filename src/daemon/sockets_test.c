/* SPDX-License-Identifier: MIT
 * Sockets of apps, on the loopback: where new connections go as processes come, go, die and change
 * generations; and what a later pm2d makes of what the keeper holds. The keeper is a socket pair of
 * this test; the processes are records that nobody executes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "os/fd.h"
#include "sockets_priv.h"
#include "table.h"
#include "json/read.h"

#define PROCS       4
#define CONNECTIONS 60
#define STORED      64

struct world {
    struct proc_env env;
    struct table table;
    struct proc *items[PROCS];
    struct proc procs[PROCS], others[PROCS];
    struct run runs[PROCS], other_runs[PROCS];
    int keeper; /* its end of the link */
    struct link_reader reader;
    int fds[STORED];
    unsigned nfds;
    struct {
        char *name; /* NULL = empty */
        int fd;
    } stored[STORED];
    char folder[64], unix_text[96];
    int port;
};

static struct world w;

/* ---- the keeper ---- */

static void ignore_child(void *ctx, const struct link_child *c, int *fds)
{
    (void)ctx;
    (void)c;
    (void)fds;
}

static void say_hello(void)
{
    AUTO(buf) out = BUF_INIT;
    size_t mark = link_open(&out, LINK_HELLO_OK, 1, 0);
    link_put_u32(&out, LINK_VERSION);
    link_put_u32(&out, (uint32_t)getpid());
    link_put_u32(&out, 1);
    link_put_u32(&out, 022);
    link_put_u64(&out, 1024);
    link_close(&out, mark);
    link_close(&out, link_open(&out, LINK_LIST_END, 2, 0));
    assert_int_equal(fd_write_all(w.keeper, out.data, out.len), 0);
}

static void connect_keeper(void)
{
    static const struct link_handler handler = {.child = ignore_child};
    struct err e = {0};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    w.keeper = ends[1];
    say_hello();
    w.env.link = link_connect(ends[0], &handler, &e);
    assert_non_null(w.env.link);
    assert_int_equal(fd_set_nonblock(w.keeper, true), 0);
}

static size_t find_stored(struct str name)
{
    for (size_t i = 0; i < STORED; i++)
        if (w.stored[i].name && str_eq_c(name, w.stored[i].name))
            return i;
    return STORED;
}

static void keep(struct str name)
{
    size_t at = 0;
    while (w.stored[at].name)
        at++;
    assert_true(at < STORED && w.nfds > 0);
    assert_int_equal(find_stored(name), STORED);
    w.stored[at].name = strndup(name.p, name.n);
    w.stored[at].fd = w.fds[0];
    memmove(w.fds, w.fds + 1, --w.nfds * sizeof(int));
}

static void drop(size_t at)
{
    free(w.stored[at].name);
    w.stored[at].name = NULL;
    fd_close(&w.stored[at].fd);
}

/* Act on what pm2d has said. */
static void run_keeper(void)
{
    char bytes[65536];
    struct link_frame f;
    for (;;) {
        unsigned room = STORED - w.nfds;
        ssize_t n = fd_recv(w.keeper, bytes, sizeof(bytes), w.fds + w.nfds, &room);
        if (n <= 0)
            break;
        w.nfds += room;
        assert_int_equal(link_reader_feed(&w.reader, bytes, (size_t)n), 0);
        while (link_reader_next(&w.reader, &f) == 1) {
            struct link_fields in = {.rest = f.payload};
            if (f.type == LINK_STORE)
                keep(link_get_str(&in));
            else if (f.type == LINK_UNSTORE)
                drop(find_stored(link_get_str(&in)));
        }
    }
}

static size_t count_stored(void)
{
    size_t n = 0;
    run_keeper();
    for (size_t i = 0; i < STORED; i++)
        n += w.stored[i].name != NULL;
    return n;
}

/* ---- processes ---- */

static int free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
    fd_close(&fd);
    return ntohs(sa.sin_port);
}

static void make_proc(struct proc *p, int id, json_t *conf)
{
    *p = (struct proc){.env = &w.env, .id = id, .conf = json_incref(conf)};
    list_init(&p->old_runs);
    p->policy.kill_timeout_ms = 1600;
}

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    link_reader_init(&w.reader);
    connect_keeper();
    w.port = free_port();
    snprintf(w.folder, sizeof(w.folder), "/tmp/sockets_test.XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.unix_text, sizeof(w.unix_text), "unix:%s/x", w.folder);
    AUTO_JSON conf = json_pack("{s:s, s:s, s:o}", "name", "web", "namespace", "default", "listen",
                               json_pack("[o]", json_sprintf("127.0.0.1:%d", w.port)));
    w.table = (struct table){.items = w.items, .count = PROCS, .env = &w.env};
    for (int i = 0; i < PROCS; i++) {
        make_proc(&w.procs[i], i, conf);
        w.items[i] = &w.procs[i];
    }
    w.env.sockets = sockets_new(&w.env, &w.table);
    assert_non_null(w.env.sockets);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sockets_close(w.env.sockets, true);
    run_keeper();
    for (size_t i = 0; i < STORED; i++)
        if (w.stored[i].name)
            drop(i);
    for (unsigned i = 0; i < w.nfds; i++)
        fd_close(&w.fds[i]);
    for (int i = 0; i < PROCS; i++) {
        json_decref(w.procs[i].conf);
        json_decref(w.others[i].conf);
    }
    link_reader_fini(&w.reader);
    link_free(w.env.link);
    fd_close(&w.keeper);
    (void)rmdir(w.folder);
    return 0;
}

static int start(struct proc *p, struct run *r)
{
    int fds[LIMIT_LISTEN] = {-1};
    struct err e = {0};
    *r = (struct run){.proc = p, .pid = 1};
    p->sm.goal = GOAL_UP;
    p->sm.state = PROC_SPAWNING;
    int n = sockets_for_spawn(r, fds, &e);
    if (n < 0)
        print_message("%s\n", e.msg);
    assert_true(n > 0);
    p->run = r;
    sockets_state(p);
    return fds[0];
}

static void becomes(struct proc *p, enum proc_state state)
{
    p->sm.state = state;
    sockets_state(p);
}

static int start_online(int i)
{
    int fd = start(&w.procs[i], &w.runs[i]);
    becomes(&w.procs[i], PROC_ONLINE);
    return fd;
}

static void ends(struct proc *p, enum proc_goal goal)
{
    struct run *r = p->run;
    p->sm.goal = goal;
    sockets_gone(r);
    p->run = NULL;
    becomes(p, goal == GOAL_UP ? PROC_BACKOFF : PROC_STOPPED);
}

/* ---- clients ---- */

static int connect_tcp(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)w.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct linger at_once = {1, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    fd_close(&fd);
    return rc;
}

static int take_all(int fd)
{
    int count = 0;
    assert_int_equal(fd_set_nonblock(fd, true), 0);
    for (int c; (c = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; count++)
        fd_close(&c);
    return count;
}

/* CONNECTIONS come: they go to these sockets and to no other; each gets some. */
static void assert_goes_to(const int *fds, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++)
        (void)take_all(fds[i]);
    for (int i = 0; i < CONNECTIONS; i++)
        assert_int_equal(connect_tcp(), 0);
    for (size_t i = 0; i < n; i++) {
        int count = take_all(fds[i]);
        assert_true(count > 0);
        sum += count;
    }
    assert_int_equal(sum, CONNECTIONS);
}
#define GOES_TO(...)                                                                               \
    assert_goes_to((int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))

/* ---- tests ---- */

static void connections_follow_the_processes(void **state)
{
    (void)state;
    int a = start(&w.procs[0], &w.runs[0]);
    int b = start(&w.procs[1], &w.runs[1]);
    int c = start(&w.procs[2], &w.runs[2]);
    GOES_TO(a, b, c); /* nobody is online: all of them wait */
    becomes(&w.procs[1], PROC_ONLINE);
    GOES_TO(b);
    becomes(&w.procs[0], PROC_ONLINE);
    becomes(&w.procs[2], PROC_ONLINE);
    GOES_TO(a, b, c);
    ends(&w.procs[1], GOAL_UP); /* it has died, and will be back */
    GOES_TO(a, c);
    assert_int_equal(start(&w.procs[1], &w.runs[1]), b); /* the same socket */
    GOES_TO(a, c);
    becomes(&w.procs[1], PROC_ONLINE);
    GOES_TO(a, b, c);
    sockets_retire(&w.runs[0]);
    GOES_TO(b, c);
    assert_int_equal(count_stored(), 3);
}

static void the_last_moves_up(void **state)
{
    (void)state;
    (void)start_online(0);
    int b = start_online(1), c = start_online(2), d = start_online(3);
    ends(&w.procs[0], GOAL_DOWN); /* its socket is closed: the last one has its place now */
    ends(&w.procs[2], GOAL_UP);
    GOES_TO(b, d);
    assert_int_equal(count_stored(), 3);
    ends(&w.procs[3], GOAL_DOWN);
    GOES_TO(b);
    int a = start_online(0); /* behind the others */
    GOES_TO(a, b);
    assert_int_equal(start(&w.procs[2], &w.runs[2]), c);
    becomes(&w.procs[2], PROC_ONLINE);
    GOES_TO(a, b, c);
}

static void with_the_last_process_the_address_goes(void **state)
{
    (void)state;
    (void)start_online(0);
    (void)start_online(1);
    ends(&w.procs[0], GOAL_DOWN);
    assert_int_equal(connect_tcp(), 0);
    ends(&w.procs[1], GOAL_DOWN);
    assert_int_equal(connect_tcp(), -ECONNREFUSED);
    assert_int_equal(count_stored(), 0);
    int a = start_online(0);
    GOES_TO(a);
    sockets_removed(&w.procs[0]);
    w.procs[0].run = NULL;
    assert_int_equal(connect_tcp(), -ECONNREFUSED);
}

static struct proc *other_of(int i)
{
    struct proc *o = &w.others[i];
    make_proc(o, i, w.procs[i].conf);
    o->lead = &w.procs[i];
    o->slot = 1 - w.procs[i].slot;
    w.procs[i].other = o;
    return o;
}

/* As reload.c does it. */
static void switch_to(struct proc *o)
{
    struct proc *p = o->lead;
    struct run *r = p->run;
    p->run = o->run;
    o->run = r;
    p->slot = 1 - p->slot;
    o->slot = 1 - o->slot;
    p->run->proc = p;
    o->run->proc = o;
    sockets_state(p);
}

static void generations_have_a_socket_each(void **state)
{
    (void)state;
    int a = start_online(0), b = start_online(1);
    struct proc *o = other_of(0);
    int next = start(o, &w.other_runs[0]);
    becomes(o, PROC_STARTING);
    GOES_TO(a, b);
    switch_to(o);
    GOES_TO(b, next);
    assert_int_equal(take_all(a), 0);
    ends(o, GOAL_GONE);
    GOES_TO(b, next);
    assert_int_equal(count_stored(), 2);
    assert_int_equal(start(&w.procs[0], &w.other_runs[0]), next); /* a restart keeps it */
    w.procs[0].other = NULL;
}

static void a_failed_successor_leaves_nothing(void **state)
{
    (void)state;
    int a = start_online(0), b = start_online(1);
    struct proc *o = other_of(0);
    (void)start(o, &w.other_runs[0]);
    GOES_TO(a, b);
    ends(o, GOAL_GONE);
    GOES_TO(a, b);
    assert_int_equal(count_stored(), 2);
    w.procs[0].other = NULL;
}

static void what_waits_is_seen(void **state)
{
    (void)state;
    int a = start_online(0);
    assert_false(sockets_has_waiting(&w.runs[0]));
    assert_int_equal(connect_tcp(), 0);
    assert_true(sockets_has_waiting(&w.runs[0]));
    assert_true(sockets_has_any(&w.runs[0]));
    sockets_retire(&w.runs[0]);
    assert_false(sockets_has_relief(&w.runs[0])); /* nobody else is there */
    (void)start_online(1);
    assert_true(sockets_has_relief(&w.runs[0]));
    assert_int_equal(take_all(a), 1);
    assert_false(sockets_has_waiting(&w.runs[0]));
}

/* A pm2d dies: the next one gets what the keeper has, in any order. */
static void die_and_recover(void)
{
    run_keeper();
    sockets_close(w.env.sockets, false);
    run_keeper();
    w.env.sockets = sockets_new(&w.env, &w.table);
    for (size_t i = STORED; i-- > 0;) {
        if (!w.stored[i].name)
            continue;
        int fd = fcntl(w.stored[i].fd, F_DUPFD_CLOEXEC, 0);
        assert_true(sockets_take_stored(w.env.sockets, str_from(w.stored[i].name), fd));
    }
    sockets_recover(w.env.sockets);
}

static void a_later_pm2d_steers_on(void **state)
{
    (void)state;
    int a = fcntl(start_online(0), F_DUPFD_CLOEXEC, 0);
    int b = fcntl(start_online(1), F_DUPFD_CLOEXEC, 0);
    int c = fcntl(start_online(2), F_DUPFD_CLOEXEC, 0);
    int d = fcntl(start_online(3), F_DUPFD_CLOEXEC, 0);
    ends(&w.procs[1], GOAL_DOWN);
    ends(&w.procs[0], GOAL_UP);
    die_and_recover();
    GOES_TO(c, d);
    ends(&w.procs[2], GOAL_UP);
    GOES_TO(d);
    (void)start_online(0);
    GOES_TO(a, d);
    die_and_recover();
    (void)start_online(1);
    ends(&w.procs[3], GOAL_DOWN);
    assert_int_equal(count_stored(), 3);
    w.procs[0].sm.goal = GOAL_DOWN; /* it is known to be down, and pm2d dies before it closes */
    w.procs[0].sm.state = PROC_STOPPED;
    w.procs[0].run = NULL;
    die_and_recover();
    assert_int_equal(count_stored(), 2);
    fd_close(&a);
    fd_close(&b);
    fd_close(&c);
    fd_close(&d);
}

static void names_of_others_are_not_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {"listen{", "listen{}", "listen{\"at\":5}",
                                      "listen{\"app\":\"a\",\"ns\":\"b\",\"at\":\"nope\"}"};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_false(sockets_take_stored(w.env.sockets, STR("cluster{}"), fd));
    fd_close(&fd);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(sockets_take_stored(w.env.sockets, str_from(bad[i]), fd));
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
    }
}

static void ended_sockets_listen_again(void **state)
{
    (void)state;
    int a = start_online(0), b = start_online(1), c = start_online(2);
    assert_int_equal(shutdown(a, SHUT_RDWR), 0);
    ends(&w.procs[0], GOAL_UP);
    GOES_TO(b, c);
    assert_int_equal(start_online(0), a);
    GOES_TO(a, b, c);
    ends(&w.procs[2], GOAL_UP); /* the order is still known */
    GOES_TO(a, b);
    assert_int_equal(shutdown(a, SHUT_RDWR), 0);
    assert_int_equal(shutdown(b, SHUT_RDWR), 0);
    sockets_state(&w.procs[0]);
    (void)start_online(2);
    ends(&w.procs[1], GOAL_UP);
    GOES_TO(a, c);
    assert_int_equal(count_stored(), 3);
}

static int check(const char *app, const char *text, struct err *e)
{
    AUTO_JSON conf =
        json_pack("{s:s, s:s, s:[s]}", "name", app, "namespace", "default", "listen", text);
    *e = (struct err){0};
    return sockets_check(w.env.sockets, conf, NULL, e);
}

static void who_has_an_address_is_named(void **state)
{
    (void)state;
    struct err e;
    char text[64], number[16];
    snprintf(text, sizeof(text), "127.0.0.1:%d", w.port);
    snprintf(number, sizeof(number), "%d", w.port);
    assert_int_equal(check("other", text, &e), 0);
    assert_int_equal(connect_tcp(), -ECONNREFUSED); /* nothing stayed open */
    (void)start_online(0);
    assert_int_equal(check("web", text, &e), 0);
    assert_int_equal(check("other", text, &e), -EADDRINUSE);
    assert_non_null(strstr(e.msg, "in use by app \"web\""));
    assert_int_equal(check("other", number, &e), -EADDRINUSE);
    assert_non_null(strstr(e.msg, "in use by app \"web\""));
    AUTO_JSON renamed = json_copy(w.procs[0].conf);
    json_object_set_new(renamed, "name", json_string("new"));
    assert_int_equal(sockets_check(w.env.sockets, renamed, &w.procs[0], &e), 0);
}

static void there_is_a_cap(void **state)
{
    (void)state;
    struct err e = {0};
    int fds[LIMIT_LISTEN];
    w.runs[0] = (struct run){.proc = &w.procs[0]};
    w.env.sockets->seat_count = LIMIT_SEATS;
    assert_true(sockets_for_spawn(&w.runs[0], fds, &e) < 0);
    assert_non_null(strstr(e.msg, "no more descriptors"));
    w.env.sockets->seat_count = 0;
    sockets_gone(&w.runs[0]);
}

/* ---- UNIX sockets ---- */

static int connect_unix(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/x", w.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
    fd_close(&fd);
    return rc;
}

static void listen_on_unix(void)
{
    for (int i = 0; i < PROCS; i++) {
        AUTO_JSON conf = json_copy(w.procs[i].conf);
        json_object_set_new(conf, "listen", json_pack("[s]", w.unix_text));
        json_decref(w.procs[i].conf);
        w.procs[i].conf = json_incref(conf);
    }
}

static void a_unix_socket_is_renamed_over_the_old_one(void **state)
{
    (void)state;
    listen_on_unix();
    int a = start_online(0);
    struct proc *o = other_of(0);
    int next = start(o, &w.other_runs[0]);
    assert_int_equal(connect_unix(), 0);
    assert_int_equal(take_all(a), 1);
    switch_to(o);
    assert_int_equal(connect_unix(), 0);
    assert_int_equal(take_all(next), 1);
    ends(o, GOAL_GONE);
    assert_int_equal(connect_unix(), 0); /* the file is the new one's */
    die_and_recover();
    assert_int_equal(connect_unix(), 0);
    w.procs[0].other = NULL;
    ends(&w.procs[0], GOAL_DOWN);
    assert_int_equal(connect_unix(), -ENOENT);
    assert_int_equal(rmdir(w.folder), 0); /* nothing is left */
}

static void processes_share_a_unix_socket(void **state)
{
    (void)state;
    struct stat sa, sb;
    listen_on_unix();
    int a = start_online(0), b = start_online(1);
    assert_int_equal(fstat(a, &sa) | fstat(b, &sb), 0);
    assert_int_equal(sa.st_ino, sb.st_ino);
    struct proc *o = other_of(0);
    int next = start(o, &w.other_runs[0]);
    assert_int_equal(fstat(next, &sb), 0);
    assert_int_equal(sa.st_ino, sb.st_ino);
    switch_to(o);
    ends(o, GOAL_GONE);
    w.procs[0].other = NULL;
    ends(&w.procs[0], GOAL_DOWN);
    assert_int_equal(connect_unix(), 0); /* the other one has it still */
    assert_false(sockets_has_waiting(&w.runs[0]));
    ends(&w.procs[1], GOAL_DOWN);
    assert_int_equal(connect_unix(), -ENOENT);
}

static void one_whose_file_is_gone_is_opened_anew(void **state)
{
    (void)state;
    char path[96];
    listen_on_unix();
    (void)start_online(0);
    snprintf(path, sizeof(path), "%s/x", w.folder);
    assert_int_equal(unlink(path), 0);
    ends(&w.procs[0], GOAL_UP);
    int again = start_online(0);
    assert_int_equal(connect_unix(), 0);
    assert_int_equal(take_all(again), 1);
    assert_int_equal(shutdown(again, SHUT_RDWR), 0);
    ends(&w.procs[0], GOAL_UP);
    again = start_online(0);
    assert_int_equal(connect_unix(), 0);
    assert_int_equal(take_all(again), 1);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(connections_follow_the_processes),
        RIGGED(the_last_moves_up),
        RIGGED(with_the_last_process_the_address_goes),
        RIGGED(generations_have_a_socket_each),
        RIGGED(a_failed_successor_leaves_nothing),
        RIGGED(what_waits_is_seen),
        RIGGED(a_later_pm2d_steers_on),
        RIGGED(names_of_others_are_not_taken),
        RIGGED(ended_sockets_listen_again),
        RIGGED(who_has_an_address_is_named),
        RIGGED(there_is_a_cap),
        RIGGED(a_unix_socket_is_renamed_over_the_old_one),
        RIGGED(processes_share_a_unix_socket),
        RIGGED(one_whose_file_is_gone_is_opened_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
