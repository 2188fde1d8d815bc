/* SPDX-License-Identifier: MIT
 * pm2.log. Runs in pm2d; one write(2) per line, so that lines of keeper and daemon do not mix. */
#include "own_log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/log_date.h"
#include "base/limits.h"
#include "base/log.h"
#include "events.h"
#include "os/clock.h"
#include "os/fd.h"
#include "rotate.h"
#include "json/write.h"

#define RETRY_MS 60000
#define OWN_KEPT 5 /* old files, when the settings say nothing */

static const char *level_word(enum log_level level)
{
    static const char *const words[LOG_LEVEL_COUNT] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "log", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    return words[level];
}

/* "2026-11-27T09:05:00: PM2 log: text", for which people and scripts look. */
static void write_line(const struct own_log *l, enum log_level level, const char *text,
                       struct buf *out)
{
    struct tm tm;
    AUTO(buf) when = BUF_INIT;
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    if (*l->format && localtime_r(&now, &tm))
        log_date_add(&when, l->format, &tm, (int)(now_ms % 1000));
    if (l->is_json) {
        struct jw w = jw_to(out);
        jw_obj_begin(&w);
        jw_kstr(&w, "timestamp", when.data);
        jw_kstr(&w, "level", level_word(level));
        jw_kstr(&w, "message", text);
        jw_obj_end(&w);
    } else if (*l->format) {
        buf_printf(out, "%s: PM2 %s: %s", when.data, level_word(level), text);
    } else {
        buf_add_c(out, text);
    }
    buf_add_byte(out, '\n');
}

static void rotate(struct own_log *l)
{
    struct stat st;
    struct log_policy policy = l->env->files.pm2;
    if (!log_policy_rotates(&policy))
        policy.retain = OWN_KEPT;
    int64_t most = policy.max_bytes > 0 ? policy.max_bytes : LIMIT_OWN_LOG_BYTES;
    int64_t now_ms = clock_mono_ms();
    if (fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < most ||
        now_ms < l->not_before_ms || !l->env->files.rotator)
        return;
    l->not_before_ms = now_ms + RETRY_MS; /* also: not again while this is said */
    int rc = rotator_rename(l->env->files.rotator, l->path, &policy);
    if (rc < 0 && rc != -EAGAIN)
        log_error("%s cannot be rotated: %s", l->path, err_text(rc));
    if (rc < 0)
        return;
    own_log_reopen(l);
    (void)kill(link_keeper_pid(l->env->link), SIGUSR2);
    l->not_before_ms = 0;
}

static void own_log_write(void *ctx, enum log_level level, const char *text)
{
    struct own_log *l = ctx;
    AUTO(buf) line = BUF_INIT;
    write_line(l, level, text, &line);
    (void)fd_write_all(STDERR_FILENO, line.data, line.len);
    if (l->bus && *l->format && !l->publishing && level > LOG_DEBUG) {
        l->publishing = true;
        event_own_log(l->bus, text);
        l->publishing = false;
    }
    if (l->env)
        rotate(l);
}

/* PM2_LOG_LEVEL, by the words that stand in the lines, or by their usual names. */
static enum log_level threshold(void)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"debug", LOG_DEBUG},
                 {"log", LOG_INFO},
                 {"info", LOG_INFO},
                 {"warn", LOG_WARN},
                 {"error", LOG_ERROR}};
    const char *wanted = getenv("PM2_LOG_LEVEL");
    for (size_t i = 0; wanted && i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, wanted) == 0)
            return names[i].level;
    return getenv("PM2_DEBUG") ? LOG_DEBUG : LOG_INFO;
}

void own_log_start(struct own_log *l, struct bus *b, const char *path)
{
    const char *format = getenv("PM2_LOG_DATE_FORMAT");
    const char *type = getenv("PM2_LOG_TYPE");
    l->bus = b;
    l->path = path;
    l->format = format ? format : "YYYY-MM-DDTHH:mm:ss";
    l->is_json = type && strcmp(type, "json") == 0;
    log_set_sink(own_log_write, l, threshold());
}

void own_log_rotate_with(struct own_log *l, const struct proc_env *env)
{
    l->env = env;
}

void own_log_reopen(struct own_log *l)
{
    int fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_error("cannot reopen %s", l->path);
        return;
    }
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    fd_close(&fd);
}

void own_log_stop(struct own_log *l)
{
    l->env = NULL;
    l->bus = NULL; /* pm2.log goes on to the end */
}
