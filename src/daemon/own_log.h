/* SPDX-License-Identifier: MIT
 * pm2d's own log: pm2.log (which is stdout and stderr of the process) and log:PM2 on the bus. */
#pragma once

#include "bus.h"

struct own_log {
    struct bus *bus;
    const char *path;
    const char *format; /* strftime; NULL = no prefix and no bus event (PM2_LOG_DATE_FORMAT="") */
    bool publishing;    /* an event about an event would never end */
};

void own_log_start(struct own_log *l, struct bus *b, const char *path);
void own_log_reopen(struct own_log *l);
void own_log_stop(struct own_log *l);
