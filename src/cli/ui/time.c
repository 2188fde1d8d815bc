/* SPDX-License-Identifier: MIT
 * Spans, dates and sizes. Pure. */
#include "cli/ui/time.h"

#include <stdio.h>
#include <time.h>

#include "base/attr.h"

#define JAVASCRIPT_DATE_MAX 8640000000000000LL

static const struct {
    int64_t seconds;
    const char *unit;
} units[] = {{365 * 86400LL, "Y"}, {30 * 86400LL, "M"}, {86400, "D"}, {3600, "h"}, {60, "m"}};

void time_span(struct buf *out, int64_t ms)
{
    int64_t seconds = ms > 0 ? ms / 1000 : 0;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (seconds / units[i].seconds > 1) {
            buf_printf(out, "%lld%s", (long long)(seconds / units[i].seconds), units[i].unit);
            return;
        }
    }
    buf_printf(out, "%llds", (long long)seconds);
}

void time_iso(struct buf *out, int64_t epoch_ms)
{
    time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm tm;
    if (epoch_ms < 0 || epoch_ms > JAVASCRIPT_DATE_MAX || !gmtime_r(&seconds, &tm)) {
        buf_add_c(out, "N/A");
        return;
    }
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(epoch_ms % 1000));
}

void size_text(struct buf *out, int64_t bytes)
{
    static const char *const suffixes[] = {"b", "kb", "mb", "gb"};
    double n = (double)bytes;
    size_t i = 0;
    while (n >= 1024 && i < ARRAY_LEN(suffixes) - 1) {
        n /= 1024;
        i++;
    }
    buf_printf(out, i == 0 ? "%.0f%s" : "%.1f%s", n, suffixes[i]);
}
