/* SPDX-License-Identifier: MIT
 * sd_notify: sockets, senders, and what becomes of a message. Runs in pm2d. */
#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/obj.h"
#include "notify_message.h"
#include "notify_socket.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/procfs.h"
#include "table.h"
#include "json/read.h"

#define NOTIFY_MAGIC  OBJ_MAGIC('N', 'O', 'T', 'I')
#define END_MAGIC     OBJ_MAGIC('N', 'E', 'N', 'D')
#define VARIABLE      "NOTIFY_SOCKET="
#define SOCKET_NAME   "notify.sock"
#define KIN_MAX       32    /* pids that tell to whom a sender belongs */
#define EARLY_KEPT_MS 10000 /* a pid may be somebody else's by then */
#define NO_APP        (-1)

enum end_kind { END_FILE, END_ABSTRACT, END_COUNT };

/* Their names in the keeper's store. */
static const char *const stored_names[END_COUNT] = {"notify.file", "notify.abstract"};

struct end {
    uint32_t magic;
    struct notify *owner;
    int fd; /* -1 = not made */
    uv_poll_t poll;
    char address[NOTIFY_ADDRESS_MAX]; /* as NOTIFY_SOCKET has it; "" = not made */
};

/* All that is known of who sent a message, from when it arrived. */
struct sender {
    pid_t kin[KIN_MAX]; /* itself, its session, and those of its parents */
    int count;
    bool has_ended; /* there is nothing but its pid */
    uid_t uid;
    int app; /* by its cgroup; or NO_APP */
    unsigned slot;
};

/* What came from a process whose pid nobody has told us yet: the keeper's word and the app's come
 * by different ways. */
struct early {
    struct sender from;
    int64_t at_ms;
    bool is_ready;
    char *status; /* NULL = none */
};

struct notify {
    uint32_t magic;
    const struct table *table;
    struct proc_env *env;
    struct end ends[END_COUNT];
    struct early early[LIMIT_NOTIFY_EARLY]; /* oldest first */
    size_t early_count;
    int open_handles;
    bool has_warned;
};

/* ---- who it is ---- */

static int app_of_cgroup(const struct notify *n, pid_t pid, unsigned *ret_slot)
{
    char path[64];
    char line[4096];
    const char *base = strrchr(n->env->cgroup_base, '/');
    int app = NO_APP;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    FILE *f = base ? fopen(path, "re") : NULL;
    while (f && app == NO_APP && fgets(line, sizeof(line), f))
        if (strncmp(line, "0::", 3) == 0)
            app = notify_cgroup_app(str_from(line), base + 1, ret_slot);
    if (f)
        (void)fclose(f);
    return app;
}

static void look_at_sender(const struct notify *n, pid_t pid, uid_t uid, struct sender *ret)
{
    struct proc_stat st;
    *ret = (struct sender){.uid = uid, .app = NO_APP};
    ret->kin[ret->count++] = pid;
    ret->has_ended = procfs_stat(pid, &st) < 0;
    if (ret->has_ended)
        return;
    ret->app = app_of_cgroup(n, pid, &ret->slot);
    while (ret->count + 2 <= KIN_MAX) {
        ret->kin[ret->count++] = st.sid;
        if (st.ppid <= 1 || procfs_stat(st.ppid, &st) < 0)
            break;
        ret->kin[ret->count++] = st.pid;
    }
}

static bool is_of(const struct sender *s, const struct proc *p)
{
    pid_t root = proc_pid(p);
    for (int i = 0; i < s->count && root > 0; i++)
        if (s->kin[i] == root)
            return true;
    return root > 0 && s->app == p->id && s->slot == p->slot;
}

/* Whether `p` may be meant by a sender that has ended. */
static bool may_be_of(const struct sender *s, const struct proc *p)
{
    char path[64];
    struct stat st;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a table has no empty places */
    if (p->sm.state != PROC_STARTING || proc_pid(p) <= 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d", (int)proc_pid(p));
    return stat(path, &st) == 0 && st.st_uid == s->uid;
}

/* The only one that the sender can mean; or NULL. */
static struct proc *find_app(const struct notify *n, const struct sender *s)
{
    struct proc *only = NULL;
    int count = 0;
    for (size_t i = 0; i < n->table->count; i++) {
        struct proc *p = n->table->items[i];
        if (p->other && is_of(s, p->other))
            return p->other;
        if (is_of(s, p))
            return p;
        if (s->has_ended && may_be_of(s, p)) {
            only = p;
            count++;
        }
    }
    return count == 1 ? only : NULL;
}

/* ---- messages ---- */

static void act(struct proc *p, bool is_ready, const char *status)
{
    if (status) {
        char *copy = strdup(status);
        if (copy) {
            free(p->notify_status);
            p->notify_status = copy;
        }
    }
    if (is_ready)
        proc_ready(p);
}

static bool is_any_spawning(const struct notify *n)
{
    for (size_t i = 0; i < n->table->count; i++) {
        const struct proc *p = n->table->items[i];
        if (p->sm.state == PROC_SPAWNING || (p->other && p->other->sm.state == PROC_SPAWNING))
            return true;
    }
    return false;
}

static void drop_early(struct notify *n, size_t at)
{
    free(n->early[at].status);
    n->early_count--;
    memmove(&n->early[at], &n->early[at + 1], (n->early_count - at) * sizeof(n->early[0]));
}

static void keep_for_later(struct notify *n, const struct sender *s, bool is_ready,
                           const char *status)
{
    if (n->early_count == LIMIT_NOTIFY_EARLY)
        drop_early(n, 0);
    n->early[n->early_count++] = (struct early){
        .from = *s,
        .at_ms = clock_mono_ms(),
        .is_ready = is_ready,
        .status = status ? strdup(status) : NULL,
    };
}

static void take_message(struct notify *n, struct str text, pid_t pid, uid_t uid)
{
    struct notify_message m;
    struct sender s;
    notify_message_read(text, &m);
    if (!m.is_ready && !m.has_status)
        return;
    AUTO(buf) status = BUF_INIT;
    if (m.has_status)
        notify_add_shown(&status, m.status, LIMIT_NOTIFY_STATUS_BYTES);
    const char *shown = m.has_status ? status.data : NULL;
    look_at_sender(n, pid, uid, &s);
    struct proc *p = find_app(n, &s);
    if (p)
        act(p, m.is_ready, shown);
    else if (is_any_spawning(n))
        keep_for_later(n, &s, m.is_ready, shown);
    else
        log_debug("sd_notify: pid %d belongs to no app", (int)pid);
}

/* The pid of an app has become known. */
static void look_at_early(struct notify *n)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < n->early_count;) {
        struct early *e = &n->early[i];
        struct proc *p = find_app(n, &e->from);
        bool is_old = now_ms - e->at_ms > EARLY_KEPT_MS;
        if (!p && !is_old) {
            i++;
            continue;
        }
        struct early taken = *e;
        e->status = NULL;
        drop_early(n, i);
        if (p && !is_old)
            act(p, taken.is_ready, taken.status);
        free(taken.status);
    }
}

/* ---- sockets ---- */

static void on_notify_readable(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct end *e = OBJ(h->data, struct end, END_MAGIC);
    char bytes[LIMIT_NOTIFY_BYTES];
    pid_t pid;
    uid_t uid;
    for (int i = 0; i < LIMIT_NOTIFY_PER_TURN; i++) {
        ssize_t n = notify_socket_receive(e->fd, bytes, sizeof(bytes), &pid, &uid);
        if (n == -EAGAIN)
            return;
        if (n >= 0)
            take_message(e->owner, (struct str){bytes, (size_t)n}, pid, uid);
        else
            log_debug("sd_notify: a message is ignored: %s", err_text((int)n));
    }
}

/* On the loop with it. Takes `fd` in any case. */
static int use_socket(struct end *e, int take_fd)
{
    int rc = notify_socket_address(take_fd, e->address);
    if (rc == 0)
        rc = uv_poll_init(e->owner->env->loop, &e->poll, take_fd);
    if (rc < 0) {
        e->address[0] = '\0';
        fd_close(&take_fd);
        return rc;
    }
    e->fd = take_fd;
    e->poll.data = e;
    e->owner->open_handles++;
    return uv_poll_start(&e->poll, UV_READABLE, on_notify_readable);
}

/* Have the keeper hold it too. */
static void hold(struct notify *n, int kind)
{
    int rc = link_store(n->env->link, stored_names[kind], n->ends[kind].fd);
    if (rc < 0)
        log_error("the keeper does not hold %s: %s", stored_names[kind], err_text(rc));
}

static int make_socket(struct notify *n, enum end_kind kind)
{
    AUTO(buf) path = BUF_INIT;
    char address[NOTIFY_ADDRESS_MAX];
    buf_printf(&path, "%s/" SOCKET_NAME, n->env->paths.home);
    int fd = kind == END_FILE ? notify_socket_at(path.data) : notify_socket_abstract(address);
    int rc = fd < 0 ? fd : use_socket(&n->ends[kind], fd);
    if (rc == 0)
        hold(n, kind);
    return rc;
}

/* The end that apps of this kind shall use; NULL when there can be none. */
static const struct end *end_for(struct notify *n, const struct proc *p)
{
    size_t path_bytes = strlen(n->env->paths.home) + sizeof("/" SOCKET_NAME) - 1;
    bool by_file = !json_has(p->conf, "uid") && path_bytes <= LIMIT_SOCKET_PATH;
    struct end *e = &n->ends[by_file ? END_FILE : END_ABSTRACT];
    int rc = e->fd >= 0 ? 0 : make_socket(n, by_file ? END_FILE : END_ABSTRACT);
    if (rc < 0 && !n->has_warned) {
        n->has_warned = true;
        log_warn("no sd_notify for apps with wait_ready: %s", err_text(rc));
    }
    return e->fd >= 0 ? e : NULL;
}

struct notify *notify_new(const struct table *table, struct proc_env *env)
{
    struct notify *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->magic = NOTIFY_MAGIC;
    n->table = table;
    n->env = env;
    for (int i = 0; i < END_COUNT; i++)
        n->ends[i] = (struct end){.magic = END_MAGIC, .owner = n, .fd = -1};
    return n;
}

void notify_take_stored(struct notify *n, struct str name, int take_fd)
{
    for (int i = 0; i < END_COUNT; i++) {
        if (!str_eq_c(name, stored_names[i]) || n->ends[i].fd >= 0)
            continue;
        int rc = use_socket(&n->ends[i], take_fd);
        if (rc < 0)
            log_warn("sd_notify: %s cannot be used any more: %s", stored_names[i], err_text(rc));
        return;
    }
    fd_close(&take_fd);
}

void notify_rehome(struct notify *n)
{
    for (int i = 0; i < END_COUNT; i++)
        if (n->ends[i].fd >= 0)
            hold(n, i);
}

static void notify_free(struct notify *n)
{
    while (n->early_count > 0)
        drop_early(n, 0);
    free(n);
}

static void on_end_closed(uv_handle_t *h)
{
    struct end *e = OBJ(h->data, struct end, END_MAGIC);
    struct notify *n = e->owner;
    fd_close(&e->fd); /* not before: libuv takes the number out of epoll as it closes */
    if (--n->open_handles == 0)
        notify_free(n);
}

void notify_close(struct notify *n, bool for_good)
{
    if (!n)
        return;
    if (for_good && n->ends[END_FILE].fd >= 0)
        (void)unlink(n->ends[END_FILE].address);
    if (n->open_handles == 0)
        notify_free(n);
    else
        for (int i = 0; i < END_COUNT; i++)
            if (n->ends[i].fd >= 0)
                uv_close((uv_handle_t *)&n->ends[i].poll, on_end_closed);
}

/* ---- for processes ---- */

static bool is_our_address(const struct notify *n, const char *address)
{
    for (int i = 0; i < END_COUNT; i++)
        if (n->ends[i].fd >= 0 && strcmp(n->ends[i].address, address) == 0)
            return true;
    return false;
}

int notify_set_variable(struct proc *p, json_t *env)
{
    static const size_t name_bytes = sizeof(VARIABLE) - 1;
    struct notify *n = p->env->notify;
    const struct end *end = p->policy.wait_ready ? end_for(n, p) : NULL;
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *text = json_string_value(json_array_get(env, i));
        if (strncmp(text, VARIABLE, name_bytes) != 0)
            continue;
        if (end || is_our_address(n, text + name_bytes))
            json_array_remove(env, i);
    }
    if (!end)
        return 0;
    json_t *text = json_sprintf(VARIABLE "%s", end->address);
    return json_array_append_new(env, text) < 0 ? -ENOMEM : 0;
}

void notify_added(struct proc *p)
{
    /* Recovered, by a pm2d that got no socket from its keeper: it knows our address. */
    if (p->run && p->policy.wait_ready)
        (void)end_for(p->env->notify, p);
}

void notify_state(struct proc *p)
{
    struct notify *n = p->env->notify;
    if (p->sm.state == PROC_SPAWNING) {
        free(p->notify_status);
        p->notify_status = NULL;
    } else if (n->early_count > 0 && proc_pid(p) > 0) {
        look_at_early(n);
    }
}

void notify_removed(struct proc *p)
{
    free(p->notify_status);
    p->notify_status = NULL;
}
