/* SPDX-License-Identifier: MIT
 * What is to be done with a log file besides writing it: when a new one is begun, how many old ones
 * are kept, what happens when the disk takes nothing. From the attributes of an app, else from the
 * settings of `pm2 set pm2-logrotate:NAME VALUE`. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/cron.h"
#include "base/err.h"

enum log_compress { LOG_COMPRESS_NONE, LOG_COMPRESS_GZIP, LOG_COMPRESS_ZSTD };

#define LOG_DATE_BYTES 64
#define LOG_ZONE_BYTES 64

struct log_policy {
    bool is_json; /* what we have to say in the file is said in JSON */
    bool blocks;  /* on_full: block */
    int64_t max_bytes;
    bool has_interval;
    struct cron interval;
    int64_t retain, retain_bytes; /* 0 = no limit */
    enum log_compress compress;
    char date_format[LOG_DATE_BYTES]; /* of the names of old files */
    char zone[LOG_ZONE_BYTES];        /* of the interval and of these dates; "" = local */
};

#define LOG_POLICY_DATE   "YYYY-MM-DD_HH-mm-ss"
#define LOG_POLICY_RETAIN 30

static inline bool log_policy_rotates(const struct log_policy *p)
{
    return p->max_bytes > 0 || p->has_interval;
}

/* `conf` may be NULL: what holds for all. `settings`: module_conf.json, may be NULL. What cannot be
 * used is left out and told in `e` (-EINVAL; the last one); the rest holds. */
int log_policy_from(const json_t *conf, const json_t *settings, const struct cron_zone *zone,
                    int64_t now_s, struct log_policy *ret, struct err *e);

/* The floor of free space below which no log is written: `pm2-logrotate:free_floor`; -1 = not
 * given. */
int64_t log_policy_floor(const json_t *settings, struct err *e);
