/* SPDX-License-Identifier: MIT
 * YAML to DOM as js-yaml 4 `load` has it: one document; anchors, aliases, merge keys (`<<`: the
 * mapping's own keys win, of several sources the first); YAML 1.2 core types plus 0b numbers and
 * timestamps, which arrive as the text that JSON.stringify makes of a Date.
 * Infinity and NaN are null. A key twice, a key that is no scalar, an unknown tag, an alias without
 * anchor are errors. Pure. */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/* New reference, or NULL with `e` filled, "line 3 column 5: ...": -EINVAL, -EILSEQ (not UTF-8, or a
 * NUL), -E2BIG (too large, too deep, or a bomb: LIMIT_YAML_BYTES, LIMIT_JSON_DEPTH and libfyaml's
 * own 64 levels, LIMIT_YAML_ALIAS_BYTES), -ENOMEM. An empty document is null. `lines` as json5_read
 * has it; what comes from an alias has the line where it is written, behind its anchor. */
json_t *yaml_read(struct str text, json_t *lines, struct err *e);

/* The value of a plain scalar. New reference, NULL on OOM. */
json_t *yaml_plain(struct str s);
