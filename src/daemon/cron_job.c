/* SPDX-License-Identifier: MIT
 * Scheduled restarts. Runs in pm2d. */
#include "cron_job.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "app/cron.h"
#include "base/log.h"
#include "base/obj.h"
#include "events.h"
#include "history.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/tz.h"
#include "proc.h"
#include "json/read.h"

#define JOB_MAGIC       OBJ_MAGIC('C', 'R', 'O', 'N')
#define RECOMPUTE_S     3600
#define CLOCK_STEP_BACK 60 /* s: a correction, after which the same minute is not run again */

struct cron_job {
    uint32_t magic;
    struct proc *proc;
    struct cron cron;
    struct cron_zone zone;
    int timer_fd;
    uv_poll_t poll;
    int64_t next_s; /* 0 = never */
    int64_t last_s; /* the instant of the last run; 0 = none yet */
};

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

static int zone_offset(void *ctx, int64_t utc_s)
{
    const struct proc *p = ctx;
    return tz_offset(json_get_str(p->conf, "cron_timezone"), utc_s);
}

static void arm(struct cron_job *job)
{
    int64_t now = now_s();
    int64_t after = now;
    if (job->last_s > now && job->last_s - now <= CLOCK_STEP_BACK)
        after = job->last_s;
    if (!cron_next(&job->cron, &job->zone, after, &job->next_s))
        job->next_s = 0;
    struct itimerspec at = {0};
    if (job->next_s > 0)
        at.it_value.tv_sec = job->next_s - now > RECOMPUTE_S ? now + RECOMPUTE_S : job->next_s;
    if (timerfd_settime(job->timer_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL) < 0)
        log_error("process %d: timer of its schedule: %s", job->proc->id, err_text(errno));
}

static void on_restarted(void *ctx, struct proc *p, const char *error)
{
    (void)ctx;
    if (error)
        log_error("App [%s:%d] scheduled restart: %s", proc_name(p), p->id, error);
    else
        event_process(p, "restart", false);
}

static void run(struct proc *p)
{
    if (p->sm.goal == GOAL_GONE || p->env->hold_until_ms > clock_mono_ms())
        return;
    if (!proc_sm_settled(&p->sm)) {
        log_warn("App [%s:%d] scheduled restart skipped: it is %s", proc_name(p), p->id,
                 proc_sm_public(&p->sm));
        return;
    }
    log_info("App [%s:%d] restarted by its schedule", proc_name(p), p->id);
    history_caused(p, "restart", "its schedule");
    proc_order(p, ORDER_RESTART, on_restarted, NULL);
}

static void on_timer_ready(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct cron_job *job = OBJ(h->data, struct cron_job, JOB_MAGIC);
    uint64_t expired;
    /* ECANCELED: the clock was set. What it tells us is to look at it, as an expiry does. */
    if (read(job->timer_fd, &expired, sizeof(expired)) < 0 && errno == EAGAIN)
        return;
    struct proc *p = job->proc;
    bool is_due = job->next_s > 0 && now_s() >= job->next_s;
    if (is_due)
        job->last_s = job->next_s;
    arm(job);
    if (is_due)
        run(p); /* last: the job may be gone afterwards */
}

static void on_closed(uv_handle_t *h)
{
    struct cron_job *job = OBJ(h->data, struct cron_job, JOB_MAGIC);
    fd_close(&job->timer_fd);
    free(job);
}

static struct cron_job *job_new(struct proc *p)
{
    struct cron_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->magic = JOB_MAGIC;
    job->proc = p;
    job->zone = (struct cron_zone){p, zone_offset};
    job->timer_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (job->timer_fd < 0 || uv_poll_init(p->env->loop, &job->poll, job->timer_fd) < 0) {
        fd_close(&job->timer_fd);
        free(job);
        return NULL;
    }
    job->poll.data = job;
    uv_poll_start(&job->poll, UV_READABLE, on_timer_ready);
    return job;
}

/* The schedule in the conf, ready to be computed with; false when there is none to go by. */
static bool read_schedule(struct proc *p, struct cron *ret)
{
    struct err e = {0};
    struct cron_zone zone = {p, zone_offset};
    const char *pattern = json_get_str(p->conf, "cron_restart");
    const char *zone_name = json_get_str(p->conf, "cron_timezone");
    if (cron_is_off(pattern))
        return false;
    if (zone_name && tz_check(zone_name) < 0)
        err_set(&e, -EINVAL, "time zone %s is not known here", zone_name);
    else
        (void)cron_parse(pattern, &zone, now_s(), ret, &e);
    if (e.code)
        log_error("App [%s:%d] is not scheduled: %s", proc_name(p), p->id, e.msg);
    return e.code == 0;
}

void cron_job_changed(struct proc *p)
{
    struct cron cron;
    if (!read_schedule(p, &cron)) {
        cron_job_removed(p);
        return;
    }
    if (!p->cron)
        p->cron = job_new(p);
    if (!p->cron) {
        log_error("App [%s:%d] is not scheduled: no timer to be had", proc_name(p), p->id);
        return;
    }
    p->cron->cron = cron;
    arm(p->cron);
    if (p->cron->next_s == 0)
        log_warn("App [%s:%d] the schedule %s never comes", proc_name(p), p->id,
                 cron_job_pattern(p));
}

void cron_job_added(struct proc *p)
{
    cron_job_changed(p);
}

void cron_job_removed(struct proc *p)
{
    struct cron_job *job = p->cron;
    if (!job)
        return;
    p->cron = NULL;
    uv_close((uv_handle_t *)&job->poll, on_closed);
}

const char *cron_job_pattern(const struct proc *p)
{
    return p->cron ? json_get_str(p->conf, "cron_restart") : NULL;
}

int64_t cron_job_next_ms(const struct proc *p)
{
    return p->cron ? p->cron->next_s * 1000 : 0;
}
