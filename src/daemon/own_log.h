/* SPDX-License-Identifier: MIT
 * pm2d's own log: pm2.log (which is stdout and stderr of the process) and log:PM2 on the bus. */
#pragma once

#include <stdint.h>

#include "bus.h"

struct proc_env;

struct own_log {
    struct bus *bus;
    const char *path;
    const char *format;         /* as log_date_format; "" = no prefix and no bus event */
    bool is_json;               /* PM2_LOG_TYPE=json */
    bool publishing;            /* an event about an event would never end */
    const struct proc_env *env; /* NULL: it is not rotated yet */
    int64_t not_before_ms;      /* monotonic: of the next attempt to rotate it */
};

void own_log_start(struct own_log *l, struct bus *b, const char *path);
/* From now on it is rotated: at the size that the settings say for all logs, else at
 * LIMIT_OWN_LOG_BYTES. The keeper, which writes there, too, is told by SIGUSR2. */
void own_log_rotate_with(struct own_log *l, const struct proc_env *env);
void own_log_reopen(struct own_log *l);
void own_log_stop(struct own_log *l);
