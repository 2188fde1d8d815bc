/* SPDX-License-Identifier: MIT
 * A new keeper in the place of a dead one: the one program that pm2d ever starts by itself. */
#pragma once

#include <stdint.h>

#include "app/paths.h"
#include "base/err.h"

/* Start pm2-keeper (beside our own program) as the keeper of this running pm2d. Returns our end of
 * the new link, or -errno with `e`. The keeper is a process of its own from the first instant; its
 * exit is nobody's to reap (SIGCHLD must be ignored). */
int successor_start(const struct pm2_paths *paths, uint32_t app_umask, uint64_t app_nofile,
                    struct err *e);
