/* SPDX-License-Identifier: MIT
 * The list of extras. Runs in pm2d. */
#include "extras.h"

#include "cron_job.h"
#include "health.h"
#include "instance_sock.h"
#include "memguard.h"
#include "notify.h"
#include "primary.h"
#include "proc.h"
#include "sockets.h"
#include "trigger.h"
#include "watch.h"

void extras_added(struct proc *p)
{
    cron_job_added(p);
    memguard_changed(p);
    watch_added(p);
    health_added(p);
    notify_added(p);
    instance_sock_added(p);
}

void extras_changed(struct proc *p)
{
    cron_job_changed(p);
    memguard_changed(p);
    watch_changed(p);
    health_changed(p);
}

void extras_state(struct proc *p)
{
    watch_state(p);
    health_state(p);
    notify_state(p);
    instance_sock_state(p);
    primary_state(p);
    sockets_state(p);
    trigger_state(p);
}

void extras_removed(struct proc *p)
{
    cron_job_removed(p);
    memguard_removed(p);
    watch_removed(p);
    health_removed(p);
    notify_removed(p);
    primary_removed(p);
    sockets_removed(p);
    trigger_removed(p);
}
