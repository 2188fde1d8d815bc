/* SPDX-License-Identifier: MIT
 * Times and sizes as PM2 shows them. Pure. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

/* "12s", "119s", "2m", "47h", "2D", "3M", "2Y": the largest unit of which there is more than one.
 */
void time_span(struct buf *out, int64_t ms);
/* "2026-11-21T03:14:21.954Z" */
void time_iso(struct buf *out, int64_t epoch_ms);
/* "0b", "49.8mb": steps of 1024, one digit behind the point. */
void size_text(struct buf *out, int64_t bytes);
