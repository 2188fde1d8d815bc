/* SPDX-License-Identifier: MIT
 * The tables of `pm2 describe`. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct detail_look {
    int columns; /* of the terminal; 0 = none */
    bool color, frames;
    int64_t now_ms;
};

/* Append everything about one process (an object of getMonitorData). Reads this program's own
 * environment for the table of differing variables. */
void detail_draw(const json_t *proc, const struct detail_look *look, struct buf *out);
