/* SPDX-License-Identifier: MIT
 * A client of one worker, made by pm2d itself: how a successor is asked before it serves. Runs in
 * pm2d. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"
#include "primary_priv.h"

#define HANDED_MAGIC OBJ_MAGIC('H', 'N', 'D', 'D')

/* The worker's end on its way. */
struct handed {
    uint32_t magic;
    int fd;
};

static void on_handed(void *ctx, int code)
{
    struct handed *h = OBJ(ctx, struct handed, HANDED_MAGIC);
    (void)code; /* when it did not take it, the client sees the end */
    fd_close(&h->fd);
    free(h);
}

static bool is_between(int fd, int accepted_fd)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t size = sizeof(own), peer_size = sizeof(peer);
    return getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
           getpeername(accepted_fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
           own.sin_port == peer.sin_port && own.sin_addr.s_addr == peer.sin_addr.s_addr;
}

/* Both ends of a connection over the loopback: who is asked may look at addresses. Never waits;
 * -EAGAIN: the kernel was busy, or somebody else was quicker. */
static int connected_pair(int ret_fds[2])
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ret_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ret_fds[1] = -1;
    bool is_connected =
        bind(listener, (struct sockaddr *)&here, size) == 0 && listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&here, &size) == 0 &&
        (connect(ret_fds[0], (struct sockaddr *)&here, size) == 0 || errno == EINPROGRESS);
    if (is_connected)
        ret_fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int rc = ret_fds[1] < 0 ? -errno : is_between(ret_fds[0], ret_fds[1]) ? 0 : -EAGAIN;
    if (rc < 0) {
        fd_close(&ret_fds[0]);
        fd_close(&ret_fds[1]);
    }
    fd_close(&listener);
    return rc;
}

static const struct gate *gate_at(const struct worker *w, unsigned port)
{
    list_for_each (it, &w->claims) {
        const struct claim *c = LIST_ENTRY(it, struct claim, link);
        struct listener_name name;
        if (c->takes_itself || listener_name(&c->gate->slots[0]->socket, &name) < 0)
            continue;
        if (name.family && (unsigned)name.port == port)
            return c->gate;
    }
    return NULL;
}

static int hand(struct worker *w, const struct gate *g, int take_fd)
{
    AUTO(buf) line = BUF_INIT;
    struct handed *h = calloc(1, sizeof(*h));
    if (!h) {
        fd_close(&take_fd);
        return -ENOMEM;
    }
    *h = (struct handed){.magic = HANDED_MAGIC, .fd = take_fd};
    cluster_write_newconn(&line, w->is_bun ? CLUSTER_BUN : CLUSTER_NODE, g->key,
                          primary_seq(w->owner));
    int rc = buf_oom(&line) ? -ENOMEM
                            : chan_send_handle(w->run->chan, buf_str(&line), h->fd, on_handed, h);
    if (rc < 0)
        on_handed(h, rc);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): on_handed() frees it */
    return rc;
}

int primary_dial(struct run *r, unsigned port)
{
    int fds[2];
    const struct gate *g = r->worker ? gate_at(r->worker, port) : NULL;
    int rc = g ? connected_pair(fds) : -ENOENT;
    if (rc < 0)
        return rc;
    rc = hand(r->worker, g, fds[1]);
    if (rc == 0)
        return fds[0];
    fd_close(&fds[0]);
    return rc;
}
