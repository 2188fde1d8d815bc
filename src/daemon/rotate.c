/* SPDX-License-Identifier: MIT
 * Rotation of log files. Runs in pm2d. */
#include "rotate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/log_date.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "logfile.h"
#include "oldlogs.h"
#include "os/clock.h"
#include "os/tz.h"

#define ROTATOR_MAGIC OBJ_MAGIC('R', 'O', 'T', 'R')
#define LOOK_AT_MS    30000 /* the clock may have been set */
#define RETRY_MS      10000 /* after a rename that failed */

struct rotator {
    uint32_t magic;
    struct logfiles *files;
    bool (*is_foreign)(void *ctx);
    void *ctx;
    uv_timer_t timer;
    struct oldlogs *old;
};

struct rotation {
    bool is_due; /* by the clock */
    bool failed;
    int64_t next_s;                 /* by the clock; 0 = never */
    int64_t not_before;             /* monotonic ms: after a failure */
    char date[LOG_NAME_DATE_BYTES]; /* of the last one, and its number in that date */
    unsigned number;
};

/* ---- names ---- */

/* The time as it stands in a name. Not empty. */
static void date_text(const struct log_policy *p, char *ret, size_t size)
{
    struct tm tm;
    AUTO(buf) text = BUF_INIT;
    int64_t now_ms = clock_wall_ms();
    time_t t = (time_t)(now_ms / 1000);
    if (p->zone[0]) {
        long offset = tz_offset(p->zone, t);
        t += offset;
        (void)gmtime_r(&t, &tm);
        tm.tm_gmtoff = offset;
    } else {
        (void)localtime_r(&t, &tm);
    }
    log_date_add(&text, p->date_format, &tm, (int)(now_ms % 1000));
    snprintf(ret, size, "%s", text.len ? text.data : "old");
    for (char *c = ret; *c; c++)
        if (*c == '/' || (unsigned char)*c < ' ')
            *c = '-';
}

/* The highest number that a file of this date has, plus one; 0 when there is none of this date. */
static unsigned next_number(const struct oldlogs_name *name, const char *date)
{
    unsigned next = 0;
    DIR *d = opendir(name->folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        unsigned number;
        if (oldlogs_match(name, entry->d_name, date, &number) && number >= next)
            next = number + 1;
    }
    if (d)
        (void)closedir(d);
    return next;
}

static int name_of(struct logfile *f, const char *path, char *ret, size_t size)
{
    char date[LOG_NAME_DATE_BYTES];
    struct oldlogs_name name;
    struct rotation *r = f->rotation;
    date_text(&f->policy, date, sizeof(date));
    if (!oldlogs_name(path, &name))
        return -ENAMETOOLONG;
    if (strcmp(date, r->date) == 0) {
        r->number++;
    } else {
        r->number = next_number(&name, date);
        snprintf(r->date, sizeof(r->date), "%s", date);
    }
    return oldlogs_path(&name, date, r->number, ret, size) ? 0 : -ENAMETOOLONG;
}

/* ---- one rotation ---- */

/* The new file belongs to whom the old one belonged. */
static void keep_owner(const struct logfile *f, const struct stat *was)
{
    struct stat now;
    if (fstat(f->fd, &now) < 0)
        return;
    if (now.st_uid != was->st_uid || now.st_gid != was->st_gid)
        (void)!fchown(f->fd, was->st_uid, was->st_gid);
    if ((now.st_mode & 07777) != (was->st_mode & 07777))
        (void)fchmod(f->fd, was->st_mode & 07777);
}

/* A link stays where it is; the file that it leads to is renamed. */
static int rotate(struct logfile *f)
{
    char path[PATH_MAX];
    char old[PATH_MAX];
    struct stat was;
    struct stat there;
    if (!realpath(f->path, path) && errno == ENOENT)
        return logfile_renew(f);
    if (!realpath(f->path, path) || fstat(f->fd, &was) < 0 || stat(path, &there) < 0)
        return -errno;
    if (was.st_ino != there.st_ino || was.st_dev != there.st_dev)
        return logfile_renew(f); /* somebody has done it already */
    int rc = name_of(f, path, old, sizeof(old));
    if (rc < 0)
        return rc;
    if (access(old, F_OK) == 0)
        return -EEXIST;
    if (rename(path, old) < 0)
        return -errno;
    FAILPOINT("rotate.renamed");
    logindex_rename(f->path, old);
    rc = logfile_renew(f);
    FAILPOINT("rotate.renewed");
    if (rc < 0)
        return rc; /* the old file goes on, under its new name */
    keep_owner(f, &was);
    oldlogs_tidy(f->set->rotator->old, path, f->rotation->date, &f->policy);
    return 0;
}

static bool is_foreign(const struct logfile *f)
{
    const struct rotator *r = f->set->rotator;
    return r->is_foreign && r->is_foreign(r->ctx);
}

/* 0 when there is a new file. */
static int try_rotate(struct logfile *f)
{
    struct rotation *r = f->rotation;
    int64_t now_ms = clock_mono_ms();
    if (now_ms < r->not_before)
        return -EAGAIN;
    int rc = is_foreign(f) ? -EAGAIN : rotate(f);
    r->is_due = false;
    if (rc == 0) {
        r->failed = false;
        return 0;
    }
    r->not_before = now_ms + RETRY_MS;
    if (rc != -EAGAIN && !r->failed)
        log_error("%s cannot be rotated: %s; it goes on", f->path, err_text(rc));
    r->failed = r->failed || rc != -EAGAIN;
    return rc;
}

int rotator_rename(struct rotator *r, const char *path, const struct log_policy *policy)
{
    char date[LOG_NAME_DATE_BYTES];
    char old[PATH_MAX];
    struct oldlogs_name name;
    if (r->is_foreign && r->is_foreign(r->ctx))
        return -EAGAIN;
    date_text(policy, date, sizeof(date));
    if (!oldlogs_name(path, &name) ||
        !oldlogs_path(&name, date, next_number(&name, date), old, sizeof(old)))
        return -ENAMETOOLONG;
    if (rename(path, old) < 0)
        return -errno;
    oldlogs_tidy(r->old, path, date, policy);
    return 0;
}

/* How many of the bytes belong into this file when there is room for `room` of them: up to the end
 * of the line in which it is used up. */
static size_t cut(const char *bytes, size_t n, size_t room)
{
    size_t from = room > 0 ? room - 1 : 0;
    if (n <= from)
        return n;
    const char *end = memchr(bytes + from, '\n', n - from);
    return end ? (size_t)(end - bytes) + 1 : n;
}

static bool is_due(const struct logfile *f, off_t size)
{
    const struct log_policy *p = &f->policy;
    return size > 0 && (f->rotation->is_due || (p->max_bytes > 0 && size >= p->max_bytes));
}

off_t rotate_before(struct logfile *f, off_t size, const char *bytes, size_t *n,
                    bool *ret_seek_line)
{
    const struct log_policy *p = &f->policy;
    if (is_due(f, size)) {
        bool is_hopeless = p->max_bytes > 0 && size - p->max_bytes > (off_t)LIMIT_ROTATE_WAIT_BYTES;
        bool may = is_hopeless || logfile_ends_line(f, size);
        if (may && try_rotate(f) == 0)
            size = logfile_size(f);
        else if (may)
            return size; /* it cannot be: all goes into this one */
    }
    size_t room = p->max_bytes > size ? (size_t)(p->max_bytes - size) : 0;
    if (is_due(f, size))
        room = 0;
    else if (p->max_bytes == 0)
        return size;
    if (bytes)
        *n = cut(bytes, *n, room);
    else if (room == 0)
        *ret_seek_line = true;
    else if (*n > room)
        *n = room;
    return size;
}

/* ---- by the clock ---- */

static int zone_offset(void *ctx, int64_t utc_s)
{
    const struct log_policy *p = ctx;
    return tz_offset(p->zone[0] ? p->zone : NULL, utc_s);
}

static void schedule(struct logfile *f, int64_t now_s)
{
    struct rotation *r = f->rotation;
    const struct cron_zone zone = {&f->policy, zone_offset};
    if (!f->policy.has_interval || !cron_next(&f->policy.interval, &zone, now_s, &r->next_s))
        r->next_s = 0;
}

static void on_rotator_timer(uv_timer_t *t);

static void arm(struct rotator *r)
{
    int64_t first_s = 0;
    list_for_each (it, &r->files->all) {
        const struct rotation *rot = LIST_ENTRY(it, struct logfile, link)->rotation;
        if (rot && rot->next_s > 0 && (first_s == 0 || rot->next_s < first_s))
            first_s = rot->next_s;
    }
    if (first_s == 0) {
        uv_timer_stop(&r->timer);
        return;
    }
    int64_t delay_ms = first_s * 1000 - clock_wall_ms();
    delay_ms = delay_ms < 1 ? 1 : delay_ms > LOOK_AT_MS ? LOOK_AT_MS : delay_ms;
    uv_timer_start(&r->timer, on_rotator_timer, (uint64_t)delay_ms, 0);
}

static void rotate_by_clock(struct logfile *f)
{
    off_t size = logfile_size(f);
    f->rotation->is_due = size > 0;
    if (size > 0 && logfile_ends_line(f, size))
        (void)try_rotate(f);
}

static void on_rotator_timer(uv_timer_t *t)
{
    struct rotator *r = OBJ(t->data, struct rotator, ROTATOR_MAGIC);
    int64_t now_s = clock_wall_ms() / 1000;
    list_for_each (it, &r->files->all) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, link);
        if (!f->rotation || f->rotation->next_s == 0)
            continue;
        bool is_due = f->rotation->next_s <= now_s;
        schedule(f, now_s); /* also when it is not due: the clock may have been set back */
        if (is_due)
            rotate_by_clock(f);
    }
    arm(r);
}

/* ---- life ---- */

struct rotator *rotator_new(uv_loop_t *loop, struct logfiles *s, bool (*is_foreign_fn)(void *ctx),
                            void *ctx)
{
    struct rotator *r = calloc(1, sizeof(*r));
    struct oldlogs *old = oldlogs_new(loop);
    if (!r || !old) {
        free(r);
        oldlogs_close(old);
        return NULL;
    }
    r->magic = ROTATOR_MAGIC;
    r->files = s;
    r->is_foreign = is_foreign_fn;
    r->ctx = ctx;
    r->old = old;
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    s->rotator = r;
    return r;
}

static void on_rotator_closed(uv_handle_t *h)
{
    free(OBJ(h->data, struct rotator, ROTATOR_MAGIC));
}

void rotator_close(struct rotator *r)
{
    if (!r)
        return;
    list_for_each (it, &r->files->all)
        rotate_forget(LIST_ENTRY(it, struct logfile, link));
    r->files->rotator = NULL;
    oldlogs_close(r->old);
    uv_close((uv_handle_t *)&r->timer, on_rotator_closed);
}

void rotate_policy_changed(struct logfile *f)
{
    struct rotator *r = f->set->rotator;
    if (!r || !f->regular)
        return;
    if (!log_policy_rotates(&f->policy)) {
        rotate_forget(f);
    } else {
        if (!f->rotation)
            f->rotation = calloc(1, sizeof(*f->rotation));
        if (!f->rotation)
            log_error("%s is not rotated: out of memory", f->path);
        else
            schedule(f, clock_wall_ms() / 1000);
    }
    arm(r);
}

void rotate_forget(struct logfile *f)
{
    free(f->rotation);
    f->rotation = NULL;
}
