/* SPDX-License-Identifier: MIT
 * Small files that are read whole and replaced whole; and the end of a file that is ours. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Append the content of a regular file to `out`. 0, -ENOENT, -EFBIG (longer than `limit`), -EISDIR,
 * -ENOMEM, ... with `e`. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *e);

/* Replace `path` (mode 0600): written beside it, made durable, renamed, the folder made durable.
 * Whoever reads finds the old or the new content. 0 or -errno with `e`, the old file intact; but
 * when only the folder cannot be synced, the new content is there, and the next boot may find the
 * old one. */
int file_replace(const char *path, struct str content, struct err *e);

/* The two halves of a replacement, for who has other files to change in between, or dies in
 * between: the content, durable, in `path`.new (0600, taken over when one was left there); then
 * that in the place of `path`, the folder made durable. 0 or -errno with `e`, `path` intact, or as
 * above. */
int file_write_new(const char *path, struct str content, struct err *e);
int file_put_new(const char *path, struct err *e);
void file_drop_new(const char *path); /* instead */

/* Let `path` be the same file as `from` now is, or a copy where the file system has no hard links;
 * what `path` was before is replaced. `from` stays. 0 or -errno with `e`. */
int file_keep_as(const char *from, const char *path, struct err *e);

/* A file for the user (0644 less the umask) that was not there. 0 or -errno, -EEXIST: it was. */
int file_create(const char *path, struct str content);

/* Which file it is, whatever its name. */
struct file_id {
    dev_t device;
    ino_t inode; /* 0 = none */
};
struct file_id file_id_at(const char *path); /* of the path itself, not of what it links to */
struct file_id file_id_of(int fd);

/* Remove `path` if it still is the file `own`: a home may have vanished and been made anew by
 * others meanwhile. The caller must hold that file (a descriptor, a bound socket), or its number
 * may have been given to another one. */
void file_unlink_own(const char *path, struct file_id own);

/* Keep others who ask for the same lock out until lock_free(); waits. An fd, or -errno with `e`. */
int lock_folder(const char *folder, struct err *e);
void lock_free(int fd);
