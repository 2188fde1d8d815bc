/* SPDX-License-Identifier: MIT
 * Lists of patterns as users write them: relative to a folder, with "!" for exceptions. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Initialise with zeros. */
struct glob_rules {
    struct glob_rule *items;
    size_t count;
};

/* Append what the user's `text` means: absolute, without "." and "..", backslashes turned into
 * slashes. `cwd` is taken literally, whatever characters are in it. */
void glob_absolute(struct buf *out, const char *cwd, const char *text);

/* Add one pattern. A plain path stands for itself and all that is below it. "!x" is an exception,
 * wherever in the list it stands. 0, -ENOMEM, or -E2BIG (glob.h). */
int glob_rules_add(struct glob_rules *r, const char *cwd, const char *text);
void glob_rules_fini(struct glob_rules *r);

/* Whether a pattern matches the absolute `path`, and no exception does. */
bool glob_rules_match(const struct glob_rules *r, const char *path);
/* Whether something below the folder `path` could be matched. */
bool glob_rules_may_match_below(const struct glob_rules *r, const char *path);

/* What is not watched when ignore_watch is not given: a name with a dot in front, or with
 * "node_modules" in it, anywhere in `below` (a path relative to what is watched). */
bool glob_ignored_by_default(const char *below);
/* Temporary files of editors, which never count (chokidar's option `atomic`): "x~", ".x.swp",
 * ".x.swx", ".subl123.tmp". */
bool glob_is_editor_file(const char *path);
