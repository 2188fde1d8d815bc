/* SPDX-License-Identifier: MIT
 * Rotation of log files by their writer: the file is renamed at the end of a line, and a new one is
 * begun. Nothing is copied, so not a byte is lost or doubled, and a SIGKILL at any step leaves a
 * file that is whole under one of the two names.
 *
 *   app-out.log -> app-out__2026-11-27_00-00-00.log     (the next of the same second: ..._0001.log)
 *
 * What becomes of the old files, compression and removal, is the business of oldlogs.h.
 *
 * A file that is due in the middle of a line waits for the end of the line, but no longer than for
 * LIMIT_ROTATE_WAIT_BYTES. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct log_policy;
struct logfile;
struct logfiles;
struct rotator;

/* Rotates the files of `s` from now on. `is_foreign(ctx)`: somebody else does it at the moment (the
 * module pm2-logrotate): then we don't. NULL on OOM. */
struct rotator *rotator_new(uv_loop_t *loop, struct logfiles *s, bool (*is_foreign)(void *ctx),
                            void *ctx);
/* Asynchronous: stops what is under way; freed by the loop. NULL is fine. */
void rotator_close(struct rotator *r);

/* Rename the file now, whoever writes it, and tidy up. 0 or -errno. */
int rotator_rename(struct rotator *r, const char *path, const struct log_policy *policy);

/* The policy of the file is another one now. */
void rotate_policy_changed(struct logfile *f);
/* The file is closed. */
void rotate_forget(struct logfile *f);

/* Before a write to a file with a `rotation`: rotate it if it is due. `bytes` (NULL: they cannot be
 * seen) are shortened to what belongs into this file. The size of the file that is open then.
 * `ret_seek_line`: only the rest of the line belongs into it. */
off_t rotate_before(struct logfile *f, off_t size, const char *bytes, size_t *n,
                    bool *ret_seek_line);
