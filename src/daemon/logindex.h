/* SPDX-License-Identifier: MIT
 * The time index of a log file: DIR/.NAME.idx beside DIR/NAME. It answers "where in the file does
 * this time begin" without a look at the lines, which may have no times in them.
 *
 * Records of 16 bytes, two little-endian u64: wall time in ms, offset in the log. What stands at
 * the offset or behind it was written at that time or later. Both numbers grow from record to
 * record; whoever reads ignores records that do not, and those past the end of the log.
 *
 * A record is added before a write when the last one is a second old. Of a large index the distance
 * grows, so that one that is never rotated stays small. An index that cannot be written is no
 * reason to write no log. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct logindex {
    int64_t next_ms; /* no record before this; 0 = the file has not been looked at */
};

#define LOGINDEX_RECORD_BYTES 16

/* The path of the index of a log file. False when it is too long. */
bool logindex_path(const char *log_path, char *ret, size_t size);
/* Something is about to be written at `end` of the log (its fd: mode and owner are taken from it).
 */
void logindex_note(struct logindex *x, const char *log_path, int log_fd, off_t end, int64_t now_ms);
/* Another file is behind the path, or it was emptied: look at the index anew. */
void logindex_reset(struct logindex *x);
/* The log was emptied / renamed by us: so is its index. What is not there is fine. */
void logindex_empty(const char *log_path);
void logindex_rename(const char *log_path, const char *new_log_path);
