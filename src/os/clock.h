/* SPDX-License-Identifier: MIT
 * Two clocks: wall time for what users see, monotonic for every duration. */
#pragma once

#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
