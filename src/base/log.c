/* SPDX-License-Identifier: MIT
 * The log sink: formats into a stack buffer and calls whoever main() named. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

static struct {
    log_sink_fn *fn;
    void *ctx;
    enum log_level threshold;
} sink;

void log_set_sink(log_sink_fn *fn, void *ctx, enum log_level threshold)
{
    sink.fn = fn;
    sink.ctx = ctx;
    sink.threshold = threshold;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
    if (!sink.fn || level < sink.threshold)
        return;
    char text[LIMIT_LOG_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof(text))
        memcpy(text + sizeof(text) - 4, "...", 4);
    sink.fn(sink.ctx, level, text);
}
