/* SPDX-License-Identifier: MIT
 * JavaScript by the user's own node: a child process in a group of its own, without a shell, whose
 * result comes back as JSON on a descriptor of its own. What it prints goes to our stderr, its
 * stdin is empty. It does not outlive the call. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct js_request {
    const char *file; /* absolute path of the module; of an expression only its name */
    const char *cwd;
    const struct str *expression; /* evaluate this instead of loading the file; NULL */
    int64_t timeout_ms;
};

/* 0 and a new reference, or negative with `e`:
 *   -EINVAL   a SyntaxError       -EPROTO  any other exception, or no usable result
 *   -ENOEXEC  no node in PATH     -ETIMEDOUT, -EFBIG (LIMIT_PROCFILE_BYTES), -ENOMEM, errno */
int js_eval(const struct js_request *rq, json_t **ret, struct err *e);
