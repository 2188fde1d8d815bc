/* SPDX-License-Identifier: MIT
 * The words that PM2 makes of names: an app's name from its script, a file name from an app's name,
 * and the log and pid files of one process. Pure functions; nothing is asked of the file system.
 *
 *   start ./app.v2.js       name  app.v2          files  app.v2-out.log ...
 *   start "node app.js"           node app               node-app-out.log
 *   --name "a/b été"              a/b été                a-b--t--out.log
 *
 * Every character that could be special in a file name becomes "-", so a name never leaves its
 * folder, whatever it is; two names can share files ("a b" and "a-b"), as with PM2. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* Append the name of an app that was started as `script` without a name of its own: the last part
 * of the path, cut at its last dot unless that comes first. The same for a shell line, which is
 * what PM2 does; here control characters of such a line become blanks, and the name is cut (at a
 * character) to LIMIT_NAME_BYTES. Nothing is appended for "" and "/". Returns 0, or -ENOMEM. */
int name_default(const char *script, struct buf *out) ATTR_WARN_UNUSED;

/* Refuse a name that nobody can mean: empty, longer than LIMIT_NAME_BYTES, or with control
 * characters. Slashes, blanks and dots are all fine, as in PM2: name_stem() makes them harmless.
 * Returns 0, or -EINVAL with `e` filled. */
int name_check(const char *name, struct err *e) ATTR_WARN_UNUSED;

/* Append the stem of the log and pid files of the app `name`: what is not among A-Z a-z 0-9 . - \
 * becomes "-", once per UTF-16 unit as in JavaScript. Cut to NAME_STEM_MAX, so that it is a file
 * name together with "-error-65535.log". Returns 0, or -ENOMEM. */
int name_stem(const char *name, struct buf *out) ATTR_WARN_UNUSED;
#define NAME_STEM_MAX 239

/* Append `path` with the number of one process before its extension `ext` (".log" or ".pid"):
 * "a.log" and "a-7.log" become "a-3.log". A path that does not end in `ext` stays as it is.
 * Returns 0, or -ENOMEM. */
int path_number(const char *path, const char *ext, int id, struct buf *out) ATTR_WARN_UNUSED;
