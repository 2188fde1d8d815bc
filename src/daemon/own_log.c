/* SPDX-License-Identifier: MIT
 * pm2.log. Runs in pm2d; one write(2) per line, so that lines of keeper and daemon do not mix. */
#include "own_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "events.h"
#include "os/fd.h"

static const char *level_word(enum log_level level)
{
    static const char *const words[LOG_LEVEL_COUNT] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "log", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    return words[level];
}

static void own_log_write(void *ctx, enum log_level level, const char *text)
{
    struct own_log *l = ctx;
    char line[LIMIT_LOG_TEXT_BYTES + 64];
    char when[32] = "";
    time_t now = time(NULL);
    struct tm tm;
    int n;
    if (l->format && localtime_r(&now, &tm))
        strftime(when, sizeof(when), l->format, &tm);
    if (l->format)
        n = snprintf(line, sizeof(line), "%s: PM2 %s: %s\n", when, level_word(level), text);
    else
        n = snprintf(line, sizeof(line), "%s\n", text);
    (void)fd_write_all(STDERR_FILENO, line, (size_t)n);
    if (l->bus && l->format && !l->publishing && level > LOG_DEBUG) {
        l->publishing = true;
        event_own_log(l->bus, text);
        l->publishing = false;
    }
}

void own_log_start(struct own_log *l, struct bus *b, const char *path)
{
    const char *format = getenv("PM2_LOG_DATE_FORMAT");
    l->bus = b;
    l->path = path;
    l->format = format && !*format ? NULL : "%Y-%m-%dT%H:%M:%S";
    bool debug = getenv("PM2_DEBUG") != NULL;
    log_set_sink(own_log_write, l, debug ? LOG_DEBUG : LOG_INFO);
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
    l->bus = NULL; /* pm2.log goes on to the end */
}
