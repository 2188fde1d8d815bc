/* SPDX-License-Identifier: MIT
 * Dumps of inet_diag and unix_diag: sock_diag(7). */
#include "os/sockdiag.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"

/* Of the kernel's enum that <netinet/tcp.h> has and <linux/tcp.h> has not. UNIX sockets use two. */
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5, CLOSE_WAIT = 8, LAST_ACK = 9, LISTEN = 10 };

#define OPEN_STATES                                                                                \
    (1u << ESTABLISHED | 1u << FIN_WAIT1 | 1u << FIN_WAIT2 | 1u << CLOSE_WAIT | 1u << LAST_ACK)

#define REPLY_BYTES 32768 /* netlink fills as much as it is offered, up to this */

struct found {
    const struct sockdiag_query *query;
    struct sockdiag_socket *sockets;
    size_t count, cap;
};

static int add(struct found *f, const struct sockdiag_socket *s)
{
    if (f->count >= (f->query->max ? f->query->max : LIMIT_DIAG_SOCKETS))
        return -ENOBUFS;
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        struct sockdiag_socket *more = realloc(f->sockets, cap * sizeof(*more));
        if (!more)
            return -ENOMEM;
        f->sockets = more;
        f->cap = cap;
    }
    f->sockets[f->count++] = *s;
    return 0;
}

static const struct rtattr *attribute(const struct rtattr *at, size_t bytes, unsigned short type)
{
    for (; RTA_OK(at, bytes); at = RTA_NEXT(at, bytes))
        if (at->rta_type == type)
            return at;
    return NULL;
}

/* ---- TCP ---- */

static void read_times(const struct rtattr *at, size_t bytes, struct sockdiag_socket *s)
{
    struct tcp_info info = {0};
    size_t need = offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof(info.tcpi_bytes_sent);
    at = attribute(at, bytes, INET_DIAG_INFO);
    if (!at || RTA_PAYLOAD(at) < need) /* before Linux 4.19 */
        return;
    memcpy(&info, RTA_DATA(at), need);
    s->received_bytes = info.tcpi_bytes_received;
    s->sent_bytes = info.tcpi_bytes_sent;
    s->received_ago_ms = info.tcpi_last_data_recv;
    s->sent_ago_ms = info.tcpi_last_data_sent;
}

static int take_inet(struct found *f, const struct nlmsghdr *h)
{
    const struct inet_diag_msg *m = NLMSG_DATA(h);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
        return -EPROTO;
    if (m->idiag_inode == 0)
        return 0;
    struct sockdiag_socket s = {
        .inode = m->idiag_inode,
        .family = m->idiag_family,
        .port = ntohs(m->id.idiag_sport),
        .is_listening = m->idiag_state == LISTEN,
        .unread = m->idiag_rqueue,
        .unsent = m->idiag_wqueue,
        .received_ago_ms = SOCKDIAG_UNKNOWN_MS,
        .sent_ago_ms = SOCKDIAG_UNKNOWN_MS,
    };
    if (!s.is_listening)
        read_times((const struct rtattr *)(m + 1), h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)), &s);
    return add(f, &s);
}

static unsigned states_of(const struct sockdiag_query *q)
{
    return (q->listening ? 1u << LISTEN : 0) | (q->open ? OPEN_STATES : 0);
}

static int ask_inet(int fd, const struct sockdiag_query *q, uint8_t family)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } ask = {
        .head = {.nlmsg_len = sizeof(ask),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = q->with_times ? 1u << (INET_DIAG_INFO - 1) : 0,
                 .idiag_states = states_of(q),
                 .id = {.idiag_sport = htons(q->port)}},
    };
    return send(fd, &ask, sizeof(ask), MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- UNIX ---- */

static bool is_named(const struct rtattr *at, size_t bytes, const char *path)
{
    at = attribute(at, bytes, UNIX_DIAG_NAME);
    if (!at || !path)
        return at != NULL;
    size_t n = RTA_PAYLOAD(at);
    const char *name = RTA_DATA(at);
    return strnlen(name, n) == strlen(path) && memcmp(name, path, strlen(path)) == 0;
}

static int take_unix(struct found *f, const struct nlmsghdr *h)
{
    const struct unix_diag_msg *m = NLMSG_DATA(h);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
        return -EPROTO;
    const struct rtattr *first = (const struct rtattr *)(m + 1);
    size_t bytes = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
    if (m->udiag_ino == 0 || m->udiag_type != SOCK_STREAM ||
        !is_named(first, bytes, f->query->unix_path))
        return 0;
    struct sockdiag_socket s = {
        .inode = m->udiag_ino,
        .family = AF_UNIX,
        .is_listening = m->udiag_state == LISTEN,
        .received_ago_ms = SOCKDIAG_UNKNOWN_MS,
        .sent_ago_ms = SOCKDIAG_UNKNOWN_MS,
    };
    const struct rtattr *at = attribute(first, bytes, UNIX_DIAG_RQLEN);
    struct unix_diag_rqlen queues = {0};
    if (at && RTA_PAYLOAD(at) >= sizeof(queues))
        memcpy(&queues, RTA_DATA(at), sizeof(queues));
    s.unread = queues.udiag_rqueue;
    s.unsent = queues.udiag_wqueue;
    return add(f, &s);
}

static int ask_unix(int fd, const struct sockdiag_query *q)
{
    struct {
        struct nlmsghdr head;
        struct unix_diag_req body;
    } ask = {
        .head = {.nlmsg_len = sizeof(ask),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = states_of(q),
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN},
    };
    return send(fd, &ask, sizeof(ask), MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- a dump ---- */

static int error_of(const struct nlmsghdr *h)
{
    const struct nlmsgerr *e = NLMSG_DATA(h);
    return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || e->error == 0 ? -EPROTO : e->error;
}

/* 1 = that was the last. */
static int take_reply(struct found *f, const struct nlmsghdr *h, size_t bytes)
{
    for (; NLMSG_OK(h, bytes); h = NLMSG_NEXT(h, bytes)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 1;
        if (h->nlmsg_type == NLMSG_ERROR)
            return error_of(h);
        const uint8_t *family = NLMSG_DATA(h);
        if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len <= NLMSG_LENGTH(0))
            continue;
        int rc = *family == AF_UNIX ? take_unix(f, h) : take_inet(f, h);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The kernel walks its tables while it is read from: there always is something, up to the end. */
static int read_dump(int fd, struct found *f)
{
    union {
        struct nlmsghdr head;
        char bytes[REPLY_BYTES];
    } reply;
    int rc = 0;
    while (rc == 0) {
        ssize_t n = recv(fd, reply.bytes, sizeof(reply.bytes), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPROTO;
        rc = take_reply(f, &reply.head, (size_t)n);
    }
    return rc < 0 ? rc : 0;
}

static int dump(struct found *f, uint8_t family)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -errno;
    int rc = family == AF_UNIX ? ask_unix(fd, f->query) : ask_inet(fd, f->query, family);
    if (rc == 0)
        rc = read_dump(fd, f);
    fd_close(&fd);
    return rc;
}

static int by_inode(const void *a, const void *b)
{
    uint64_t x = ((const struct sockdiag_socket *)a)->inode;
    uint64_t y = ((const struct sockdiag_socket *)b)->inode;
    return x < y ? -1 : x > y;
}

/* A table that changes while it is walked may show a socket twice. */
static size_t drop_doubles(struct sockdiag_socket *s, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || s[kept - 1].inode != s[i].inode)
            s[kept++] = s[i];
    return kept;
}

ssize_t sockdiag_list(const struct sockdiag_query *q, struct sockdiag_socket **ret)
{
    struct found f = {.query = q};
    int rc = 0;
    *ret = NULL;
    if (q->tcp)
        rc = dump(&f, AF_INET);
    if (rc == 0 && q->tcp)
        rc = dump(&f, AF_INET6);
    if (rc == 0 && q->with_unix)
        rc = dump(&f, AF_UNIX);
    if (rc < 0 || f.count == 0) {
        free(f.sockets);
        return rc;
    }
    qsort(f.sockets, f.count, sizeof(*f.sockets), by_inode);
    *ret = f.sockets;
    return (ssize_t)drop_doubles(f.sockets, f.count);
}

/* ---- whose they are ---- */

/* Of "socket:[123]"; 0 = it is no socket. */
static uint64_t inode_of(int folder, const char *name)
{
    char target[64];
    ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
    if (n <= 0)
        return 0;
    target[n] = '\0';
    return strncmp(target, "socket:[", 8) == 0 ? strtoull(target + 8, NULL, 10) : 0;
}

static size_t owned_by(pid_t pid, struct sockdiag_socket *sockets, size_t count)
{
    char path[32];
    size_t owned = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct sockdiag_socket key = {.inode = inode_of(dirfd(folder), entry->d_name)};
        struct sockdiag_socket *s =
            key.inode ? bsearch(&key, sockets, count, sizeof(key), by_inode) : NULL;
        if (!s || s->pid)
            continue;
        s->pid = pid;
        owned++;
    }
    closedir(folder);
    return owned;
}

size_t sockdiag_owners(struct sockdiag_socket *sockets, size_t count, const pid_t *pids,
                       size_t pid_count)
{
    size_t owned = 0;
    for (size_t i = 0; i < pid_count && owned < count; i++)
        owned += owned_by(pids[i], sockets, count);
    return owned;
}
