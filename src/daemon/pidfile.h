/* SPDX-License-Identifier: MIT
 * PM2's pid files of apps: decimal, no newline. */
#pragma once

#include <sys/types.h>

void pidfile_write(const char *path, pid_t pid);
void pidfile_remove(const char *path);
