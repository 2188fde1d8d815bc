/* SPDX-License-Identifier: MIT
 * The end of the keeper. It is the subreaper, so whatever its apps left behind is among its
 * descendants, and nothing of that may outlive it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proctree.h"

#define PEER_WAIT_MS  5000
#define SWEEP_WAIT_MS 5000
#define LOOK_AGAIN_MS 20

/* Until a signal comes (SIGCHLD, most likely) or `ms` are over. */
static void wait_a_little(struct keeper *k, int ms)
{
    struct signalfd_siginfo info;
    struct pollfd fds[] = {{.fd = k->signal_fd, .events = POLLIN},
                           {.fd = k->peer.pidfd, .events = POLLIN}};
    (void)poll(fds, 2, ms);
    if (fds[1].revents) {
        fd_close(&k->peer.pidfd);
        k->peer.pid = 0;
    }
    while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info))
        ;
    keeper_reap(k);
}

/* pm2d exits by itself after QUIT; it has sockets to unlink. */
static void end_peer(struct keeper *k)
{
    int64_t until = clock_mono_ms() + (k->end == KEEPER_QUIT ? PEER_WAIT_MS : 0);
    for (int64_t now; k->peer.pid > 0 && (now = clock_mono_ms()) < until;)
        wait_a_little(k, (int)(until - now));
    peer_kill(&k->peer);
}

/* SIGKILL to every descendant that lives: their number, 0 = none is left, -errno. */
static int kill_descendants(void)
{
    struct proc_stat *list = NULL;
    const struct proctree_query q = {.root = getpid(), .reaper = getpid(), .root_lives = true};
    struct proctree *now = proctree_take();
    int n = now ? proctree_members(now, &q, &list) : -ENOMEM;
    int others = n < 0 ? n : 0;
    for (int i = 0; i < n; i++) {
        if (list[i].pid == getpid())
            continue;
        (void)kill(list[i].pid, SIGKILL);
        others++;
    }
    free(list);
    proctree_free(now);
    return others;
}

void finish(struct keeper *k)
{
    children_kill(&k->children);
    keeper_reap(k);
    end_peer(k);
    int64_t until = clock_mono_ms() + SWEEP_WAIT_MS;
    int n;
    while ((n = kill_descendants()) > 0 && clock_mono_ms() < until)
        wait_a_little(k, LOOK_AGAIN_MS);
    keeper_reap(k);
    if (n > 0)
        log_error("%d processes do not end, not even by SIGKILL", n);
    else if (n < 0)
        log_error("cannot look for processes: %s", err_text(n));
}
