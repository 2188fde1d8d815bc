/* SPDX-License-Identifier: MIT
 * Full disks. Runs in pm2d. */
#include "logfull.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "app/log_date.h"
#include "base/limits.h"
#include "base/log.h"
#include "logfile.h"
#include "os/clock.h"
#include "json/write.h"

#define RETRY_MS   250
#define LOOK_MS    1000
#define LOOK_BYTES (4UL << 20)

/* ---- the floor ---- */

/* When nothing was said: a hundredth of a small file system, LIMIT_LOG_FLOOR_BYTES of a large one.
 */
static uint64_t floor_of(const struct logfiles *s, const struct statvfs *fs)
{
    if (s->floor_bytes >= 0)
        return (uint64_t)s->floor_bytes;
    uint64_t part = (uint64_t)fs->f_blocks * fs->f_frsize / 100;
    return part < LIMIT_LOG_FLOOR_BYTES ? part : LIMIT_LOG_FLOOR_BYTES;
}

static bool is_below_floor(struct logfile *f, int64_t now_ms)
{
    struct statvfs fs;
    if (!f->regular || (now_ms < f->look_ms && f->unlooked_bytes < LOOK_BYTES))
        return f->below_floor;
    f->look_ms = now_ms + (f->below_floor ? RETRY_MS : LOOK_MS);
    f->unlooked_bytes = 0;
    f->below_floor =
        fstatvfs(f->fd, &fs) == 0 && fs.f_blocks > 0 &&
        (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize < floor_of(f->set, &fs);
    return f->below_floor;
}

/* ---- what is said ---- */

static const char *reason(const struct logfile *f)
{
    return f->failure == -ENOSPC ? "no free space" : err_text(f->failure);
}

static void write_notice(const struct logfile *f, bool is_new_line, struct buf *out)
{
    struct tm tm;
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "PM2: %llu bytes of output were lost: %s\n",
               (unsigned long long)f->untold_bytes, reason(f));
    if (!is_new_line)
        buf_add_byte(out, '\n');
    if (!f->policy.is_json) {
        if (localtime_r(&now, &tm))
            log_date_add(out, "YYYY-MM-DDTHH:mm:ss: ", &tm, 0);
        buf_add_str(out, buf_str(&text));
        return;
    }
    AUTO(buf) stamp = BUF_INIT;
    if (gmtime_r(&now, &tm))
        log_date_add(&stamp, "YYYY-MM-DDTHH:mm:ss.SSS[Z]", &tm, (int)(now_ms % 1000));
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, "message");
    jw_slice(&w, buf_str(&text));
    jw_kstr(&w, "timestamp", stamp.data);
    jw_kstr(&w, "type", "PM2");
    jw_obj_end(&w);
    buf_add_byte(out, '\n');
}

/* 0, or negative: it is as before, and the notice is still due. */
static int tell_loss(struct logfile *f, off_t *size)
{
    AUTO(buf) text = BUF_INIT;
    write_notice(f, logfile_ends_line(f, *size), &text);
    ssize_t n =
        f->regular ? pwrite(f->fd, text.data, text.len, *size) : write(f->fd, text.data, text.len);
    if (n == (ssize_t)text.len) {
        f->untold_bytes = 0;
        *size += n;
        return 0;
    }
    int code = n < 0 ? -errno : -ENOSPC;
    if (n > 0 && f->regular)
        (void)!ftruncate(f->fd, *size); /* half a notice is none */
    return code;
}

/* ---- what happens ---- */

static void refuse(struct logfile *f, int code, int64_t now_ms)
{
    if (!f->failing)
        log_error("cannot write to %s: %s; %s until it works again", f->path,
                  f->below_floor ? "too little free space" : err_text(code),
                  f->policy.blocks ? "its output waits" : "output is dropped");
    f->failing = true;
    f->failure = code;
    f->retry_ms = now_ms + RETRY_MS;
}

int logfull_check(struct logfile *f, off_t *size)
{
    int64_t now_ms = clock_mono_ms();
    if (f->failing && now_ms < f->retry_ms)
        return f->failure;
    int rc = is_below_floor(f, now_ms) ? -ENOSPC : 0;
    if (rc == 0 && f->untold_bytes > 0)
        rc = tell_loss(f, size);
    if (rc < 0)
        refuse(f, rc, now_ms);
    return rc;
}

void logfull_failed(struct logfile *f, int code)
{
    refuse(f, code, clock_mono_ms());
}

void logfull_wrote(struct logfile *f, size_t n)
{
    f->unlooked_bytes += n;
    if (f->failing && n > 0) {
        log_warn("%s can be written again; %llu bytes were dropped so far", f->path,
                 (unsigned long long)f->dropped_bytes);
        f->failing = false;
    }
}

void logfull_drop(struct logfile *f, size_t n)
{
    f->dropped_bytes += n;
    f->untold_bytes += n;
}
