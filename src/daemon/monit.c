/* SPDX-License-Identifier: MIT
 * CPU and memory sampling. Runs in pm2d; one small read per process. */
#include "monit.h"

#include "os/clock.h"

#define MIN_INTERVAL_MS 10 /* shorter ones mean nothing: the kernel counts in ticks of 10 ms */

static void forget(struct monit *m)
{
    m->memory_bytes = 0;
    m->cpu_percent = 0;
    m->last_pid = 0;
}

static double percent_since(const struct monit *m, uint64_t cpu_ticks, int64_t passed_ms)
{
    double seconds = (double)(cpu_ticks - m->last_ticks) / procfs_ticks_per_second();
    double percent = seconds * 100000.0 / (double)passed_ms;
    return (double)(int64_t)(percent * 10 + 0.5) / 10;
}

void monit_sample(struct proc *p)
{
    struct monit *m = &p->monit;
    struct proc_stat st;
    int64_t now = clock_mono_ms();
    pid_t pid = proc_pid(p);
    if (p->sm.state != PROC_ONLINE || pid <= 0) {
        forget(m);
        return;
    }
    bool is_first = m->last_pid != pid;
    if (!is_first && now - m->last_mono_ms < MIN_INTERVAL_MS)
        return; /* the last figures stand */
    if (procfs_stat(pid, &st) < 0) {
        forget(m);
        return;
    }
    m->memory_bytes = st.rss_bytes;
    m->cpu_percent = is_first ? 0 : percent_since(m, st.cpu_ticks, now - m->last_mono_ms);
    m->last_pid = pid;
    m->last_ticks = st.cpu_ticks;
    m->last_mono_ms = now;
}
