/* SPDX-License-Identifier: MIT
 * Calls and events over two connections, and the launch when nobody answers. Knows nothing of what
 * the methods do. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "client/client_priv.h"
#include "client/connect.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "wire/rpc.h"

#define DEFAULT_TIMEOUT_MS 10000

/* A call that was sent. Its reply may come while another one is waited for. */
struct pending {
    struct waiter w;
    struct list link; /* in client.pending, by itself until freed */
    bool has_reply;
    struct buf frame; /* the whole reply, so that it can be parsed again */
};

/* ---- making and ending ---- */

static char *path_or(const char *given, const char *home, const char *name)
{
    AUTO(buf) path = BUF_INIT;
    if (given)
        return strdup(given);
    buf_printf(&path, "%s/%s", home, name);
    return buf_detach(&path);
}

static bool copy_options(struct client *c, const struct client_options *o)
{
    c->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    c->home = strdup(o->home);
    c->rpc_path = path_or(o->rpc_path, o->home, "rpc.sock");
    c->pub_path = path_or(o->pub_path, o->home, "pub.sock");
    c->log_dir = path_or(o->log_dir, o->home, "logs");
    c->pid_dir = path_or(o->pid_dir, o->home, "pids");
    c->module_dir = path_or(o->module_dir, o->home, "modules");
    c->module_conf = path_or(o->module_conf, o->home, "module_conf.json");
    c->pid_file = path_or(o->pid_file, o->home, "pm2.pid");
    c->log_file = path_or(o->log_file, o->home, "pm2.log");
    c->keeper_path = o->keeper_path ? strdup(o->keeper_path) : NULL;
    return c->home && c->rpc_path && c->pub_path && c->log_dir && c->pid_dir && c->module_dir &&
           c->module_conf && c->pid_file && c->log_file && (!o->keeper_path || c->keeper_path);
}

static void pending_free(struct pending *p)
{
    calls_forget(&p->w);
    list_del(&p->link);
    buf_fini(&p->frame);
    free(p);
}

void client_free(struct client *c)
{
    if (!c)
        return;
    conn_close(&c->rpc);
    conn_close(&c->sub);
    fd_close(&c->daemon_pidfd);
    fd_close(&c->keeper_pidfd);
    list_for_each_safe (it, next, &c->pending)
        pending_free(LIST_ENTRY(it, struct pending, link));
    buf_fini(&c->last);
    char *const owned[] = {c->home,       c->rpc_path,    c->pub_path, c->log_dir,  c->pid_dir,
                           c->module_dir, c->module_conf, c->pid_file, c->log_file, c->keeper_path};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    free(c);
}

bool client_launched(const struct client *c)
{
    return c->launched;
}

int client_daemon_pid(const struct client *c)
{
    return (int)c->rpc.peer;
}

/* ---- connecting ---- */

/* The pid that the file tells, or 0. */
static pid_t read_pid(int fd)
{
    char text[32];
    long long pid = 0;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    bool is_pid =
        n > 0 && str_to_int((struct str){text, (size_t)n}, &pid) && pid > 1 && pid <= INT32_MAX;
    return is_pid ? (pid_t)pid : 0;
}

void client_note_processes(struct client *c)
{
    c->daemon_pidfd = pidfd_open_process(c->rpc.peer);
    int fd = open(c->pid_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    pid_t pid = read_pid(fd);
    fd_close(&fd);
    if (pid > 0 && pid != c->rpc.peer)
        c->keeper_pidfd = pidfd_open_process(pid);
}

int client_lone_keeper(const char *pid_file)
{
    int fd = open(pid_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    pid_t pid = is_held ? read_pid(fd) : 0;
    fd_close(&fd);
    return pid > 0 ? (int)pid : -ESRCH;
}

struct client *client_new(const struct client_options *o)
{
    struct client *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    conn_init(&c->rpc);
    conn_init(&c->sub);
    buf_init(&c->last);
    calls_init(&c->calls);
    list_init(&c->pending);
    c->daemon_pidfd = c->keeper_pidfd = -1;
    if (copy_options(c, o))
        return c;
    client_free(c);
    return NULL;
}

int client_connect(const struct client_options *o, struct client **ret, struct err *e)
{
    struct connector k;
    int rc = connector_init(&k, o, e);
    if (rc < 0)
        return rc;
    while ((rc = connector_run(&k, e)) == CONNECTOR_WAIT) {
        struct pollfd p = {.fd = k.wait_fd, .events = POLLIN};
        (void)poll(&p, 1, k.wait_ms);
    }
    if (rc == 0)
        *ret = connector_take(&k);
    connector_fini(&k);
    return rc;
}

/* ---- calls ---- */

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms > 0 ? clock_mono_ms() + timeout_ms : -1;
}

int client_send(struct client *c, const char *method, struct str args, struct err *e)
{
    AUTO(buf) out = BUF_INIT;
    struct pending *p = calloc(1, sizeof(*p));
    if (!p)
        return err_set(e, -ENOMEM, "out of memory");
    list_init(&p->w.link);
    buf_init(&p->frame);
    list_add_tail(&c->pending, &p->link);
    int ticket = calls_add(&c->calls, &p->w, method, args, &out);
    int rc = ticket < 0 ? err_set(e, ticket, "out of memory")
                        : conn_send(&c->rpc, buf_str(&out), deadline_of(c->timeout_ms), e);
    if (rc >= 0)
        return ticket;
    pending_free(p);
    if (ticket > 0)
        conn_close(&c->rpc); /* half a request may have gone: nothing can follow it */
    return rc;
}

static int keep_for_later(struct pending *p, const struct amp_msg *m)
{
    amp_begin(&p->frame, m->argc);
    for (unsigned i = 0; i < m->argc; i++)
        amp_add_raw(&p->frame, m->argv[i]);
    p->has_reply = true;
    return buf_oom(&p->frame) ? -ENOMEM : 0;
}

/* The reply of `p` came while another one was waited for. */
static int take_early(struct client *c, const struct pending *p, struct str *ret, struct err *e)
{
    struct amp_reader r;
    struct amp_msg m;
    amp_reader_init(&r);
    int rc = amp_reader_feed(&r, p->frame.data, p->frame.len);
    rc = rc < 0 ? rc : amp_reader_next(&r, &m);
    rc = rc == 1 ? calls_result(&m, ret, e) : err_set(e, -ENOMEM, "out of memory");
    buf_fini(&c->last);
    c->last = r.in; /* *ret points into it; the reader is not used again */
    return rc;
}

/* Read until the reply of `wanted` is there. */
static int wait_for(struct client *c, const struct pending *wanted, int timeout_ms, struct str *ret,
                    struct err *e)
{
    int64_t deadline = deadline_of(timeout_ms);
    for (;;) {
        struct amp_msg m;
        int rc = conn_next(&c->rpc, deadline, -1, &m, e);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return conn_silent(&c->rpc, c->rpc_path, timeout_ms, e);
        struct waiter *w = calls_match(&c->calls, &m);
        struct pending *p = w ? CONTAINER_OF(w, struct pending, w) : NULL;
        if (p == wanted)
            return calls_result(&m, ret, e);
        if (p && keep_for_later(p, &m) < 0)
            return err_set(e, -ENOMEM, "out of memory");
    }
}

int client_wait(struct client *c, int ticket, int timeout_ms, struct str *ret, struct err *e)
{
    list_for_each (it, &c->pending) {
        struct pending *p = LIST_ENTRY(it, struct pending, link);
        if (p->w.ticket != ticket)
            continue;
        int rc = p->has_reply ? take_early(c, p, ret, e) : wait_for(c, p, timeout_ms, ret, e);
        pending_free(p);
        return rc;
    }
    return err_set(e, -EINVAL, "nobody waits for call %d", ticket);
}

int client_call(struct client *c, const char *method, struct str args, int timeout_ms,
                struct str *ret, struct err *e)
{
    int ticket = client_send(c, method, args, e);
    return ticket < 0 ? ticket : client_wait(c, ticket, timeout_ms, ret, e);
}

/* One that was never seen is not waited for. */
static bool ends_by(int pidfd, int64_t deadline)
{
    return pidfd < 0 || pidfd_ends_by(pidfd, deadline);
}

int client_wait_gone(struct client *c, int timeout_ms, struct err *e)
{
    int64_t deadline = deadline_of(timeout_ms);
    if (!ends_by(c->daemon_pidfd, deadline) || !ends_by(c->keeper_pidfd, deadline))
        return err_set(e, -ETIMEDOUT, "the daemon in %s is still there after %d s", c->home,
                       timeout_ms / 1000);
    return 0;
}

/* ---- events ---- */

int client_subscribe(struct client *c, struct err *e)
{
    conn_close(&c->sub);
    return conn_open(&c->sub, c->pub_path, deadline_of(c->timeout_ms), e);
}

int client_subscribe_try(struct client *c, struct err *e)
{
    return conn_open(&c->sub, c->pub_path, 0, e);
}

int client_want_numbers(struct client *c, struct err *e)
{
    AUTO(buf) wish = BUF_INIT;
    pub_numbers_write(&wish);
    if (buf_oom(&wish))
        return err_set(e, -ENOMEM, "out of memory");
    return conn_send(&c->sub, buf_str(&wish), deadline_of(c->timeout_ms), e);
}

int client_event(struct client *c, int timeout_ms, int extra_fd, struct pub_event *ret,
                 struct err *e)
{
    int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    for (;;) {
        struct amp_msg m;
        int rc = conn_next(&c->sub, deadline, extra_fd, &m, e);
        if (rc <= 0)
            return rc;
        /* an app may choose a topic that is no text: nobody can have asked for it */
        if (pub_event_parse(&m, ret) == 0)
            return 1;
    }
}
