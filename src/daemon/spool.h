/* SPDX-License-Identifier: MIT
 * The way of bytes that are looked at before they are written: a line gets a time, or goes to two
 * files. pm2d may be killed at any instant on this way, and the next one has to go on at exactly
 * that byte. So the way leads through memory that outlives pm2d: a memfd of which the keeper holds
 * a duplicate.
 *
 *   app's pipe -- splice --> raw bytes -- format --> text -- write --> one or two files
 *
 * - splice(2) moves the bytes and the file position of the memfd in one system call, which a
 *   SIGKILL cannot cut: where the raw bytes end is the file position, and the two processes share
 *   it.
 * - What is to be written is complete in the memfd (text, and up to where it stands for raw bytes)
 *   before `pending` is set. Then it is an obligation, and the raw bytes are history: whoever comes
 *   next writes the text and looks at nothing else.
 * - Each write(2) is announced with the place in the file where it goes. After a death in between,
 *   the file tells how much of it was done: what stands there is compared with the text.
 *
 * Everything here is memory and system calls that do not wait. The order of stores is all that
 * counts, not their durability: it is a process that may die, not the machine. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

#define SPOOL_FILES 2

struct spool;
struct logfile;

/* A new one, or (`take_fd` >= 0) that of an earlier pm2d. NULL: -errno in `ret_code`. */
struct spool *spool_new(int take_fd, int *ret_code);
void spool_free(struct spool *s); /* NULL is fine */
/* To be given to the keeper; still the spool's. */
int spool_fd(const struct spool *s);

/* Move what is in the pipe: bytes, 0 at its end, -EAGAIN when it is empty, -ENOBUFS when there is
 * no room before something is taken. */
ssize_t spool_fill(struct spool *s, int pipe_fd);

/* The raw bytes that are there, borrowed until the next call; and whether the line that they go on
 * with has its prefix in the files already. Not while a text is pending. */
struct str spool_raw(const struct spool *s, bool *ret_in_line);

/* `text` is what the first `used` raw bytes become: it is pending now. Text inside of what
 * spool_raw() gave is not copied. At most SPOOL_TEXT_BYTES. */
void spool_commit(struct spool *s, struct str text, size_t used, bool in_line);
#define SPOOL_TEXT_BYTES (640UL * 1024)

/* Write what is pending. 0: all done, nothing is pending; -EAGAIN: a file cannot take it now and
 * its policy is to wait. */
int spool_write(struct spool *s, struct logfile *const files[SPOOL_FILES]);
bool spool_is_pending(const struct spool *s);

/* Nothing came for a while: give memory back. */
void spool_rest(struct spool *s);
