/* SPDX-License-Identifier: MIT
 * Writing and reading the keeper's state, and the exec in between. Runs in pm2-keeper, old and new;
 * what it does not do is start, end or wait for anything but the two programs that it asks. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "keeper.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/program.h"

#define STATE_MAGIC   0x4b324d50U /* "PM2K" */
#define CHECK_FD      3
#define CHECK_WAIT_MS 3000
#define KEEPER_NAME   "pm2-keeper"
#define DAEMON_NAME   "pm2d"

extern char **environ;

/* ---- writing ---- */

static void put_child(struct buf *out, const struct child *ch)
{
    const struct link_child lc = child_describe(ch);
    link_put_child(out, &lc);
    for (int i = 0; i < LINK_FD_COUNT; i++)
        link_put_i32(out, ch->fds[i]);
}

static void put_state(struct buf *out, const struct keeper *k)
{
    link_put_u32(out, STATE_MAGIC);
    link_put_u32(out, HANDOVER_VERSION);
    link_put_u32(out, k->world.umask);
    link_put_u64(out, k->world.nofile_soft);
    link_put_i32(out, k->lock_fd);
    link_put_u32(out, k->peer.starts);
    link_put_u32(out, k->short_lives);
    link_put_u64(out, (uint64_t)k->failed_delay_ms);
    link_put_u32(out, (uint32_t)k->children.count);
    list_for_each (it, &k->children.all)
        put_child(out, LIST_ENTRY(it, struct child, all));
    link_put_u32(out, (uint32_t)k->store.count);
    list_for_each (it, &k->store.all) {
        const struct stored *st = LIST_ENTRY(it, struct stored, all);
        link_put_str(out, (struct str){st->name, st->name_len});
        link_put_i32(out, st->fd);
    }
}

int handover_write(const struct keeper *k)
{
    struct buf state = BUF_INIT;
    int fd = -1;
    put_state(&state, k);
    int rc = buf_oom(&state) ? -ENOMEM : 0;
    if (rc == 0 && state.len > LIMIT_HANDOVER_BYTES)
        rc = -EFBIG;
    if (rc == 0 && (fd = memfd_create("pm2-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
        rc = -errno;
    if (rc == 0)
        rc = fd_write_all(fd, state.data, state.len);
    if (rc == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        rc = -errno;
    buf_fini(&state);
    if (rc == 0)
        return fd;
    fd_close(&fd);
    return rc;
}

/* ---- reading ---- */

/* A state under reading. With `is_check` its descriptors are another process's numbers. */
struct reading {
    struct link_fields in;
    struct keeper *k;
    bool is_check;
};

/* -1, or a descriptor that is ours and not inherited by others from now on. */
static int get_fd(struct reading *r)
{
    int fd = link_get_i32(&r->in);
    if (fd < 0 || r->is_check)
        return -1;
    if (fd_set_cloexec(fd, true) == 0)
        return fd;
    r->in.bad = true;
    return -1;
}

static int get_child(struct reading *r)
{
    struct link_child c;
    link_get_child(&r->in, &c);
    if (r->in.bad)
        return -EPROTO;
    struct child *ch = child_new(c.handle, c.note);
    if (!ch)
        return -ENOMEM;
    ch->pid = (pid_t)c.pid;
    ch->start_ticks = c.start_ticks;
    ch->is_adopted = c.adopted;
    ch->wait_status = c.wait_status;
    ch->exit_ms = (int64_t)c.exit_ms;
    for (int i = 0; i < LINK_FD_COUNT; i++)
        ch->fds[i] = get_fd(r);
    ch->has_exited = c.exited; /* its pid may be another one's by now: not in that table */
    children_add(&r->k->children, ch);
    return r->in.bad ? -EPROTO : 0;
}

static int get_stored(struct reading *r)
{
    struct str name = link_get_str(&r->in);
    int fd = get_fd(r);
    return r->in.bad ? -EPROTO : store_put(&r->k->store, name, fd);
}

static int get_state(struct reading *r, struct err *e)
{
    struct keeper *k = r->k;
    uint32_t magic = link_get_u32(&r->in);
    uint32_t version = link_get_u32(&r->in);
    if (r->in.bad || magic != STATE_MAGIC)
        return err_set(e, -EPROTO, "this is no state of a keeper");
    if (version == 0 || version > HANDOVER_VERSION)
        return err_set(e, -EPROTONOSUPPORT,
                       "the running keeper's state has version %u, this program reads up to %d",
                       version, HANDOVER_VERSION);
    k->world.umask = (mode_t)link_get_u32(&r->in);
    k->world.nofile_soft = link_get_u64(&r->in);
    k->lock_fd = get_fd(r);
    k->peer.starts = link_get_u32(&r->in);
    k->short_lives = link_get_u32(&r->in);
    k->failed_delay_ms = (int64_t)link_get_u64(&r->in);
    int rc = 0;
    uint32_t children = link_get_u32(&r->in);
    for (uint32_t i = 0; i < children && rc == 0; i++)
        rc = get_child(r);
    uint32_t stored = rc == 0 ? link_get_u32(&r->in) : 0;
    for (uint32_t i = 0; i < stored && rc == 0; i++)
        rc = get_stored(r);
    if (rc == 0 && r->in.bad)
        rc = -EPROTO;
    return rc < 0 ? err_set(e, rc, "the keeper's state cannot be read: %s", err_text(rc)) : 0;
}

static int read_all(int fd, struct buf *to, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(e, -errno, "the keeper's state: %s", err_text(errno));
    size_t size = (size_t)st.st_size;
    if (size > LIMIT_HANDOVER_BYTES)
        return err_set(e, -EFBIG, "the keeper's state is too large");
    if (!buf_reserve(to, size + 1))
        return err_set(e, -ENOMEM, "out of memory");
    ssize_t n;
    while (to->len < size &&
           (n = pread(fd, to->data + to->len, size - to->len, (off_t)to->len)) > 0)
        to->len += (size_t)n;
    return to->len == size ? 0 : err_set(e, -EIO, "the keeper's state cannot be read");
}

static int read_state(int fd, struct keeper *k, bool is_check, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    int rc = read_all(fd, &text, e);
    struct reading r = {.in = {.rest = buf_str(&text)}, .k = k, .is_check = is_check};
    return rc < 0 ? rc : get_state(&r, e);
}

int handover_verify(int fd, struct err *e)
{
    struct keeper scratch = {.lock_fd = -1};
    children_init(&scratch.children);
    store_init(&scratch.store);
    int rc = read_state(fd, &scratch, true, e);
    children_fini(&scratch.children);
    store_fini(&scratch.store);
    return rc;
}

int handover_take(int take_fd, struct keeper *k, struct err *e)
{
    int rc = read_state(take_fd, k, false, e);
    fd_close(&take_fd);
    if (rc == 0 && k->lock_fd < 0)
        rc = err_set(e, -EPROTO, "the keeper's state has no pid file");
    return rc;
}

/* ---- asking the programs on the disk ---- */

static int spawn_check(char **argv, int state_fd, int text_fd, pid_t *ret_pid)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    sigemptyset(&none);
    int rc = posix_spawnattr_init(&attr);
    if (rc != 0)
        return -rc;
    rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = posix_spawnattr_setsigmask(&attr, &none);
        if (rc == 0)
            rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        if (rc == 0)
            rc = posix_spawn_file_actions_adddup2(&actions, text_fd, STDERR_FILENO);
        if (rc == 0)
            rc = posix_spawn_file_actions_adddup2(&actions, state_fd, CHECK_FD);
        if (rc == 0)
            rc = posix_spawn(ret_pid, argv[0], &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attr);
    return -rc;
}

/* The exit status, or -ETIMEDOUT after SIGKILL. */
static int await_check(pid_t pid)
{
    int status = 0;
    struct pollfd p = {.fd = pidfd_open_process(pid), .events = POLLIN};
    bool has_ended = p.fd >= 0 && poll(&p, 1, CHECK_WAIT_MS) == 1;
    fd_close(&p.fd);
    if (!has_ended)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return has_ended ? status : -ETIMEDOUT;
}

/* What it has said: one line at most. */
static void read_text(int fd, char *text, size_t size)
{
    ssize_t n = fd_set_nonblock(fd, true) == 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static int ask(char **argv, int state_fd, struct err *e)
{
    int pipe_fds[2];
    char text[ERR_MSG_MAX / 2];
    pid_t pid = 0;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_set(e, -errno, "cannot make a pipe: %s", err_text(errno));
    int rc = spawn_check(argv, state_fd, pipe_fds[1], &pid);
    fd_close(&pipe_fds[1]);
    int status = rc == 0 && pid > 0 ? await_check(pid) : 0;
    read_text(pipe_fds[0], text, sizeof(text));
    fd_close(&pipe_fds[0]);
    if (rc < 0)
        return err_set(e, rc, "cannot execute %s: %s", argv[0], err_text(rc));
    if (status < 0)
        return err_set(e, status, "%s does not answer", argv[0]);
    if (status != 0 && !text[0])
        snprintf(text, sizeof(text), "it ends with %s %d", WIFEXITED(status) ? "status" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return status == 0 ? 0 : err_set(e, -ENOTSUP, "%s cannot take over: %s", argv[0], text);
}

static int find_program(char *path, size_t size, struct str folder, const char *name, struct err *e)
{
    if (folder.n == 0)
        return program_beside_own(name, path, size, e);
    int n = folder.p[0] == '/' && !memchr(folder.p, '\0', folder.n)
                ? snprintf(path, size, "%.*s/%s", STR_ARG(folder), name)
                : -1;
    return n < 0 || (size_t)n >= size ? err_set(e, -EINVAL, "not an absolute folder") : 0;
}

int handover_prepare(struct keeper *k, struct str folder, struct err *e)
{
    struct successor_programs *next = &k->next;
    char fd_text[] = {'0' + CHECK_FD, '\0'};
    if (k->terminate_by || !k->is_ready)
        return err_set(e, -EBUSY, "the daemon is being %s", k->is_ready ? "ended" : "started");
    int rc = find_program(next->keeper, sizeof(next->keeper), folder, KEEPER_NAME, e);
    if (rc == 0)
        rc = find_program(next->daemon, sizeof(next->daemon), folder, DAEMON_NAME, e);
    if (rc < 0)
        return rc;
    int fd = handover_write(k);
    if (fd < 0)
        return err_set(e, fd, "cannot write the keeper's state: %s", err_text(fd));
    rc = ask((char *[]){next->keeper, (char *)"--check-state", fd_text, NULL}, fd, e);
    if (rc == 0)
        rc = ask((char *[]){next->daemon, (char *)"--home", (char *)k->o->home,
                            (char *)"--check-state", NULL},
                 fd, e);
    fd_close(&fd);
    return rc;
}

/* ---- the exec ---- */

/* Let all that is kept pass, or not pass, an exec. */
static void set_cloexec(const struct keeper *k, int state_fd, bool on)
{
    (void)fd_set_cloexec(state_fd, on);
    (void)fd_set_cloexec(k->lock_fd, on);
    list_for_each (it, &k->children.all) {
        const struct child *ch = LIST_ENTRY(it, struct child, all);
        for (int i = 0; i < LINK_FD_COUNT; i++)
            if (ch->fds[i] >= 0)
                (void)fd_set_cloexec(ch->fds[i], on);
    }
    list_for_each (it, &k->store.all)
        (void)fd_set_cloexec(LIST_ENTRY(it, struct stored, all)->fd, on);
}

static char **make_argv(const struct keeper *k, const char *fd_text)
{
    const char *const fixed[] = {
        k->next.keeper, "--state-fd", fd_text,        "--home",   k->o->home,     "--pid-file",
        k->o->pid_file, "--log-file", k->o->log_file, "--daemon", k->next.daemon, "--",
    };
    size_t extra = 0;
    while (k->o->extra[extra])
        extra++;
    char **argv = calloc(ARRAY_LEN(fixed) + extra + 1, sizeof(*argv));
    if (!argv)
        return NULL;
    memcpy(argv, fixed, sizeof(fixed));
    memcpy(argv + ARRAY_LEN(fixed), k->o->extra, extra * sizeof(*argv));
    return argv;
}

int handover_exec(struct keeper *k, struct err *e)
{
    char fd_text[16];
    int fd = handover_write(k);
    if (fd < 0)
        return err_set(e, fd, "cannot write the keeper's state: %s", err_text(fd));
    snprintf(fd_text, sizeof(fd_text), "%d", fd);
    char **argv = make_argv(k, fd_text);
    int rc = argv ? 0 : -ENOMEM;
    if (rc == 0) {
        set_cloexec(k, fd, false);
        FAILPOINT("update.before-exec");
        (void)execve(argv[0], argv, environ);
        rc = -errno;
        set_cloexec(k, fd, true);
        free(argv);
    }
    fd_close(&fd);
    return err_set(e, rc, "cannot execute %s: %s", k->next.keeper, err_text(rc));
}
