/* SPDX-License-Identifier: MIT
 * The folders and files that PM2 promises to be in PM2_HOME before a daemon runs. */
#pragma once

#include "base/err.h"

struct home_spec {
    const char *home, *log_dir, *pid_dir, *module_dir, *module_conf; /* absolute, borrowed */
};

/* Make what is missing: folders 0700 (with the folders above them), module_conf holding {} 0600.
 * What exists stays as it is. 0, or -errno with one text that names the path and the reason. */
int home_prepare(const struct home_spec *h, struct err *e);
