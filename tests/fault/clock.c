/* SPDX-License-Identifier: MIT
 * CLOCK_REALTIME as it would be had somebody set it, for programs that have this preloaded
 * (LD_PRELOAD). The file $CLOCK_FILE holds how far, in seconds, as an int64_t; whoever changes it
 * sets the clock of all of them. Like the kernel it ends timers with TFD_TIMER_CANCEL_ON_SET then:
 * their read(2) fails with ECANCELED, which is what this is about. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EXPORT  __attribute__((visibility("default")))
#define FDS_MAX 1024
#define LOOK_NS 5000000L

enum timer { NO_TIMER, ARMED, CANCELLED };

static const _Atomic int64_t *ahead_s;
static _Atomic int timers[FDS_MAX]; /* enum timer: those that are cancelled when the clock is set */
static int64_t seen_s;              /* by the watcher */

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at != MAP_FAILED)
        ahead_s = at;
}

static int64_t ahead(void)
{
    return ahead_s ? *ahead_s : 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, t);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        t->tv_sec += ahead();
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

static int set_timer(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
    return (int)syscall(SYS_timerfd_settime, fd, flags, to, old);
}

/* Tells the timers that the clock was set: they expire, and their read() says why. */
static void *watch(void *unused)
{
    const struct itimerspec now = {.it_value = {.tv_nsec = 1}};
    for (;;) {
        (void)syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = LOOK_NS}, NULL);
        if (ahead() == seen_s)
            continue;
        seen_s = ahead();
        for (int fd = 0; fd < FDS_MAX; fd++) {
            int armed = ARMED;
            if (atomic_compare_exchange_strong(&timers[fd], &armed, CANCELLED))
                (void)set_timer(fd, 0, &now, NULL);
        }
    }
    return unused;
}

/* Only programs with such a timer have the thread. It takes no signals. */
static void start_watcher(void)
{
    pthread_t thread;
    sigset_t all, old;
    sigfillset(&all);
    seen_s = ahead();
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&thread, NULL, watch, NULL) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *to, struct itimerspec *old)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct itimerspec shifted = *to;
    if (!(flags & TFD_TIMER_CANCEL_ON_SET) || fd < 0 || fd >= FDS_MAX)
        return set_timer(fd, flags, to, old);
    pthread_once(&once, start_watcher);
    timers[fd] = ARMED;
    if (to->it_value.tv_sec != 0)
        shifted.it_value.tv_sec -= ahead();
    return set_timer(fd, flags, &shifted, old);
}

EXPORT ssize_t read(int fd, void *to, size_t size)
{
    ssize_t n = (ssize_t)syscall(SYS_read, fd, to, size);
    int cancelled = CANCELLED;
    if (fd < 0 || fd >= FDS_MAX || n != sizeof(uint64_t) ||
        !atomic_compare_exchange_strong(&timers[fd], &cancelled, ARMED))
        return n;
    errno = ECANCELED;
    return -1;
}

EXPORT int close(int fd)
{
    if (fd >= 0 && fd < FDS_MAX)
        timers[fd] = NO_TIMER;
    return (int)syscall(SYS_close, fd);
}
