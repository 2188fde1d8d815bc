/* SPDX-License-Identifier: MIT
 * CPU and memory sampling. Runs in pm2d; one small read per process. */
#include "monit.h"

#include "os/clock.h"

void monit_sample(struct proc *p)
{
    struct monit *m = &p->monit;
    struct proc_stat st;
    pid_t pid = proc_pid(p);
    if (p->sm.state != PROC_ONLINE || pid <= 0 || procfs_stat(pid, &st) < 0) {
        m->memory_bytes = 0;
        m->cpu_percent = 0;
        m->last_pid = 0;
        return;
    }
    int64_t now = clock_mono_ms();
    m->memory_bytes = st.rss_bytes;
    if (m->last_pid != pid) {
        m->cpu_percent = 0;
    } else {
        int64_t passed = now - m->last_mono_ms;
        if (passed < 10)
            return; /* too short to mean anything; the last figure stands */
        double seconds = (double)(st.cpu_ticks - m->last_ticks) / procfs_ticks_per_second();
        double percent = seconds * 100000.0 / (double)passed;
        m->cpu_percent = (double)(int64_t)(percent * 10 + 0.5) / 10;
    }
    m->last_pid = pid;
    m->last_ticks = st.cpu_ticks;
    m->last_mono_ms = now;
}
