/* SPDX-License-Identifier: MIT
 * c.file: what is done with the apps of a process file. The job, shared by the files that carry it
 * out: file_job.c (the course of it), file_unit.c (one app), file_reply.c (the answer). */
#pragma once

#include "app/app_set.h"
#include "batch.h"
#include "methods.h"
#include "json/write.h"

enum file_action {
    FILE_START,  /* also restart and startOrRestart: known apps are restarted, others started */
    FILE_RELOAD, /* the same, with known apps reloaded */
    FILE_APPLY,  /* only what differs; with `prune`, what left the file goes */
    FILE_PLAN,   /* as apply, but nothing is done */
    FILE_STOP,
    FILE_DELETE,
};

enum unit_state {
    UNIT_WAITING, /* for apps that it depends on */
    UNIT_RUNNING, /* its orders are under way */
    UNIT_DONE,
    UNIT_FAILED,
};

/* What a file means for one app. */
enum unit_step {
    STEP_START,   /* it is new */
    STEP_RESTART, /* all its processes get the new conf */
    STEP_KEEP,    /* nothing differs */
};

struct file_job;

/* One app of the file. */
struct file_unit {
    struct file_job *job;
    json_t *conf; /* owned */
    const char *name, *ns;
    enum unit_state state;
    enum unit_step step;
    bool counted;   /* the file says how many processes it has */
    bool scheduled; /* it has cron_restart; not `cron`, of which PM2 says nothing */
    int *ids;       /* processes at the end: kept and new ones */
    int count;
    int asked;           /* `instances` as the user reads it */
    json_t *changes;     /* names of what differs; NULL = new app, or nobody asks */
    size_t batches_left; /* orders under way */
    char *error;         /* owned */
    int failed_id;       /* of the process of that error */
    char *note;          /* what the user should know; owned, NULL */
};

struct file_job {
    struct methods *m;
    struct call *call;
    json_t *request; /* owned */
    enum file_action action;
    json_t *settings; /* of `pm2 set`; owned, NULL = none */
    struct app_set set;
    struct file_unit *units; /* in the order of starting */
    size_t count;
    uv_timer_t timer; /* looks at conditions that nobody tells us of */
    int64_t deadline_ms;
    bool advancing, is_ending;
    json_t *places; /* owned: what there is to say about where the apps listen; NULL */
    int *gone_ids;  /* apply --prune: processes whose app left the file */
    char **gone_names;
    size_t gone_count;
};

/* ---- file_unit.c ---- */

/* Compare with what runs: step, ids and changes. 0 or -ENOMEM. */
int file_unit_plan(struct file_unit *u);
/* Carry out its step; calls file_job_advance() when it has ended, maybe before this returns. */
void file_unit_begin(struct file_unit *u);
void file_unit_fail(struct file_unit *u, const char *fmt, ...) ATTR_FORMAT(2, 3);

/* ---- file_job.c ---- */

/* Begin what can begin; answer when all has ended. */
void file_job_advance(struct file_job *job);

/* ---- file_reply.c ---- */

/* The body of the answer. */
void file_reply_write(struct jw *w, const struct file_job *job);
