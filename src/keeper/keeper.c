/* SPDX-License-Identifier: MIT
 * The loop: signals, the link, three timers. */
#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "os/clock.h"
#include "os/fd.h"

#define TIMER_OFF        INT64_MAX
#define LAUNCH_WAIT_MS   30000
#define FORCE_WAIT_MS    60000
#define STALL_WAIT_MS    20
#define DELAY_BUSY_MS    15
#define DELAY_FIRST_MS   100
#define DELAY_MAX_MS     5000
#define LIFE_GOOD_MS     1000 /* a pm2d that lived this long is not in a crash loop */
#define SHORT_LIVES_FREE 10   /* so many shorter ones in a row are followed up without a pause */

/* ---- timers ---- */

void keeper_arm(struct keeper *k, enum keeper_timer t, int64_t delay_ms)
{
    k->at_ms[t] = clock_mono_ms() + delay_ms;
}

void keeper_disarm(struct keeper *k, enum keeper_timer t)
{
    k->at_ms[t] = TIMER_OFF;
}

/* ---- pm2d ---- */

static void describe_exit(int status, char *text, size_t size)
{
    if (status < 0) /* no child of ours */
        snprintf(text, size, "pm2d ended");
    else if (WIFSIGNALED(status))
        snprintf(text, size, "pm2d ended by signal %d", WTERMSIG(status));
    else
        snprintf(text, size, "pm2d ended with status %d", WEXITSTATUS(status));
}

/* A pm2d that had got ready was killed by somebody: the next one starts at once, with a small pause
 * only if that goes on and on. One that does not even get ready is waited for longer each time. */
static int64_t restart_delay(struct keeper *k)
{
    if (k->peer.has_got_ready) {
        bool was_long = clock_mono_ms() - k->peer.started_ms >= LIFE_GOOD_MS;
        k->short_lives = was_long ? 0 : k->short_lives + 1;
        k->failed_delay_ms = 0;
        return k->short_lives > SHORT_LIVES_FREE ? DELAY_BUSY_MS : 0;
    }
    int64_t next = k->failed_delay_ms ? k->failed_delay_ms * 2 : DELAY_FIRST_MS;
    k->failed_delay_ms = next < DELAY_MAX_MS ? next : DELAY_MAX_MS;
    return k->failed_delay_ms;
}

/* pm2d does not run (any more). `why` is for the log, or for whoever launched us. */
static void after_peer(struct keeper *k, const char *why)
{
    keeper_disarm(k, TIMER_LAUNCH);
    if (!k->is_ready) {
        if (!k->fatal[0])
            snprintf(k->fatal, sizeof(k->fatal), "%s", why);
        k->end = KEEPER_LAUNCH_FAILED;
        return;
    }
    int64_t delay_ms = restart_delay(k);
    log_error("%s, starting it again in %d ms", why, (int)delay_ms);
    keeper_arm(k, TIMER_START_PEER, delay_ms);
}

static void start_peer(struct keeper *k)
{
    char why[ERR_MSG_MAX];
    keeper_disarm(k, TIMER_START_PEER);
    int rc = peer_start(&k->peer, k->o->daemon, k->o->home, k->o->extra);
    if (rc == 0) {
        keeper_arm(k, TIMER_LAUNCH, LAUNCH_WAIT_MS);
        return;
    }
    snprintf(why, sizeof(why), "cannot start %.300s: %s", k->o->daemon, err_text(rc));
    after_peer(k, why);
}

/* We are the successor of a keeper that died under a living pm2d. */
static void join_peer(struct keeper *k)
{
    k->is_ready = true; /* nobody waits for a launch */
    int rc = peer_join(&k->peer, k->o->peer_fd, (pid_t)k->o->peer_pid);
    k->o->peer_fd = -1;
    if (rc < 0)
        after_peer(k, err_text(rc)); /* it is gone meanwhile; the next one adopts what lives */
    else
        keeper_arm(k, TIMER_LAUNCH, LAUNCH_WAIT_MS);
}

void keeper_drop_peer(struct keeper *k)
{
    /* Now, not at the next start: one pass of reaping may see pm2d's end first and a child's after
     * it. That exit is for the next pm2d to list, not to hear before it has said HELLO. */
    list_for_each (it, &k->children.all)
        LIST_ENTRY(it, struct child, all)->is_told = false;
    k->is_listing = k->has_more = false;
    peer_drop(&k->peer);
}

/* Returns when it did not work: then we go on, and the next pm2d with us. */
static void hand_over(struct keeper *k)
{
    struct err e = {0};
    if (handover_exec(k, &e) < 0)
        log_error("the keeper is not replaced: %s", e.msg);
}

static void on_peer_exit(struct keeper *k, int status)
{
    char why[64];
    k->peer.pid = 0;
    k->peer.is_deaf = true;
    fd_close(&k->peer.pidfd);
    while (k->end == KEEPER_RUNS && k->peer.link >= 0 &&
           (k->has_more || peer_receive(&k->peer) > 0))
        requests_pump(k);
    keeper_drop_peer(k);
    if (k->end != KEEPER_RUNS)
        return;
    if (k->is_updating && !k->terminate_by)
        hand_over(k);
    k->is_updating = false;
    describe_exit(status, why, sizeof(why));
    after_peer(k, why);
}

void keeper_reap(struct keeper *k)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == k->peer.pid) {
            on_peer_exit(k, status);
            continue;
        }
        struct child *ch = children_reaped(&k->children, pid, status, clock_mono_ms());
        if (!ch)
            continue;
        FAILPOINT("keeper.reaped");
        requests_put_exited(k, ch);
    }
}

/* ---- signals ---- */

static void on_child(struct keeper *k, int signo)
{
    (void)signo;
    keeper_reap(k);
}

static void on_terminate(struct keeper *k, int signo)
{
    if (k->terminate_by) {
        k->end = KEEPER_FORCED;
        return;
    }
    log_info("pm2-keeper got signal %d", signo);
    k->terminate_by = signo;
    keeper_arm(k, TIMER_FORCE, FORCE_WAIT_MS);
    if (!k->is_ready) {
        snprintf(k->fatal, sizeof(k->fatal), "ended by signal %d during launch", signo);
        k->end = KEEPER_LAUNCH_FAILED;
    } else if (k->peer.pid == 0) {
        keeper_arm(k, TIMER_START_PEER, 0); /* only pm2d knows how to stop the apps gracefully */
    } else if (k->peer.has_greeted) {
        requests_put_terminate(k);
    }
}

static void on_reopen(struct keeper *k, int signo)
{
    struct err e;
    (void)signo;
    if (launch_open_log(k->o->log_file, &e) < 0)
        log_error("%s", e.msg);
    if (k->peer.has_greeted)
        requests_put_reopen(k);
}

static const struct {
    int signo;
    void (*run)(struct keeper *k, int signo);
} signals[] = {
    {SIGCHLD, on_child},     {SIGTERM, on_terminate}, {SIGINT, on_terminate},
    {SIGQUIT, on_terminate}, {SIGUSR2, on_reopen},
};

static void on_signals(struct keeper *k)
{
    struct signalfd_siginfo info;
    while (k->end == KEEPER_RUNS && read(k->signal_fd, &info, sizeof(info)) == sizeof(info))
        for (size_t i = 0; i < ARRAY_LEN(signals); i++)
            if (signals[i].signo == (int)info.ssi_signo)
                signals[i].run(k, signals[i].signo);
}

/* ---- the loop ---- */

static void on_timer(struct keeper *k, enum keeper_timer t)
{
    keeper_disarm(k, t);
    switch (t) {
    case TIMER_START_PEER: start_peer(k); break;
    case TIMER_LAUNCH:
        log_error("pm2d does not %s: killing it", k->is_updating ? "end" : "get ready");
        peer_kill(&k->peer); /* its exit does the rest */
        break;
    case TIMER_FORCE: k->end = KEEPER_FORCED; break;
    case TIMER_COUNT: break;
    }
}

static void run_timers(struct keeper *k)
{
    int64_t now = clock_mono_ms();
    for (int t = 0; t < TIMER_COUNT && k->end == KEEPER_RUNS; t++)
        if (k->at_ms[t] <= now)
            on_timer(k, (enum keeper_timer)t);
}

static int wait_ms(const struct keeper *k)
{
    int64_t first = TIMER_OFF;
    for (int t = 0; t < TIMER_COUNT; t++)
        if (k->at_ms[t] < first)
            first = k->at_ms[t];
    if (k->has_more)
        return 0;
    if (first == TIMER_OFF)
        return k->peer.is_stalled ? STALL_WAIT_MS : -1;
    int64_t ms = first - clock_mono_ms();
    if (k->peer.is_stalled && ms > STALL_WAIT_MS)
        ms = STALL_WAIT_MS;
    return ms > 0 ? (int)ms : 0;
}

static void on_link(struct keeper *k)
{
    struct peer *p = &k->peer;
    int rc = peer_receive(p);
    if (rc > 0 || rc == -EAGAIN)
        return;
    if (rc < 0 && rc != -ECONNRESET)
        log_error("cannot read the link to pm2d: %s", err_text(rc));
    peer_kill(p); /* it is ending anyway, or has let go of us */
    keeper_drop_peer(k);
}

static void turn(struct keeper *k)
{
    struct peer *p = &k->peer;
    short events = k->has_more ? 0 : peer_is_idle(p) ? POLLIN : POLLOUT;
    struct pollfd fds[] = {{.fd = k->signal_fd, .events = POLLIN},
                           {.fd = p->is_stalled ? -1 : p->link, .events = events},
                           {.fd = p->pidfd, .events = POLLIN}};
    if (poll(fds, ARRAY_LEN(fds), wait_ms(k)) < 0 && errno != EINTR)
        log_error("poll: %s", err_text(errno));
    if (fds[0].revents)
        on_signals(k);
    /* The signals may have changed the link; then the next turn looks at it. */
    if (k->end == KEEPER_RUNS && fds[1].revents && fds[1].fd == p->link && events == POLLIN)
        on_link(k);
    if (k->end == KEEPER_RUNS && p->link >= 0)
        requests_pump(k);
    if (k->end == KEEPER_RUNS && fds[2].revents && fds[2].fd == p->pidfd)
        on_peer_exit(k, -1);
    run_timers(k);
}

int keeper_init(struct keeper *k, struct launch_options *o, const struct launch_world *world)
{
    memset(k, 0, sizeof(*k));
    k->o = o;
    k->world = *world;
    k->lock_fd = -1;
    children_init(&k->children);
    store_init(&k->store);
    peer_init(&k->peer);
    for (int t = 0; t < TIMER_COUNT; t++)
        k->at_ms[t] = TIMER_OFF;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&set, signals[i].signo);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return k->signal_fd < 0 ? -errno : 0;
}

int keeper_resume(struct keeper *k, struct launch_options *o, struct err *e)
{
    const struct launch_world none = {0}; /* the state has it */
    FAILPOINT("update.after-exec");
    int rc = keeper_init(k, o, &none);
    if (rc < 0)
        return err_set(e, rc, "%s", err_text(rc));
    rc = handover_take(o->state_fd, k, e);
    o->state_fd = -1;
    if (rc < 0)
        return rc;
    FAILPOINT("update.taken");
    k->is_ready = true; /* nobody waits for a launch */
    log_info("pm2-keeper is version %s now; it has %zu processes", PM2C_VERSION, k->children.count);
    keeper_reap(k); /* who ended meanwhile has sent a signal to nobody */
    return 0;
}

int keeper_run(struct keeper *k)
{
    if (k->o->peer_fd < 0)
        start_peer(k);
    else
        join_peer(k);
    while (k->end == KEEPER_RUNS)
        turn(k);
    finish(k);
    if (k->end == KEEPER_LAUNCH_FAILED)
        launch_report(&k->o->ready_fd, 'E', k->fatal);
    children_fini(&k->children);
    store_fini(&k->store);
    peer_drop(&k->peer);
    fd_close(&k->signal_fd);
    return k->end == KEEPER_LAUNCH_FAILED ? 1 : 0;
}
