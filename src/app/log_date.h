/* SPDX-License-Identifier: MIT
 * Times in the formats that users of PM2 write: tokens of day.js 1.11 (`YYYY-MM-DD HH:mm:ss.SSS
 * Z`), or, when the format has a `%`, those of strftime(3). Pure: the broken-down time comes in.
 *
 *   YY YYYY   M MM MMM MMMM   D DD   d dd ddd dddd   H HH h hh   m mm   s ss   SSS   a A   Z ZZ
 *   [text]    the text as it is; an empty pair of brackets is two characters like others
 *
 * Names are English. As in day.js, Y and YYY are ZZ; what is no token stands for itself, also those
 * that only moment.js knows. */
#pragma once

#include <time.h>

#include "base/buf.h"

/* Append `tm` (with its tm_gmtoff) and the milliseconds of its second. */
void log_date_add(struct buf *out, const char *format, const struct tm *tm, int ms);
