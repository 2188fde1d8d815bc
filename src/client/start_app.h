/* SPDX-License-Identifier: MIT
 * What pm2_app_* of the public header collects, as the request that the daemon takes. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "pm2/pm2.h"
#include "json/write.h"

/* Append the argument of c.start, as an object. 0, or what went wrong since pm2_app_new():
 * -ENOMEM, -EINVAL. */
int start_app_write(const struct pm2_app *a, struct buf *out, struct err *e);

/* Add the variables of this program as members, but those that `except` (an object, or NULL) has.
 */
void start_app_write_environ(struct jw *w, const json_t *except);

/* Add the members of a restart that changes the configuration. The script plays no part. */
int start_app_write_changes(const struct pm2_app *a, struct jw *w, struct err *e);
