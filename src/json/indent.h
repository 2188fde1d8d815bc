/* SPDX-License-Identifier: MIT
 * JSON as JSON.stringify(value, null, 2) lays it out, made from compact JSON. Pure. */
#pragma once

#include "base/buf.h"

/* Append `json`, which must be valid, laid out with two spaces for each level. White space outside
 * of strings is made anew, so that the result does not depend on what was there. */
void json_indent(struct buf *out, struct str json);
