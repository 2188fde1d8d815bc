/* SPDX-License-Identifier: MIT
 * Spawning real processes: what they find, and what is left when it fails. */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
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

#include "base/buf.h"
#include "base/limits.h"
#include "os/fd.h"
#include "os/procfs.h"

#define WAIT_MS 10000

static char folder[] = "/tmp/spawn_test.XXXXXX";
static char *const env[] = {"PATH=/usr/bin:/bin", "COLOUR=red", NULL};

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void read_all(int fd, struct buf *out)
{
    char bytes[4096];
    ssize_t n = 1;
    while (n != 0) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
        n = read(fd, bytes, sizeof(bytes));
        assert_true(n >= 0);
        buf_add(out, bytes, (size_t)n);
    }
}

static void release(struct spawn_result *r)
{
    int status;
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    fd_close(&r->pidfd);
    fd_close(&r->stdin_w);
    fd_close(&r->stdout_r);
    fd_close(&r->stderr_r);
    fd_close(&r->channel);
}

/* Run `script` by sh with the rest of *s; its output. */
static void run(struct spawn_spec s, const char *script, struct buf *out)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    enum spawn_stage stage;
    struct spawn_result r;
    s.file = "/bin/sh";
    s.argv = argv;
    s.env = s.env ? s.env : env;
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    fd_close(&r.stdin_w);
    fd_close(&r.channel);
    read_all(r.stdout_r, out);
    release(&r);
}

static void assert_prints(struct spawn_spec s, const char *script, const char *expected)
{
    struct buf out = BUF_INIT;
    run(s, script, &out);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void assert_fails(struct spawn_spec s, int code, enum spawn_stage expected)
{
    char *argv[] = {"x", NULL};
    enum spawn_stage stage = SPAWN_RESOURCES;
    struct spawn_result r;
    int before = open_fds();
    s.argv = argv;
    s.env = env;
    assert_int_equal(spawn_process(&s, &r, &stage), code);
    assert_int_equal(stage, expected);
    assert_int_equal(open_fds(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void make_file(char *path, size_t size, const char *name, const char *text, mode_t mode)
{
    assert_true(snprintf(path, size, "%s/%s", folder, name) < (int)size);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
    fd_close(&fd);
    assert_int_equal(chmod(path, mode), 0);
}

static void stdio_is_pipes(void **state)
{
    (void)state;
    const struct spawn_spec s = {0};
    assert_prints(s, "echo $COLOUR", "red\n");
    assert_prints(s, "echo hi > /dev/stdout", "hi\n"); /* ENXIO if it were a socket */
    char *argv[] = {"cat", NULL};
    const struct spawn_spec cat = {.file = "cat", .argv = argv, .env = env, .pipe_bytes = 1 << 17};
    enum spawn_stage stage;
    struct spawn_result r;
    struct buf out = BUF_INIT;
    assert_int_equal(spawn_process(&cat, &r, &stage), 0);
    assert_int_equal(r.channel, -1);
    assert_true(fcntl(r.stdin_w, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(r.stdout_r, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(r.stderr_r, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fcntl(r.stdout_r, F_GETPIPE_SZ), 1 << 17);
    assert_int_equal(write(r.stdin_w, "meow", 4), 4);
    fd_close(&r.stdin_w);
    read_all(r.stdout_r, &out);
    assert_string_equal(out.data, "meow");
    buf_fini(&out);
    release(&r);
}

/* Nobody holds the other ends for a while, as when pm2d and keeper have died together. */
static void lasting_pipes_can_be_taken_back(void **state)
{
    (void)state;
    char *argv[] = {"sh", "-c", "echo one; read x; echo $x >&2; echo two", NULL};
    const struct spawn_spec s = {
        .file = "/bin/sh", .argv = argv, .env = env, .lasting_pipes = true};
    enum spawn_stage stage;
    struct spawn_result r;
    struct buf out = BUF_INIT;
    struct buf err = BUF_INIT;
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    fd_close(&r.stdin_w); /* no EOF */
    fd_close(&r.stdout_r);
    fd_close(&r.stderr_r);
    r.stdin_w = procfs_take_pipe(r.pid, 0, O_WRONLY);
    r.stdout_r = procfs_take_pipe(r.pid, 1, O_RDONLY);
    r.stderr_r = procfs_take_pipe(r.pid, 2, O_RDONLY);
    assert_true(r.stdin_w >= 0 && r.stdout_r >= 0 && r.stderr_r >= 0);
    assert_int_equal(fcntl(r.stdout_r, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
    assert_true(fcntl(r.stdout_r, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(r.stdin_w, "word\n", 5), 5);
    read_all(r.stdout_r, &out); /* its end is an end still */
    read_all(r.stderr_r, &err);
    assert_string_equal(out.data, "one\ntwo\n");
    assert_string_equal(err.data, "word\n");
    buf_fini(&out);
    buf_fini(&err);
    release(&r);
}

static void pipes_of_others_are_left_alone(void **state)
{
    (void)state;
    char *argv[] = {"sleep", "1000", NULL};
    const struct spawn_spec s = {.file = "sleep", .argv = argv, .env = env};
    enum spawn_stage stage;
    struct spawn_result r;
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    for (int fd = 0; fd < 3; fd++)
        assert_int_equal(procfs_take_pipe(r.pid, fd, O_RDONLY), -ENOENT);
    assert_int_equal(procfs_take_pipe(r.pid, 77, O_RDONLY), -ENOENT);
    assert_int_equal(kill(r.pid, SIGKILL), 0);
    release(&r);
    assert_int_equal(procfs_take_pipe(r.pid, 1, O_RDONLY), -ENOENT);
}

static void nothing_else_is_inherited(void **state)
{
    (void)state;
    int leak = fcntl(0, F_DUPFD, 40); /* without CLOEXEC */
    int low = dup(leak);              /* probably on the channel's number */
    struct spawn_spec s = {0};
    assert_prints(s,
                  "for f in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && echo $f; done;"
                  "[ -e /proc/$$/fd/40 ] && echo 40",
                  "");
    s.want_channel = true;
    assert_prints(s, "for f in 3 4 5 6 7 8 9 40; do [ -e /proc/$$/fd/$f ] && echo $f; done", "3\n");
    fd_close(&leak);
    fd_close(&low);
}

static void channel_is_a_socket_on_3(void **state)
{
    (void)state;
    char *argv[] = {"sh", "-c", "read x <&3; echo got $x >&3", NULL};
    const struct spawn_spec s = {
        .file = "sh", .search_path = "/bin", .argv = argv, .env = env, .want_channel = true};
    enum spawn_stage stage;
    struct spawn_result r;
    struct buf out = BUF_INIT;
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    assert_true(fcntl(r.channel, F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_send(r.channel, "ball\n", 5, NULL, 0), 5);
    read_all(r.channel, &out);
    assert_string_equal(out.data, "got ball\n");
    buf_fini(&out);
    release(&r);
}

/* From fd 3 on, whatever numbers they have here; the channel goes behind them. */
static void sockets_come_before_the_channel(void **state)
{
    (void)state;
    char digits[] = "LISTEN_PID=          ", narrow[] = "LISTEN_PID=", other[] = "LISTEN_PIDS=1";
    char *variables[] = {"PATH=/bin:/usr/bin", digits, other, NULL};
    int pair[2];
    char text[64];
    struct buf out = BUF_INIT;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    int up = fcntl(pair[1], F_DUPFD_CLOEXEC, 30);
    struct spawn_spec s = {.env = variables,
                           .want_channel = true,
                           .listen_fds = (int[]){up, pair[1], up},
                           .listen_count = 3};
    run(s,
        "echo $(($$ - LISTEN_PID)) $LISTEN_PIDS; echo a >&3; echo b >&4; echo c >&5;"
        "for f in 3 4 5 6 7 8 9; do [ -S /proc/$$/fd/$f ] && echo $f; done",
        &out);
    assert_string_equal(out.data, "0 1\n3\n4\n5\n6\n");
    for (const char *expected = "abc"; *expected; expected++) {
        assert_int_equal(read(pair[0], text, sizeof(text)), 2);
        assert_int_equal(text[0], *expected);
    }
    assert_string_equal(digits, "LISTEN_PID=          "); /* the child's copy was written to */
    variables[1] = narrow;
    buf_clear(&out);
    run(s, "echo [$LISTEN_PID]", &out);
    assert_string_equal(out.data, "[]\n");
    s.listen_count = LIMIT_LINK_FDS + 1;
    s.file = "/bin/true";
    assert_fails(s, -EINVAL, SPAWN_RESOURCES);
    buf_fini(&out);
    fd_close(&up);
    fd_close(&pair[0]);
    fd_close(&pair[1]);
}

static void signals_and_session_are_fresh(void **state)
{
    (void)state;
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &block, &old);
    (void)signal(SIGHUP, SIG_IGN);
    const struct spawn_spec s = {0};
    assert_prints(s, "grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n'",
                  "SigBlk:0000000000000000SigIgn:0000000000000000");
    (void)signal(SIGHUP, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &old, NULL);

    char *argv[] = {"sleep", "60", NULL};
    const struct spawn_spec sleeper = {.file = "sleep", .argv = argv, .env = env};
    enum spawn_stage stage;
    struct spawn_result r;
    struct proc_stat st;
    assert_int_equal(spawn_process(&sleeper, &r, &stage), 0);
    assert_int_equal(procfs_stat(r.pid, &st), 0);
    assert_int_equal(st.sid, r.pid);
    assert_int_equal(st.pgid, r.pid);
    assert_int_equal(st.ppid, getpid());
    kill(r.pid, SIGKILL);
    release(&r);
}

static void limits_and_umask_are_the_apps(void **state)
{
    (void)state;
    const struct spawn_spec s = {.set_umask = true, .umask = 027, .nofile_soft = 99, .cwd = "/usr"};
    assert_prints(s, "umask; ulimit -Sn; pwd", "0027\n99\n/usr\n");
}

static void nice_and_rlimits_are_set(void **state)
{
    (void)state;
    const struct spawn_rlimit limits[] = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {50, 60}}};
    struct spawn_spec s = {.nofile_soft = 99, /* overruled */
                           .set_nice = true,
                           .nice = 7,
                           .rlimit_count = ARRAY_LEN(limits),
                           .rlimits = limits};
    const char *script = "ulimit -Sn; ulimit -Hn; ulimit -Hc; nice";
    assert_prints(s, script, "50\n60\n0\n7\n");
    if (geteuid() != 0)
        return;
    s.set_ids = true; /* set before the ids: the keeper may what the app's user may not */
    s.uid = s.gid = 65534;
    s.nice = -3;
    assert_prints(s, script, "50\n60\n0\n-3\n");
}

static void ids_are_set(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const uint32_t groups[] = {65533, 65532};
    const struct spawn_spec s = {
        .set_ids = true, .uid = 65534, .gid = 65533, .groups = groups, .group_count = 2};
    assert_prints(s, "id -u; id -g; id -G", "65534\n65533\n65533 65532\n");
}

static void errors_name_their_stage(void **state)
{
    (void)state;
    char path[128];
    assert_fails((struct spawn_spec){.file = "/nonexistent/x"}, -ENOENT, SPAWN_EXEC);
    assert_fails((struct spawn_spec){.file = "no-such-program"}, -ENOENT, SPAWN_EXEC);
    assert_fails((struct spawn_spec){.file = ""}, -ENOENT, SPAWN_EXEC);
    assert_fails((struct spawn_spec){.file = folder}, -EACCES, SPAWN_EXEC);
    assert_fails((struct spawn_spec){.file = "/bin/sh", .cwd = "/nonexistent"}, -ENOENT, SPAWN_CWD);
    make_file(path, sizeof(path), "plain", "text", 0600);
    assert_fails((struct spawn_spec){.file = "plain", .search_path = folder}, -EACCES, SPAWN_EXEC);
    (void)unlink(path);
    if (geteuid() == 0)
        assert_fails((struct spawn_spec){.file = "/bin/sh", .set_ids = true, .uid = UINT32_MAX},
                     -EINVAL, SPAWN_UID);
}

static void cannot_have_resources(void)
{
    const struct spawn_rlimit mixed[] = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_STACK, {2, 1}}};
    const struct spawn_rlimit high[] = {{RLIMIT_FSIZE, {2000, 2000}}};
    struct spawn_spec s = {.file = "/bin/sh", .rlimit_count = 2, .rlimits = mixed};
    assert_fails(s, -EINVAL, SPAWN_RLIMIT + RLIMIT_STACK);
    s = (struct spawn_spec){.file = "/bin/sh", .cgroup = "/nonexistent", .need_cgroup = true};
    assert_fails(s, -ENOENT, SPAWN_CGROUP);
    /* From here on as a user without rights; the program ends with this. */
    const struct rlimit low = {1000, 1000};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_true(geteuid() != 0 || setuid(65534) == 0);
    s = (struct spawn_spec){.file = "/bin/sh", .set_nice = true, .nice = -10};
    assert_fails(s, -EACCES, SPAWN_NICE);
    s = (struct spawn_spec){.file = "/bin/sh", .rlimit_count = 1, .rlimits = high};
    assert_fails(s, -EPERM, SPAWN_RLIMIT + RLIMIT_FSIZE);
}

static void resources_that_cannot_be_had(void **state)
{
    (void)state;
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        cannot_have_resources(); /* a failed assertion ends it with another code */
        _exit(42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void search_goes_past_what_does_not_fit(void **state)
{
    (void)state;
    char path[128], search[128], inner[160];
    char *argv[] = {"tool", "arg", NULL};
    enum spawn_stage stage;
    struct spawn_result r;
    struct buf out = BUF_INIT;
    /* folder/a/tool is a folder, folder/tool a script without "#!". */
    assert_true(snprintf(path, sizeof(path), "%s/a", folder) > 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(snprintf(inner, sizeof(inner), "%s/tool", path) > 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_true(snprintf(search, sizeof(search), "/nonexistent:%s:%s", path, folder) > 0);
    char script[128];
    make_file(script, sizeof(script), "tool", "echo ran $1\n", 0700);
    const struct spawn_spec s = {.file = "tool", .search_path = search, .argv = argv, .env = env};
    assert_int_equal(spawn_process(&s, &r, &stage), 0);
    read_all(r.stdout_r, &out);
    assert_string_equal(out.data, "ran arg\n");
    buf_fini(&out);
    release(&r);
    (void)unlink(script);
    (void)rmdir(inner);
    (void)rmdir(path);
}

static void lack_of_fds_leaves_nothing(void **state)
{
    (void)state;
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (rlim_t more = 0; more < 10; more++) {
        low = old;
        low.rlim_cur = (rlim_t)open_fds() + more;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        assert_fails((struct spawn_spec){.file = "/bin/true", .want_channel = true}, -EMFILE,
                     SPAWN_RESOURCES);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stdio_is_pipes),
        cmocka_unit_test(lasting_pipes_can_be_taken_back),
        cmocka_unit_test(pipes_of_others_are_left_alone),
        cmocka_unit_test(nothing_else_is_inherited),
        cmocka_unit_test(channel_is_a_socket_on_3),
        cmocka_unit_test(sockets_come_before_the_channel),
        cmocka_unit_test(signals_and_session_are_fresh),
        cmocka_unit_test(limits_and_umask_are_the_apps),
        cmocka_unit_test(nice_and_rlimits_are_set),
        cmocka_unit_test(ids_are_set),
        cmocka_unit_test(resources_that_cannot_be_had),
        cmocka_unit_test(errors_name_their_stage),
        cmocka_unit_test(search_goes_past_what_does_not_fit),
        cmocka_unit_test(lack_of_fds_leaves_nothing),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    return failed;
}
