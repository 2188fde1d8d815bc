/* SPDX-License-Identifier: MIT
 * The process's own log: one sink, set by main(). Libraries log at debug only; main and the
 * executor log the rest. The line format belongs to the sink, not to the caller. */
#pragma once

#include "base/attr.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

/* `text` has no newline at its end and is borrowed for the call. */
typedef void log_sink_fn(void *ctx, enum log_level level, const char *text);

/* The only global of the house. NULL silences. */
void log_set_sink(log_sink_fn *fn, void *ctx, enum log_level threshold);
void log_msg(enum log_level level, const char *fmt, ...) ATTR_FORMAT(2, 3);

#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_msg(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_msg(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
