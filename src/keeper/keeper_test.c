/* SPDX-License-Identifier: MIT
 * The real pm2-keeper, with this test in the place of pm2d. The program runs itself again as pm2d:
 * that copy does nothing but pass its end of the link (and its pid) to the test by a control
 * socket, and exit when it is told to. So the test speaks the link itself, and can also kill "pm2d"
 * at any instant and see what the keeper does. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeperlink/proto.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/procfs.h"

#define WAIT_MS 20000

struct rig {
    char folder[64], pid_file[96], log_file[96], control_path[96];
    int control; /* listens for copies of pm2d */
    pid_t keeper;
    int ready; /* what the keeper reports */
    /* the pm2d of now */
    pid_t daemon;
    int line; /* its control connection */
    int link;
    struct link_reader in;
    int fds[64];
    unsigned nfds;
};

static struct rig rig;
static char self_path[PATH_MAX], keeper_path[PATH_MAX];
static char *const env[] = {"PATH=/usr/bin:/bin", NULL};

/* ---- pm2d's part: pm2d --home HOME --control PATH ---- */

static int play_daemon(char **argv)
{
    struct err e;
    char code = 0;
    pid_t pid = getpid();
    int line = sock_connect(argv[4], &e);
    if (line < 0 || fd_send(line, &pid, sizeof(pid), (int[]){LINK_FD}, 1) != sizeof(pid))
        return 99;
    close(LINK_FD);
    return read(line, &code, 1) == 1 ? code : 0;
}

/* ---- the rig ---- */

static void await(int fd, short events)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
}

static void hang_up(void)
{
    for (unsigned i = 0; i < rig.nfds; i++)
        fd_close(&rig.fds[i]);
    rig.nfds = 0;
    link_reader_fini(&rig.in);
    link_reader_init(&rig.in);
    fd_close(&rig.link);
    fd_close(&rig.line);
}

/* The next pm2d that the keeper starts. */
static void accept_daemon(void)
{
    unsigned n = 1;
    hang_up();
    await(rig.control, POLLIN);
    rig.line = accept4(rig.control, NULL, NULL, SOCK_CLOEXEC);
    assert_true(rig.line >= 0);
    await(rig.line, POLLIN);
    assert_int_equal(fd_recv(rig.line, &rig.daemon, sizeof(rig.daemon), &rig.link, &n),
                     sizeof(rig.daemon));
    assert_int_equal(n, 1);
}

static pid_t run_keeper(int ready_w)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char number[16];
    int copy = fcntl(ready_w, F_DUPFD, 50);
    snprintf(number, sizeof(number), "%d", copy);
    setsid();
    umask(022);
    execl(keeper_path, keeper_path, "--home", rig.folder, "--pid-file", rig.pid_file, "--log-file",
          rig.log_file, "--daemon", self_path, "--ready-fd", number, "--", "--control",
          rig.control_path, (char *)NULL);
    _exit(98);
}

static int launch(int *ret_ready)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = run_keeper(ends[1]);
    fd_close(&ends[1]);
    *ret_ready = ends[0];
    return pid;
}

/* A keeper with a pm2d that has not said anything yet. */
static int set_up(void **state)
{
    (void)state;
    struct err e;
    memset(&rig, 0, sizeof(rig));
    rig.line = rig.link = rig.ready = -1;
    link_reader_init(&rig.in);
    snprintf(rig.folder, sizeof(rig.folder), "/tmp/keeper_test.XXXXXX");
    if (!mkdtemp(rig.folder))
        return -1;
    snprintf(rig.pid_file, sizeof(rig.pid_file), "%s/pm2.pid", rig.folder);
    snprintf(rig.log_file, sizeof(rig.log_file), "%s/pm2.log", rig.folder);
    snprintf(rig.control_path, sizeof(rig.control_path), "%s/control", rig.folder);
    rig.control = sock_listen(rig.control_path, 8, &e);
    rig.keeper = launch(&rig.ready);
    accept_daemon();
    return rig.control < 0;
}

static int tear_down(void **state)
{
    (void)state;
    hang_up();
    if (rig.keeper > 0) {
        kill(rig.keeper, SIGTERM);
        kill(rig.keeper, SIGINT); /* forced; two of the same would be one */
        waitpid(rig.keeper, NULL, 0);
    }
    fd_close(&rig.ready);
    fd_close(&rig.control);
    (void)unlink(rig.control_path);
    (void)unlink(rig.log_file);
    (void)unlink(rig.pid_file);
    return rmdir(rig.folder);
}

static int keeper_status(void)
{
    int status;
    assert_int_equal(waitpid(rig.keeper, &status, 0), rig.keeper);
    rig.keeper = 0;
    return status;
}

static void assert_reports(int fd, const char *expected)
{
    char text[600];
    size_t used = 0;
    ssize_t n = 1;
    while (n > 0) {
        await(fd, POLLIN);
        n = read(fd, text + used, sizeof(text) - 1 - used);
        used += n > 0 ? (size_t)n : 0;
    }
    text[used] = '\0';
    assert_string_equal(text, expected);
}

/* ---- frames ---- */

static void say(const struct buf *out, const int *fds, unsigned nfds)
{
    assert_int_equal(fd_send(rig.link, out->data, out->len, fds, nfds), out->len);
}

/* A frame of what is there: a handle unless 0, a number unless negative, a text unless NULL. */
static void ask(enum link_type type, uint64_t handle, int u32, const char *text)
{
    AUTO(buf) out = BUF_INIT;
    size_t mark = link_open(&out, type, (uint32_t)type, 0);
    if (handle)
        link_put_u64(&out, handle);
    if (u32 >= 0)
        link_put_i32(&out, u32);
    if (text)
        link_put_str(&out, str_from(text));
    link_close(&out, mark);
    say(&out, NULL, 0);
}

static struct link_frame next_frame(void)
{
    struct link_frame f;
    int rc;
    while ((rc = link_reader_next(&rig.in, &f)) == 0) {
        char bytes[4096];
        unsigned room = 64 - rig.nfds;
        await(rig.link, POLLIN);
        ssize_t n = fd_recv(rig.link, bytes, sizeof(bytes), rig.fds + rig.nfds, &room);
        assert_true(n > 0);
        rig.nfds += room;
        assert_int_equal(link_reader_feed(&rig.in, bytes, (size_t)n), 0);
    }
    assert_int_equal(rc, 1);
    assert_true(f.nfds <= rig.nfds);
    return f;
}

static struct link_fields expect(enum link_type type)
{
    struct link_frame f = next_frame();
    assert_int_equal(f.type, type);
    return (struct link_fields){.rest = f.payload};
}

/* SPAWNED or CHILD, with the fds by their meaning (-1: not there). */
static struct link_child take_child(struct link_fields in, int *fds)
{
    struct link_child c;
    unsigned used = 0;
    link_get_child(&in, &c);
    assert_false(in.bad);
    for (unsigned i = 0; i < LINK_FD_COUNT; i++)
        fds[i] = c.fd_mask & (1U << i) ? rig.fds[used++] : -1;
    rig.nfds -= used;
    memmove(rig.fds, rig.fds + used, rig.nfds * sizeof(int));
    return c;
}

static struct link_child expect_child(enum link_type type, int *fds)
{
    return take_child(expect(type), fds);
}

static void close_all(int *fds)
{
    for (unsigned i = 0; i < LINK_FD_COUNT; i++)
        fd_close(&fds[i]);
}

static void greet(uint32_t starts)
{
    ask(LINK_HELLO, 0, LINK_VERSION, NULL);
    struct link_fields in = expect(LINK_HELLO_OK);
    assert_int_equal(link_get_u32(&in), LINK_VERSION);
    assert_int_equal(link_get_u32(&in), rig.keeper);
    assert_int_equal(link_get_u32(&in), starts);
}

static void get_ready(void)
{
    greet(1);
    ask(LINK_READY, 0, -1, "1.2.3");
    assert_reports(rig.ready, "R1.2.3\n");
}

static void ask_spawn(uint64_t handle, const char *file, const char *script)
{
    AUTO(buf) out = BUF_INIT;
    const struct str argv[] = {STR("sh"), STR("-c"), str_from(script)};
    const struct str vars[] = {str_from(env[0])};
    const struct link_spawn s = {.handle = handle,
                                 .flags = LINK_SPAWN_CHANNEL,
                                 .file = str_from(file),
                                 .note = STR("remember"),
                                 .argv = {3, argv},
                                 .env = {1, vars}};
    size_t mark = link_open(&out, LINK_SPAWN, 1, 0);
    link_put_spawn(&out, &s);
    link_close(&out, mark);
    say(&out, NULL, 0);
}

static pid_t spawn_app(uint64_t handle, const char *script, int *fds)
{
    ask_spawn(handle, "/bin/sh", script);
    struct link_child c = expect_child(LINK_SPAWNED, fds);
    assert_true(c.handle == handle);
    assert_int_equal(c.fd_mask, 31);
    assert_true(str_eq_c(c.note, "remember"));
    return (pid_t)c.pid;
}

static int expect_exit(uint64_t handle)
{
    struct link_fields in = expect(LINK_EXITED);
    assert_true(link_get_u64(&in) == handle);
    (void)link_get_u32(&in);
    return link_get_i32(&in);
}

static void expect_line(int fd, const char *expected)
{
    char text[64] = "";
    await(fd, POLLIN);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    assert_string_equal(text, expected);
}

static bool is_alive(pid_t pid)
{
    struct proc_stat st;
    return procfs_stat(pid, &st) == 0 && st.state != 'Z';
}

static void quit(void)
{
    ask(LINK_QUIT, 0, -1, NULL);
    assert_int_equal(write(rig.line, "", 1), 1);
    assert_int_equal(keeper_status(), 0);
    assert_int_equal(access(rig.pid_file, F_OK), -1);
}

static void kill_daemon(void)
{
    kill(rig.daemon, SIGKILL);
    accept_daemon();
}

/* ---- tests: launch and end ---- */

static void launch_and_quit(void **state)
{
    (void)state;
    char text[32], expected[32];
    struct stat st;
    get_ready();
    int fd = open(rig.pid_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    snprintf(expected, sizeof(expected), "%d", rig.keeper);
    assert_string_equal(text, expected);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fd_close(&fd);

    int ready, status;
    pid_t second = launch(&ready);
    assert_reports(ready, "Eanother daemon is running\n");
    fd_close(&ready);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(access(rig.pid_file, F_OK), 0);
    quit();
}

static void fatal_text_reaches_the_launcher(void **state)
{
    (void)state;
    greet(1);
    ask(LINK_FATAL, 0, -1, "rpc.sock: in use\nand more");
    assert_int_equal(write(rig.line, "\5", 1), 1);
    assert_reports(rig.ready, "Erpc.sock: in use\n");
    assert_int_equal(WEXITSTATUS(keeper_status()), 1);
    assert_int_equal(access(rig.pid_file, F_OK), -1);
}

static void death_during_launch_is_told(void **state)
{
    (void)state;
    assert_int_equal(write(rig.line, "\3", 1), 1);
    assert_reports(rig.ready, "Epm2d ended with status 3\n");
    assert_int_equal(WEXITSTATUS(keeper_status()), 1);
}

static void terminate_is_passed_on(void **state)
{
    (void)state;
    get_ready();
    kill(rig.keeper, SIGUSR1);
    kill(rig.keeper, SIGHUP); /* both ignored */
    kill(rig.keeper, SIGUSR2);
    (void)expect(LINK_REOPEN);
    kill(rig.keeper, SIGTERM);
    struct link_fields in = expect(LINK_TERMINATE);
    assert_int_equal(link_get_i32(&in), SIGTERM);
    kill_daemon(); /* and a new pm2d hears it too */
    greet(2);
    in = expect(LINK_TERMINATE);
    assert_int_equal(link_get_i32(&in), SIGTERM);
    quit();
}

static void second_signal_is_force(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    get_ready();
    pid_t app = spawn_app(1, "trap '' TERM INT; echo up; while :; do sleep 60; done", fds);
    expect_line(fds[LINK_FD_STDOUT], "up\n");
    kill(rig.keeper, SIGINT);
    (void)expect(LINK_TERMINATE);
    kill(rig.keeper, SIGINT);
    assert_int_equal(keeper_status(), 0);
    assert_false(is_alive(app));
    assert_int_equal(access(rig.pid_file, F_OK), -1);
    close_all(fds);
}

static void quit_leaves_no_descendant(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    char text[32];
    get_ready();
    (void)spawn_app(1, "(setsid sh -c 'echo $$; exec sleep 60' &)", fds);
    await(fds[LINK_FD_STDOUT], POLLIN);
    ssize_t n = read(fds[LINK_FD_STDOUT], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    pid_t orphan = atoi(text);
    assert_int_equal(expect_exit(1), 0);
    assert_true(is_alive(orphan));
    quit();
    assert_false(is_alive(orphan));
    close_all(fds);
}

/* ---- tests: children ---- */

static void life_of_a_child(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    struct proc_stat st;
    get_ready();
    pid_t app = spawn_app(7, "umask; ulimit -n; read x; exit 4", fds);
    assert_int_equal(procfs_stat(app, &st), 0);
    assert_int_equal(st.ppid, rig.keeper);
    await(fds[LINK_FD_STDOUT], POLLIN);
    char text[64];
    assert_true(read(fds[LINK_FD_STDOUT], text, 5) == 5);
    assert_memory_equal(text, "0022\n", 5); /* the launcher's, not the keeper's */
    ask(LINK_FORGET, 7, -1, NULL);
    (void)expect(LINK_ERROR); /* it lives */
    assert_int_equal(write(fds[LINK_FD_STDIN], "\n", 1), 1);
    assert_int_equal(expect_exit(7), 4 << 8);
    ask(LINK_SIGNAL, 7, SIGTERM, NULL);
    struct link_fields in = expect(LINK_SIGNALLED);
    assert_true(link_get_u64(&in) == 7);
    assert_int_equal(link_get_i32(&in), ESRCH);
    ask(LINK_FORGET, 7, -1, NULL);
    ask(LINK_LIST, 0, -1, NULL);
    (void)expect(LINK_LIST_END);
    close_all(fds);
    quit();
}

static void signals_reach_the_child(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    get_ready();
    (void)spawn_app(1, "exec sleep 60", fds);
    ask(LINK_SIGNAL, 1, SIGKILL, NULL);
    struct link_fields in = expect(LINK_SIGNALLED);
    (void)link_get_u64(&in);
    assert_int_equal(link_get_i32(&in), 0);
    assert_int_equal(expect_exit(1), SIGKILL);
    close_all(fds);
    quit();
}

static void failed_spawns_are_answers(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    get_ready();
    ask_spawn(1, "/nonexistent", "");
    struct link_fields in = expect(LINK_SPAWN_FAILED);
    assert_true(link_get_u64(&in) == 1);
    assert_int_equal(link_get_i32(&in), ENOENT);
    assert_int_equal(link_get_u32(&in), LINK_STAGE_EXEC);
    (void)spawn_app(1, "exec sleep 60", fds);
    ask_spawn(1, "/bin/sh", "");
    in = expect(LINK_SPAWN_FAILED);
    (void)link_get_u64(&in);
    assert_int_equal(link_get_i32(&in), EEXIST);
    close_all(fds);
    quit();
}

static void lack_of_fds_is_an_answer(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    struct rlimit old, low = {12, 12};
    get_ready();
    assert_int_equal(prlimit(rig.keeper, RLIMIT_NOFILE, NULL, &old), 0);
    low.rlim_max = old.rlim_max;
    assert_int_equal(prlimit(rig.keeper, RLIMIT_NOFILE, &low, NULL), 0);
    ask_spawn(1, "/bin/sh", "");
    struct link_fields in = expect(LINK_SPAWN_FAILED);
    (void)link_get_u64(&in);
    assert_int_equal(link_get_i32(&in), EMFILE);
    assert_int_equal(link_get_u32(&in), LINK_STAGE_RESOURCES);
    assert_int_equal(prlimit(rig.keeper, RLIMIT_NOFILE, &old, NULL), 0);
    (void)spawn_app(1, "exit 0", fds);
    assert_int_equal(expect_exit(1), 0);
    close_all(fds);
    quit();
}

static void nothing_is_lost_when_pm2d_dies(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT], again[LINK_FD_COUNT];
    struct link_child c;
    get_ready();
    pid_t live = spawn_app(1, "read x; echo heard $x; exec sleep 60", fds);
    close_all(fds);
    (void)spawn_app(2, "read x; exit 9", fds);
    assert_int_equal(write(fds[LINK_FD_STDIN], "\n", 1), 1);
    await(fds[LINK_FD_PIDFD], POLLIN); /* it exits while pm2d dies */
    close_all(fds);
    kill_daemon();
    greet(2);
    ask(LINK_LIST, 0, -1, NULL);
    c = expect_child(LINK_CHILD, fds);
    assert_int_equal(c.pid, live);
    assert_int_equal(c.exited, 0);
    assert_true(c.start_ticks > 0);
    assert_true(str_eq_c(c.note, "remember"));
    c = expect_child(LINK_CHILD, again);
    assert_true(c.handle == 2);
    assert_int_equal(c.exited, 1);
    assert_int_equal(c.wait_status, 9 << 8);
    assert_true(c.exit_ms > 0 && (int64_t)c.exit_ms <= clock_mono_ms());
    (void)expect(LINK_LIST_END);
    assert_int_equal(write(fds[LINK_FD_STDIN], "you\n", 4), 4);
    expect_line(fds[LINK_FD_STDOUT], "heard you\n");
    close_all(fds);
    close_all(again);
    quit();
}

static void last_words_of_pm2d_count(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    get_ready();
    kill(rig.keeper, SIGSTOP);
    assert_int_equal(waitpid(rig.keeper, NULL, WUNTRACED), rig.keeper); /* it has stopped */
    ask_spawn(5, "/bin/sh", "exec sleep 60");
    kill(rig.daemon, SIGKILL);
    await(rig.line, POLLHUP); /* it is gone */
    kill(rig.keeper, SIGCONT);
    accept_daemon();
    greet(2);
    ask(LINK_LIST, 0, -1, NULL);
    assert_true(expect_child(LINK_CHILD, fds).handle == 5);
    (void)expect(LINK_LIST_END);
    close_all(fds);
    quit();
}

static void protocol_errors_cost_pm2d_its_life(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    static const char noise[] = "this is not a frame, by no means";
    get_ready();
    pid_t app = spawn_app(1, "exec sleep 60", fds);
    close_all(fds);
    ask(200, 0, -1, NULL); /* unknown, but well formed: an answer */
    (void)expect(LINK_ERROR);
    assert_int_equal(fd_send(rig.link, noise, sizeof(noise), NULL, 0), sizeof(noise));
    accept_daemon();
    greet(2);
    ask(LINK_STORE, 0, -1, "a name without its fd");
    accept_daemon();
    greet(3);
    assert_true(is_alive(app));
    quit();
}

static void closed_fds_are_closed(void **state)
{
    (void)state;
    int fds[LINK_FD_COUNT];
    get_ready();
    (void)spawn_app(1, "cat <&3; echo eof", fds);
    fd_close(&fds[LINK_FD_CHANNEL]);
    ask(LINK_CLOSE_FD, 1, LINK_FD_CHANNEL, NULL);
    expect_line(fds[LINK_FD_STDOUT], "eof\n"); /* no one else holds the other end */
    close_all(fds);
    assert_int_equal(expect_exit(1), 0);
    ask(LINK_LIST, 0, -1, NULL);
    assert_int_equal(expect_child(LINK_CHILD, fds).fd_mask, 31 & ~(1 << LINK_FD_CHANNEL));
    (void)expect(LINK_LIST_END);
    close_all(fds);
    quit();
}

static void put_in_store(const char *name, int fd)
{
    AUTO(buf) out = BUF_INIT;
    size_t mark = link_open(&out, LINK_STORE, 1, 1);
    link_put_str(&out, str_from(name));
    link_close(&out, mark);
    say(&out, &fd, 1);
}

static void store_outlives_pm2d(void **state)
{
    (void)state;
    int first[2], second[2];
    get_ready();
    assert_int_equal(pipe2(first, O_CLOEXEC), 0);
    assert_int_equal(pipe2(second, O_CLOEXEC), 0);
    put_in_store("tcp:80", first[1]);
    put_in_store("gone", first[1]);
    put_in_store("tcp:80", second[1]); /* replaces */
    ask(LINK_UNSTORE, 0, -1, "gone");
    fd_close(&first[1]);
    fd_close(&second[1]);
    await(first[0], POLLHUP); /* no copy is left anywhere */
    kill_daemon();
    greet(2);
    ask(LINK_LIST, 0, -1, NULL);
    struct link_fields in = expect(LINK_STORED);
    assert_true(str_eq_c(link_get_str(&in), "tcp:80"));
    assert_int_equal(rig.nfds, 1);
    assert_int_equal(write(rig.fds[0], "x\n", 2), 2);
    expect_line(second[0], "x\n");
    (void)expect(LINK_LIST_END);
    fd_close(&first[0]);
    fd_close(&second[0]);
    quit();
}

/* Many exits and pm2d's own wait for one pass of reaping, which sees them in any order. */
static void exits_beside_pm2ds_own(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    int fds[COUNT][LINK_FD_COUNT], again[LINK_FD_COUNT];
    get_ready();
    for (uint64_t i = 0; i < COUNT; i++)
        (void)spawn_app(i + 1, "read x; exit 9", fds[i]);
    kill(rig.keeper, SIGSTOP);
    assert_int_equal(waitpid(rig.keeper, NULL, WUNTRACED), rig.keeper);
    kill(rig.daemon, SIGKILL);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(write(fds[i][LINK_FD_STDIN], "\n", 1), 1);
        await(fds[i][LINK_FD_PIDFD], POLLIN);
        close_all(fds[i]);
    }
    kill(rig.keeper, SIGCONT);
    accept_daemon();
    greet(2); /* nothing unasked comes before the answer */
    ask(LINK_LIST, 0, -1, NULL);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(expect_child(LINK_CHILD, again).wait_status, 9 << 8);
        close_all(again);
    }
    (void)expect(LINK_LIST_END);
    quit();
}

/* More frames with fds than the socket takes at once, and a reader that is late. */
static void slow_reader_loses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    int fds[LINK_FD_COUNT];
    get_ready();
    for (uint64_t i = 1; i <= COUNT; i++)
        ask_spawn(i, "/bin/true", "");
    unsigned spawned = 0, exited = 0;
    while (spawned < COUNT || exited < COUNT) {
        struct link_frame f = next_frame();
        exited += f.type == LINK_EXITED;
        if (f.type != LINK_SPAWNED)
            continue;
        assert_true(take_child((struct link_fields){.rest = f.payload}, fds).handle == ++spawned);
        close_all(fds);
    }
    ask(LINK_LIST, 0, -1, NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(expect_child(LINK_CHILD, fds).exited, 1);
        close_all(fds);
    }
    (void)expect(LINK_LIST_END);
    quit();
}

static void crash_loop_backs_off(void **state)
{
    (void)state;
    static const int64_t least_ms[] = {0, 100, 200, 400};
    get_ready();
    for (size_t i = 0; i < 4; i++) {
        int64_t began = clock_mono_ms();
        kill_daemon();
        assert_true(clock_mono_ms() - began >= least_ms[i]);
    }
    greet(5);
    quit();
}

/* ---- tests: command line ---- */

static int run_with(const char *arg, const char *value, char *text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl(keeper_path, keeper_path, arg, value, (char *)NULL);
        _exit(98);
    }
    fd_close(&ends[1]);
    size_t used = 0;
    for (ssize_t n; (n = read(ends[0], text + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    fd_close(&ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void command_line(void **state)
{
    (void)state;
    char text[2048];
    assert_int_equal(run_with("--version", NULL, text, sizeof(text)), 0);
    assert_string_equal(text, PM2C_VERSION "\n");
    assert_int_equal(run_with("--help", NULL, text, sizeof(text)), 0);
    assert_non_null(strstr(text, "--ready-fd"));
    assert_int_equal(run_with("--home", "/tmp", text, sizeof(text)), 1);
    assert_non_null(strstr(text, "--pid-file is missing"));
    assert_int_equal(run_with("--home", "here", text, sizeof(text)), 1);
    assert_non_null(strstr(text, "--home needs an absolute path"));
    assert_int_equal(run_with("--ready-fd", "77", text, sizeof(text)), 1);
    assert_int_equal(run_with("--nonsense", NULL, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "--nonsense"));
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--home") == 0)
        return play_daemon(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_line),
        RIGGED(launch_and_quit),
        RIGGED(fatal_text_reaches_the_launcher),
        RIGGED(death_during_launch_is_told),
        RIGGED(terminate_is_passed_on),
        RIGGED(second_signal_is_force),
        RIGGED(quit_leaves_no_descendant),
        RIGGED(life_of_a_child),
        RIGGED(signals_reach_the_child),
        RIGGED(failed_spawns_are_answers),
        RIGGED(lack_of_fds_is_an_answer),
        RIGGED(nothing_is_lost_when_pm2d_dies),
        RIGGED(last_words_of_pm2d_count),
        RIGGED(exits_beside_pm2ds_own),
        RIGGED(protocol_errors_cost_pm2d_its_life),
        RIGGED(closed_fds_are_closed),
        RIGGED(store_outlives_pm2d),
        RIGGED(slow_reader_loses_nothing),
        RIGGED(crash_loop_backs_off),
    };
    ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);
    if (n <= 0)
        return 1;
    /* build/tests/keeper.keeper and build/bin/pm2-keeper */
    char *slash = strrchr(self_path, '/');
    int len = snprintf(keeper_path, sizeof(keeper_path), "%.*s/../bin/pm2-keeper",
                       (int)(slash - self_path), self_path);
    if (len >= (int)sizeof(keeper_path))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
