/* SPDX-License-Identifier: MIT
 * What the writing and the reading half of the journal share: its head and the sums of its records.
 *
 * The last member of each record is the CRC-32 of all bytes before it:
 *
 *   {"t":"del","id":3,"crc":"2c1f4e07"}
 *
 * Versions before had none; they read ours all the same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "journal.h"

#define JOURNAL_FORMAT     1
#define JOURNAL_HEAD_LINES 3 /* without a head nothing else is of use: it is there twice */
#define JOURNAL_BOOT_BYTES 64
#define JOURNAL_SUM_KEY    "crc"
#define JOURNAL_SUM_BEGIN  ",\"" JOURNAL_SUM_KEY "\":\""
#define JOURNAL_SUM_END    "\"}"

enum journal_sum { JOURNAL_SUM_NONE, JOURNAL_SUM_GOOD, JOURNAL_SUM_BAD };

/* Of one line, without its newline. */
enum journal_sum journal_sum_check(struct str line);
/* CRC-32. */
uint32_t journal_sum_of(struct str text);

/* Which boot of the machine this is; empty when nobody knows. */
void journal_boot_id(char ret[JOURNAL_BOOT_BYTES]);

/* Put what an earlier pm2d left into `t` (data only). `ret_is_ours`: there was a journal of this
 * boot. The number of processes, or -errno with `e`: the file is there and cannot be read now. */
int journal_read(const char *path, struct table *t, bool *ret_is_ours, struct err *e);
