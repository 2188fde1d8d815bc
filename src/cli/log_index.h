/* SPDX-License-Identifier: MIT
 * The time index that pm2d keeps beside a log: for DIR/NAME the file DIR/.NAME.idx, records of
 * sixteen bytes, two little-endian numbers of 64 bits: wall time in milliseconds, offset in the
 * log. What lies at or behind that offset was written at or after that time. While something is
 * written there is a record each second; each mebibyte of an index doubles that distance, up to
 * about a minute. Records past the size of the log are ignored; an index in which one does not
 * follow the one before is damaged, and ignored as a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log_record {
    int64_t at_ms;
    int64_t span_ms; /* what follows, up to the next record, was written within this time */
    off_t offset;
};

struct log_index {
    struct log_record *at; /* both numbers increase */
    size_t count;
};

/* The index of the log at `log_path` as far as its first `size` bytes go. Empty when there is none;
 * of more than LIMIT_CLI_INDEX_RECORDS records the last.
 * A log that was compressed has that of its plain name. */
void log_index_read(struct log_index *ix, const char *log_path, off_t size);
void log_index_fini(struct log_index *ix);
static inline void log_index_auto(struct log_index *ix)
{
    log_index_fini(ix);
}
/* Time of the first record. False when there is none, or one that cannot be. */
bool log_index_begin(const char *log_path, int64_t *ret_ms);

/* When the byte at `offset` was written (or a span later); false when it is before the first
 * record.
 */
bool log_index_time(const struct log_index *ix, off_t offset, int64_t *ret_ms);
/* The offset before which nothing was written at or after `at_ms`; at most a span of what was
 * written earlier comes behind it. `size` when all is earlier. The index is not empty. */
off_t log_index_since(const struct log_index *ix, int64_t at_ms, off_t size);
/* The offset behind which everything was written later than `at_ms`. */
off_t log_index_until(const struct log_index *ix, int64_t at_ms, off_t size);
