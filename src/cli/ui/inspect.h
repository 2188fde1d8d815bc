/* SPDX-License-Identifier: MIT
 * JSON values as Node 20's util.inspect() prints them, without colours and without a limit of
 * depth: what `pm2 prettylist`, `id` and `ping` print, and what other tools take words from. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Append the text of `value`; no newline at the end. */
void inspect_value(struct buf *out, const json_t *value);
