/* SPDX-License-Identifier: MIT
 * Log files that cannot be written: the floor of free space, when it is tried again, and what is
 * said about the loss. For logfile.c. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct logfile;

/* May it be written now? 0; negative errno: not now. What was lost is told in the file first:
 * `*size`, of the file, grows by that. */
int logfull_check(struct logfile *f, off_t *size);
/* A write failed / did not. */
void logfull_failed(struct logfile *f, int code);
void logfull_wrote(struct logfile *f, size_t n);
/* So much was dropped. */
void logfull_drop(struct logfile *f, size_t n);
